"""Jobs start when their time has come, whatever the clock does meanwhile."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from vaults import Bench, open_bench

from docstopd.config import Schedule
from docstopd.errors import StateUnknown
from docstopd.jobs import ClockGuard, Job, Runner, Scheduler, read_clocks
from docstopd.jobs.clock import Reading
from docstopd.model import Micros
from docstopd.vault.journal import SYSTEM
from docstopd.vault.progress import Progress, Report
from docstopd.vault.runs import Outcome

HOUR: Micros = 3_600_000_000
DAY = 24 * HOUR
MIDNIGHT = 1_764_028_800_000_000


@dataclass
class Garden:
    """A scheduler over a vault, with a clock that tests set."""

    bench: Bench
    now: Micros = MIDNIGHT + HOUR // 2
    mown: list[Micros] = field(default_factory=list)
    schedulers: list[Scheduler] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.bench.clock.now = self.now

    def mow(self, _progress: Progress, _dry: bool) -> Report:
        self.mown.append(self.now)
        return {}

    def scheduler(
        self,
        schedule: str,
        work: Callable[[Progress, bool], Report] | None = None,
        read: Callable[[], Reading] = read_clocks,
    ) -> Scheduler:
        """As a keeper makes one."""
        vault = self.bench.vault
        guard = ClockGuard(vault.marks, read, 14 * 86_400)
        runner = Runner(vault.runs, self.bench.folder / "run", guard)
        jobs = [Job("mow", Schedule.parse(schedule), read is not read_clocks, work or self.mow)]
        made = Scheduler(jobs, ZoneInfo("UTC"), runner, vault.runs, guard, lambda: self.now)
        self.schedulers.append(made)
        return made

    def at(self, scheduler: Scheduler, now: Micros) -> float:
        """Tick at a time, and wait for what that began."""
        self.now = self.bench.clock.now = now
        left = scheduler.tick()
        self.rest()
        return left

    def rest(self) -> None:
        for thread in threading.enumerate():
            if thread.name == "job-mow":
                thread.join(10)


@pytest.fixture
def garden(tmp_path: Path) -> Garden:
    return Garden(open_bench(tmp_path))


def test_a_job_runs_at_its_times_and_not_between(garden: Garden) -> None:
    """Once at each, however often it is asked."""
    scheduler = garden.scheduler("0 * * * *")
    scheduler.start()
    for minute in range(25, 145):
        garden.at(scheduler, MIDNIGHT + minute * HOUR // 60)
    assert garden.mown == [MIDNIGHT + HOUR, MIDNIGHT + 2 * HOUR]


def test_times_that_passed_at_once_are_one_run(garden: Garden) -> None:
    """The machine slept, or the clock was set ahead."""
    scheduler = garden.scheduler("0 * * * *")
    scheduler.start()
    garden.at(scheduler, MIDNIGHT + 7 * HOUR + 1)
    garden.at(scheduler, MIDNIGHT + 7 * HOUR + 2)
    assert garden.mown == [MIDNIGHT + 7 * HOUR + 1]


def test_a_clock_that_is_set_back_stops_no_job(garden: Garden) -> None:
    """It runs at the next time by the new clock, and not in ten years."""
    scheduler = garden.scheduler("0 * * * *")
    garden.now += 3650 * DAY
    scheduler.start()
    garden.at(scheduler, garden.now + 1)
    garden.at(scheduler, MIDNIGHT + 5 * HOUR // 2)
    garden.at(scheduler, MIDNIGHT + 3 * HOUR)
    assert garden.mown == [MIDNIGHT + 3 * HOUR]


def test_the_pause_ends_in_time_for_the_next_run(garden: Garden) -> None:
    """And is never long: a clock can be set at any moment."""
    scheduler = garden.scheduler("0 * * * *")
    scheduler.start()
    assert garden.at(scheduler, MIDNIGHT + HOUR - 250_000) == 0.25
    assert garden.at(scheduler, MIDNIGHT + HOUR) == 1.0


def test_what_was_missed_is_made_up_once_at_start(garden: Garden) -> None:
    """And the next times are kept."""
    garden.scheduler("0 * * * *").start()
    garden.at(garden.schedulers[0], MIDNIGHT + HOUR)
    garden.now = MIDNIGHT + 9 * HOUR + 5
    second = garden.scheduler("0 * * * *")
    second.start()
    garden.rest()
    garden.at(second, MIDNIGHT + 9 * HOUR + 6)
    assert garden.mown == [MIDNIGHT + HOUR, MIDNIGHT + 9 * HOUR + 5]


def test_a_run_whose_process_died_is_failed_and_made_up_once(garden: Garden) -> None:
    """Loudly."""
    garden.bench.vault.runs.begin("mow", dry=False)
    scheduler = garden.scheduler("0 0 1 1 *")
    scheduler.start()
    garden.rest()
    runs = garden.bench.vault.runs.last("mow", 5)
    assert [run.outcome for run in runs] == [Outcome.DONE, Outcome.FAILED]
    assert garden.bench.actions(SYSTEM) == ["job-failed"]


def test_a_job_that_is_still_running_is_not_begun_again(garden: Garden) -> None:
    """The time is left out; when it has ended, the next one is kept."""
    begun, end = threading.Event(), threading.Event()
    count = []

    def slow(_progress: Progress, _dry: bool) -> Report:
        count.append(1)
        begun.set()
        assert end.wait(20)
        return {}

    scheduler = garden.scheduler("0 * * * *", slow)
    scheduler.start()
    garden.now = MIDNIGHT + HOUR
    scheduler.tick()
    assert begun.wait(10)
    garden.now = MIDNIGHT + 2 * HOUR
    scheduler.tick()
    assert len(count) == 1
    end.set()
    garden.rest()
    garden.at(scheduler, MIDNIGHT + 3 * HOUR)
    assert len(count) == 2


def test_two_schedulers_never_run_one_job_at_once(garden: Garden) -> None:
    """As two daemons' keepers would, if there could be two: the job's lock decides."""
    inside: list[int] = []
    most: list[int] = []

    def slow(_progress: Progress, _dry: bool) -> Report:
        inside.append(1)
        most.append(len(inside))
        time.sleep(0.05)
        inside.pop()
        return {}

    pair = [garden.scheduler("0 * * * *", slow) for _ in range(2)]
    for scheduler in pair:
        scheduler.start()
    for hour in range(1, 20):
        garden.now = MIDNIGHT + hour * HOUR
        for scheduler in pair:
            scheduler.tick()
        garden.rest()
    assert len(most) >= 19
    assert max(most) == 1


def test_a_stop_ends_a_run_between_two_steps(garden: Garden) -> None:
    """It is written down as stopped, and made up at the next start."""
    begun = threading.Event()

    def long(progress: Progress, _dry: bool) -> Report:
        for step in range(10_000):
            progress("mowing", step, 10_000)
            begun.set()
            time.sleep(0.01)
        return {}

    scheduler = garden.scheduler("0 * * * *", long)
    scheduler.start()
    garden.now = MIDNIGHT + HOUR
    scheduler.tick()
    assert begun.wait(10)
    assert scheduler.stop(10)
    assert garden.bench.vault.runs.last("mow")[0].outcome is Outcome.STOPPED
    again = garden.scheduler("0 * * * *")
    again.start()
    garden.rest()
    assert garden.mown == [MIDNIGHT + HOUR]


def test_a_step_that_does_not_end_is_left_behind(garden: Garden) -> None:
    """Within the grace, and the log says so: the process ends then."""
    end = threading.Event()
    begun = threading.Event()

    def stuck(_progress: Progress, _dry: bool) -> Report:
        begun.set()
        end.wait(20)
        return {}

    scheduler = garden.scheduler("0 * * * *", stuck)
    scheduler.start()
    garden.now = MIDNIGHT + HOUR
    scheduler.tick()
    assert begun.wait(10)
    assert not scheduler.stop(0.05)
    end.set()
    garden.rest()


def test_an_unknown_state_comes_out_of_the_next_tick(garden: Garden) -> None:
    """The keeper ends with it, and the daemon with the keeper."""

    def broken(_progress: Progress, _dry: bool) -> Report:
        raise StateUnknown("fsync failed")

    scheduler = garden.scheduler("0 * * * *", broken)
    scheduler.start()
    garden.at(scheduler, MIDNIGHT + HOUR)
    with pytest.raises(StateUnknown, match="fsync failed"):
        scheduler.tick()


def test_what_destroys_is_put_off_after_an_absence_and_runs_when_that_is_over(
    garden: Garden, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that is off every night gets its nightly work done in the morning, without being refused."""
    monkeypatch.setattr("docstopd.jobs.scheduler._CLOCK_PAUSE", 0.0)
    boot, started = "first", garden.now - HOUR

    def read() -> Reading:
        return Reading(garden.now, garden.now - started, boot)

    evening = garden.scheduler("30 2 * * *", read=read)
    evening.start()
    garden.at(evening, MIDNIGHT + 5 * HOUR // 2)
    garden.at(evening, MIDNIGHT + 18 * HOUR)
    assert len(garden.mown) == 1
    garden.now = MIDNIGHT + 32 * HOUR
    boot, started = "second", garden.now
    morning = garden.scheduler("30 2 * * *", read=read)
    morning.start()
    garden.at(morning, garden.now + HOUR // 2)
    assert len(garden.mown) == 1
    garden.at(morning, garden.now + HOUR)
    assert len(garden.mown) == 2
    garden.at(morning, garden.now + HOUR)
    assert len(garden.mown) == 2
    assert garden.bench.actions(SYSTEM) == ["clock-absence"]
