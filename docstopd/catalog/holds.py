"""Holds: what must not be removed while they stand. Reasons arrive here sealed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from docstopd.db import Rows
from docstopd.errors import Damaged, NotFound
from docstopd.model import Micros, NodeId, SpaceId, UserId

_COLUMNS = "id, kind, subject, placed, author, confidential, reason, released"

# One arm for each of the two indexes by parent: what is in the tree, and what went to the trash by itself.
_BELOW = """WITH RECURSIVE below(id) AS (
    SELECT ?
    UNION SELECT n.id FROM nodes n JOIN below b ON n.parent = b.id WHERE n.deleted IS NULL
    UNION SELECT n.id FROM nodes n JOIN below b ON n.parent = b.id WHERE n.deleted IS NOT NULL)"""


@dataclass(frozen=True, slots=True)
class Hold:
    """A hold as it is stored. `kind`: user, space or node; `subject`: the user's id, or that of the space."""

    id: bytes
    kind: str
    subject: bytes
    placed: Micros
    author: bytes
    confidential: bool
    reason: bytes
    released: Micros | None


def _hold(row: tuple[Any, ...]) -> Hold:
    if row[1] not in {"user", "space", "node"}:
        raise Damaged("a hold is on what none can be on")
    return Hold(row[0], row[1], row[2], row[3], row[4], bool(row[5]), row[6], row[7])


def add(rows: Rows, hold: Hold) -> None:
    """Raises `AlreadyExists` for an id that is taken."""
    rows.run(
        f"INSERT INTO holds ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        hold.id,
        hold.kind,
        hold.subject,
        hold.placed,
        hold.author,
        int(hold.confidential),
        hold.reason,
        hold.released,
    )


def cover(rows: Rows, hold: bytes, node: NodeId) -> None:
    """Let a hold cover the tree under a node, wherever that goes; fine when it does already."""
    rows.run("INSERT INTO held (hold, node) VALUES (?, ?) ON CONFLICT DO NOTHING", hold, node)


def get(rows: Rows, hold: bytes) -> Hold | None:
    """The hold of that id, standing or not."""
    row = rows.one(f"SELECT {_COLUMNS} FROM holds WHERE id = ?", hold)
    return _hold(row) if row else None


def standing(rows: Rows) -> list[Hold]:
    """Every hold that stands, oldest first."""
    return [_hold(row) for row in rows.all(f"SELECT {_COLUMNS} FROM holds WHERE released IS NULL ORDER BY placed, id")]


def all_holds(rows: Rows) -> list[Hold]:
    """Every hold that ever was, oldest first."""
    return [_hold(row) for row in rows.all(f"SELECT {_COLUMNS} FROM holds ORDER BY placed, id")]


def heads(rows: Rows, hold: bytes) -> list[NodeId]:
    """The nodes that head the trees a hold covers, in their order."""
    found: list[Any] = rows.all("SELECT node FROM held WHERE hold = ? ORDER BY node", hold)
    return [NodeId(row[0]) for row in found]


def standing_heads(rows: Rows) -> list[tuple[NodeId, bytes]]:
    """(node, hold) of each tree that a standing hold covers."""
    found: list[Any] = rows.all(
        "SELECT e.node, e.hold FROM held e JOIN holds h ON h.id = e.hold WHERE h.released IS NULL"
    )
    return [(NodeId(row[0]), row[1]) for row in found]


def release(rows: Rows, hold: bytes, now: Micros) -> None:
    """Raises `NotFound` for one that does not stand."""
    if not rows.run("UPDATE holds SET released = ? WHERE id = ? AND released IS NULL", now, hold):
        raise NotFound("no hold of that id stands")


def set_reason(rows: Rows, hold: bytes, reason: bytes) -> None:
    """Replace the sealed reason."""
    rows.run("UPDATE holds SET reason = ? WHERE id = ?", reason, hold)


def ancestry(rows: Rows, node: NodeId) -> list[NodeId]:
    """A node and all above it, in the trash or not."""
    found: list[Any] = rows.all(
        "WITH RECURSIVE above(id) AS (SELECT ? UNION SELECT n.parent FROM nodes n JOIN above a ON n.id = a.id)"
        " SELECT id FROM above WHERE id != 0",
        node,
    )
    return [NodeId(row[0]) for row in found]


def all_below(rows: Rows, heads: Sequence[NodeId]) -> set[NodeId]:
    """These nodes and everything below them, in the trash or not."""
    found: set[NodeId] = set()
    for head in heads:
        if head not in found:
            below: list[Any] = rows.all(f"{_BELOW} SELECT id FROM below", head)
            found.update(NodeId(row[0]) for row in below)
    return found


def space_of(rows: Rows, node: NodeId) -> SpaceId | None:
    """The space of a node, in the trash or not."""
    row: Any = rows.one("SELECT space FROM nodes WHERE id = ?", node)
    return SpaceId(row[0]) if row else None


def only_owned(rows: Rows, user: UserId) -> list[SpaceId]:
    """The spaces of which this user is the only owner."""
    found: list[Any] = rows.all(
        "SELECT space FROM members WHERE role = 'owner' GROUP BY space HAVING count(*) = 1 AND max(user) = ?", user
    )
    return [SpaceId(row[0]) for row in found]


def wrote_in(rows: Rows, author: UserId, space: SpaceId) -> bool:
    """Whether a space has a version by this user; one that only snapshots hold counts as well."""
    return bool(rows.one("SELECT 1 FROM versions WHERE space = ? AND author = ? LIMIT 1", space, author))


def wrote_any(rows: Rows, author: UserId, node: NodeId) -> bool:
    """Whether a version of this node, or of anything below it, is by this user; as `wrote_in`."""
    return bool(
        rows.one(
            f"{_BELOW} SELECT 1 FROM below b JOIN versions v ON v.node = b.id WHERE v.author = ? LIMIT 1", node, author
        )
    )
