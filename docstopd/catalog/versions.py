"""Versions and the blobs that hold them. One version, one blob.

`born` and `dead` are snapshot numbers: a blob is in every snapshot from `born` to `dead` and in no other, so whether a
copy may go is one comparison with the snapshots that are left.
"""

from dataclasses import dataclass
from typing import Any

from docstopd.db import Rows
from docstopd.model import BlobId, Micros, NodeId, SpaceId, UserId, VersionId


@dataclass(frozen=True, slots=True)
class Version:
    """One immutable content of a file."""

    id: VersionId
    node: NodeId
    blob: BlobId
    size: int
    modified: Micros
    received: Micros
    author: UserId


@dataclass(frozen=True, slots=True)
class Blob:
    """The ciphertext of one version: stored size and SHA-256."""

    id: BlobId
    space: SpaceId
    size: int
    digest: bytes


def add(
    rows: Rows, node: NodeId, blob: Blob, *, size: int, modified: Micros, received: Micros, author: UserId
) -> VersionId:
    """Add a version and its blob's row. Raises `AlreadyExists` for a blob that has a version."""
    rows.run(
        "INSERT INTO blobs (id, space, size, digest, born) VALUES (?, ?, ?, ?, ?)",
        blob.id,
        blob.space,
        blob.size,
        blob.digest,
        next_snapshot(rows),
    )
    number = rows.insert(
        "INSERT INTO versions (node, blob, size, modified, received, author) VALUES (?, ?, ?, ?, ?, ?)",
        node,
        blob.id,
        size,
        modified,
        received,
        author,
    )
    return VersionId(number)


def of_node(rows: Rows, node: NodeId) -> list[Version]:
    """All versions of a file, oldest first."""
    found: list[Any] = rows.all(
        "SELECT id, node, blob, size, modified, received, author FROM versions WHERE node = ? ORDER BY id", node
    )
    return [Version(*row) for row in found]


def reassign(rows: Rows, source: NodeId, target: NodeId) -> None:
    """Make the versions of one file versions of another."""
    rows.run("UPDATE versions SET node = ? WHERE node = ?", target, source)


def drop(rows: Rows, blob_id: BlobId) -> bool:
    """Remove a version. True: no snapshot holds its blob, whose row is gone; key and ciphertext are free to go."""
    rows.run("DELETE FROM versions WHERE blob = ?", blob_id)
    last = next_snapshot(rows) - 1
    if rows.run("DELETE FROM blobs WHERE id = ? AND born > ?", blob_id, last):
        return True
    rows.run("UPDATE blobs SET dead = ? WHERE id = ?", last, blob_id)
    return False


def blob(rows: Rows, blob_id: BlobId) -> Blob | None:
    """The row of that blob."""
    row: Any = rows.one("SELECT id, space, size, digest FROM blobs WHERE id = ?", blob_id)
    return Blob(*row) if row else None


def blobs_of_space(rows: Rows, space: SpaceId) -> list[BlobId]:
    """Every blob of a space, live or dead."""
    found: list[Any] = rows.all("SELECT id FROM blobs WHERE space = ?", space)
    return [BlobId(row[0]) for row in found]


def forget_blobs(rows: Rows, space: SpaceId) -> None:
    """Remove the rows of all blobs of a space."""
    rows.run("DELETE FROM blobs WHERE space = ?", space)


def next_snapshot(rows: Rows) -> int:
    """The number that the next snapshot will have."""
    row: Any = rows.one("SELECT max(number) FROM snapshots")
    return int(row[0] or 0) + 1
