"""What things are called in the past: names that every client can show, that differ, and that stay as they are.

Times are in UTC with `-` for `:`, which Windows allows in no name.
"""

import re
from datetime import UTC, datetime, timedelta, timezone

from docstopd.model import Micros, NodeId

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST: Micros = 253_402_300_799_999_999  # the last that four digits of year can write
_LONGEST_EXTENSION = 32

_time = re.compile(
    r"(\d{4})-?(\d\d)-?(\d\d)(?:T(\d\d)(?:[-:]?(\d\d)(?:[-:]?(\d\d)(?:[.,](\d{1,6})\d*)?)?)?(?:Z|([+-])(\d\d)[-:]?(\d\d))?)?",
    re.ASCII | re.IGNORECASE,
).fullmatch
_deleted = re.compile(r".* \(deleted (?:\d{4}-\d\d-\d\d )?([0-9a-f]{1,15})\)", re.DOTALL | re.ASCII).fullmatch


def time_name(time: Micros) -> str:
    """A time to the microsecond, such as `2026-11-24T12-00-00.123456Z`."""
    known = min(max(time, 0), _LATEST)
    return (_EPOCH + timedelta(microseconds=known)).strftime("%Y-%m-%dT%H-%M-%S.%fZ")


def read_time(text: str) -> Micros | None:
    """The time that an ISO 8601 text names, with `:`, `-` or nothing between hours, minutes and seconds.

    What is left out is zero, and the zone UTC. None for what is no such time.
    """
    found = _time(text)
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    micros = int((found[7] or "0").ljust(6, "0"))
    try:
        shift = timedelta(hours=int(found[9] or 0), minutes=int(found[10] or 0))
        zone = timezone(-shift if found[8] == "-" else shift)
        moment = datetime(year, month, day, hour, minute, second, micros, tzinfo=zone)
    except ValueError:
        return None
    return (moment - _EPOCH) // timedelta(microseconds=1)


def extension(name: str) -> str:
    """A file's own extension with its dot, where it is one that any system has; "" otherwise."""
    stem, dot, end = name.rpartition(".")
    return dot + end if stem and end.isalnum() and len(end.encode()) <= _LONGEST_EXTENSION else ""


def version_name(received: Micros, name: str, mark: str = "") -> str:
    """A version of the file `name`; `mark` tells it from another that was received in the same microsecond."""
    return time_name(received) + (f"~{mark}" if mark else "") + extension(name)


def deleted_name(name: str, node: NodeId, time: Micros | None, most: int) -> str:
    """A deleted node: its name, the day and its id, with the extension at the end; `most` bytes of UTF-8 at most."""
    end = extension(name)
    day = "" if time is None else time_name(time)[:10] + " "
    tail = f" (deleted {day}{node:x}){end}"
    stem = name[: len(name) - len(end)].encode()[: max(0, most - len(tail.encode()))]
    return stem.decode(errors="ignore") + tail


def deleted_node(name: str) -> NodeId | None:
    """The id in such a name; None for a name of another kind."""
    found = _deleted(name[: len(name) - len(extension(name))])
    return NodeId(int(found[1], 16)) if found else None
