"""Threads: some always ready, more while others are held up by slow peers."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from cheroot.workers import threadpool

from docstopd.http.held_up import HeldUp
from docstopd.http.pace import TooSlow
from docstopd.http.turns import Turns

_IDLE = 5.0


class Pool(threadpool.ThreadPool):
    """cheroot's pool, fed by `take` instead of a queue, and sized by threads that work.

    cheroot has one thread watch all sockets and pass each through a queue: two hand-overs of the interpreter per
    request. Here the workers' `get` watches the sockets, in turns (turns.py). A thread that waits for its peer
    (`replaced`) doesn't count as one of `size`, so slow peers never use up the threads; `held_up` bounds how many wait.
    """

    def __init__(self, server: object, take: Callable[[float], Any], size: int, held_up: HeldUp) -> None:
        super().__init__(server, min=size, max=size + held_up.most)
        self.get = self._get
        self._take = take
        self._size = size
        self._lock = threading.Lock()
        self._alive = 0
        self._held_up = held_up
        self._stopping = False
        self._turns = Turns()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Start the first threads (cheroot's own start sleeps until each has run)."""
        for _ in range(self._size):
            self._spawn()

    def _spawn(self) -> None:
        with self._lock:
            if self._stopping or self._alive >= self._size + self._held_up.most:
                return
            self._alive += 1
        worker = threadpool.WorkerThread(self.server)  # type: ignore[no-untyped-call]  # cheroot has none
        worker.name = "docstopd-http"
        worker.start()
        with self._lock:
            self._threads = [thread for thread in self._threads if thread.is_alive()]
            self._threads.append(worker)

    def _get(self) -> Any:
        """The next connection to serve, for cheroot's worker loop; its shutdown mark when the thread is to end."""
        while not self._stopping:
            if self._turns.lead(_IDLE):
                connection = self._take(_IDLE)
                self._turns.begin()
                if connection is not None:
                    return connection
            if self._is_spare():
                self._turns.leave()
                return threadpool._SHUTDOWNREQUEST  # type: ignore[attr-defined]  # how cheroot's worker ends
        with self._lock:
            self._alive -= 1
        return threadpool._SHUTDOWNREQUEST  # type: ignore[attr-defined]  # how cheroot's worker ends

    def _is_spare(self) -> bool:
        with self._lock:
            if self._stopping or self._alive - self._held_up.count <= self._size:
                return False
            self._alive -= 1
            return True

    def step_aside(self) -> None:
        """Give up the lead at once, rather than after a tick."""
        self._turns.leave()

    @contextmanager
    def replaced(self, address: str) -> Iterator[None]:
        """While the caller waits for its peer, another thread works in its place. Raises TooSlow: don't wait."""
        self._turns.leave()
        with self._lock:
            if not self._held_up.enter(address):
                raise TooSlow("too many slow peers are waited for already")
            short = self._alive - self._held_up.count < self._size
        if short:
            self._spawn()
        try:
            yield
        finally:
            with self._lock:
                self._held_up.leave(address)

    def stop(self, timeout: float = 5) -> None:
        """Let every thread end after what it is doing; wait for them, at most `timeout` seconds.

        The threads must be woken by the caller: they wait in `take`.
        """
        self._stopping = True
        self._turns.end()
        until = time.monotonic() + timeout
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    @property
    def alive(self) -> int:
        """How many threads there are."""
        return self._alive
