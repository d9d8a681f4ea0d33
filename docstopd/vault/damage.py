"""Damage is loud: whatever a request meets that is not what was written goes to the log and into the journal."""

import contextlib
import logging
from collections.abc import Iterator

from docstopd.catalog import spaces
from docstopd.errors import Damaged, Failed
from docstopd.vault import naming
from docstopd.vault.journal import SYSTEM, Journal
from docstopd.vault.stores import Stores

log = logging.getLogger(__name__)

REMEMBERED = 10_000
"""Places that are known to be damaged; beyond that they are reported anew."""


class DamageReports:
    """Reports each place once while this process lives, so that a client that tries again does not fill the journal."""

    def __init__(self, stores: Stores, journal: Journal) -> None:
        self._stores = stores
        self._journal = journal
        self._known: set[tuple[bytes, int, str]] = set()

    @contextlib.contextmanager
    def watch(self, actor: bytes, label: str | None = None) -> Iterator[None]:
        """Report a `Damaged` that passes, and let it pass. To be put around a transaction, not into one."""
        try:
            yield
        except Damaged as error:
            self.report(self._stream(label), actor, error)
            raise

    def report(self, stream: bytes, actor: bytes, error: Damaged) -> None:
        """Write it down; what cannot be journalled stays in the log."""
        place = (stream, error.node, str(error))
        if place in self._known:
            return
        if len(self._known) >= REMEMBERED:
            self._known.clear()
        self._known.add(place)
        log.error("damage in %s, node %d: %s", "system" if stream == SYSTEM else stream.hex(), error.node, error)
        if self._stores.read_only:
            return
        try:
            self._stores.catalog.write(
                lambda rows: self._journal.append(
                    rows, stream, "damage", actor=actor, node=error.node, facts={"what": str(error)}
                )
            )
        except Failed as failure:
            log.error("this damage could not be journalled: %s", failure)  # noqa: TRY400 - its words say it all

    def _stream(self, label: str | None) -> bytes:
        if label is None:
            return SYSTEM
        try:
            with self._stores.catalog.read() as rows:
                space = spaces.find(rows, naming.normal(label))
        except Failed:  # the catalog itself may be what is damaged
            return SYSTEM
        return space.id if space else SYSTEM
