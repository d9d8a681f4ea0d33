"""The audit: reading the journal, proving it, and carrying it to others.

What always holds: no entry is made or changed here (`vault/journal.py` appends); what a checkpoint signs lies outside
of the database; a long look holds nobody up; what cannot be opened is shown by ids.
"""

from docstopd.vault.audit.checkpoints import NAME as CHECKPOINTS
from docstopd.vault.audit.checkpoints import Checkpoints
from docstopd.vault.audit.door import Audit
from docstopd.vault.audit.forwarding import Forwarding

__all__ = ["CHECKPOINTS", "Audit", "Checkpoints", "Forwarding"]
