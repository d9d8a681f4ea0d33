"""Starts each job when its time has come, in a thread of its own; asked often, so a clock that is set hurts nobody."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from zoneinfo import ZoneInfo

from docstopd.errors import Busy, DocstopdError, StateUnknown
from docstopd.jobs.catch_up import LOOK_BACK, is_missed
from docstopd.jobs.clock import ClockGuard, Doubt, Wait
from docstopd.jobs.job import Job
from docstopd.jobs.runner import Runner, Stopped
from docstopd.jobs.schedule import Times
from docstopd.model import SECOND, Micros
from docstopd.vault.runs import Runs

_log = logging.getLogger(__name__)

_LONGEST_PAUSE = 1.0
_CLOCK_PAUSE = 60.0


class Scheduler:
    """The jobs of one keeper. Its caller calls `start`, then `tick` until it wants to end, then `stop`."""

    def __init__(
        self,
        jobs: Sequence[Job],
        zone: ZoneInfo,
        runner: Runner,
        runs: Runs,
        guard: ClockGuard,
        clock: Callable[[], Micros],
    ) -> None:
        self._jobs = jobs
        self._times = {job.name: Times(job.schedule, zone) for job in jobs}
        self._runner = runner
        self._runs = runs
        self._guard = guard
        self._clock = clock
        self._now = clock()
        self._next: dict[str, Micros | None] = {}
        self._threads: dict[str, threading.Thread] = {}
        self._wait: Wait | None = None
        self._put_off: dict[str, Job] = {}
        self._stopping = threading.Event()
        self._unknown: StateUnknown | None = None
        self._clock_due = 0.0

    def start(self) -> None:
        """Close what died with its process, and begin what was missed."""
        self._watch_clock()
        self._now = self._clock()
        for job in self._jobs:
            self._runner.close_lost(job)
            if is_missed(self._times[job.name], self._runs.last(job.name, LOOK_BACK), self._now):
                _log.info("job %s was missed, or cut off; it is made up now", job.name)
                self._begin(job)
        self._plan()

    def tick(self) -> float:
        """Begin what is due; the seconds until the next call. Raises `StateUnknown` when a job did."""
        if self._unknown is not None:
            raise self._unknown
        self._watch_clock()
        before, self._now = self._now, self._clock()
        if self._now < before:  # set back: what was planned may be years away
            self._plan()
        if not self._is_absence():
            self._begin_put_off()
        for job in self._jobs:
            due = self._next[job.name]
            if due is not None and due <= self._now:
                self._next[job.name] = self._times[job.name].after(self._now)
                self._begin(job)
        left = [due - self._now for due in self._next.values() if due is not None]
        return min(_LONGEST_PAUSE, max(0.0, min(left, default=SECOND) / SECOND))

    def stop(self, grace: float) -> bool:
        """Ask what runs to end between two steps; whether all has ended within `grace` seconds."""
        self._stopping.set()
        until = time.monotonic() + grace
        for name, thread in self._threads.items():
            thread.join(max(0.0, until - time.monotonic()))
            if thread.is_alive():
                _log.warning("job %s does not stop in time; it ends here, and the next start makes it up", name)
        return not any(thread.is_alive() for thread in self._threads.values())

    def _plan(self) -> None:
        self._next = {name: times.after(self._now) for name, times in self._times.items()}

    def _is_absence(self) -> bool:
        return self._wait is not None and self._wait.doubt is Doubt.ABSENCE

    def _begin_put_off(self) -> None:
        waiting, self._put_off = self._put_off, {}
        for job in waiting.values():
            self._begin(job)

    def _begin(self, job: Job) -> None:
        """Begin a job in its thread. What destroys is put off until the doubt after an absence has ended by itself:

        on a machine that is off every night it would be missed and made up each morning, and refused each time.
        """
        if job.destructive and self._is_absence():
            _log.info("job %s is put off until the clock has been steady for an hour", job.name)
            self._put_off[job.name] = job
            return
        running = self._threads.get(job.name)
        if running is not None and running.is_alive():
            _log.warning("job %s is still running; this time is left out", job.name)
            return
        # A daemon thread: one that does not stop in time must not keep the process from ending.
        thread = threading.Thread(target=self._run, args=(job,), name=f"job-{job.name}", daemon=True)
        self._threads[job.name] = thread
        thread.start()

    def _run(self, job: Job) -> None:
        try:
            self._runner.run(job, self._progress)
        except Busy as error:
            _log.warning("%s; this time is left out", error)
        except StateUnknown as error:
            self._unknown = error
        except DocstopdError as error:
            _log.error("job %s could not be written down: %s", job.name, error)

    def _progress(self, what: str, done: int, total: int) -> None:
        if self._stopping.is_set():
            raise Stopped

    def _watch_clock(self) -> None:
        if time.monotonic() < self._clock_due:
            return
        self._clock_due = time.monotonic() + _CLOCK_PAUSE
        try:
            self._wait = self._guard.look()
        except StateUnknown:
            raise
        except DocstopdError as error:
            _log.error("the clock could not be watched: %s", error)
