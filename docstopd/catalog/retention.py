"""What retention has to decide on: old versions, deleted trees, and files that have a class. Reads only."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from docstopd.db import Rows
from docstopd.model import BlobId, Micros, NodeId, SpaceId, UserId

_BELOW = """WITH RECURSIVE below(id) AS (
    SELECT ? UNION ALL SELECT n.id FROM nodes n JOIN below b ON n.parent = b.id WHERE n.deleted IS NULL)"""

_READ_ONLY = "(SELECT id FROM spaces WHERE read_only = 1)"


@dataclass(frozen=True, slots=True)
class Held:
    """One version that a file has, with the file's class and dates. `current`: the blob of its content."""

    node: NodeId
    blob: BlobId
    size: int
    received: Micros
    author: UserId
    space: SpaceId
    current: BlobId
    klass: str | None
    first: Micros | None
    event: Micros | None


@dataclass(frozen=True, slots=True)
class Head:
    """The top of a deleted tree, by which journal entry, and when that was."""

    node: NodeId
    space: SpaceId
    entry: int
    time: Micros | None
    folder: bool


@dataclass(frozen=True, slots=True)
class Share:
    """What one author has in one node: how many versions, and their bytes; nobody's where it has none."""

    node: NodeId
    author: UserId | None
    versions: int
    size: int


def candidates(rows: Rows) -> list[NodeId]:
    """The files of which something may be removed: those with a past, and those with a class. In their order.

    None of a space that is read-only: whoever takes it back to before needs what would be removed.
    """
    found: list[Any] = rows.all(
        f"SELECT node FROM versions WHERE dead IS NULL AND space NOT IN {_READ_ONLY} GROUP BY node HAVING count(*) > 1"
        f" UNION SELECT id FROM nodes WHERE class IS NOT NULL AND space NOT IN {_READ_ONLY} ORDER BY 1"
    )
    return [row[0] for row in found]


def contents(rows: Rows, nodes: Sequence[NodeId]) -> list[Held]:
    """Every version that these files have, those of one file together."""
    marks = ", ".join("?" * len(nodes))
    found: list[Any] = rows.all(
        "SELECT v.node, v.blob, v.size, v.received, v.author, n.space, n.blob, n.class, n.received, n.event"
        " FROM versions v JOIN nodes n ON n.id = v.node"
        f" WHERE v.node IN ({marks}) AND v.dead IS NULL ORDER BY v.node, v.received DESC, v.blob",
        *nodes,
    )
    return [Held(*row) for row in found]


def kept(rows: Rows, nodes: Sequence[NodeId]) -> dict[NodeId, Micros]:
    """When a review last decided to keep each of these files."""
    marks = ", ".join("?" * len(nodes))
    found: list[Any] = rows.all(
        f"SELECT node, max(closed) FROM dispositions WHERE outcome = 'kept' AND node IN ({marks}) GROUP BY node", *nodes
    )
    return {NodeId(row[0]): row[1] for row in found}


def heads(rows: Rows) -> list[Head]:
    """Every deleted tree of every space that is not read-only."""
    found: list[Any] = rows.all(
        "SELECT n.id, n.space, n.deleted, j.time, n.folder FROM nodes n"
        " LEFT JOIN journal j ON j.stream = n.space AND j.seq = n.deleted"
        f" WHERE n.deleted IS NOT NULL AND n.space NOT IN {_READ_ONLY} ORDER BY n.id"
    )
    return [Head(*row) for row in found]


def shares(rows: Rows, nodes: Sequence[NodeId]) -> list[Share]:
    """What is in these files."""
    marks = ", ".join("?" * len(nodes))
    found: list[Any] = rows.all(
        "SELECT node, author, count(*), sum(size) FROM versions"
        f" WHERE node IN ({marks}) AND dead IS NULL GROUP BY node, author",
        *nodes,
    )
    return [Share(*row) for row in found]


def shares_below(rows: Rows, head: NodeId) -> list[Share]:
    """What is in a deleted tree, each of its nodes at least once, the head first."""
    found: list[Any] = rows.all(
        f"{_BELOW} SELECT b.id, v.author, count(v.blob), coalesce(sum(v.size), 0) FROM below b"
        " LEFT JOIN versions v ON v.node = b.id AND v.dead IS NULL GROUP BY b.id, v.author ORDER BY b.id != ?",
        head,
        head,
    )
    return [Share(*row) for row in found]


def totals(rows: Rows) -> list[tuple[SpaceId, int, int]]:
    """(space, versions, bytes) of everything that is there, the trash included."""
    found: list[Any] = rows.all("SELECT space, count(*), sum(size) FROM versions WHERE dead IS NULL GROUP BY space")
    return [(SpaceId(row[0]), row[1], row[2]) for row in found]
