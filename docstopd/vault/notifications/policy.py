"""Who is told what, and how often."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from docstopd.model import DAY, HOUR, Micros


class To(StrEnum):
    """Who gets the mails of one kind."""

    ADMINS = "admins"
    USER = "user"
    BOTH = "both"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class NotifyPolicy:
    """`to`: for each kind; one that is missing goes to nobody. `most`: mails of a kind to one address in an hour.

    `keep`: how long a mail is tried; `late`: age at which a snapshot is too old.
    """

    to: Mapping[str, To] = field(default_factory=dict)
    most: int = 10
    keep: Micros = 5 * DAY
    late: Micros = 2 * DAY
    window: Micros = HOUR
