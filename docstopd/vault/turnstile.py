"""Argon2 takes 64 MiB and a core for a tenth of a second: at most two at a time, over all processes of the daemon."""

import contextlib
import fcntl
import os
import threading
from collections.abc import Iterator
from pathlib import Path

from docstopd.db import durable
from docstopd.errors import Throttled

PLACES = 2

WAITING = 4
"""Threads of one process that may be in here, waiting or not; a worker has ten by default."""

RETRY_AFTER = 1.0


class Turnstile:
    """Lock files in a folder; who holds one is inside. A process that dies leaves its place free."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._room = threading.BoundedSemaphore(WAITING)
        self._places = [folder / f"argon2.{number}.lock" for number in range(PLACES)]

    @contextlib.contextmanager
    def passing(self) -> Iterator[None]:
        """Wait for a place and hold it. Raises `Throttled` when too many wait: guesses must not take every thread."""
        if not self._room.acquire(blocking=False):
            raise Throttled(RETRY_AFTER)
        try:
            yield from self._inside()
        finally:
            self._room.release()

    def _inside(self) -> Iterator[None]:
        durable.make_folder(self._folder)
        descriptors = [durable.open_lock(place) for place in self._places]
        try:
            self._take(descriptors)
            yield
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def _take(self, descriptors: list[int]) -> None:
        for descriptor in descriptors:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
        # All are taken: queue at one of them, spread by chance of the process so that no place gets all the waiting.
        fcntl.flock(descriptors[os.getpid() % PLACES], fcntl.LOCK_EX)
