"""WebDAV write locks. An expired lock is no lock; its row goes with the next change of locks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from docstopd.db import Rows
from docstopd.model import Micros, NodeId, SpaceId, UserId

COLUMNS = "token, space, node, user, exclusive, infinite, epoch, owner, timeout, expires"


@dataclass(frozen=True, slots=True)
class Row:
    """A lock as it is stored; `owner` is sealed."""

    token: str
    space: SpaceId
    node: NodeId
    user: UserId
    exclusive: bool
    infinite: bool
    epoch: int
    owner: bytes
    timeout: int
    expires: Micros


def are_any(rows: Rows) -> bool:
    """Whether there is any row of a lock, expired or not: with none, which is most of the time, no look need follow."""
    return rows.one("SELECT 1 FROM locks LIMIT 1") is not None


def on(rows: Rows, nodes: Sequence[NodeId], now: Micros) -> list[Row]:
    """The locks taken on any of these nodes."""
    if not nodes or not are_any(rows):
        return []
    marks = ", ".join("?" * len(nodes))
    found: list[Any] = rows.all(
        f"SELECT {COLUMNS} FROM locks WHERE node IN ({marks}) AND expires > ?",
        *nodes,
        now,
    )
    return [Row(*row) for row in found]


def on_members(rows: Rows, folder: NodeId, now: Micros) -> list[Row]:
    """The locks taken on any member of a folder."""
    if not are_any(rows):
        return []
    found: list[Any] = rows.all(
        f"SELECT {COLUMNS} FROM locks WHERE expires > ? AND node IN"
        " (SELECT id FROM nodes WHERE parent = ? AND deleted IS NULL)",
        now,
        folder,
    )
    return [Row(*row) for row in found]


def of_space(rows: Rows, space: SpaceId, now: Micros) -> list[Row]:
    """All locks in a space."""
    found: list[Any] = rows.all(
        f"SELECT {COLUMNS} FROM locks WHERE space = ? AND expires > ?",
        space,
        now,
    )
    return [Row(*row) for row in found]


def add(rows: Rows, lock: Row, now: Micros) -> None:
    """Add a lock and drop those that have expired."""
    remove_expired(rows, now)
    rows.run(
        f"INSERT INTO locks ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        lock.token,
        lock.space,
        lock.node,
        lock.user,
        int(lock.exclusive),
        int(lock.infinite),
        lock.epoch,
        lock.owner,
        lock.timeout,
        lock.expires,
    )


def extend(rows: Rows, token: str, timeout: int, expires: Micros) -> None:
    """Give a lock a new end."""
    rows.run("UPDATE locks SET timeout = ?, expires = ? WHERE token = ?", timeout, expires, token)


def remove(rows: Rows, token: str) -> None:
    """Remove a lock."""
    rows.run("DELETE FROM locks WHERE token = ?", token)


def count_expired(rows: Rows, now: Micros) -> int:
    """How many locks have expired and still have a row."""
    found: Any = rows.one("SELECT count(*) FROM locks WHERE expires <= ?", now)
    return int(found[0])


def remove_expired(rows: Rows, now: Micros) -> int:
    """Remove the rows of locks that have expired; how many there were."""
    return rows.run("DELETE FROM locks WHERE expires <= ?", now)


def remove_of(rows: Rows, space: SpaceId, user: UserId) -> None:
    """Remove the locks of a user in a space (he is no member any more)."""
    rows.run("DELETE FROM locks WHERE space = ? AND user = ?", space, user)


def remove_of_user(rows: Rows, user: UserId) -> None:
    """Remove all locks of a user."""
    rows.run("DELETE FROM locks WHERE user = ?", user)


def remove_all(rows: Rows, space: SpaceId) -> None:
    """Remove all locks in a space."""
    rows.run("DELETE FROM locks WHERE space = ?", space)


def remove_on(rows: Rows, nodes: Sequence[NodeId]) -> None:
    """Remove the locks taken on these nodes (they leave the tree, or move)."""
    if are_any(rows):
        rows.many("DELETE FROM locks WHERE node = ?", [(node,) for node in nodes])
