"""Which epochs of a space's key are in use, and the rows that are still under earlier ones."""

from dataclasses import dataclass
from typing import Any

from docstopd.catalog import locks, nodes
from docstopd.catalog.properties import Property
from docstopd.db import Rows
from docstopd.model import NodeId, SpaceId

_IN_USE = (
    "SELECT DISTINCT epoch FROM nodes WHERE space = ?",
    "SELECT DISTINCT p.epoch FROM nodes n JOIN properties p ON p.node = n.id WHERE n.space = ?",
    "SELECT DISTINCT epoch FROM locks WHERE space = ?",
    "SELECT DISTINCT epoch FROM journal WHERE stream = ? AND payload IS NOT NULL",
)


@dataclass(frozen=True, slots=True)
class Moved:
    """A node's name and proof under another epoch."""

    node: NodeId
    name: bytes
    proof: bytes


def in_use(rows: Rows, space: SpaceId) -> set[int]:
    """The epochs under which something is sealed: names, properties, locks' owners, payloads of the journal."""
    found: list[Any] = [row for sql in _IN_USE for row in rows.all(sql, space)]
    return {int(row[0]) for row in found}


def nodes_before(rows: Rows, space: SpaceId, epoch: int, after: NodeId, limit: int) -> list[nodes.Row]:
    """The next nodes of a space, in the trash or not, that are sealed under an earlier epoch."""
    found: list[Any] = rows.all(
        f"SELECT {nodes.COLUMNS} FROM nodes WHERE space = ? AND epoch < ? AND id > ? ORDER BY id LIMIT ?",
        space,
        epoch,
        after,
        limit,
    )
    return [nodes.Row(*row) for row in found]


def move_node(rows: Rows, moved: Moved, epoch: int) -> None:
    """Seal a node's name and proof under another epoch; nothing else of it changes."""
    rows.run("UPDATE nodes SET name = ?, epoch = ?, proof = ? WHERE id = ?", moved.name, epoch, moved.proof, moved.node)


def properties_before(rows: Rows, space: SpaceId, epoch: int, after: NodeId, limit: int) -> list[Property]:
    """The properties under earlier epochs of the next so many nodes that have any."""
    found: list[Any] = rows.all(
        "SELECT node, name, epoch, value FROM properties WHERE epoch < ? AND node IN ("
        " SELECT DISTINCT p.node FROM nodes n JOIN properties p ON p.node = n.id"
        " WHERE n.space = ? AND p.epoch < ? AND n.id > ? ORDER BY p.node LIMIT ?) ORDER BY node",
        epoch,
        space,
        epoch,
        after,
        limit,
    )
    return [Property(*row) for row in found]


def locks_before(rows: Rows, space: SpaceId, epoch: int) -> list[locks.Row]:
    """The locks whose owners are sealed under an earlier epoch."""
    found: list[Any] = rows.all(f"SELECT {locks.COLUMNS} FROM locks WHERE space = ? AND epoch < ?", space, epoch)
    return [locks.Row(*row) for row in found]


def move_lock(rows: Rows, token: str, owner: bytes, epoch: int) -> None:
    """Seal a lock's owner under another epoch."""
    rows.run("UPDATE locks SET owner = ?, epoch = ? WHERE token = ?", owner, epoch, token)
