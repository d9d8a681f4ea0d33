"""What a blob's file is: as it should be, not to be told yet, or somebody else's doing. Pure.

The service makes blobs with mode 0400 under their own names, writes them once, and then says what they are: first the
data key comes to the keyring, then the row to the catalog. It destroys in the other order. So a file with neither is
new, or nobody's; and a file whose inode has not changed since its row was written holds what was written.
"""

import os
import stat
from dataclasses import dataclass
from enum import Enum

from docstopd.catalog.stored import Known
from docstopd.model import BlobId, Micros
from docstopd.vault.storage import What

GRACE = 120.0
"""Seconds within which a blob gets its data key; nobody else's file can pass for one for longer."""

MODE = 0o400

_NAME_LENGTH = 32
_HEXADECIMAL = frozenset("0123456789abcdef")
_PART = ".part"


@dataclass(frozen=True, slots=True)
class Seen:
    """A file as it lies there. `changed` is when its inode last changed, which nobody can set back."""

    size: int
    mode: int
    owner: int
    changed: Micros


class Finding(Enum):
    """What is no alarm."""

    FINE = "fine"
    WAIT = "wait"
    """Look again: it has no data key yet."""
    READ = "read"
    """Its inode changed after it was written: only its content tells."""


def see(path: str) -> Seen | None:
    """The file at `path`, None when there is none. Raises `OSError` when it cannot be looked at."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return None
    return seen_of(found)


def seen_of(found: os.stat_result) -> Seen:
    """What matters of what the system says."""
    return Seen(found.st_size, found.st_mode, found.st_uid, found.st_ctime_ns // 1000)


def blob_of(folder: str, name: str) -> BlobId | None:
    """The blob whose file would lie at that place; None for a name that no blob has there."""
    if len(name) != _NAME_LENGTH or name[:2] != folder or not _HEXADECIMAL.issuperset(name):
        return None
    return BlobId(bytes.fromhex(name))


def on_its_way(folder: str, name: str) -> bool:
    """Whether it is what a writer makes before a blob has its name."""
    return name.endswith(_PART) and blob_of(folder, name.split(".", 1)[0]) is not None


def judge(
    seen: Seen | None, known: Known | None, *, owner: int, key: bool, waited: float = 0.0, since: Micros = 0
) -> Finding | What:
    """`known`: its row. `key`: it has a data key. `waited`: seconds since it was first seen without one.

    `owner` is the service's user. Changes before `since` were judged when they were made.
    """
    if seen is None:
        return What.DELETED if known is not None and known.live else Finding.FINE
    if known is None:
        return _judge_unknown(seen, owner, key, waited, since)
    if not stat.S_ISREG(seen.mode) or seen.size != known.stored.stored:
        return What.CHANGED
    if not _closed(seen, owner):
        return What.ACCESSIBLE
    return Finding.READ if seen.changed > max(known.received, since) else Finding.FINE


def _judge_unknown(seen: Seen, owner: int, key: bool, waited: float, since: Micros) -> Finding | What:
    if not stat.S_ISREG(seen.mode) or not _closed(seen, owner):
        return What.ACCESSIBLE if key else What.ADDED
    if key or seen.changed <= since:  # left by a write that died, which is legal; swept when its lease is over
        return Finding.FINE
    return What.ADDED if waited >= GRACE else Finding.WAIT


def _closed(seen: Seen, owner: int) -> bool:
    return stat.S_IMODE(seen.mode) == MODE and seen.owner == owner
