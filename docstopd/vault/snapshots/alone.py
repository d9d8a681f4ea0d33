"""One run at a time that writes to targets, among all processes; those that only read may be several."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from docstopd.db import durable
from docstopd.errors import Busy


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Nobody else creates, expires or reads a snapshot meanwhile. Raises `Busy`."""
    with _locked(folder, fcntl.LOCK_EX):
        yield


@contextmanager
def reading(folder: Path) -> Iterator[None]:
    """Nobody creates or expires a snapshot meanwhile. Raises `Busy`."""
    with _locked(folder, fcntl.LOCK_SH):
        yield


@contextmanager
def _locked(folder: Path, kind: int) -> Iterator[None]:
    durable.make_folder(folder)
    with durable.translated():
        descriptor = os.open(folder / "snapshots.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy("another run is at the snapshots; wait for its end and try again") from None
        yield
    finally:
        os.close(descriptor)
