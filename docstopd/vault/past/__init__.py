"""A space's past: the trash, old versions, and the tree as it was at a time.

What always holds: whatever is shown is proven by its row as everywhere; nothing of it counts for a quota until it is
restored; a removal asks the holds inside its own transaction.
"""

from docstopd.vault.past.door import Past
from docstopd.vault.past.purge import Purged

__all__ = ["Past", "Purged"]
