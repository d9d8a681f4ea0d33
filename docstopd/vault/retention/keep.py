"""Which of many moments are kept: restic's rules, so that people who know them need not learn others.

From the newest to the oldest, each rule keeps the newest moment of every bucket (an hour, a day, an ISO week, a
month, a year, by the zone's calendar) until it has kept its number. A rule that has not reached its number when the
moments end keeps the oldest one too, so that a past grows to its full length. Rules add up: what one keeps, no other
removes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from docstopd.model import SECOND, Micros


@dataclass(frozen=True, slots=True)
class Keep:
    """How many of each kind are kept; `within` keeps all that are less than so many seconds older than the newest.

    0 and None switch a rule off. With every rule off everything is kept: to say nothing is no order to remove.
    """

    last: int = 0
    hourly: int = 0
    daily: int = 0
    weekly: int = 0
    monthly: int = 0
    yearly: int = 0
    within: float | None = None

    @property
    def empty(self) -> bool:
        """Whether every rule is off."""
        return not any((self.last, self.hourly, self.daily, self.weekly, self.monthly, self.yearly, self.within))


_Bucket = Callable[[datetime], tuple[int, ...]]

_CALENDAR: tuple[tuple[str, _Bucket], ...] = (
    ("hourly", lambda day: (day.year, day.month, day.day, day.hour)),
    ("daily", lambda day: (day.year, day.month, day.day)),
    ("weekly", lambda day: day.isocalendar()[:2]),
    ("monthly", lambda day: (day.year, day.month)),
    ("yearly", lambda day: (day.year,)),
)


class _Rule:
    """One rule on its way through the moments, newest first."""

    __slots__ = ("_bucket", "_left", "_newer", "name")

    def __init__(self, name: str, count: int, bucket: _Bucket | None) -> None:
        self.name = name
        self._left = count
        self._bucket = bucket
        self._newer: tuple[int, ...] | None = None

    def keeps(self, day: datetime | None, *, oldest: bool) -> bool:
        if not self._left:
            return False
        if self._bucket is not None and day is not None:
            bucket = self._bucket(day)
            if bucket == self._newer and not oldest:
                return False
            self._newer = bucket
        self._left -= 1
        return True


_LAST = int(datetime(9999, 1, 1, tzinfo=UTC).timestamp())
"""Seconds; a damaged time that is later counts as this, and keeps nothing else from being decided."""


def keep(times: Sequence[Micros], rules: Keep, zone: ZoneInfo, now: Micros) -> list[tuple[str, ...]]:
    """For each of `times`, in the order given, the names of the rules that keep it; empty for one to be removed.

    `within` counts from the newest time that is not in the future. Equal times count in the order given.
    """
    if rules.empty:
        return [("everything",)] * len(times)
    active = [_Rule("last", rules.last, None)] if rules.last else []
    active += [_Rule(name, getattr(rules, name), bucket) for name, bucket in _CALENDAR if getattr(rules, name)]
    calendar = len(active) > bool(rules.last)
    since = _since(times, rules, now)
    reasons: list[tuple[str, ...]] = [()] * len(times)
    order = sorted(range(len(times)), key=lambda index: -times[index])
    for index in order:
        time = times[index]
        day = datetime.fromtimestamp(min(max(time // SECOND, 0), _LAST), zone) if calendar else None
        within = ("within",) if since is not None and time > since else ()
        oldest = index == order[-1]
        reasons[index] = within + tuple(rule.name for rule in active if rule.keeps(day, oldest=oldest))
    return reasons


def _since(times: Sequence[Micros], rules: Keep, now: Micros) -> Micros | None:
    """What is newer than this is within; None where that rule is off. With nothing but the future, all of it is."""
    if not rules.within:
        return None
    past = [time for time in times if time < now]
    return (max(past) if past else 0) - int(rules.within * SECOND)
