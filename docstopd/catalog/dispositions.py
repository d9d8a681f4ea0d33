"""Dispositions: files whose class's time is up and about which people have to decide."""

from dataclasses import dataclass
from typing import Any

from docstopd.db import Rows
from docstopd.model import Micros, NodeId, SpaceId, UserId

_COLUMNS = "id, space, node, class, due, opened, closed, outcome, report"

_APPROVED = """SELECT d.node FROM dispositions d JOIN approvals a ON a.disposition = d.id AND a.verdict = 'destroy'
    JOIN users u ON u.id = a.user AND u.enabled
    WHERE d.closed IS NULL AND (u.role IN ('admin', 'auditor') OR EXISTS (
        SELECT 1 FROM members m WHERE m.space = d.space AND m.user = u.id AND m.role = 'owner'))
    AND d.class = (SELECT n.class FROM nodes n WHERE n.id = d.node)
    AND NOT EXISTS (SELECT 1 FROM versions v WHERE v.node = d.node AND v.dead IS NULL AND v.received > d.opened)
    GROUP BY d.id HAVING count(*) >= 2"""


@dataclass(frozen=True, slots=True)
class Disposition:
    """One question to people. `due`: when the class's time was up; `outcome`: destroyed, kept or void."""

    id: int
    space: SpaceId
    node: NodeId
    klass: str
    due: Micros
    opened: Micros
    closed: Micros | None
    outcome: str | None
    report: bytes | None


@dataclass(frozen=True, slots=True)
class Approval:
    """What one person said to it."""

    user: UserId
    time: Micros
    verdict: str


def add(rows: Rows, space: SpaceId, node: NodeId, klass: str, due: Micros, now: Micros) -> int:
    """Open one; its number. Raises `AlreadyExists` when one is open for the file."""
    return rows.insert(
        "INSERT INTO dispositions (space, node, class, due, opened) VALUES (?, ?, ?, ?, ?)",
        space,
        node,
        klass,
        due,
        now,
    )


def get(rows: Rows, disposition: int) -> Disposition | None:
    """The one of that number."""
    row: Any = rows.one(f"SELECT {_COLUMNS} FROM dispositions WHERE id = ?", disposition)
    return Disposition(*row) if row else None


def open_on(rows: Rows, node: NodeId) -> Disposition | None:
    """The open one about a file."""
    row: Any = rows.one(f"SELECT {_COLUMNS} FROM dispositions WHERE node = ? AND closed IS NULL", node)
    return Disposition(*row) if row else None


def all_open(rows: Rows) -> list[Disposition]:
    """Every open one, the longest due first."""
    found: list[Any] = rows.all(f"SELECT {_COLUMNS} FROM dispositions WHERE closed IS NULL ORDER BY due, id")
    return [Disposition(*row) for row in found]


def everything(rows: Rows) -> list[Disposition]:
    """Every one, the oldest first."""
    found: list[Any] = rows.all(f"SELECT {_COLUMNS} FROM dispositions ORDER BY id")
    return [Disposition(*row) for row in found]


def approvals(rows: Rows, disposition: int) -> list[Approval]:
    """What people said, in the order in which they did."""
    found: list[Any] = rows.all(
        "SELECT user, time, verdict FROM approvals WHERE disposition = ? ORDER BY time, user", disposition
    )
    return [Approval(*row) for row in found]


def approve(rows: Rows, disposition: int, approval: Approval) -> None:
    """Note a verdict. Raises `AlreadyExists` for a user who has given one."""
    rows.run(
        "INSERT INTO approvals (disposition, user, time, verdict) VALUES (?, ?, ?, ?)",
        disposition,
        approval.user,
        approval.time,
        approval.verdict,
    )


def approved(rows: Rows) -> set[NodeId]:
    """The files that two people or more, who have the right now, want destroyed; if they are as they were then."""
    return {NodeId(row[0]) for row in rows.all(_APPROVED)}  # type: ignore[arg-type]


def close(rows: Rows, disposition: int, outcome: str, now: Micros, report: bytes | None = None) -> None:
    """End an open one."""
    rows.run(
        "UPDATE dispositions SET closed = ?, outcome = ?, report = ? WHERE id = ? AND closed IS NULL",
        now,
        outcome,
        report,
        disposition,
    )
