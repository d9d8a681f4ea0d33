"""Versions of files, each with its blob. One version, one blob, one data key.

`born` and `dead` are snapshot numbers: a blob is in every snapshot from `born` to `dead` and in no other, so whether a
copy may go is one comparison with the snapshots that are left.
"""

from typing import Any, NamedTuple

from docstopd.db import Rows
from docstopd.model import BlobId, Micros, NodeId, SpaceId, UserId

_COLUMNS = "blob, node, space, size, stored, digest, modified, received, author, taken"

_NEXT = "(SELECT coalesce(max(number), 0) + 1 FROM snapshots)"


class Version(NamedTuple):
    """One immutable content of a file: its size in clear, stored size and SHA-256 of its ciphertext.

    `taken`: the journal entry by which it came from another file, with that file's whole past; None where it was
    written to this one.
    """

    blob: BlobId
    node: NodeId
    space: SpaceId
    size: int
    stored: int
    digest: bytes
    modified: Micros
    received: Micros
    author: UserId
    taken: int | None = None


def add(rows: Rows, version: Version, born: int | None = None) -> None:
    """`born` is given where snapshots may have the blob already. Raises `AlreadyExists` for a blob of the file's."""
    rows.run(
        f"INSERT INTO versions ({_COLUMNS}, born) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, coalesce(?, {_NEXT}))",
        version.blob,
        version.node,
        version.space,
        version.size,
        version.stored,
        version.digest,
        version.modified,
        version.received,
        version.author,
        version.taken,
        born,
    )


def of_node(rows: Rows, node: NodeId) -> list[Version]:
    """All versions of a file, oldest first."""
    found: list[Any] = rows.all(
        f"SELECT {_COLUMNS} FROM versions WHERE node = ? AND dead IS NULL ORDER BY received, blob", node
    )
    return [Version(*row) for row in found]


def get(rows: Rows, node: NodeId, blob: BlobId) -> Version | None:
    """A version that a file has."""
    row: Any = rows.one(f"SELECT {_COLUMNS} FROM versions WHERE node = ? AND blob = ? AND dead IS NULL", node, blob)
    return Version(*row) if row else None


def reassign(rows: Rows, source: NodeId, target: NodeId, seq: int) -> None:
    """Make the versions of one file versions of another, by journal entry `seq`."""
    rows.run("UPDATE versions SET node = ?, taken = ? WHERE node = ? AND dead IS NULL", target, seq, source)


def drop(rows: Rows, node: NodeId, blob: BlobId) -> bool:
    """Remove a version. True: no snapshot holds its blob, whose row is gone; key and ciphertext are free to go."""
    last = next_snapshot(rows) - 1
    if rows.run("DELETE FROM versions WHERE node = ? AND blob = ? AND born > ?", node, blob, last):
        return True
    rows.run("UPDATE versions SET dead = ? WHERE node = ? AND blob = ?", last, node, blob)
    return False


def forget(rows: Rows, space: SpaceId) -> None:
    """Remove the rows of all versions of a space."""
    rows.run("DELETE FROM versions WHERE space = ?", space)


def next_snapshot(rows: Rows) -> int:
    """The number that the next snapshot will have."""
    row: Any = rows.one(f"SELECT {_NEXT}")
    return int(row[0])


def snapshot_times(rows: Rows) -> list[Micros]:
    """When the snapshots were taken that have not expired, oldest first."""
    found: list[Any] = rows.all("SELECT DISTINCT created FROM snapshots WHERE expired IS NULL ORDER BY created")
    return [int(row[0]) for row in found]
