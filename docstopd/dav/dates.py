"""HTTP and ISO dates (RFC 9110 section 5.6.7, RFC 3339).

WsgiDAV answers 500 to a date that it cannot read; here such a date is None, and the caller ignores it as RFC 9110
section 13.1 demands.
"""

import re
from datetime import UTC, datetime
from functools import lru_cache
from time import gmtime

from docstopd.model import SECOND, Micros

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH_NUMBER = {name: number for number, name in enumerate(_MONTHS, 1)}
_LATEST = 253_402_300_799  # 9999-12-31T23:59:59Z, the last second that four digits of year can write

_TIME = r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"
_MONTH = rf"(?P<month>{'|'.join(_MONTHS)})"
_FORMS = (
    re.compile(rf"[A-Z][a-z]{{2}}, (?P<day>[0-9]{{2}}) {_MONTH} (?P<year>[0-9]{{4}}) {_TIME} GMT"),
    re.compile(rf"[A-Z][a-z]{{5,8}}, (?P<day>[0-9]{{2}})-{_MONTH}-(?P<year>[0-9]{{2}}) {_TIME} GMT"),
    re.compile(rf"[A-Z][a-z]{{2}} {_MONTH} (?P<day>[ 0-9][0-9]) {_TIME} (?P<year>[0-9]{{4}})"),
)


def http_date(time: Micros) -> str:
    """Return an IMF-fixdate; times that it cannot write become the nearest that it can."""
    return _http_date(min(max(time // SECOND, 0), _LATEST))


@lru_cache(maxsize=4096)
def _http_date(seconds: int) -> str:
    """Format by hand: strftime follows the locale and takes three times as long."""
    year, month, day, hour, minute, second, weekday, _, _ = gmtime(seconds)
    return f"{_DAYS[weekday]}, {day:02} {_MONTHS[month - 1]} {year:04} {hour:02}:{minute:02}:{second:02} GMT"


def iso_date(time: Micros) -> str:
    """Return `creationdate`'s form: ISO 8601 in UTC with a `Z`."""
    return _iso_date(min(max(time // SECOND, 0), _LATEST))


@lru_cache(maxsize=4096)
def _iso_date(seconds: int) -> str:
    year, month, day, hour, minute, second, *_ = gmtime(seconds)
    return f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"


def parse_http_date(value: str) -> int | None:
    """Return whole seconds since 1970, or None for what is none of the three forms of a date."""
    for form in _FORMS:
        found = form.fullmatch(value.strip())
        if found is not None:
            return _seconds(found)
    return None


def _seconds(found: re.Match[str]) -> int | None:
    year = int(found["year"])
    if len(found["year"]) == 2:
        # Two digits mean at most 50 years ahead (RFC 9110); a window that stands still serves any client of today.
        year += 1900 if year >= 77 else 2000
    clock = (int(found["hour"]), int(found["minute"]), min(int(found["second"]), 59))
    try:
        moment = datetime(year, _MONTH_NUMBER[found["month"]], int(found["day"]), *clock, tzinfo=UTC)
    except ValueError:
        return None
    return int(moment.timestamp())
