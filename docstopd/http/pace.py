"""Patience with a slow peer: how long one transfer may pause, and how slow it may be."""

import select
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

from docstopd.http.settings import Settings

# A wait this short is the network's; a longer one is the peer's, and the waiting thread is replaced meanwhile.
_NETWORK = 0.02
_SLICE = 5.0


class TooSlow(OSError):
    """The peer paused for too long, or moved fewer bytes than the minimum rate."""


class Pace:
    """One transfer's clock. Only time spent waiting for the peer counts, never the application's own."""

    __slots__ = ("_paused", "_replaced", "_settings", "_window_moved", "_window_waited", "address")

    def __init__(
        self, settings: Settings, replaced: Callable[[str], AbstractContextManager[None]], address: str = ""
    ) -> None:
        """`replaced` surrounds each long wait, and may refuse it to `address` with TooSlow."""
        self.address = address  # of the client, whom a proxy may speak for
        self._settings = settings
        self._replaced = replaced
        self._paused = 0.0
        self._window_waited = 0.0
        self._window_moved = 0

    def moved(self, count: int) -> None:
        """Note `count` bytes that the peer sent or took."""
        self._window_moved += count
        self._paused = 0.0

    def wait(self, descriptor: int, events: int, progress: Callable[[], int] | None = None) -> None:
        """Block until the socket is ready; raises TooSlow.

        `progress` tells how many bytes the peer took since it was last asked: a send buffer of megabytes becomes
        writable long after a slow reader began to drain it, and that reader is not to be cut off.
        """
        poller = select.poll()
        poller.register(descriptor, events)
        started = time.monotonic()
        try:
            if not poller.poll(_NETWORK * 1000):
                with self._replaced(self.address):
                    self._wait_long(poller, progress)
        finally:
            self._window_waited += time.monotonic() - started
        self._judge()

    def _wait_long(self, poller: select.poll, progress: Callable[[], int] | None) -> None:
        limit = self._settings.body_timeout
        while not poller.poll(min(_SLICE, limit - self._paused) * 1000):
            self._paused += min(_SLICE, limit - self._paused)
            if progress is not None and (taken := progress()):
                self.moved(taken)
            if self._paused >= limit:
                raise TooSlow("the peer paused for too long")

    def _judge(self) -> None:
        if self._window_waited < self._settings.rate_window:
            return
        if self._window_moved < self._settings.minimum_rate * self._window_waited:
            raise TooSlow("the peer is slower than the minimum rate")
        self._window_waited = 0.0
        self._window_moved = 0


class Haste(Pace):
    """A clock for what must be here already: no wait at all."""

    __slots__ = ()

    def __init__(self) -> None:
        """Nothing to set: it neither measures nor judges."""

    def moved(self, count: int) -> None:
        """Nothing: what is here has no rate."""

    def wait(self, descriptor: int, events: int, progress: Callable[[], int] | None = None) -> None:
        """Raise TooSlow."""
        raise TooSlow("not here yet")
