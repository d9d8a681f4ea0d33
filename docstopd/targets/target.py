"""What the vault needs of a place for snapshots: a folder on another disk, or a bucket somewhere else."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from cryptography.utils import Buffer

from docstopd.model import Micros


@dataclass(frozen=True, slots=True)
class Found:
    """An object that is there: its size in bytes, and when it was written by the target's own clock."""

    name: str
    size: int
    modified: Micros


class TargetWriter(Protocol):
    """One object on its way in. Not for concurrent use; several may be on their way at once."""

    def write(self, data: Buffer) -> None:
        """Append; `data` is the caller's again when this returns. Raises `StorageFull`, `Failed`."""

    def finish(self) -> None:
        """All of it is there: the next `settle` makes it visible and durable. Raises `StorageFull`, `Failed`."""

    def abort(self) -> None:
        """Drop what was written; fine after `finish`, which it does not undo."""


class TargetReader(Protocol):
    """One open object; safe for concurrent use. It stays readable when the object is deleted or replaced meanwhile."""

    size: int

    def read_into(self, offset: int, target: memoryview) -> int:
        """Fill `target` from `offset`; fewer bytes only at the end. Raises `Damaged` on a read error."""

    def close(self) -> None:
        """Give the handle back."""


class Target(Protocol):
    """Objects by name, for one run at a time, which may use several threads.

    Names are words of small letters, digits, dots and hyphens, joined by slashes. Every method raises `Failed` when the
    target cannot be reached or refuses.
    """

    def put(self, name: str) -> TargetWriter:
        """Begin an object, in place of the one of that name if there is one."""

    def open(self, name: str, *, fresh: bool = False) -> TargetReader:
        """Raises `NotFound`. `fresh`: from the medium itself where the system allows, not from a copy in memory."""

    def list(self, prefix: str) -> Iterator[Found]:
        """All objects whose name begins with `prefix`, which is empty or ends with a slash, in any order.

        Raises `NotFound` when the target as a whole is not there: a disk that is not attached is not empty.
        """

    def delete(self, name: str, *, wipe: bool = False) -> None:
        """Remove an object; fine when it is gone. `wipe`: overwrite it first, where that means anything.

        What comes back after a crash is deleted again; `settle` makes it final.
        """

    def settle(self) -> None:
        """Make visible and durable what was finished, and final what was deleted.

        Raises `Failed` when that fails: then nothing is known of what was finished since the last time.
        """

    def sweep(self) -> None:
        """Remove what a run that died has left half written. Nobody may be writing."""


@dataclass(frozen=True, slots=True)
class NamedTarget:
    """A target of the configuration. `keyring` is where the keyring's copies go, best apart from the rest."""

    name: str
    objects: Target
    keyring: Target
