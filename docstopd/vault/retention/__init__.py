"""What is kept for how long, and what stops its removal.

What always holds: what to remove is decided by one pure function, without a clock or a store; a hold wins over every
rule; what is removed was looked at again inside the transaction that removes it.
"""

from docstopd.vault.retention.holds import Cover
from docstopd.vault.retention.keep import Keep, keep

__all__ = ["Cover", "Keep", "keep"]
