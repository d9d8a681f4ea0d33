"""One run at a time that writes to targets, among all processes; those that only read may be several.

Who reads may restore into a folder of its own for as long as that takes. What a process that died has left of such a
folder holds keys as they were then, and goes when the next run is alone.
"""

import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from docstopd.vault.lockfile import locked

DRILL, PICKED = "drill", "picked"
"""Where a drill restores a snapshot, and where the catalogs lie from which single files are restored."""

_FILE = "snapshots.lock"
_BUSY = "another run is at the snapshots; wait for its end and try again"


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Nobody else creates, expires or reads a snapshot meanwhile. Raises `Busy`."""
    with locked(folder / _FILE, _BUSY):
        for scratch in _scratch(folder):
            shutil.rmtree(scratch, ignore_errors=True)
        yield


def reading(folder: Path) -> AbstractContextManager[None]:
    """Nobody creates or expires a snapshot meanwhile. Raises `Busy`."""
    return locked(folder / _FILE, _BUSY, shared=True)


def is_clear(folder: Path) -> bool:
    """Whether no part of a snapshot is restored beside the data, or was left there."""
    return not any(True for scratch in _scratch(folder) for _left in scratch.glob("*"))


def _scratch(folder: Path) -> tuple[Path, ...]:
    return folder / DRILL, folder / PICKED
