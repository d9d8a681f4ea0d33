"""The workers of one configuration."""

import itertools
import time
from collections.abc import Callable
from typing import cast

import pytest

from docstopd.daemon.crew import Crew
from docstopd.daemon.process import Process
from docstopd.errors import Failed


class Worker:
    """As much of a worker process as its crew sees."""

    refusal = None

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.started = time.monotonic()
        self.ready = False
        self.code: int | None = None

    def hear(self) -> None:
        self.ready = True

    def exit_code(self) -> int | None:
        return self.code

    def close(self) -> None:
        pass


class System:
    """Starts workers, or has no memory for one."""

    def __init__(self) -> None:
        self.full = False
        self.started: list[Worker] = []
        self._pids = itertools.count(100)

    def launch(self) -> Worker:
        if self.full:
            raise OSError(12, "Cannot allocate memory")
        self.started.append(Worker(next(self._pids)))
        return self.started[-1]


def crew_of(system: System, size: int) -> Crew:
    return Crew(cast(Callable[[], Process], system.launch), size)


def test_a_crew_is_complete_when_all_are_ready() -> None:
    """And stays so when one dies, whom another replaces."""
    system = System()
    crew = crew_of(system, 2)
    assert crew.tend()
    assert not crew.complete
    crew.tend()
    assert crew.complete
    system.started[0].code = -9
    assert crew.tend()
    assert crew.complete
    assert [worker.pid for worker in crew] == [101, 102]


def test_a_crew_that_cannot_be_started_fails() -> None:
    """With the system's reason."""
    system = System()
    system.full = True
    with pytest.raises(Failed, match="Cannot allocate memory"):
        crew_of(system, 2).tend()


def test_those_that_live_go_on_while_no_other_can_be_started() -> None:
    """The system is asked again later."""
    system = System()
    crew = crew_of(system, 2)
    crew.tend()
    crew.tend()
    system.started[0].code, system.full = -9, True
    crew.tend()
    assert [worker.pid for worker in crew] == [101]
    due = crew.next_due()
    assert due is not None
    assert due > 1
