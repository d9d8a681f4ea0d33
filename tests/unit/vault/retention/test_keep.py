"""The keep rules by themselves; `tests/clients/test_restic_keep.py` compares them with restic's own results."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docstopd.model import SECOND
from docstopd.vault.retention import Keep, keep

UTC, BERLIN = ZoneInfo("UTC"), ZoneInfo("Europe/Berlin")
NOW = 1_900_000_000 * SECOND
HOUR = 3600 * SECOND


def at(text: str, zone: ZoneInfo = UTC) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()) * SECOND


def kept(times: list[int], rules: Keep, zone: ZoneInfo = UTC, now: int = NOW) -> list[bool]:
    return [bool(reasons) for reasons in keep(times, rules, zone, now)]


counts = st.integers(0, 5)
rules = st.builds(
    Keep,
    last=counts,
    hourly=counts,
    daily=counts,
    weekly=counts,
    monthly=counts,
    yearly=counts,
    within=st.none() | st.integers(0, 10_000).map(lambda hours: hours * 3600.0),
)
moments = st.lists(st.integers(0, 60_000).map(lambda hours: 1_600_000_000 * SECOND + hours * HOUR), max_size=40)


class TestRules:
    """One at a time."""

    def test_no_rule_keeps_everything(self) -> None:
        """To say nothing is no order to remove."""
        assert keep([1, 2], Keep(), UTC, NOW) == [("everything",), ("everything",)]
        assert kept([1, 2], Keep(within=0)) == [True, True]

    def test_the_last_ones_are_kept_in_whatever_order_they_are_given(self) -> None:
        """Answers come in the order of the questions."""
        assert keep([2, 9, 5], Keep(last=2), UTC, NOW) == [(), ("last",), ("last",)]

    def test_the_newest_of_a_day_is_kept_and_the_oldest_while_there_are_too_few(self) -> None:
        """As restic does."""
        times = [at("2024-05-02T18:00"), at("2024-05-02T09:00"), at("2024-05-01T18:00"), at("2024-05-01T09:00")]
        assert kept(times, Keep(daily=2)) == [True, False, True, False]
        assert kept(times, Keep(daily=3)) == [True, False, True, True]

    def test_days_end_at_midnight_of_the_zone(self) -> None:
        """23:30 in London is tomorrow in Berlin."""
        times = [at("2024-05-02T08:00"), at("2024-05-01T22:30"), at("2024-04-30T08:00")]
        assert kept(times, Keep(daily=2)) == [True, True, False]
        assert kept(times, Keep(daily=2), BERLIN) == [True, False, True]

    def test_weeks_are_those_of_iso_8601(self) -> None:
        """The 30th of December 2024 lies in the first week of 2025."""
        times = [at("2025-01-02T08:00"), at("2024-12-30T08:00"), at("2024-12-29T08:00"), at("2024-12-01T08:00")]
        assert kept(times, Keep(weekly=2)) == [True, False, True, False]

    def test_within_counts_from_the_newest_that_is_not_in_the_future(self) -> None:
        """So a file that rests keeps what it had; and a clock that ran ahead removes nothing."""
        times = [NOW + 9 * HOUR, NOW - HOUR, NOW - 2 * HOUR, NOW - 4 * HOUR]
        assert kept(times, Keep(within=3 * 3600)) == [True, True, True, False]

    @pytest.mark.parametrize("rule", ["hourly", "daily", "weekly", "monthly", "yearly"])
    def test_each_calendar_rule_counts_its_own_buckets(self, rule: str) -> None:
        """One an hour for three years: as many are kept as the rule says."""
        times = [NOW - hour * HOUR for hour in range(3 * 366 * 24)]
        assert sum(kept(times, Keep(**{rule: 3}))) == 3


class TestProperties:
    """What holds for any times and rules."""

    @given(moments, rules)
    def test_the_newest_is_always_kept_by_any_counting_rule(self, times: list[int], wanted: Keep) -> None:
        """No rule leaves nothing."""
        if times and not wanted.within:
            assert kept(times, wanted)[times.index(max(times))]

    @given(moments, rules, rules)
    def test_rules_add_up(self, times: list[int], one: Keep, other: Keep) -> None:
        """What a rule keeps, more of the rules keep too."""
        names = ("last", "hourly", "daily", "weekly", "monthly", "yearly")
        both = Keep(
            **{name: max(getattr(one, name), getattr(other, name)) for name in names},
            within=max(one.within or 0, other.within or 0),
        )
        few, many = kept(times, one), kept(times, both)
        assert one.empty or both.empty or all(more for less, more in zip(few, many, strict=True) if less)

    @given(moments, rules, st.randoms())
    def test_the_order_in_which_they_are_given_does_not_matter(self, times: list[int], wanted: Keep, random) -> None:  # type: ignore[no-untyped-def]
        """For times that differ."""
        times = sorted(set(times))
        shuffled = list(times)
        random.shuffle(shuffled)
        found = dict(zip(shuffled, keep(shuffled, wanted, UTC, NOW), strict=True))
        assert [found[time] for time in times] == keep(times, wanted, UTC, NOW)

    @given(moments, rules)
    def test_a_second_run_right_after_the_first_removes_nothing(self, times: list[int], wanted: Keep) -> None:
        """What was kept is kept again, for want of the others."""
        left = [time for time, stays in zip(times, kept(times, wanted), strict=True) if stays]
        assert all(kept(left, wanted))
