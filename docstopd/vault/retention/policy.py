"""What the configuration says about time."""

from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from docstopd.vault.retention.keep import Keep
from docstopd.vault.retention.schedule import Schedule

DAY = 86_400.0
VERSIONS = Keep(last=10, daily=30, monthly=12, within=7 * DAY)
NO_SCHEDULE = Schedule()


@dataclass(frozen=True, slots=True)
class RetentionPolicy:
    """The rules of retention.

    `versions`: which contents of a file are kept, its current one (which always is) counted as the newest. `trash`:
    seconds that what was deleted stays, None for ever. `brake`: percent of a space beyond which a run stops and asks.
    `zone`: whose days and months count.
    """

    versions: Keep = VERSIONS
    trash: float | None = 30 * DAY
    brake: int = 50
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    schedule: Schedule = NO_SCHEDULE
