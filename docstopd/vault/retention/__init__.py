"""What is kept for how long, and what stops its removal.

What always holds: what to remove is decided by one pure function, without a clock or a store; a hold wins over every
rule; what is removed was looked at again inside the transaction that removes it.

The doors (`run`, `filing`, `holding`, `dispositions`) stand on the vault's changes, which themselves ask what is
exported here: so they are imported from their own files.
"""

from docstopd.vault.retention.holds import Cover
from docstopd.vault.retention.keep import Keep, keep
from docstopd.vault.retention.policy import RetentionPolicy
from docstopd.vault.retention.schedule import CountedFrom, Protect, RetentionClass, Schedule, Then

__all__ = ["CountedFrom", "Cover", "Keep", "Protect", "RetentionClass", "RetentionPolicy", "Schedule", "Then", "keep"]
