"""How much whoever has done in a stretch of a space's journal, counted where it lies."""

from dataclasses import dataclass
from typing import Any

from docstopd.db import Rows
from docstopd.model import SECOND, Micros, UserId


@dataclass(frozen=True, slots=True)
class Tally:
    """What one user did in one second: files that got another content, files deleted, and contents that became noise.

    `second` is the time in microseconds at which it began. An empty file that was filled is not counted, nor is what a
    rollback did.
    """

    user: UserId
    second: Micros
    overwrites: int
    deletes: int
    raised: int


@dataclass(frozen=True, slots=True)
class Reset:
    """An entry after which counting begins anew: for the `user` of an alarm, or for all (empty)."""

    time: Micros
    user: UserId


def tallies(rows: Rows, stream: bytes, after: int, until: int) -> list[Tally]:
    """What was done by the entries after one number, up to another."""
    found: list[Any] = rows.all(
        "SELECT actor, time / ? * ?,"
        """ sum(action = 'update' AND instr(facts, '"filled":') = 0"""
        """ OR action IN ('move', 'restore') AND instr(facts, '"from":') > 0),"""
        """ sum(action = 'delete' AND instr(facts, '"folder":false') > 0),"""
        """ sum(instr(facts, '"entropy":"raised"') > 0)"""
        " FROM journal WHERE stream = ? AND seq > ? AND seq <= ?"
        " AND action IN ('update', 'delete', 'move', 'restore') AND actor != x''"
        """ AND instr(facts, '"rollback":') = 0 GROUP BY 1, 2""",
        SECOND,
        SECOND,
        stream,
        after,
        until,
    )
    return [Tally(UserId(row[0]), *row[1:]) for row in found]


def resets(rows: Rows, stream: bytes, after: int, until: int) -> list[Reset]:
    """The alarms in that stretch, and when somebody made the space writable again."""
    found: list[Any] = rows.all(
        "SELECT time, coalesce(json_extract(facts, '$.user'), '') FROM journal WHERE stream = ? AND seq > ?"
        " AND seq <= ? AND action IN ('tripwire', 'space-writable') ORDER BY seq",
        stream,
        after,
        until,
    )
    return [Reset(row[0], UserId(bytes.fromhex(row[1]))) for row in found]
