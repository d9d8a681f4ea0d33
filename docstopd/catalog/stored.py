"""What the catalog says of blobs by their ids, for whoever has found files and asks what they are.

There is no index by blob (it would cost each write a page): each function here reads all versions once. Ask for many
at a time, and seldom.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from docstopd.catalog.copies import Stored
from docstopd.db import Rows
from docstopd.model import BlobId, Micros

PAGE = 10_000
"""Ids in one statement; SQLite takes 32,766 parameters."""

_COLUMNS = "node, blob, space, stored, digest, born, received, dead"
_STORED = (
    f"(SELECT {_COLUMNS} FROM versions"
    " UNION ALL SELECT 0, blob, space, stored, digest, born, received, NULL FROM arrivals)"
)


@dataclass(frozen=True, slots=True)
class Known:
    """A blob of a version, or of an arrival. `dead`: the last snapshot that holds it, None while a file has it."""

    stored: Stored
    received: Micros
    dead: int | None

    @property
    def live(self) -> bool:
        """Whether a file has it now."""
        return self.dead is None


def among(rows: Rows, blobs: Collection[BlobId]) -> dict[BlobId, Known]:
    """Those of the blobs that a version or an arrival names."""
    found: dict[BlobId, Known] = {}
    wanted = list(blobs)
    for start in range(0, len(wanted), PAGE):
        page = wanted[start : start + PAGE]
        places = ", ".join("?" * len(page))
        known = _read(rows.each(f"SELECT {_COLUMNS} FROM {_STORED} WHERE blob IN ({places})", *page))
        found |= {one.stored.blob: one for one in known}
    return found


def between(rows: Rows, first: bytes, last: bytes) -> Iterator[Known]:
    """Every blob whose id is at least `first`, and less than `last` unless that is empty."""
    if last:
        return _read(rows.each(f"SELECT {_COLUMNS} FROM {_STORED} WHERE blob >= ? AND blob < ?", first, last))
    return _read(rows.each(f"SELECT {_COLUMNS} FROM {_STORED} WHERE blob >= ?", first))


def count(rows: Rows) -> int:
    """How many there are, live and dead."""
    row: Any = rows.one("SELECT (SELECT count(*) FROM versions) + (SELECT count(*) FROM arrivals)")
    return int(row[0])


def _read(found: Iterator[Any]) -> Iterator[Known]:
    return (Known(Stored(*row[:6]), row[6], row[7]) for row in found)
