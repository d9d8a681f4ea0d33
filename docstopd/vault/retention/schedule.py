"""The records schedule: which class a file is of, how long that class is kept, and what it forbids until then.

Patterns are of paths inside a space: `*` and `?` stay within a name, `**` stands for any folders, none among them.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache

from docstopd.model import SECOND, Micros, SpacePath


class CountedFrom(StrEnum):
    """When a class's time begins."""

    RECEIPT = "receipt"
    CHANGE = "change"
    EVENT = "event"


class Protect(StrEnum):
    """What a class forbids while its time runs."""

    NONE = "none"
    DELETE = "delete"
    WORM = "worm"


class Then(StrEnum):
    """What happens when the time is up."""

    DELETE = "delete"
    REVIEW = "review"
    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class Dates:
    """What a class counts from: first receipt, receipt of the newest version, the event, and the last decision to

    keep the file after a review; None for what there is not.
    """

    received: Micros | None = None
    changed: Micros | None = None
    event: Micros | None = None
    kept: Micros | None = None


@dataclass(frozen=True, slots=True)
class RetentionClass:
    """One class of records. `keep_for` is in seconds; no `spaces` are all of them, by label."""

    name: str
    match: tuple[str, ...]
    keep_for: float
    counted_from: CountedFrom = CountedFrom.RECEIPT
    protect: Protect = Protect.NONE
    then: Then = Then.REVIEW
    spaces: tuple[str, ...] = ()
    description: str = ""

    def fits(self, label: str, path: SpacePath) -> bool:
        """Whether a file at `path`, relative to the space of that label, is of this class."""
        if self.spaces and label not in self.spaces:
            return False
        text = "/".join(path)
        return any(_pattern(pattern).fullmatch(text) for pattern in self.match)

    def due(self, dates: Dates) -> Micros | None:
        """When the time is up; None while the event that it counts from has no date.

        What a review decided to keep is kept for as long again.
        """
        begin = {
            CountedFrom.RECEIPT: dates.received,
            CountedFrom.CHANGE: dates.changed,
            CountedFrom.EVENT: dates.event,
        }[self.counted_from]
        if begin is None:
            return None
        return max(begin, dates.kept or begin) + int(self.keep_for * SECOND)

    def protects(self, dates: Dates, now: Micros) -> bool:
        """Whether the class forbids something now. Time that is up frees a file only where nobody has to review it."""
        if self.protect is Protect.NONE:
            return False
        due = self.due(dates)
        return due is None or now < due or self.then is Then.REVIEW

    def until(self, dates: Dates, now: Micros) -> str:
        """What ends the protection, for people: "until …"."""
        due = self.due(dates)
        if due is None:
            return "its date is set and its time is up"
        return day(due) if now < due else "two people have decided on it"


def day(time: Micros) -> str:
    """A date for people, in UTC; the last that there is for any later one, as ten years after the year 9999 are."""
    return datetime.fromtimestamp(min(max(time // SECOND, 0), _LAST), UTC).date().isoformat()


_LAST = int(datetime(9999, 12, 31, tzinfo=UTC).timestamp())


@dataclass(frozen=True, slots=True)
class Schedule:
    """All classes, in the order in which they are tried."""

    classes: tuple[RetentionClass, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.classes)

    def named(self, name: str | None) -> RetentionClass | None:
        """The class of that name; None for one that is in the schedule no more."""
        return next((one for one in self.classes if one.name == name), None)

    def class_of(self, label: str, path: SpacePath) -> RetentionClass | None:
        """The first class that a file at this path, relative to its space, fits."""
        return next((one for one in self.classes if one.fits(label, path)), None)

    @property
    def protecting(self) -> bool:
        """Whether any class forbids anything."""
        return any(one.protect is not Protect.NONE for one in self.classes)


@lru_cache(maxsize=1024)
def _pattern(text: str) -> re.Pattern[str]:
    names = text.strip("/").split("/")
    parts = [
        _folders(last=index == len(names) - 1) if name == "**" else _name(name) + "/"
        for index, name in enumerate(names)
    ]
    return re.compile("".join(parts).removesuffix("/"), re.DOTALL)


def _folders(*, last: bool) -> str:
    return ".+" if last else "(?:[^/]+/)*"


def _name(text: str) -> str:
    wild = {"*": "[^/]*", "?": "[^/]"}
    return "".join(wild.get(letter) or re.escape(letter) for letter in text)
