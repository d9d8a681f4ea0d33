"""The sections of what is told to people: the tripwire, and mails about what happened."""

from typing import Literal

from pydantic import Field

from docstopd.config.duration import Duration
from docstopd.config.sections import Section

_MOST = 10_000_000


class TripwireConfig(Section):
    """How much one user may do in one space before it is an alarm."""

    window: Duration = Field(
        default=Duration(300), ge=Duration(10), le=Duration(86_400), description="The time within which is counted."
    )
    overwrites: int | None = Field(
        default=500, ge=1, le=_MOST, description="Files that may get another content; null for any number."
    )
    deletes: int | None = Field(
        default=1000, ge=1, le=_MOST, description="Files that may be deleted; null for any number."
    )
    raised: int | None = Field(
        default=50,
        ge=1,
        le=_MOST,
        description="Contents that may become noise, as encryption makes it, where they were not; null for any number.",
    )
    action: Literal["alarm", "read-only"] = Field(
        default="alarm",
        description="What happens beyond: an alarm, or an alarm and the space is read-only until somebody ends that.",
    )
