"""The clock guard: what counts as a jump, what waits for it, and what ends the wait."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from vaults import Bench, open_bench

from docstopd.config import Schedule
from docstopd.errors import Damaged, Refused
from docstopd.jobs import ClockGuard, Job, Runner
from docstopd.jobs.clock import Doubt, Reading, State, look, read_clocks
from docstopd.model import HOUR
from docstopd.vault.journal import SYSTEM
from docstopd.vault.progress import Progress, Report
from docstopd.vault.runs import Outcome

DAY = 24 * HOUR
YEAR = 365 * DAY
MINUTE = HOUR // 60
START = 1_790_000_000_000_000
LONGEST = 14 * DAY


@dataclass
class Machine:
    """A machine whose clocks a test moves."""

    wall: int = START
    ticks: int = 5 * HOUR
    boots: int = 1
    hidden: bool = False

    def read(self) -> Reading:
        return Reading(self.wall, self.ticks, "" if self.hidden else f"boot-{self.boots}")

    def live(self, span: int) -> None:
        """Time passes, asleep or awake."""
        self.wall += span
        self.ticks += span

    def set_clock(self, by: int) -> None:
        """Somebody, or something, sets the clock."""
        self.wall += by

    def reboot(self, away: int = MINUTE) -> None:
        """It is off for a while."""
        self.wall += away
        self.ticks = 20 * 1_000_000
        self.boots += 1


@dataclass
class Office:
    """A vault, a machine, and a job that removes things."""

    bench: Bench
    machine: Machine
    removed: int = 0

    @property
    def guard(self) -> ClockGuard:
        return ClockGuard(self.bench.vault.marks, self.machine.read, LONGEST / 1_000_000)

    def run(self) -> Outcome:
        """Run the job that removes, in a process of its own."""
        runner = Runner(self.bench.vault.runs, self.bench.folder / "run", self.guard)
        return runner.run(Job("retention", Schedule(), True, self._remove)).outcome

    def _remove(self, _progress: Progress, _dry: bool) -> Report:
        self.removed += 1
        return {}

    def alarms(self) -> list[str]:
        return [action for action in self.bench.actions(SYSTEM) if action.startswith("clock-")]


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """One that has been running for a while."""
    made = Office(open_bench(tmp_path), Machine())
    assert made.run() is Outcome.DONE
    made.machine.live(5 * MINUTE)
    made.removed = 0
    return made


@pytest.mark.parametrize("by", [-10 * YEAR, -DAY, -HOUR - MINUTE, HOUR + MINUTE, DAY, 10 * YEAR])
@pytest.mark.parametrize("looked", [False, True])
def test_a_jump_while_the_machine_runs_removes_nothing_until_an_admin_accepts(
    office: Office, by: int, looked: bool
) -> None:
    """However long it is; the keeper's look every minute sees it, and so does the run itself."""
    office.machine.set_clock(by)
    if looked:
        office.guard.look()
    for _ in range(3):
        assert office.run() is Outcome.REFUSED
        office.machine.live(30 * DAY)
    assert office.removed == 0
    assert office.alarms() == ["clock-jump"]
    assert office.bench.vault.runs.last("retention")[0].outcome is Outcome.REFUSED
    office.guard.accept()
    assert office.run() is Outcome.DONE
    assert office.alarms() == ["clock-jump", "clock-accept"]


def test_a_jump_in_the_midst_of_a_run_ends_it(office: Office) -> None:
    """As soon as it says how far it is."""
    runner = Runner(office.bench.vault.runs, office.bench.folder / "run", office.guard)

    def remove(progress: Progress, _dry: bool) -> Report:
        for step in range(3):
            progress("removing", step, 3)
            office.removed += 1
            office.machine.set_clock(10 * YEAR)
        return {}

    assert runner.run(Job("retention", Schedule(), True, remove)).outcome is Outcome.REFUSED
    assert office.removed == 1


@pytest.mark.parametrize("by", [-10 * YEAR, -DAY, 15 * DAY, 10 * YEAR])
def test_a_jump_across_a_reboot_removes_nothing_until_an_admin_accepts(office: Office, by: int) -> None:
    """Back, or farther ahead than any absence that is expected."""
    office.machine.reboot()
    office.machine.set_clock(by)
    for _ in range(3):
        assert office.run() is Outcome.REFUSED
        office.machine.live(DAY)
    assert office.removed == 0
    assert office.alarms() == ["clock-jump"]


def test_a_day_ahead_across_a_reboot_waits_for_an_hour_and_is_an_alarm(office: Office) -> None:
    """It looks like a day off; when it was none, and the clock is corrected within the hour, an admin is asked."""
    office.machine.reboot(DAY)
    assert office.run() is Outcome.REFUSED
    assert office.alarms() == ["clock-absence"]
    office.machine.live(10 * MINUTE)
    office.machine.set_clock(-DAY)
    assert office.run() is Outcome.REFUSED
    office.machine.live(5 * HOUR)
    assert office.run() is Outcome.REFUSED
    assert office.removed == 0
    assert office.alarms() == ["clock-absence", "clock-jump"]


def test_after_an_absence_what_waits_goes_on_when_the_clock_was_steady_for_an_hour(office: Office) -> None:
    """A machine that is off at night needs no admin in the morning."""
    office.machine.reboot(12 * HOUR)
    office.guard.look()
    office.machine.live(59 * MINUTE)
    assert office.run() is Outcome.REFUSED
    office.machine.live(2 * MINUTE)
    assert office.run() is Outcome.DONE


def test_a_reboot_begins_the_hour_anew_and_is_no_second_alarm(office: Office) -> None:
    """Time before it proves nothing about the clock after it."""
    office.machine.reboot(12 * HOUR)
    office.guard.look()
    office.machine.live(50 * MINUTE)
    office.guard.look()
    office.machine.reboot()
    assert office.run() is Outcome.REFUSED
    office.machine.live(50 * MINUTE)
    assert office.run() is Outcome.REFUSED
    office.machine.live(11 * MINUTE)
    assert office.run() is Outcome.DONE
    assert office.alarms() == ["clock-absence"]


def test_a_jump_that_waits_is_not_ended_by_an_absence(office: Office) -> None:
    """Nor by the clock coming back, or by a reboot: what was written meanwhile has wrong times."""
    office.machine.set_clock(10 * YEAR)
    office.guard.look()
    office.machine.set_clock(-10 * YEAR)
    office.guard.look()
    office.machine.reboot(12 * HOUR)
    office.guard.look()
    office.machine.live(3 * HOUR)
    assert office.run() is Outcome.REFUSED
    assert office.removed == 0


@pytest.mark.parametrize("span", [DAY, 400 * DAY])
def test_a_daemon_that_was_down_while_its_machine_ran_waits_for_nothing(office: Office, span: int) -> None:
    """The time since boot says exactly how long that was, sleep included."""
    office.machine.live(span)
    assert office.run() is Outcome.DONE
    assert office.alarms() == []


def test_where_the_boot_is_hidden_the_time_since_boot_tells_it(office: Office) -> None:
    """As from a service that sees little of /proc; a command beside it may see more."""
    office.machine.hidden = True
    assert office.run() is Outcome.DONE
    office.machine.live(DAY)
    assert office.run() is Outcome.DONE
    office.machine.reboot()
    assert office.run() is Outcome.DONE
    office.machine.hidden = False
    office.machine.set_clock(DAY)
    assert office.run() is Outcome.REFUSED
    assert office.alarms() == ["clock-jump"]


@pytest.mark.parametrize("by", [-50 * MINUTE, 50 * MINUTE])
def test_a_small_step_is_no_jump(office: Office, by: int) -> None:
    """What a time server corrects; running or rebooting."""
    office.machine.set_clock(by)
    assert office.run() is Outcome.DONE
    office.machine.reboot()
    office.machine.set_clock(by)
    assert office.run() is Outcome.DONE
    assert office.alarms() == []


def test_small_steps_within_a_day_add_up(office: Office) -> None:
    """Nobody moves the clock by a day in steps of an hour."""
    for _ in range(4):
        office.machine.set_clock(25 * MINUTE)
        office.machine.live(10 * MINUTE)
        office.guard.look()
    assert office.run() is Outcome.REFUSED


def test_a_clock_that_is_in_doubt_is_said_in_words(office: Office) -> None:
    """What happened, and what to do."""
    office.machine.set_clock(10 * YEAR)
    with pytest.raises(Refused, match=r"the clock has jumped 10.0 years ahead; until .*job clock --accept.*nothing is"):
        office.guard.may_destroy()
    office.guard.accept()
    office.machine.reboot(2 * DAY)
    wait = office.guard.standing()
    assert wait is not None
    assert str(wait).startswith("the machine was off for 2 days, or its clock is wrong; until it has been steady for")
    assert office.alarms() == ["clock-jump", "clock-accept"], "looking writes nothing"


def test_a_mark_that_cannot_be_read_stops_what_destroys(office: Office) -> None:
    """An admin's word replaces it."""
    office.bench.edit("UPDATE marks SET value = '{}' WHERE name = 'clock'")
    with pytest.raises(Damaged):
        office.guard.may_destroy()
    assert office.run() is Outcome.FAILED
    office.guard.accept()
    assert office.run() is Outcome.DONE


def test_a_look_at_a_steady_clock_writes_seldom(office: Office) -> None:
    """Every five minutes, not every minute."""
    values = set()
    for _ in range(10):
        office.machine.live(MINUTE)
        office.guard.look()
        values.add(office.bench.vault.marks.get("clock"))
    assert 1 < len(values) <= 3


@given(st.lists(st.tuples(st.sampled_from(["live", "off", "drift"]), st.integers(0, HOUR - MINUTE)), max_size=30))
def test_an_honest_machine_never_waits(steps: list[tuple[str, int]]) -> None:
    """Any mixture of running, short absences and the corrections of a time server: a second here and there."""
    machine, state = Machine(), None
    for what, span in steps:
        if what == "live":
            machine.live(span)
        elif what == "off":
            machine.reboot(span // 2)
        else:
            machine.set_clock(span % 2_000_000 - 1_000_000)
        state = look(state, machine.read(), LONGEST)
        assert state.wait is None


@given(
    st.integers(HOUR + 1, 20 * YEAR).flatmap(lambda by: st.sampled_from([by, -by])),
    st.lists(st.tuples(st.booleans(), st.integers(0, 30 * DAY)), max_size=20),
)
def test_no_time_ends_the_wait_for_a_jump(by: int, steps: list[tuple[bool, int]]) -> None:
    """Whatever follows, reboots included, only an admin does."""
    machine = Machine()
    state: State = look(None, machine.read(), LONGEST)
    machine.set_clock(by)
    state = look(state, machine.read(), LONGEST)
    for off, span in steps:
        machine.reboot(span) if off else machine.live(span)
        state = look(state, machine.read(), LONGEST)
        assert state.wait is not None
        assert state.wait.doubt is Doubt.JUMP


def test_the_systems_clocks_can_be_read() -> None:
    """Twice within one boot."""
    first, second = read_clocks(), read_clocks()
    assert first.boot == second.boot != ""
    assert second.follows(first)
    assert read_clocks(Path("/nowhere")).boot == ""
    assert first.ticks <= second.ticks
    assert abs((second.wall - first.wall) - (second.ticks - first.ticks)) < HOUR
