"""The retention class of files, and the dates that it counts from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from docstopd.db import Rows
from docstopd.model import Micros, NodeId, SpaceId

_BELOW = """WITH RECURSIVE below(id) AS (
    SELECT ? UNION ALL SELECT n.id FROM nodes n JOIN below b ON n.parent = b.id WHERE n.deleted IS NULL)"""

_STATE = """n.id, n.class, n.received, n.event, n.size,
    (SELECT count(*) FROM versions v WHERE v.node = n.id AND v.dead IS NULL),
    (SELECT max(v.received) FROM versions v WHERE v.node = n.id AND v.dead IS NULL),
    (SELECT max(d.closed) FROM dispositions d WHERE d.node = n.id AND d.outcome = 'kept')"""


@dataclass(frozen=True, slots=True)
class State:
    """A file that has a class. `received`: first receipt; `changed`: receipt of its newest version; `kept`: a review.

    The newest version need not be its content: a file that is moved over another brings what was received long ago.
    """

    node: NodeId
    name: str
    received: Micros | None
    event: Micros | None
    size: int
    versions: int
    changed: Micros | None
    kept: Micros | None


def any_at_all(rows: Rows) -> bool:
    """Whether any file has a class."""
    return rows.one("SELECT 1 FROM nodes WHERE class IS NOT NULL LIMIT 1") is not None


def of(rows: Rows, node: NodeId) -> State | None:
    """A file's class and dates; None for one without a class."""
    row: Any = rows.one(f"SELECT {_STATE} FROM nodes n WHERE n.id = ? AND n.class IS NOT NULL", node)
    return State(*row) if row else None


def below(rows: Rows, node: NodeId) -> list[State]:
    """Those of a node and all below it that have a class and did not go to the trash before it."""
    found: list[Any] = rows.all(
        f"{_BELOW} SELECT {_STATE} FROM below b JOIN nodes n ON n.id = b.id WHERE n.class IS NOT NULL", node
    )
    return [State(*row) for row in found]


def in_space(rows: Rows, space: SpaceId) -> list[State]:
    """All files of a space that have a class, in the trash or not."""
    found: list[Any] = rows.all(f"SELECT {_STATE} FROM nodes n WHERE n.class IS NOT NULL AND n.space = ?", space)
    return [State(*row) for row in found]


def give(rows: Rows, node: NodeId, name: str | None, received: Micros | None = None) -> None:
    """Give a file a class, or none. Its first receipt, once known, stays: `received`, or that of its oldest version."""
    rows.run(
        "UPDATE nodes SET class = ?, received = coalesce(received, ?,"
        " (SELECT min(v.received) FROM versions v WHERE v.node = nodes.id AND v.dead IS NULL)) WHERE id = ?",
        name,
        received,
        node,
    )


def set_event(rows: Rows, node: NodeId, event: Micros) -> None:
    """Set the date that a class counts from which waits for an event."""
    rows.run("UPDATE nodes SET event = ? WHERE id = ?", event, node)


def inherit(rows: Rows, source: NodeId, target: NodeId) -> None:
    """Let one file take over the class and the dates of another."""
    rows.run(
        "UPDATE nodes SET (class, received, event) = (SELECT class, received, event FROM nodes WHERE id = ?)"
        " WHERE id = ?",
        source,
        target,
    )


def join(rows: Rows, source: NodeId, target: NodeId) -> None:
    """Let a file have the later dates of its own and another's. No event yet is later than any."""
    rows.run(
        "UPDATE nodes SET (received, event) = (SELECT max(coalesce(s.received, nodes.received),"
        " coalesce(nodes.received, s.received)), max(s.event, nodes.event) FROM nodes s WHERE s.id = ?) WHERE id = ?",
        source,
        target,
    )


def counts(rows: Rows) -> list[tuple[str, int, int]]:
    """(class, files, bytes of their current contents) of each class that a file has."""
    found: list[Any] = rows.all(
        "SELECT class, count(*), sum(size) FROM nodes WHERE class IS NOT NULL GROUP BY class ORDER BY class"
    )
    return [(row[0], row[1], row[2]) for row in found]


def names_of(rows: Rows, nodes: Sequence[NodeId]) -> dict[NodeId, str]:
    """The classes of those of these nodes that have one."""
    marks = ", ".join("?" * len(nodes))
    found: list[Any] = rows.all(f"SELECT id, class FROM nodes WHERE class IS NOT NULL AND id IN ({marks})", *nodes)
    return {NodeId(row[0]): row[1] for row in found}
