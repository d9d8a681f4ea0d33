"""Snapshots by number, and their copies at targets; which blobs belong to which of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from docstopd.db import Rows
from docstopd.model import BlobId, Micros, NodeId, SpaceId, UserId

_EVERY = (
    "(SELECT node, blob, space, stored, digest, born, dead FROM versions"
    " UNION ALL SELECT 0, blob, space, stored, digest, born, NULL FROM arrivals)"
)
"""Whatever has a blob: what waits to be filed is no version yet, and stands among them with the node 0."""

_UNEXPIRED = "SELECT 1 FROM snapshots s WHERE s.expired IS NULL AND s.number BETWEEN v.born AND v.dead"


@dataclass(frozen=True, slots=True)
class Copy:
    """A snapshot at a target. `finished`: when its manifest was durable there, None before; `verified`: all of it."""

    number: int
    target: str
    created: Micros
    finished: Micros | None
    verified: Micros | None
    blobs: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Stored:
    """A version's blob: where it belongs, its stored size and the SHA-256 of its ciphertext."""

    node: NodeId
    blob: BlobId
    space: SpaceId
    stored: int
    digest: bytes
    born: int


@dataclass(frozen=True, slots=True)
class Dead:
    """A version that its file has given up; `born` and `dead` are the snapshots that hold it."""

    node: NodeId
    blob: BlobId
    space: SpaceId
    author: UserId
    born: int
    dead: int


START: tuple[int, bytes] = (0, b"")
"""Before the first version, in the order of `contained` and `live`."""


def allot(rows: Rows, now: Micros) -> int:
    """A number for a snapshot; it is never given out again."""
    return rows.insert("INSERT INTO snapshots (created) VALUES (?)", now)


def begin(rows: Rows, number: int, target: str) -> None:
    """A copy is on its way to a target."""
    rows.run("INSERT INTO copies (number, target, blobs, bytes) VALUES (?, ?, 0, 0)", number, target)


def finish(rows: Rows, number: int, target: str, now: Micros, blobs: int, size: int) -> None:
    """Its manifest is durable there."""
    rows.run(
        "INSERT INTO copies (number, target, finished, blobs, bytes) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (number, target) DO UPDATE"
        " SET finished = excluded.finished, blobs = excluded.blobs, bytes = excluded.bytes",
        number,
        target,
        now,
        blobs,
        size,
    )


def verified(rows: Rows, number: int, target: str, now: Micros) -> None:
    """All of it was read and found whole."""
    rows.run("UPDATE copies SET verified = ? WHERE number = ? AND target = ?", now, number, target)


def remove(rows: Rows, number: int, target: str, now: Micros) -> bool:
    """A copy is given up. True: it was the snapshot's last one, which has expired with it."""
    rows.run("DELETE FROM copies WHERE number = ? AND target = ?", number, target)
    if rows.one("SELECT 1 FROM copies WHERE number = ?", number):
        return False
    return bool(rows.run("UPDATE snapshots SET expired = ? WHERE number = ? AND expired IS NULL", now, number))


def expire_uncopied(rows: Rows, now: Micros) -> int:
    """Give up the snapshots of which there is no copy, not even one on its way; how many."""
    return rows.run(
        "UPDATE snapshots SET expired = ? WHERE expired IS NULL AND number NOT IN (SELECT number FROM copies)", now
    )


def all_copies(rows: Rows) -> list[Copy]:
    """Every copy, by number and target."""
    found: list[Any] = rows.all(
        "SELECT c.number, c.target, s.created, c.finished, c.verified, c.blobs, c.bytes"
        " FROM copies c JOIN snapshots s ON s.number = c.number ORDER BY c.number, c.target"
    )
    return [Copy(*row) for row in found]


def adopt(rows: Rows, number: int, created: Micros) -> None:
    """Note a snapshot that was found at a target and is not known here; fine when it is."""
    rows.run("INSERT INTO snapshots (number, created) VALUES (?, ?) ON CONFLICT DO NOTHING", number, created)


def taken(rows: Rows, number: int) -> tuple[Micros, Micros | None] | None:
    """(when a snapshot was taken, when it expired) by its number; None for a number that was never given out."""
    row: Any = rows.one("SELECT created, expired FROM snapshots WHERE number = ?", number)
    return (row[0], row[1]) if row else None


def newest(rows: Rows) -> int:
    """The highest number that was ever given out, 0 for none."""
    row: Any = rows.one("SELECT max(number) FROM snapshots")
    return int(row[0] or 0)


# -- blobs ----------------------------------------------------------------------------------------------------------


def contained(rows: Rows, number: int, after: tuple[int, bytes], limit: int) -> list[Stored]:
    """The next blobs of a snapshot, by node and blob."""
    arrived = "born <= ?"
    found = _arrivals(rows, after, limit, arrived, number)
    versions = f"{arrived} AND (dead IS NULL OR dead >= ?)"
    return found + _versions(rows, after, limit - len(found), versions, number, number)


def live(rows: Rows, after: tuple[int, bytes], limit: int) -> list[Stored]:
    """The next blobs that a file has now or that wait to be filed, by node and blob."""
    found = _arrivals(rows, after, limit, "TRUE")
    return found + _versions(rows, after, limit - len(found), "dead IS NULL")


def _arrivals(rows: Rows, after: tuple[int, bytes], limit: int, which: str, *values: int) -> list[Stored]:
    """The page's share of what waits to be filed: node 0 comes before all others. One query would sort all it reads."""
    if after[0]:
        return []
    found: list[Any] = rows.all(
        f"SELECT 0, blob, space, stored, digest, born FROM arrivals WHERE blob > ? AND {which} ORDER BY blob LIMIT ?",
        after[1],
        *values,
        limit,
    )
    return [Stored(*row) for row in found]


def _versions(rows: Rows, after: tuple[int, bytes], limit: int, which: str, *values: int) -> list[Stored]:
    found: list[Any] = rows.all(
        "SELECT node, blob, space, stored, digest, born FROM versions WHERE (node, blob) > (?, ?)"
        f" AND {which} ORDER BY node, blob LIMIT ?",
        *after,
        *values,
        limit,
    )
    return [Stored(*row) for row in found]


def live_size(rows: Rows) -> tuple[int, int]:
    """(how many blobs `live` gives, the bytes stored for them)."""
    row: Any = rows.one(f"SELECT count(*), total(stored) FROM {_EVERY} WHERE dead IS NULL")
    return int(row[0]), int(row[1])


def find(rows: Rows, blob: BlobId) -> Stored | None:
    """The version of that blob that its file has now, or what waits to be one.

    Reads all versions: there is no index by blob.
    """
    row: Any = rows.one(
        f"SELECT node, blob, space, stored, digest, born FROM {_EVERY} WHERE blob = ? AND dead IS NULL", blob
    )
    return Stored(*row) if row else None


def has(rows: Rows, node: NodeId, blob: BlobId) -> bool:
    """Whether a version is there, live or dead. What was to be filed may be a version by now."""
    if not node:
        return find(rows, blob) is not None
    return rows.one("SELECT 1 FROM versions WHERE node = ? AND blob = ?", node, blob) is not None


def is_live(rows: Rows, node: NodeId, blob: BlobId) -> bool:
    """Whether a file has this version now, or it waits to be filed."""
    if not node:
        return find(rows, blob) is not None
    return rows.one("SELECT 1 FROM versions WHERE node = ? AND blob = ? AND dead IS NULL", node, blob) is not None


def every(rows: Rows) -> Iterator[tuple[BlobId, int, int | None]]:
    """(blob, born, dead) of every version, and of all that waits to be filed."""
    found: Iterator[Any] = rows.each(f"SELECT blob, born, dead FROM {_EVERY}")
    return ((BlobId(row[0]), row[1], row[2]) for row in found)


def lost(rows: Rows, limit: int, after: tuple[int, bytes] = START) -> list[Dead]:
    """The next dead versions that no snapshot holds any more, by node and blob."""
    found: list[Any] = rows.all(
        "SELECT node, blob, space, author, born, dead FROM versions v WHERE dead IS NOT NULL AND (node, blob) > (?, ?)"
        f" AND NOT EXISTS ({_UNEXPIRED}) ORDER BY node, blob LIMIT ?",
        *after,
        limit,
    )
    return [Dead(*row) for row in found]


def away(rows: Rows) -> list[BlobId]:
    """The blobs of dead versions that are in some snapshot, and at a target in each that holds them."""
    found: list[Any] = rows.all(
        f"SELECT blob FROM versions v WHERE dead IS NOT NULL AND EXISTS ({_UNEXPIRED})"
        f" AND NOT EXISTS ({_UNEXPIRED} AND (SELECT coalesce(min(c.finished IS NOT NULL), 0) FROM copies c"
        " WHERE c.number = s.number) = 0)"
    )
    return [BlobId(row[0]) for row in found]


def forget(rows: Rows, versions: list[Dead]) -> None:
    """Remove the rows of dead versions; their keys are destroyed already."""
    rows.many(
        "DELETE FROM versions WHERE node = ? AND blob = ? AND dead IS NOT NULL",
        [(version.node, version.blob) for version in versions],
    )
