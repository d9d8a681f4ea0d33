"""The sections of what is told to people: the tripwire, and mails about what happened."""

from typing import Literal

from pydantic import Field

from docstopd.config.duration import Duration
from docstopd.config.sections import Section

_MOST = 10_000_000

Audience = Literal["admins", "user", "both", "off"]


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


class NotifyConfig(Section):
    """Which mails are sent, and to whom: admins, the user concerned, both or off. Without mail.host there are none."""

    job: Audience = Field(
        default="admins", description="A job failed or refused to do its work, or an edited configuration is not taken."
    )
    storage: Audience = Field(default="admins", description="Something stored is damaged, or was touched by others.")
    tripwire: Audience = Field(default="admins", description="One user changes very many files at once.")
    lockout: Audience = Field(default="both", description="So many sign-ins failed that the next has to wait.")
    credential: Audience = Field(default="user", description="A new app password, or another password.")
    recovery: Literal["user", "both"] = Field(
        default="both", description="The organisation's recovery key was used; the user is always told."
    )
    erasure: Audience = Field(default="both", description="An erasure was asked for, is provisional, or is final.")
    hold: Audience = Field(default="admins", description="A hold was released.")
    review: Audience = Field(default="admins", description="Files whose time is up wait for a decision.")
    snapshot: Audience = Field(default="admins", description="The newest snapshot is too old.")
    clock: Audience = Field(default="admins", description="The clock is in doubt.")
    most_per_hour: int = Field(
        default=10, ge=1, le=1000, description="Mails of one kind to one address; more are held back and told in one."
    )
    keep: Duration = Field(
        default=Duration(5 * 86_400),
        ge=Duration(3600),
        le=Duration(30 * 86_400),
        description="How long a mail is tried that no server takes.",
    )
    snapshot_age: Duration = Field(
        default=Duration(2 * 86_400), ge=Duration(3600), description="Age from which on a snapshot is too old."
    )
