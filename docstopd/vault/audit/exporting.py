"""The journal for third parties: every entry with all that its hash covers, the heads, and the checkpoints.

Whoever has these, and the public key from another place, can verify the journal without docstopd; `docs/audit.md` says
how. Entries are read page by page, so a journal of any length goes through little memory.
"""

import base64
from collections.abc import Iterator, Mapping
from typing import Any

from docstopd.catalog import journal as store
from docstopd.db import Database
from docstopd.model import Entry
from docstopd.vault.audit.trail import PAGE, Source, Trail
from docstopd.vault.moment import shown

COLUMNS = (
    "stream", "seq", "time", "actor", "action", "node", "facts", "epoch",
    "salt", "payload", "commitment", "previous", "hash", "at", "user", "details",
)  # fmt: skip
"""The fields of an exported entry. The last three are for people, and no part of any proof."""

Record = Mapping[str, Any]


class Export:
    """An export of some streams, each as far as it went when the export began."""

    def __init__(self, database: Database, trail: Trail, sources: list[Source]) -> None:
        self._database = database
        self._trail = trail
        self._sources = sources
        with database.read() as rows:
            self.heads = {source.stream: store.head(rows, source.stream) for source in sources}

    def entries(self) -> Iterator[Record]:
        """Every entry, stream by stream, in the order of the chain."""
        for source in self._sources:
            last, after = self.heads[source.stream][0], 0
            while after < last:
                with self._database.read() as rows:
                    page = store.entries(rows, source.stream, after, min(PAGE, last - after))
                if not page:
                    break
                for entry in page:
                    yield self._record(source, entry)
                after = page[-1].seq

    def ends(self) -> list[Record]:
        """Where each stream ends."""
        return [
            {"stream": source.stream.hex(), "name": source.name, "seq": seq, "hash": digest.hex()}
            for source in self._sources
            for seq, digest in [self.heads[source.stream]]
        ]

    def _record(self, source: Source, entry: Entry) -> Record:
        line = self._trail.line(source, entry)
        return {
            "stream": entry.stream.hex(),
            "seq": entry.seq,
            "time": entry.time,
            "actor": entry.actor.hex(),
            "action": entry.action,
            "node": entry.node,
            "facts": entry.facts,
            "epoch": entry.epoch,
            "salt": _text(entry.salt),
            "payload": _text(entry.payload),
            "commitment": entry.commitment.hex(),
            "previous": entry.previous.hex(),
            "hash": entry.hash.hex(),
            "at": shown(entry.time),
            "user": line.actor if entry.actor else "",
            "details": line.details,
        }


def _text(value: bytes | None) -> str | None:
    return None if value is None else base64.b64encode(value).decode()
