"""The sections of what happens over time: jobs, retention, classes, snapshots, erasure."""

import re
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, field_validator
from pydantic_core import PydanticCustomError

from docstopd.config.duration import Duration
from docstopd.config.place import AbsolutePath
from docstopd.config.schedule import Schedule
from docstopd.config.sections import Section
from docstopd.config.size import Size
from docstopd.config.zone import Zone

_DAY = Duration(86_400)
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}", re.ASCII)


def _check_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise PydanticCustomError("name", "is no name; write up to 63 small letters, digits and hyphens")
    return name


Name = Annotated[str, AfterValidator(_check_name)]
Count = Annotated[int, Field(ge=0, le=100_000)]


class JobsConfig(Section):
    """When the jobs run: five fields of cron (`30 2 * * *`), `every 6h`, or `off`."""

    zone: Zone = Field(
        default=ZoneInfo("UTC"), description="Time zone of the schedules, and of the days and months of retention."
    )
    retention: Schedule = Field(
        default=Schedule(cron="30 2 * * *"), description="Old versions, trash and retention classes."
    )
    snapshot: Schedule = Field(default=Schedule(cron="0 3 * * *"), description="A snapshot to each target.")
    expiry: Schedule = Field(
        default=Schedule(every=Duration(3600)),
        description="Snapshots, app passwords, locks, erasures and whatever else has an end.",
    )
    scrub: Schedule = Field(
        default=Schedule(every=Duration(3600)), description="Stored blobs are read again, a share of them each time."
    )
    drill: Schedule = Field(
        default=Schedule(cron="0 5 * * 0"), description="The newest snapshot is restored beside the data, and verified."
    )
    checkpoint: Schedule = Field(default=Schedule(every=Duration(3600)), description="The journal's heads are signed.")
    verify: Schedule = Field(
        default=Schedule(cron="0 4 * * *"),
        description="What came to the journal is verified, and once a week all of it.",
    )
    longest_absence: Duration = Field(
        default=Duration(14 * 86_400),
        ge=Duration(3600),
        le=Duration(366 * 86_400),
        description="How long the machine may have been off without anybody being asked whether its clock is right.",
    )


class KeepConfig(Section):
    """Which of many are kept: each rule keeps the newest of that many hours, days … that have any."""

    last: Count = Field(default=0, description="The newest so many.")
    hourly: Count = Field(default=0, description="The newest of each of the last so many hours that have one.")
    daily: Count = Field(default=0, description="The same for days.")
    weekly: Count = Field(default=0, description="The same for weeks, which begin on Monday.")
    monthly: Count = Field(default=0, description="The same for months.")
    yearly: Count = Field(default=0, description="The same for years.")
    within: Duration | None = Field(
        default=None, description="All that are less than this older than the newest; null for no such rule."
    )

    @property
    def empty(self) -> bool:
        """Whether no rule would keep anything."""
        counts = (self.last, self.hourly, self.daily, self.weekly, self.monthly, self.yearly)
        return not any(counts) and self.within is None


class VersionsConfig(KeepConfig):
    """Which contents of a file are kept; the current one always is, and counts. All zero keeps no other."""

    last: Count = Field(default=10, description="The newest so many.")
    daily: Count = Field(default=30, description="The newest of each of the last so many days that have one.")
    monthly: Count = Field(default=12, description="The same for months.")
    within: Duration | None = Field(
        default=Duration(7 * 86_400),
        description="All that are less than this older than the newest; null for no such rule.",
    )


class RetentionConfig(Section):
    """What goes by itself, and when. Ages count from the server's receipt, never from a client's dates."""

    versions: VersionsConfig = Field(default=VersionsConfig(), description="Which old versions of files are kept.")
    trash: Duration | None = Field(
        default=Duration(30 * 86_400), description="How long what was deleted stays in the trash; null for ever."
    )
    brake: int = Field(
        default=50,
        ge=1,
        le=100,
        description="Percent of what a space holds beyond which one run stops and asks; so does one that takes all.",
    )


class ClassConfig(Section):
    """One class of records: which files, how long they are kept, and what happens then."""

    name: Name = Field(description="The class's name; files keep it, so it is not changed later.")
    description: str = Field(default="", max_length=500, description="What these records are, for people.")
    match: tuple[str, ...] = Field(
        min_length=1,
        strict=False,
        description="Patterns of paths in a space: * is within a name, ** any folders (contracts/**, **/*.pdf).",
    )
    spaces: tuple[str, ...] = Field(
        default=(), strict=False, description="Labels of the spaces in which the class holds; none for all."
    )
    keep_for: Duration = Field(ge=_DAY, description="How long the records are kept.")
    counted_from: Literal["receipt", "change", "event"] = Field(
        default="receipt",
        description="When that begins: the first receipt, the last change, or a date set by a member.",
    )
    protect: Literal["none", "delete", "worm"] = Field(
        default="none", description="Until then: nothing more, no deletion, or no deletion and no new content."
    )
    then: Literal["delete", "review", "keep"] = Field(
        default="review", description="Then: to be destroyed, to be decided by two people, or kept on."
    )


class TargetConfig(Section):
    """A place for snapshots."""

    name: Name = Field(description="The target's name; snapshots are known by it, so it is not changed later.")
    path: AbsolutePath = Field(description="A folder, best on another disk. Nothing else may write there.")
    keyring: AbsolutePath | None = Field(
        default=None, description="Where the copy of the keyring goes, best apart; null for a folder in the target."
    )


class SnapshotKeepConfig(KeepConfig):
    """Which snapshots are kept; the newest always is."""

    last: Count = Field(default=3, description="The newest so many.")
    daily: Count = Field(default=14, description="The newest of each of the last so many days that have one.")
    weekly: Count = Field(default=8, description="The same for weeks, which begin on Monday.")
    monthly: Count = Field(default=6, description="The same for months.")


class SnapshotsConfig(Section):
    """Copies of everything, elsewhere."""

    targets: tuple[TargetConfig, ...] = Field(
        default=(), strict=False, description="Where snapshots go; without one there are none."
    )
    keep: SnapshotKeepConfig = Field(default=SnapshotKeepConfig(), description="Which snapshots are kept.")
    keyring_days: int = Field(
        default=7,
        ge=1,
        le=31,
        description="Days after which a copy of the keyring is removed: erased data is final then.",
    )
    scrub_days: int = Field(default=30, ge=1, le=366, description="Days in which every stored blob is read again once.")
    scrub_rate: Size = Field(default=32 * 2**20, ge=2**16, description="Bytes a second that the scrub reads at most.")

    @field_validator("targets")
    @classmethod
    def _names_differ(cls, targets: tuple[TargetConfig, ...]) -> tuple[TargetConfig, ...]:
        names, places = {target.name for target in targets}, {_clean(target.path) for target in targets}
        if len(names) < len(targets) or len(places) < len(targets):
            raise PydanticCustomError("targets", "has two targets of one name or one path; make them differ")
        return targets


class ErasureConfig(Section):
    """How erasure goes about."""

    grace: Duration = Field(
        default=Duration(7 * 86_400),
        le=Duration(90 * 86_400),
        description="How long an account that is to be erased can still be called back.",
    )


def _clean(path: Path) -> str:
    return str(path).rstrip("/")
