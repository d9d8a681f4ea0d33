"""The ledger: every run of a job, how it ended, and what it did."""

from dataclasses import dataclass
from typing import Any

from docstopd.db import Rows
from docstopd.model import Micros

_COLUMNS = "id, job, started, ended, outcome, dry, report, reason"
_LAST = "SELECT max(id) FROM runs WHERE dry = 0 GROUP BY job"
_OLD = f"started < ? AND ended IS NOT NULL AND id NOT IN ({_LAST})"


@dataclass(frozen=True, slots=True)
class Row:
    """One run. `ended` is None while it runs; `report` is JSON; `reason` says why it was not done."""

    id: int
    job: str
    started: Micros
    ended: Micros | None
    outcome: str
    dry: int
    report: str
    reason: str


def begin(rows: Rows, job: str, started: Micros, *, dry: bool) -> int:
    """Note that a run begins; its number."""
    return rows.insert(
        "INSERT INTO runs (job, started, outcome, dry, report, reason) VALUES (?, ?, 'running', ?, '{}', '')",
        job,
        started,
        int(dry),
    )


def end(rows: Rows, run: int, ended: Micros, outcome: str, report: str, reason: str) -> None:
    """Note how it ended."""
    rows.run(
        "UPDATE runs SET ended = ?, outcome = ?, report = ?, reason = ? WHERE id = ?",
        ended,
        outcome,
        report,
        reason,
        run,
    )


def of_job(rows: Rows, job: str, limit: int) -> list[Row]:
    """The last runs of a job, dry ones left out, newest first."""
    return _rows(
        rows.all(f"SELECT {_COLUMNS} FROM runs WHERE job = ? AND dry = 0 ORDER BY id DESC LIMIT ?", job, limit)
    )


def latest(rows: Rows) -> list[Row]:
    """The last run of each job, dry ones left out."""
    return _rows(rows.all(f"SELECT {_COLUMNS} FROM runs WHERE id IN ({_LAST}) ORDER BY job"))


def open_runs(rows: Rows, job: str) -> list[Row]:
    """The runs of a job that have not ended, or whose process died."""
    return _rows(rows.all(f"SELECT {_COLUMNS} FROM runs WHERE job = ? AND ended IS NULL ORDER BY id", job))


def count_old(rows: Rows, before: Micros) -> int:
    """How many `forget` would forget."""
    found: Any = rows.one(f"SELECT count(*) FROM runs WHERE {_OLD}", before)
    return int(found[0])


def forget(rows: Rows, before: Micros) -> int:
    """Forget runs that began before; the last of each job stays. How many there were."""
    return rows.run(f"DELETE FROM runs WHERE {_OLD}", before)


def _rows(found: list[Any]) -> list[Row]:
    return [Row(*row) for row in found]
