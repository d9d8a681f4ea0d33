"""Snapshots: copies of everything at targets, and the ways back.

What always holds: what is said to be at a target was read there; a manifest is written last and removed first; a
target learns sizes and times; no key but the server's is needed to make, verify, restore or expire a snapshot; a blob
whose digest is not the catalog's is never passed on.
"""

from docstopd.vault.snapshots.door import Snapshots, TargetStanding
from docstopd.vault.snapshots.pick import Picked, When
from docstopd.vault.snapshots.restore import Restore, Restored, choose
from docstopd.vault.snapshots.verify import Verified

__all__ = ["Picked", "Restore", "Restored", "Snapshots", "TargetStanding", "Verified", "When", "choose"]
