"""What the vault stands on, handed over once by whoever composes the program."""

import os
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from docstopd.blobs import BlobStore
from docstopd.crypto import hpke
from docstopd.crypto.serverkey import ServerKey
from docstopd.crypto.slot import Cost
from docstopd.db import Database
from docstopd.keyring import Keyring
from docstopd.model import Micros
from docstopd.targets import NamedTarget, Target
from docstopd.vault.notifications.policy import NotifyPolicy
from docstopd.vault.retention.keep import Keep
from docstopd.vault.retention.policy import RetentionPolicy
from docstopd.vault.tripwire.policy import TripwirePolicy

PASSWORD_COST = Cost()
RETENTION = RetentionPolicy()
SNAPSHOTS_KEPT = Keep(last=3, daily=14, weekly=8, monthly=6)
UTC = ZoneInfo("UTC")


def wall_clock() -> Micros:
    """Microseconds since 1970 by the system's clock."""
    return time.time_ns() // 1000


@dataclass(frozen=True, slots=True)
class Fresh:
    """Empty stores for a snapshot to be restored into; `blobs` takes blobs by their names at a target.

    `obey` removes what the signed lists of a target say was erased; how many of them were news.
    """

    catalog: Database
    keyring: Database
    blobs: Target
    obey: Callable[[Sequence[str]], int]


@dataclass(frozen=True, slots=True)
class Stores:
    """The three stores, the server key, the file of checkpoints, and what tests replace: clock, randomness, a cost."""

    catalog: Database
    keyring: Keyring
    blobs: BlobStore
    server: ServerKey
    turnstile: Path
    organisation: hpke.PublicKey | None = None
    checkpoints: Path | None = None
    checkpoint_copies: tuple[Path, ...] = ()
    targets: tuple[NamedTarget, ...] = ()
    fresh: Callable[[Path], AbstractContextManager[Fresh]] | None = None
    clock: Callable[[], Micros] = wall_clock
    random: Callable[[int], bytes] = os.urandom
    cost: Cost = PASSWORD_COST
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class SnapshotPolicy:
    """Which snapshots are kept, by the calendar of `zone`; how long a copy of the keyring may lie; the scrub's pace.

    `scrub_rate` is in bytes a second.
    """

    keep: Keep = SNAPSHOTS_KEPT
    zone: ZoneInfo = UTC
    keyring_days: int = 7
    scrub_days: int = 30
    scrub_rate: int = 32 << 20


SNAPSHOTS = SnapshotPolicy()
TRIPWIRE = TripwirePolicy()
NOTIFY = NotifyPolicy()


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules that the configuration sets. Times are seconds, sizes bytes, None is no limit."""

    idle: float = 900.0
    absolute: float = 43_200.0
    kept: int = 32 << 20
    reads: bool = True
    read_window: float = 60.0
    free_failures: int = 5
    first_delay: float = 1.0
    longest_delay: float = 900.0
    forget: float = 86_400.0
    per_address_factor: int = 10
    space_quota: int | None = None
    upload: int | None = None
    depth: int = 64
    path: int = 4096
    name: int = 255
    properties: int = 200
    property_size: int = 65_536
    erasure_grace: float = 604_800.0
    retention: RetentionPolicy = RETENTION
    snapshots: SnapshotPolicy = SNAPSHOTS
    tripwire: TripwirePolicy = TRIPWIRE
    notify: NotifyPolicy = NOTIFY
