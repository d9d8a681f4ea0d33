"""Signals as something to poll: nothing is done inside a handler."""

import select
import signal
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Protocol

_WATCHED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)


class HasDescriptor(Protocol):
    """Something to poll."""

    def fileno(self) -> int:
        """Its descriptor."""


class Signals:
    """The signals that came since they were last taken. `fileno` is readable when one came."""

    def __init__(self, wake: socket.socket) -> None:
        self._wake = wake
        self._came: set[int] = set()

    def note(self, number: int, _frame: FrameType | None) -> None:
        """The handler."""
        self._came.add(number)

    def fileno(self) -> int:
        """The descriptor to poll."""
        return self._wake.fileno()

    def take(self, *numbers: int) -> bool:
        """Whether one of `numbers` came; they are forgotten."""
        came = self._came.intersection(numbers)
        self._came -= came
        return bool(came)

    def wait(self, others: Iterable[HasDescriptor], seconds: float) -> None:
        """Block until a signal comes or one of `others` is readable, at most so long."""
        poller = select.poll()
        poller.register(self, select.POLLIN)
        for other in others:
            poller.register(other, select.POLLIN)
        poller.poll(max(0.0, seconds) * 1000)
        with suppress(BlockingIOError):
            self._wake.recv(4096)


@contextmanager
def watched_signals() -> Iterator[Signals]:
    """Watch TERM, INT, HUP and CHLD, in the main thread; the handlers before are put back."""
    wake, write = socket.socketpair()
    wake.setblocking(False)
    write.setblocking(False)
    signals = Signals(wake)
    with wake, write:
        before = {number: signal.signal(number, signals.note) for number in _WATCHED}
        descriptor = signal.set_wakeup_fd(write.fileno(), warn_on_full_buffer=False)
        try:
            yield signals
        finally:
            signal.set_wakeup_fd(descriptor)
            for number, handler in before.items():
                signal.signal(number, handler)
