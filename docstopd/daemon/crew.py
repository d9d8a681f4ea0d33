"""The processes of one kind that one configuration wants: so many, each replaced when it dies."""

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
    """`size` processes made by `launch`, from the first `tend` on. `complete` once all were ready together.

    `patient` is for a crew without which the service is still worth something: it never gives up.
    """

    def __init__(
        self, launch: Callable[[], Process], size: int, name: str = "worker", *, patient: bool = False
    ) -> None:
        self._launch = launch
        self._size = size
        self._name = name
        self._patient = patient
        self._members: list[Process] = []
        self._due = [0.0] * size
        self._deaths = 0
        self.complete = False

    def __iter__(self) -> Iterator[Process]:
        return iter(self._members)

    def tend(self) -> bool:
        """Hear all members, take note of deaths, start who is due; whether the members have changed.

        Raises StateUnknown when a member ended so. Before the crew is complete, unless it is patient: Failed with the
        member's reason, after repeated deaths, or when the system starts none.
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
            raise StateUnknown(f"a {self._name} does not know whether a write was stored; start again to verify")
        lived = time.monotonic() - process.started
        self._deaths = 1 if process.ready and lived > _HEALTHY else self._deaths + 1
        if not self.complete and not self._patient:
            if process.refusal is not None:
                raise Failed(process.refusal)
            if self._deaths >= _MOST_DEATHS:
                raise Failed(f"{self._name}s die while they start (the last one with code {code}); the log says why")
        delay = 0.0 if self._deaths == 1 else min(_LONGEST_DELAY, _FIRST_DELAY * 2 ** (self._deaths - 2))
        reason = f": {process.refusal}" if process.refusal else ""
        _log.error(
            "%s %d ended with code %s%s; another one starts in %.1f s", self._name, process.pid, code, reason, delay
        )
        self._due.append(time.monotonic() + delay)

    def _replace(self) -> None:
        now = time.monotonic()
        for due in [due for due in self._due if due <= now]:
            self._due.remove(due)
            try:
                self._members.append(self._launch())
            except OSError as error:  # no memory for it just now: those that live go on
                if not self.complete and not self._patient:
                    raise Failed(f"a {self._name} cannot be started: {error}") from error
                _log.error("a %s cannot be started: %s", self._name, error)
                self._due.append(now + _LONGEST_DELAY)

    def next_due(self) -> float | None:
        """Seconds until a replacement starts, None when none is due."""
        return max(0.0, min(self._due) - time.monotonic()) if self._due else None
