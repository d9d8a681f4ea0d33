"""When a job runs next. The one module that knows APScheduler (3.11), and of it the triggers only.

Its scheduler sleeps until the next run by a clock that may be set meanwhile, and its stores unpickle rows; the waiting
is done by `Scheduler`, and what is to be remembered is in the ledger.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from docstopd.config import Schedule
from docstopd.model import Micros

_ORIGIN = datetime(2000, 1, 1)  # of whatever zone the schedules have
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_EPOCH = datetime.fromtimestamp(0, UTC)
_LAST_TIME = 220_000_000_000_000_000
"""The year 8941: dates end soon after, and no clock that says so is right."""


class Times:
    """The times of one schedule in one zone.

    Intervals are counted from midnight in the year 2000 of that zone, not from the start of a process: `every 6h` runs
    at the same times however often the daemon is started anew.
    """

    def __init__(self, schedule: Schedule, zone: ZoneInfo) -> None:
        self._zone = zone
        self._triggers = _triggers(schedule, zone)
        # An hour that comes twice, when summer time ends, has its runs twice only where every hour has them.
        self._twice = schedule.cron is None or schedule.cron.split()[1].startswith("*")

    def after(self, time: Micros) -> Micros | None:
        """The first time later than `time`; None when there is none, as for `off` and the 31st of February."""
        if time > _LAST_TIME:
            return None
        moment: datetime | None = _EPOCH + timedelta(microseconds=time)
        while moment is not None:
            # In UTC: what is added to a local time loses which of two equal hours it was in.
            moment = self._next(moment.astimezone(UTC) + timedelta(microseconds=1))
            if moment is not None and (self._twice or not moment.fold):
                return (moment - _EPOCH) // timedelta(microseconds=1)
        return None

    def _next(self, begin: datetime) -> datetime | None:
        found = [trigger.get_next_fire_time(None, begin.astimezone(self._zone)) for trigger in self._triggers]
        return min((one for one in found if one is not None), default=None)


def _triggers(schedule: Schedule, zone: ZoneInfo) -> Sequence[BaseTrigger]:
    if schedule.every is not None:
        return [IntervalTrigger(seconds=schedule.every.seconds, start_date=_ORIGIN, timezone=zone)]
    if schedule.cron is None:
        return []
    minute, hour, day, month, weekday = (",".join(map(str, sorted(field))) for field in schedule.fields)
    weekday = ",".join(_DAYS[number] for number in sorted(schedule.fields[4]))
    clock = {"minute": minute, "hour": hour, "month": month, "timezone": zone}
    written = schedule.cron.split()
    if written[2].startswith("*") or written[4].startswith("*"):
        return [CronTrigger(day=day, day_of_week=weekday, **clock)]
    # A day of the month and a day of the week together: either will do (crontab(5)).
    return [CronTrigger(day=day, **clock), CronTrigger(day_of_week=weekday, **clock)]
