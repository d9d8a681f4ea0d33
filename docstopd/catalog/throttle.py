"""Failed sign-ins, by keyed digests of names and addresses: they outlast a restart and show no one's address."""

from typing import Any

from docstopd.db import Rows
from docstopd.model import Micros


def state(rows: Rows, subject: bytes) -> tuple[int, Micros, Micros]:
    """(failures, time of the last, shut until) of a subject; zeros for an unknown one."""
    row: Any = rows.one("SELECT failures, last, until FROM throttle WHERE subject = ?", subject)
    return (row[0], row[1], row[2]) if row else (0, 0, 0)


def put(rows: Rows, subject: bytes, failures: int, last: Micros, until: Micros) -> None:
    """Remember a subject's failures."""
    rows.run(
        "INSERT INTO throttle (subject, failures, last, until) VALUES (?, ?, ?, ?) ON CONFLICT (subject)"
        " DO UPDATE SET failures = excluded.failures, last = excluded.last, until = excluded.until",
        subject,
        failures,
        last,
        until,
    )


def clear(rows: Rows, subject: bytes) -> None:
    """Forget a subject."""
    rows.run("DELETE FROM throttle WHERE subject = ?", subject)


def count_old(rows: Rows, before: Micros) -> int:
    """How many `forget` would forget."""
    found: Any = rows.one("SELECT count(*) FROM throttle WHERE last < ?", before)
    return int(found[0])


def forget(rows: Rows, before: Micros) -> int:
    """Forget all whose last failure is older than that; how many there were."""
    return rows.run("DELETE FROM throttle WHERE last < ?", before)
