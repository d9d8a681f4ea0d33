"""Mails that wait to be sent, and when how many were queued for whom. What they say is sealed before it comes here."""

from dataclasses import dataclass
from typing import Any

from docstopd.db import Rows
from docstopd.model import Micros, UserId

WAITING, HELD, SENT = "waiting", "held", "sent"
_COLUMNS = "id, kind, user, recipient, queued, due, tries, content"


@dataclass(frozen=True, slots=True)
class Row:
    """One mail. `recipient` is a keyed digest of the address; `due`: not to be sent before."""

    id: int
    kind: str
    user: UserId
    recipient: bytes
    queued: Micros
    due: Micros
    tries: int
    content: bytes


def add(rows: Rows, kind: str, user: UserId, recipient: bytes, now: Micros, state: str, content: bytes) -> None:
    """Queue a mail."""
    rows.run(
        "INSERT INTO outbox (kind, user, recipient, queued, due, tries, state, content)"
        " VALUES (?, ?, ?, ?, ?, 0, ?, ?)",
        kind,
        user,
        recipient,
        now,
        now,
        state,
        content,
    )


def count(rows: Rows, kind: str, recipient: bytes, since: Micros) -> int:
    """How many were queued since, and not held back."""
    row: Any = rows.one(
        "SELECT count(*) FROM outbox WHERE recipient = ? AND kind = ? AND queued > ? AND state != ?",
        recipient,
        kind,
        since,
        HELD,
    )
    return int(row[0])


def due(rows: Rows, now: Micros, limit: int) -> list[Row]:
    """The mails whose time has come, the longest overdue first."""
    found: list[Any] = rows.all(
        f"SELECT {_COLUMNS} FROM outbox WHERE state = ? AND due <= ? ORDER BY due, id LIMIT ?", WAITING, now, limit
    )
    return [Row(*row) for row in found]


def held(rows: Rows) -> list[Row]:
    """All that is held back, by kind and recipient."""
    found: list[Any] = rows.all(f"SELECT {_COLUMNS} FROM outbox WHERE state = ? ORDER BY recipient, kind, id", HELD)
    return [Row(*row) for row in found]


def sent(rows: Rows, mail: int) -> None:
    """A mail was taken: what it said is forgotten."""
    rows.run("UPDATE outbox SET state = ?, content = x'' WHERE id = ?", SENT, mail)


def postpone(rows: Rows, mail: int, due: Micros) -> None:
    """A mail was not taken."""
    rows.run("UPDATE outbox SET tries = tries + 1, due = ? WHERE id = ?", due, mail)


def remove(rows: Rows, mail: int) -> None:
    """Forget a mail."""
    rows.run("DELETE FROM outbox WHERE id = ?", mail)


def remove_of(rows: Rows, user: UserId) -> None:
    """Forget all mails to a user, sent or not."""
    rows.run("DELETE FROM outbox WHERE user = ?", user)


def forget(rows: Rows, before: Micros) -> int:
    """Forget the sent ones that were queued before; how many."""
    return rows.run("DELETE FROM outbox WHERE state = ? AND queued < ?", SENT, before)


def counts(rows: Rows) -> dict[str, int]:
    """How many there are in each state."""
    found: list[Any] = rows.all("SELECT state, count(*) FROM outbox GROUP BY state")
    return {row[0]: row[1] for row in found}
