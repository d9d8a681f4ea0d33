"""What the configuration says of time and of alarms, as the vault's rules."""

import unicodedata

from docstopd.config import ClassConfig, Config, KeepConfig
from docstopd.model import SECOND
from docstopd.vault.notifications import NotifyPolicy, To
from docstopd.vault.notifications.rules import KINDS
from docstopd.vault.retention import CountedFrom, Keep, Protect, RetentionClass, RetentionPolicy, Schedule, Then
from docstopd.vault.stores import SnapshotPolicy
from docstopd.vault.tripwire import TripwirePolicy


def retention_of(config: Config) -> RetentionPolicy:
    """The rules of retention."""
    trash = config.retention.trash
    return RetentionPolicy(
        versions=keep_of(config.retention.versions),
        trash=None if trash is None else trash.seconds,
        brake=config.retention.brake,
        zone=config.jobs.zone,
        schedule=Schedule(tuple(map(_class_of, config.classes))),
    )


def snapshots_of(config: Config) -> SnapshotPolicy:
    """The rules of snapshots."""
    return SnapshotPolicy(
        keep=keep_of(config.snapshots.keep),
        zone=config.jobs.zone,
        keyring_days=config.snapshots.keyring_days,
        scrub_days=config.snapshots.scrub_days,
        scrub_rate=config.snapshots.scrub_rate,
    )


def tripwire_of(config: Config) -> TripwirePolicy:
    """The limits of the tripwire."""
    written = config.tripwire
    return TripwirePolicy(
        window=written.window.seconds,
        overwrites=written.overwrites,
        deletes=written.deletes,
        raised=written.raised,
        read_only=written.action == "read-only",
    )


def notify_of(config: Config) -> NotifyPolicy:
    """Who is told what."""
    written = config.notify
    return NotifyPolicy(
        to={kind: To(getattr(written, kind)) for kind in KINDS},
        most=written.most_per_hour,
        keep=int(written.keep.seconds * SECOND),
        late=int(written.snapshot_age.seconds * SECOND),
    )


def keep_of(written: KeepConfig) -> Keep:
    """Keep rules."""
    return Keep(
        last=written.last,
        hourly=written.hourly,
        daily=written.daily,
        weekly=written.weekly,
        monthly=written.monthly,
        yearly=written.yearly,
        within=None if written.within is None else written.within.seconds,
    )


def _class_of(written: ClassConfig) -> RetentionClass:
    return RetentionClass(
        name=written.name,
        description=written.description,
        match=tuple(map(_normal, written.match)),
        spaces=tuple(map(_normal, written.spaces)),
        keep_for=written.keep_for.seconds,
        counted_from=CountedFrom(written.counted_from),
        protect=Protect(written.protect),
        then=Then(written.then),
    )


def _normal(text: str) -> str:
    """The form in which names are kept."""
    return unicodedata.normalize("NFC", text)
