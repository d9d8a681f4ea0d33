"""Who serves next: one thread leads, the others stand by until it is held up.

Ten threads that each serve small requests hand the interpreter to each other at every system call, and a request then
costs three times what it costs one thread alone (measured: 14,000 against 50,000 a second). So one thread, the leader,
takes request after request. When a request holds it up for longer than a tick (a durable write does), or it begins
to wait for its peer, another thread takes the lead and it finishes beside.
"""

import threading
import time

_TICK = 0.001
_TICKS_BEFORE_REST = 100


class Turns:
    """The lead, and the succession to it. A leader between requests is never deposed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._succession = threading.Lock()  # held by the one follower that watches the leader
        self._call = threading.Event()
        self._leader: int | None = None
        self._serial = 0
        self._busy = False
        self._resting = False
        self._ended = False

    def lead(self, timeout: float) -> bool:
        """Block until the calling thread leads; False when it didn't within `timeout` seconds, or after `end`."""
        me = threading.get_ident()
        with self._lock:
            if self._leader is None or self._leader == me:
                self._leader = me
                self._busy = False
                return not self._ended
        until = time.monotonic() + timeout
        if not self._succession.acquire(timeout=timeout):
            return False
        try:
            return self._succeed(me, until)
        finally:
            self._succession.release()

    def begin(self) -> None:
        """The leader has a request; from now on it may be deposed."""
        self._serial += 1
        self._busy = True
        if self._resting:
            self._call.set()

    def leave(self) -> None:
        """Give up the lead, if the calling thread has it: it is about to wait, or to end."""
        with self._lock:
            if self._leader != threading.get_ident():
                return
            self._leader = None
            self._busy = False
        self._call.set()

    def end(self) -> None:
        """Nobody leads any more."""
        self._ended = True
        self._call.set()

    def _succeed(self, me: int, until: float) -> bool:
        """Watch the leader until it leaves, or is busy with one request for a whole tick."""
        quiet = 0
        while not self._ended and (left := until - time.monotonic()) > 0:
            seen = self._serial
            self._watch(left, rest=quiet > _TICKS_BEFORE_REST)
            with self._lock:
                if self._leader is None or (self._busy and self._serial == seen):
                    self._leader = me
                    self._busy = False
                    return True
            quiet = quiet + 1 if self._serial == seen else 0
        return False

    def _watch(self, seconds: float, *, rest: bool) -> None:
        """Sleep for a tick; when nothing happens anyway, until the leader has a request again."""
        if rest:
            self._resting = True  # before looking at `_busy`, which `begin` sets before it looks at `_resting`
            if not self._busy:
                self._call.wait(seconds)
            self._resting = False
        else:
            self._call.wait(_TICK)
        self._call.clear()
