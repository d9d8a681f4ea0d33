"""Notifications by mail, in a thread of the keeper."""

from docstopd.model import HOUR
from docstopd.vault import Vault
from docstopd.vault.notifications.door import Send
from docstopd.vault.stores import wall_clock


class Mailing:
    """Takes what is to be told from the journal, and sends it."""

    def __init__(self, vault: Vault, send: Send, *, snapshots: bool) -> None:
        self._vault = vault
        self._send = send
        self._snapshots = snapshots
        self._tidied = 0
        self._since = wall_clock()
        vault.notifications.take()  # the first time of all: from here on it tells

    def step(self) -> None:
        """Queue and send what there is. Raises `Failed`: what was not sent waits."""
        now = wall_clock()
        if now - self._tidied >= HOUR:
            self._tidied = now
            self._vault.notifications.tidy()
            self._look_at_snapshots()
        self._vault.notifications.take()
        self._vault.notifications.deliver(self._send)

    def finish(self) -> None:
        """Queue the rest: it is sent when the keeper is there again."""
        self._vault.notifications.take()

    def _look_at_snapshots(self) -> None:
        if self._snapshots:
            made = [copy.finished for copy in self._vault.snapshots.all() if copy.finished is not None]
            self._vault.notifications.miss_snapshot(max(made, default=self._since))
