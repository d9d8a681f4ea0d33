"""The ledger of jobs: every run is written down when it begins and when it ends; what goes wrong is journalled."""

import json
from dataclasses import dataclass
from enum import StrEnum

from docstopd.catalog import runs as store
from docstopd.db import Rows
from docstopd.model import Micros
from docstopd.vault.journal import SYSTEM, Journal, Seal
from docstopd.vault.progress import Report
from docstopd.vault.stores import Stores

_LOST = "its process ended before it did"


class Outcome(StrEnum):
    """How a run ended. `STOPPED`: it was asked to end before it was done, and is made up."""

    RUNNING = "running"
    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"
    STOPPED = "stopped"

    @property
    def loud(self) -> bool:
        """Whether somebody has to know."""
        return self in {Outcome.REFUSED, Outcome.FAILED}


@dataclass(frozen=True, slots=True)
class Run:
    """One run. `ended` is None while it runs; `lost`: its process died with it."""

    id: int
    job: str
    started: Micros
    ended: Micros | None
    outcome: Outcome
    dry: bool
    report: Report
    reason: str

    @property
    def lost(self) -> bool:
        """Whether its process died before it ended."""
        return self.outcome is Outcome.FAILED and self.reason == _LOST


class Runs:
    """The door to the ledger. Whoever writes a job's runs holds that job's lock, so that one runs at a time."""

    def __init__(self, stores: Stores, journal: Journal) -> None:
        self._stores = stores
        self._journal = journal

    def begin(self, job: str, *, dry: bool) -> int:
        """Write down that a run begins; its number."""
        return self._stores.catalog.write(lambda rows: store.begin(rows, job, self._stores.clock(), dry=dry))

    def end(self, job: str, run: int, outcome: Outcome, report: Report, reason: str = "", *, dry: bool = False) -> None:
        """Write down how it ended; a real run that was refused or failed is journalled in `system`."""
        self._stores.catalog.write(lambda rows: self._end(rows, job, run, outcome, report, reason, loud=not dry))

    def close_lost(self, job: str) -> int:
        """End the runs whose process died as failed; how many. The caller holds the job's lock: none of them runs."""

        def work(rows: Rows) -> int:
            lost = store.open_runs(rows, job)
            for row in lost:
                self._end(rows, job, row.id, Outcome.FAILED, {}, _LOST, loud=not row.dry)
            return len(lost)

        with self._stores.catalog.read() as rows:
            if not store.open_runs(rows, job):
                return 0
        return self._stores.catalog.write(work)

    def last(self, job: str, limit: int = 1) -> list[Run]:
        """The newest runs of a job, newest first; dry ones are left out."""
        with self._stores.catalog.read() as rows:
            return [_run(row) for row in store.of_job(rows, job, limit)]

    def latest(self) -> dict[str, Run]:
        """The newest run of every job, by its name; dry ones are left out."""
        with self._stores.catalog.read() as rows:
            return {row.job: _run(row) for row in store.latest(rows)}

    def _end(
        self, rows: Rows, job: str, run: int, outcome: Outcome, report: Report, reason: str, *, loud: bool
    ) -> None:
        text = json.dumps(report, sort_keys=True, separators=(",", ":"))
        store.end(rows, run, self._stores.clock(), outcome.value, text, reason)
        if loud and outcome.loud:
            seal = Seal.of_server(self._stores.server, {"reason": reason})
            self._journal.append(rows, SYSTEM, f"job-{outcome.value}", facts={"job": job, "run": run}, seal=seal)


def _run(row: store.Row) -> Run:
    outcome = Outcome(row.outcome)
    return Run(row.id, row.job, row.started, row.ended, outcome, bool(row.dry), json.loads(row.report), row.reason)
