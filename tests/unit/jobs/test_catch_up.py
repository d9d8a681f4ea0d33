"""What is made up at start."""

from zoneinfo import ZoneInfo

import pytest

from docstopd.config import Schedule
from docstopd.jobs.catch_up import is_missed
from docstopd.jobs.schedule import Times
from docstopd.vault.runs import Outcome, Run

HOUR = 3_600_000_000
NOON = 1_764_072_000_000_000
"""12:00 UTC."""

LOST = "its process ended before it did"


def run(started: int, outcome: Outcome = Outcome.DONE, reason: str = "") -> Run:
    ended = None if outcome is Outcome.RUNNING else started + 1
    return Run(1, "mow", started, ended, outcome, False, {}, reason)


def times(schedule: str = "every 6h") -> Times:
    return Times(Schedule.parse(schedule), ZoneInfo("UTC"))


@pytest.mark.parametrize(
    ("recent", "missed"),
    [
        ([], False),
        ([run(NOON)], False),
        ([run(NOON - 6 * HOUR)], True),
        ([run(NOON - 600 * HOUR)], True),
        ([run(NOON - 6 * HOUR, Outcome.FAILED)], True),
        ([run(NOON, Outcome.FAILED, "the disk is full")], False),
        ([run(NOON, Outcome.STOPPED)], True),
        ([run(NOON - 6 * HOUR, Outcome.RUNNING)], False),
        ([run(NOON, Outcome.FAILED, LOST)], True),
        ([run(NOON, Outcome.FAILED, LOST), run(NOON - HOUR)], True),
        ([run(NOON, Outcome.FAILED, LOST), run(NOON - HOUR, Outcome.FAILED, LOST)], False),
        ([run(NOON + 1000 * HOUR)], False),
    ],
)
def test_a_run_is_made_up_where_its_time_passed_or_it_was_cut_off(recent: list[Run], missed: bool) -> None:
    """Not where it never ran, was on time, runs elsewhere, or died twice of itself."""
    assert is_missed(times(), recent, NOON + HOUR) is missed


def test_a_job_that_is_off_is_never_made_up() -> None:
    """It runs by command only."""
    assert not is_missed(times("off"), [run(NOON, Outcome.STOPPED)], NOON + 1000 * HOUR)
