"""Arrivals: contents that came while their space was locked, and wait for a member to file them.

Their blobs count as any version's do: `copies` has them among the others, as those of node 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from docstopd.db import Rows
from docstopd.model import BlobId, Micros, SpaceId

_COLUMNS = "blob, space, size, stored, digest, received, note, waits, born"
_NEXT = "(SELECT coalesce(max(number), 0) + 1 FROM snapshots)"


@dataclass(frozen=True, slots=True)
class Arrival:
    """One content that waits. `note` is sealed; `waits` says why it could not be filed, None while nobody tried.

    `born`: the first snapshot that can contain it, 0 before it is kept.
    """

    blob: BlobId
    space: SpaceId
    size: int
    stored: int
    digest: bytes
    received: Micros
    note: bytes
    waits: str | None = None
    born: int = 0


@dataclass(frozen=True, slots=True)
class Waiting:
    """How much waits in a space."""

    space: SpaceId
    arrivals: int
    bytes: int
    oldest: Micros


def add(rows: Rows, arrival: Arrival) -> None:
    """Raises `AlreadyExists` for a blob that is one."""
    rows.run(
        "INSERT INTO arrivals (blob, space, size, stored, digest, received, note, born)"
        f" VALUES (?, ?, ?, ?, ?, ?, ?, {_NEXT})",
        arrival.blob,
        arrival.space,
        arrival.size,
        arrival.stored,
        arrival.digest,
        arrival.received,
        arrival.note,
    )


def get(rows: Rows, blob: BlobId) -> Arrival | None:
    """The arrival of that blob, None when it is filed."""
    row: Any = rows.one(f"SELECT {_COLUMNS} FROM arrivals WHERE blob = ?", blob)
    return Arrival(*row) if row else None


def of_space(rows: Rows, space: SpaceId) -> list[Arrival]:
    """All that waits in a space, in the order of receipt."""
    found: list[Any] = rows.all(f"SELECT {_COLUMNS} FROM arrivals WHERE space = ? ORDER BY received, blob", space)
    return [Arrival(*row) for row in found]


def blobs_of(rows: Rows, space: SpaceId) -> list[BlobId]:
    """The blobs of all that waits in a space, in the order of receipt; last those that could not be filed before."""
    sql = "SELECT blob FROM arrivals WHERE space = ? ORDER BY waits IS NOT NULL, received, blob"
    found: list[Any] = rows.all(sql, space)
    return [BlobId(row[0]) for row in found]


def waiting(rows: Rows) -> list[Waiting]:
    """The spaces in which anything waits."""
    found: list[Any] = rows.all("SELECT space, count(*), total(size), min(received) FROM arrivals GROUP BY space")
    return [Waiting(row[0], row[1], int(row[2]), row[3]) for row in found]


def set_waits(rows: Rows, blob: BlobId, reason: str) -> None:
    """Note why an arrival could not be filed."""
    rows.run("UPDATE arrivals SET waits = ? WHERE blob = ?", reason, blob)


def remove(rows: Rows, blob: BlobId) -> None:
    """It is filed, or erased."""
    rows.run("DELETE FROM arrivals WHERE blob = ?", blob)


def remove_all(rows: Rows, space: SpaceId) -> None:
    """Its space goes."""
    rows.run("DELETE FROM arrivals WHERE space = ?", space)


def remove_erased(rows: Rows, erasure: bytes) -> None:
    """Those whose blobs an erasure lists: a restored catalog may have them still."""
    rows.run("DELETE FROM arrivals WHERE blob IN (SELECT blob FROM erased WHERE erasure = ?)", erasure)


# -- files that were taken ------------------------------------------------------------------------------------------


def mark(rows: Rows, digest: bytes, now: Micros) -> bool:
    """Note that a file is durable here; False when that was noted before."""
    if rows.run("UPDATE taken SET time = ? WHERE mark = ?", now, digest):
        return False
    rows.run("INSERT INTO taken (mark, time) VALUES (?, ?)", digest, now)
    return True


def unmark(rows: Rows, digests: Sequence[bytes]) -> None:
    """The files are gone from where they came."""
    rows.many("DELETE FROM taken WHERE mark = ?", [(digest,) for digest in digests])


def forget_marks(rows: Rows, before: Micros) -> None:
    """Drop the marks of files that went by other hands."""
    rows.run("DELETE FROM taken WHERE time < ?", before)
