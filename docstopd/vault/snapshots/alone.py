"""One run at a time that writes to targets, among all processes; those that only read may be several."""

from contextlib import AbstractContextManager
from pathlib import Path

from docstopd.vault.lockfile import locked

_FILE = "snapshots.lock"
_BUSY = "another run is at the snapshots; wait for its end and try again"


def alone(folder: Path) -> AbstractContextManager[None]:
    """Nobody else creates, expires or reads a snapshot meanwhile. Raises `Busy`."""
    return locked(folder / _FILE, _BUSY)


def reading(folder: Path) -> AbstractContextManager[None]:
    """Nobody creates or expires a snapshot meanwhile. Raises `Busy`."""
    return locked(folder / _FILE, _BUSY, shared=True)
