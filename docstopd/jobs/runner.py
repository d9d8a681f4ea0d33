"""Runs one job: alone among all processes, written down before and after, loud when it goes wrong."""

import logging
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from docstopd.errors import Busy, DocstopdError, Refused, StateUnknown
from docstopd.jobs.job import Job
from docstopd.vault.lockfile import locked
from docstopd.vault.progress import SILENT, Progress, Report
from docstopd.vault.runs import Outcome, Runs

_log = logging.getLogger(__name__)


class Stopped(BaseException):
    """Raised by a `Progress` to end a run between two steps; no job catches it by accident."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended. `error` is what it was refused or failed with, None for one that nobody expected."""

    outcome: Outcome
    report: Report
    reason: str = ""
    error: DocstopdError | None = None


class Guard(Protocol):
    """Says whether what destroys may go on; both raise `Refused` when it has to wait."""

    def may_destroy(self) -> None:
        """Before it begins."""

    def may_go_on(self) -> None:
        """Between two steps; writes nothing, wherever it is asked."""


class Runner:
    """Runs jobs for one process; `folder` holds the locks, which its processes share."""

    def __init__(self, runs: Runs, folder: Path, guard: Guard) -> None:
        self._runs = runs
        self._folder = folder
        self._guard = guard

    def run(self, job: Job, progress: Progress = SILENT, *, dry: bool = False) -> Ended:
        """Run a job to its end, whichever that is. Raises `Busy` when it runs already, `StateUnknown`."""
        with self._alone(job.name):
            self._runs.close_lost(job.name)
            run = self._runs.begin(job.name, dry=dry)
            ended = self._attempt(job, progress, dry=dry)
            self._runs.end(job.name, run, ended.outcome, ended.report, ended.reason, dry=dry)
        return ended

    def close_lost(self, job: Job) -> None:
        """End what died with its process; nothing, while the job runs elsewhere."""
        try:
            with self._alone(job.name):
                lost = self._runs.close_lost(job.name)
        except Busy:
            return
        if lost:
            _log.error("job %s: the process of its last run ended before it did", job.name)

    def _attempt(self, job: Job, progress: Progress, *, dry: bool) -> Ended:
        try:
            if job.destructive and not dry:
                self._guard.may_destroy()
                progress = self._guarded(progress)
            report = job.run(progress, dry)
        except StateUnknown:
            raise
        except Stopped:
            _log.warning("job %s was stopped before it was done; it is made up at the next start", job.name)
            return Ended(Outcome.STOPPED, {}, "it was asked to stop")
        except Refused as error:
            _log.error("job %s is refused: %s", job.name, error)
            return Ended(Outcome.REFUSED, {}, str(error), error)
        except DocstopdError as error:
            _log.error("job %s failed: %s", job.name, error)
            return Ended(Outcome.FAILED, {}, str(error), error)
        except Exception as error:  # noqa: BLE001 - whatever it is, the ledger and the log have to know
            # An unknown error's text may hold anything: the log keeps it, the ledger only its kind.
            _log.exception("job %s failed", job.name)
            return Ended(Outcome.FAILED, {}, f"an error that nobody expected ({type(error).__name__}); the log has it")
        _log.info("job %s is done: %s", job.name, _shown(report))
        return Ended(Outcome.DONE, report)

    def _guarded(self, progress: Progress) -> Progress:
        """A run can last for hours, and the clock can jump in the midst of it."""

        def told(what: str, done: int, total: int) -> None:
            self._guard.may_go_on()
            progress(what, done, total)

        return told

    def _alone(self, name: str) -> AbstractContextManager[None]:
        """Hold the job's lock. Raises `Busy`."""
        busy = f"job {name} is running already; wait until it has ended"
        return locked(self._folder / f"job-{name}.lock", busy)


def _shown(report: Report) -> str:
    return ", ".join(f"{key} {value}" for key, value in report.items()) or "nothing to do"
