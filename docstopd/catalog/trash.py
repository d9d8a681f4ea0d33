"""The trash: the heads of deleted trees, with when and by whom they were deleted as the journal says it."""

from dataclasses import dataclass
from typing import Any

from docstopd.catalog.nodes import COLUMNS, Row
from docstopd.db import Rows
from docstopd.model import Micros, NodeId, SpaceId, UserId

_COLUMNS = ", ".join(f"n.{column}" for column in COLUMNS.split(", "))
_SELECT = (
    f"SELECT n.deleted, j.time, j.actor, {_COLUMNS} FROM nodes n"
    " LEFT JOIN journal j ON j.stream = n.space AND j.seq = n.deleted"
)


@dataclass(frozen=True, slots=True)
class Head:
    """The top of a deleted tree. `deleted`: the journal entry that took it out of the tree.

    `time` and `actor` are the entry's, None when the journal has lost it: such a head is damage, and no head is old
    because of it.
    """

    row: Row
    deleted: int
    time: Micros | None
    actor: UserId | None


def heads(rows: Rows, space: SpaceId) -> list[Head]:
    """The trash of a space, what was deleted first at the front."""
    found = rows.all(f"{_SELECT} WHERE n.space = ? AND n.deleted IS NOT NULL ORDER BY n.deleted", space)
    return [_head(row) for row in found]


def head(rows: Rows, node: NodeId) -> Head | None:
    """The deleted tree of which this node is the top; None for any other node."""
    row = rows.one(f"{_SELECT} WHERE n.id = ? AND n.deleted IS NOT NULL", node)
    return _head(row) if row else None


def members(rows: Rows, space: SpaceId, folder: NodeId, after: int) -> list[Head]:
    """What was deleted out of this folder by entries later than `after`."""
    found = rows.all(f"{_SELECT} WHERE n.space = ? AND n.deleted > ? AND n.parent = ?", space, after, folder)
    return [_head(row) for row in found]


def restore(rows: Rows, node: NodeId) -> None:
    """Take a node out of the trash; its row must name its new place already. Raises `AlreadyExists`."""
    rows.run("UPDATE nodes SET deleted = NULL WHERE id = ?", node)


def top(rows: Rows, node: NodeId) -> NodeId | None:
    """The head of the deleted tree in which a node lies; None for one that is not in the trash."""
    row: Any = rows.one(
        "WITH RECURSIVE above(id, parent, deleted) AS (SELECT id, parent, deleted FROM nodes WHERE id = ?"
        " UNION SELECT n.id, n.parent, n.deleted FROM nodes n JOIN above a ON n.id = a.parent WHERE a.deleted IS NULL)"
        " SELECT id FROM above WHERE deleted IS NOT NULL",
        node,
    )
    return NodeId(row[0]) if row else None


def remove(rows: Rows, node: NodeId) -> None:
    """Remove a node for good, with properties and locks; its versions must be gone already."""
    rows.run("DELETE FROM properties WHERE node = ?", node)
    rows.run("DELETE FROM locks WHERE node = ?", node)
    rows.run("DELETE FROM nodes WHERE id = ?", node)


def _head(found: tuple[Any, ...]) -> Head:
    deleted, time, actor, *row = found
    return Head(Row(*row), deleted, time, None if actor is None else UserId(actor))
