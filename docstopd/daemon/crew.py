"""The workers of one configuration: as many as it says, each replaced when it dies."""

import logging
import time
from collections.abc import Callable, Iterator

from docstopd.daemon.process import EXIT_STATE_UNKNOWN, Process
from docstopd.errors import Failed, StateUnknown

_log = logging.getLogger(__name__)

_MOST_DEATHS = 3
_FIRST_DELAY = 0.1
_LONGEST_DELAY = 10.0
_HEALTHY = 10.0


class Crew:
    """`size` workers made by `launch`, from the first `tend` on. `complete` once all were ready together."""

    def __init__(self, launch: Callable[[], Process], size: int) -> None:
        self._launch = launch
        self._size = size
        self._members: list[Process] = []
        self._due = [0.0] * size
        self._deaths = 0
        self.complete = False

    def __iter__(self) -> Iterator[Process]:
        return iter(self._members)

    def tend(self) -> bool:
        """Hear all workers, take note of deaths, start who is due; whether the members have changed.

        Raises StateUnknown when a worker ended so. Before the crew is complete: Failed with the worker's reason, after
        repeated deaths, or when the system starts none.
        """
        before = [process.pid for process in self._members]
        for process in list(self._members):
            process.hear()
            if process.exit_code() is not None:
                process.hear()  # its last words
                self._members.remove(process)
                self._died(process)
        self._replace()
        if not self.complete and len(self._members) == self._size and all(one.ready for one in self._members):
            self.complete = True
            self._deaths = 0
        return [process.pid for process in self._members] != before

    def _died(self, process: Process) -> None:
        process.close()
        code = process.exit_code()
        if code == EXIT_STATE_UNKNOWN:
            raise StateUnknown("a worker does not know whether a write was stored; start again to verify")
        lived = time.monotonic() - process.started
        self._deaths = 1 if process.ready and lived > _HEALTHY else self._deaths + 1
        if not self.complete:
            if process.refusal is not None:
                raise Failed(process.refusal)
            if self._deaths >= _MOST_DEATHS:
                raise Failed(f"workers die while they start (the last one with code {code}); the log says why")
        delay = 0.0 if self._deaths == 1 else min(_LONGEST_DELAY, _FIRST_DELAY * 2 ** (self._deaths - 2))
        reason = f": {process.refusal}" if process.refusal else ""
        _log.error("worker %d ended with code %s%s; another one starts in %.1f s", process.pid, code, reason, delay)
        self._due.append(time.monotonic() + delay)

    def _replace(self) -> None:
        now = time.monotonic()
        for due in [due for due in self._due if due <= now]:
            self._due.remove(due)
            try:
                self._members.append(self._launch())
            except OSError as error:  # no memory for it just now: those that live go on
                if not self.complete:
                    raise Failed(f"a worker cannot be started: {error}") from error
                _log.error("a worker cannot be started: %s", error)
                self._due.append(now + _LONGEST_DELAY)

    def next_due(self) -> float | None:
        """Seconds until a replacement starts, None when none is due."""
        return max(0.0, min(self._due) - time.monotonic()) if self._due else None
