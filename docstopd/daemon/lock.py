"""One daemon on one data folder."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from docstopd.db import owner
from docstopd.errors import Busy, Refused

_ORPHANS = 3.0  # workers of a supervisor that was killed hold the lock until they have gone
_STEP = 0.05


@contextmanager
def data_lock(data: Path) -> Iterator[int]:
    """Hold DATA/docstopd.lock, which names this process; yields its descriptor, to be handed to the workers.

    Raises Busy at once when a living daemon holds it, and Refused when there is no data folder.
    """
    try:
        descriptor = os.open(data / "docstopd.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except FileNotFoundError:
        raise Refused(f"{data}: there is no data folder; make one with `docstopd init`") from None
    except OSError as error:
        raise Refused(f"{data}: the data folder cannot be locked ({error.strerror}); check its owner") from None
    try:
        owner.adopt(descriptor, data)
        _acquire(descriptor, data)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield descriptor
    finally:
        os.close(descriptor)


def holder(data: Path) -> int | None:
    """The process id of the daemon that has `data`, None without one."""
    try:
        descriptor = os.open(data / "docstopd.lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        if _try(descriptor, fcntl.LOCK_SH):
            return None
        return _written(descriptor)
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, data: Path) -> None:
    until = time.monotonic() + _ORPHANS
    while not _try(descriptor, fcntl.LOCK_EX):
        pid = _written(descriptor)
        if _lives(pid) or time.monotonic() > until:
            raise Busy(f"another docstopd is running on {data} (pid {pid}); stop it first")
        time.sleep(_STEP)


def _try(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _written(descriptor: int) -> int | None:
    with suppress(ValueError):
        return int(os.pread(descriptor, 32, 0))
    return None


def _lives(pid: int | None) -> bool:
    if pid is None:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
