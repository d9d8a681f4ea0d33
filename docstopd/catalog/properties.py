"""Dead properties (RFC 4918 section 4), sealed: the key is a keyed digest of the name, the value holds name and XML."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from docstopd.db import Rows
from docstopd.model import NodeId


@dataclass(frozen=True, slots=True)
class Property:
    """One sealed property of a node."""

    node: NodeId
    name: bytes
    epoch: int
    value: bytes


@dataclass(frozen=True, slots=True)
class Held:
    """That a node has a property, and how many bytes its value takes."""

    node: NodeId
    name: bytes
    epoch: int
    size: int


def of_node(rows: Rows, node: NodeId) -> list[Property]:
    """All properties of one node."""
    found: list[Any] = rows.all("SELECT node, name, epoch, value FROM properties WHERE node = ?", node)
    return [Property(*row) for row in found]


def named(rows: Rows, node: NodeId, names: Sequence[bytes]) -> list[Property]:
    """Those of a node's properties that are asked for; no other value is read."""
    sql = "SELECT node, name, epoch, value FROM properties WHERE node = ? AND name = ?"
    found: list[Any] = [row for name in names if (row := rows.one(sql, node, name)) is not None]
    return [Property(*row) for row in found]


def held(rows: Rows, nodes: Sequence[NodeId]) -> list[Held]:
    """What properties the nodes have. Values are not read: SQLite knows their lengths without."""
    marks = ", ".join("?" * len(nodes))
    sql = f"SELECT node, name, epoch, length(value) FROM properties WHERE node IN ({marks})"
    found: list[Any] = rows.all(sql, *nodes)
    return [Held(*row) for row in found]


def put(rows: Rows, entry: Property, older: Sequence[bytes] = ()) -> None:
    """Set a property, in place of what it was under this key or `older` ones (from earlier epochs)."""
    for key in older:
        remove(rows, entry.node, key)
    rows.run(
        "INSERT INTO properties (node, name, epoch, value) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (node, name) DO UPDATE SET epoch = excluded.epoch, value = excluded.value",
        entry.node,
        entry.name,
        entry.epoch,
        entry.value,
    )


def remove(rows: Rows, node: NodeId, name: bytes) -> None:
    """Remove one property; fine when it is not there."""
    rows.run("DELETE FROM properties WHERE node = ? AND name = ?", node, name)


def remove_all(rows: Rows, node: NodeId) -> None:
    """Remove all properties of a node."""
    rows.run("DELETE FROM properties WHERE node = ?", node)
