"""Notifications: mails to admins, and to the user concerned, about what the journal says.

What always holds: a mail is in the outbox in the transaction that moves the cursor, so none is lost; it leaves the
outbox when a server has taken it, so it is sent at least once. None has a secret, a content, or a name or path of a
space's files. `rules` is the one table of what is told.
"""

from docstopd.vault.notifications.policy import NotifyPolicy, To

__all__ = ["NotifyPolicy", "To"]
