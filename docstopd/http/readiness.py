"""Connections that wait for their peer, in one epoll that all threads share.

The thread that the kernel wakes serves the connection itself: no hand-over between threads. A connection is owned
either by this object (it waits) or by one thread; `_waiting.pop` is the atomic step between the two.
"""

import select
from collections import deque
from contextlib import suppress
from typing import Generic, Protocol, TypeVar

from docstopd.http.transport import Transport

_ONCE = select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLONESHOT
_HANGUP = select.EPOLLRDHUP | select.EPOLLONESHOT


class Waiting(Protocol):
    """What is kept here: something with a socket, bytes that may be read already, and an end of patience."""

    transport: Transport
    deadline: float
    registered: bool

    @property
    def readable(self) -> bool:
        """Whether the next step needs nothing from the kernel."""

    @property
    def deaf(self) -> bool:
        """Whether nothing but the peer's end matters any more."""


Kept = TypeVar("Kept", bound=Waiting)


class Readiness(Generic[Kept]):
    """Waits for connections to become readable, and for the listener."""

    def __init__(self, listener: int) -> None:
        self._epoll = select.epoll()
        self._waiting: dict[int, Kept] = {}
        self._ready: deque[Kept] = deque()
        self._listener = listener
        self._epoll.register(listener, select.EPOLLIN | select.EPOLLONESHOT)

    def add(self, connection: Kept) -> None:
        """Take a connection over; it comes back from `next` when there is something to read."""
        if connection.readable:
            self._ready.append(connection)
            return
        descriptor = connection.transport.fileno()
        self._waiting[descriptor] = connection
        events = _HANGUP if connection.deaf else _ONCE
        if connection.registered:
            self._epoll.modify(descriptor, events)
        else:
            connection.registered = True
            self._epoll.register(descriptor, events)

    def listen(self) -> None:
        """Report the listener once more."""
        with suppress(FileNotFoundError):  # `stop_listening` came first
            self._epoll.modify(self._listener, select.EPOLLIN | select.EPOLLONESHOT)

    def stop_listening(self) -> None:
        """Never report the listener again."""
        self._epoll.unregister(self._listener)

    def wake_with(self, descriptor: int) -> None:
        """Wake every thread in `next` for as long as `descriptor` is readable."""
        self._epoll.register(descriptor, select.EPOLLIN)

    def next(self, timeout: float) -> Kept | int | None:
        """A connection, or the descriptor of the listener or of the alarm, or None when nothing came.

        Those with bytes read ahead take turns with those the kernel reports, so neither starves.
        """
        if self._ready:
            found = self._poll(0)
            if found is None and self._ready:
                try:
                    return self._ready.popleft()
                except IndexError:
                    return None
            return found
        return self._poll(timeout)

    def _poll(self, timeout: float) -> Kept | int | None:
        events = self._epoll.poll(timeout, 1)
        if not events:
            return None
        descriptor = events[0][0]
        # Missing: the listener, the alarm, or a connection that `expired` took a moment ago.
        return self._waiting.pop(descriptor, descriptor)

    def expired(self, now: float) -> list[Kept]:
        """Take out those whose deadline (monotonic) has passed."""
        late = [descriptor for descriptor, one in list(self._waiting.items()) if one.deadline <= now]
        return [one for descriptor in late if (one := self._waiting.pop(descriptor, None)) is not None]

    def all(self) -> list[Kept]:
        """Take out all that wait for their peer."""
        return self.expired(float("inf"))

    def oldest(self) -> Kept | None:
        """Take out the one that is next to expire, None when none waits."""
        waiting = list(self._waiting.items())
        if not waiting:
            return None
        descriptor = min(waiting, key=lambda item: item[1].deadline)[0]
        return self._waiting.pop(descriptor, None)

    def close(self) -> None:
        """Give the epoll descriptor back, when no thread waits any more."""
        self._epoll.close()
