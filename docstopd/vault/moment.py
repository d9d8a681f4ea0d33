"""Moments as text, as notes and messages have them."""

import datetime

from docstopd.model import SECOND, Micros

_FORM = "%Y-%m-%dT%H:%M:%SZ"


def shown(time: Micros) -> str:
    """RFC 3339, in UTC, to the second."""
    return datetime.datetime.fromtimestamp(time // SECOND, datetime.UTC).strftime(_FORM)


def read(text: str) -> Micros:
    """The counterpart of `shown`. Raises ValueError."""
    moment = datetime.datetime.strptime(text, _FORM).replace(tzinfo=datetime.UTC)
    return int(moment.timestamp()) * SECOND
