"""When jobs run next, the change of summer time included."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from docstopd.config import Schedule
from docstopd.jobs.schedule import Times

ZURICH = "Europe/Zurich"


def times(schedule: str, zone: str, start: str, count: int) -> list[str]:
    """The next so many times after a local one."""
    place = ZoneInfo(zone)
    after = Times(Schedule.parse(schedule), place).after
    now = int(datetime.fromisoformat(start).replace(tzinfo=place).timestamp() * 1_000_000)
    found = []
    for _ in range(count):
        following = after(now)
        assert following is not None
        assert following > now
        now = following
        found.append(datetime.fromtimestamp(now / 1_000_000, place).strftime("%Y-%m-%d %H:%M:%S %z"))
    return found


@pytest.mark.parametrize(
    ("schedule", "zone", "start", "expected"),
    [
        ("30 2 * * *", "UTC", "2026-01-31 02:30", ["2026-02-01 02:30:00 +0000"]),
        ("*/20 9-10 * jan,mar *", "UTC", "2026-04-01", ["2027-01-01 09:00:00 +0000", "2027-01-01 09:20:00 +0000"]),
        ("0 0 * * 0", "UTC", "2026-11-24", ["2026-11-29 00:00:00 +0000", "2026-12-06 00:00:00 +0000"]),
        ("0 0 * * 7", "UTC", "2026-11-24", ["2026-11-29 00:00:00 +0000"]),
        ("0 0 * * 5-7", "UTC", "2026-11-24", ["2026-11-27 00:00:00 +0000", "2026-11-28 00:00:00 +0000"]),
        ("0 0 13 * fri", "UTC", "2026-11-01", ["2026-11-06 00:00:00 +0000", "2026-11-13 00:00:00 +0000"]),
        ("0 0 29 2 *", "UTC", "2026-11-01", ["2028-02-29 00:00:00 +0000"]),
        ("every 2s", "UTC", "2026-11-24 10:00:01", ["2026-11-24 10:00:02 +0000", "2026-11-24 10:00:04 +0000"]),
        ("every 1500ms", "UTC", "2026-11-24 10:00:00", ["2026-11-24 10:00:01 +0000", "2026-11-24 10:00:03 +0000"]),
        ("every 7d", "UTC", "2026-11-24", ["2026-11-28 00:00:00 +0000", "2026-12-05 00:00:00 +0000"]),
    ],
)
def test_a_schedule_means_what_it_says(schedule: str, zone: str, start: str, expected: list[str]) -> None:
    """Crontab's meanings: 0 and 7 are Sunday, a day of the month and one of the week are either of them."""
    assert times(schedule, zone, start, len(expected)) == expected


def test_an_hour_that_is_left_out_is_made_up_in_the_next() -> None:
    """2:30 does not exist on the day on which summer time begins."""
    found = times("30 2 * * *", ZURICH, "2026-03-28 12:00", 2)
    assert found == ["2026-03-29 03:30:00 +0200", "2026-03-30 02:30:00 +0200"]


def test_an_hour_that_comes_twice_has_its_runs_once() -> None:
    """But where each hour has them, this one too."""
    found = times("30 2 * * *", ZURICH, "2026-10-24 12:00", 2)
    assert found == ["2026-10-25 02:30:00 +0200", "2026-10-26 02:30:00 +0100"]
    found = times("0 * * * *", ZURICH, "2026-10-25 01:30", 3)
    assert found == ["2026-10-25 02:00:00 +0200", "2026-10-25 02:00:00 +0100", "2026-10-25 03:00:00 +0100"]


def test_an_interval_does_not_depend_on_when_it_is_asked() -> None:
    """A daemon that is started anew each hour still runs what is to run every six."""
    place = ZoneInfo(ZURICH)
    after = Times(Schedule.parse("every 6h"), place).after
    start = int(datetime(2026, 11, 24, 1, tzinfo=place).timestamp() * 1_000_000)
    assert {after(start + hour * 3_600_000_000) for hour in range(5)} == {start + 5 * 3_600_000_000}


@pytest.mark.parametrize("schedule", ["off", "0 0 31 2 *"])
def test_what_never_runs_has_no_next_time(schedule: str) -> None:
    """Off, and days that do not exist."""
    assert Times(Schedule.parse(schedule), ZoneInfo("UTC")).after(0) is None


def test_a_clock_beyond_all_calendars_breaks_nothing() -> None:
    """Whatever a dead battery makes of the year."""
    after = Times(Schedule.parse("30 2 * * *"), ZoneInfo(ZURICH)).after
    assert after(2**62) is None
    late = int(datetime(8900, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
    assert (after(late) or 0) > late
