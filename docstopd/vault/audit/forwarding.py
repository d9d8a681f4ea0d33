"""The journal as a stream of events for others: what came since the last time, from a cursor that outlasts restarts."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from docstopd.catalog import journal as store
from docstopd.catalog import marks
from docstopd.db import Rows
from docstopd.vault.audit.door import Audit
from docstopd.vault.audit.trail import Line, Trail
from docstopd.vault.journal import SYSTEM
from docstopd.vault.stores import Stores

PAGE = 500

Cursor = Mapping[bytes, int]
"""For each stream the last entry that was taken."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Some events in the order of each stream, and the cursor behind them."""

    lines: list[Line]
    cursor: Cursor


class Forwarding:
    """The door for whoever carries the journal elsewhere, under a name of his own.

    At least once: `next` gives the same entries again until `done` says that they arrived.
    """

    def __init__(self, stores: Stores, audit: Audit) -> None:
        self._stores = stores
        self._audit = audit

    def begin(self, name: str) -> Cursor:
        """Where the carrier is; one that is new begins with what comes from now on."""

        def work(rows: Rows) -> Cursor:
            known = marks.get(rows, _mark(name))
            heads = {stream: seq for stream, (seq, _hash) in store.heads(rows)}
            if known is not None:
                # After a restore a stream may end before the place where the carrier was.
                taken = {bytes.fromhex(stream): seq for stream, seq in json.loads(known).items()}
                return {stream: min(seq, heads.get(stream, 0)) for stream, seq in taken.items()}
            cursor = heads
            marks.put(rows, _mark(name), _encoded(cursor))
            return cursor

        return self._stores.catalog.write(work)

    def next(self, cursor: Cursor, *, everywhere: bool) -> Batch:
        """The next entries after `cursor`; none when all were taken."""
        with self._stores.catalog.read() as rows:
            heads = dict(store.heads(rows))
        wanted = heads if everywhere else {SYSTEM: heads.get(SYSTEM, (0, b""))}
        behind = [stream for stream, (seq, _hash) in wanted.items() if seq > cursor.get(stream, 0)]
        if not behind:
            return Batch([], cursor)
        trail = self._audit.trail(None, everywhere=everywhere)
        lines: list[Line] = []
        moved = dict(cursor)
        for stream in behind:
            found = self._page(trail, stream, cursor.get(stream, 0))
            lines += found
            if found:
                moved[stream] = found[-1].seq
        return Batch(lines, moved)

    def done(self, name: str, cursor: Cursor) -> None:
        """All up to `cursor` has arrived; durable when this returns."""
        self._stores.catalog.write(lambda rows: marks.put(rows, _mark(name), _encoded(cursor)))

    def _page(self, trail: Trail, stream: bytes, after: int) -> list[Line]:
        source = next((source for source in trail.sources if source.stream == stream), None)
        if source is None:  # made this moment: the next time
            return []
        with self._stores.catalog.read() as rows:
            return [trail.line(source, entry) for entry in store.entries(rows, stream, after, PAGE)]


def _mark(name: str) -> str:
    return f"forwarded-{name}"


def _encoded(cursor: Cursor) -> str:
    return json.dumps({stream.hex(): seq for stream, seq in cursor.items()}, separators=(",", ":"))
