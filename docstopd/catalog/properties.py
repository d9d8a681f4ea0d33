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


def of_node(rows: Rows, node: NodeId) -> list[Property]:
    """All properties of one node."""
    found: list[Any] = rows.all("SELECT node, name, epoch, value FROM properties WHERE node = ?", node)
    return [Property(*row) for row in found]


def of_members(rows: Rows, folder: NodeId) -> list[Property]:
    """All properties of all members of a folder, in one query."""
    found: list[Any] = rows.all(
        "SELECT p.node, p.name, p.epoch, p.value FROM nodes n JOIN properties p ON p.node = n.id"
        " WHERE n.parent = ? AND n.deleted IS NULL",
        folder,
    )
    return [Property(*row) for row in found]


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
