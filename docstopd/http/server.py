"""The HTTP server: cheroot's, with its own request reading, its own waiting, and a strict end."""

import errno
import logging
import os
import select
import socket
import ssl
import time
from collections.abc import Callable, Iterable
from typing import Any

from cheroot import server as cheroot_server

from docstopd.errors import StateUnknown
from docstopd.http.connection import Connection
from docstopd.http.environ import Environs
from docstopd.http.held_up import HeldUp
from docstopd.http.pace import Pace
from docstopd.http.pool import Pool
from docstopd.http.proxy import Proxies
from docstopd.http.readiness import Readiness
from docstopd.http.settings import Settings
from docstopd.http.transport import Transport

Application = Callable[[dict[str, Any], Any], Iterable[Any]]

_log = logging.getLogger(__name__)
_SWEEP = 0.5
_DRAIN_SWEEP = 0.02
_LAST_WORDS = 2.0
_STEP = 0.0002
_MOST_STEPS = 10


class Server(cheroot_server.HTTPServer):
    """Serves a WSGI application on a socket that is bound and listens already.

    Several processes may accept on one socket: accepting never blocks, and a connection that another one took is no
    error. Kept of cheroot: the server's shell, its worker threads and their pool. Replaced, for the reasons given in
    each file: how requests are read, how bodies are framed, how threads wait.
    """

    def __init__(
        self, listener: socket.socket, application: Application, settings: Settings, tls: ssl.SSLContext | None = None
    ) -> None:
        super().__init__(listener.getsockname(), None)
        listener.setblocking(False)
        if listener.family != socket.AF_UNIX:
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # accepted sockets inherit it
        self.socket = listener
        self.application = application
        self.settings = settings
        self.tls = tls
        self.stopping = False
        self._alarm = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._readiness: Readiness[Connection] = Readiness(listener.fileno())
        self._connections: set[Connection] = set()
        self._listening = True
        self._accepting = False
        self._busy_until = self._idle_until = 0.0
        self._failure: StateUnknown | None = None
        held_up = HeldUp(max(settings.most_threads - settings.threads, settings.threads), settings.held_up_per_address)
        self.requests = Pool(self, self._take, settings.threads, held_up)
        self.environs = Environs(listener, Proxies(settings.trusted_proxies))

    # -- cheroot's interface ---------------------------------------------------------------------------------------

    def put_conn(self, conn: Connection) -> None:
        """Take back a connection that waits for its next request (called by cheroot's worker threads)."""
        try:
            self._readiness.add(conn)
        except (OSError, ValueError):
            conn.close()  # reset meanwhile, or closed by the end of the server

    def error_log(self, msg: str = "", level: int = 20, traceback: bool = False) -> None:
        """cheroot's messages go where all others go."""
        _log.log(level, "%s", msg, exc_info=traceback)

    # -- serving ---------------------------------------------------------------------------------------------------

    def serve(self) -> None:
        """Serve until `stop`, then let running requests finish. Raises StateUnknown when a request ended so."""
        self.requests.start()
        poller = select.poll()
        poller.register(self._alarm, select.POLLIN)
        while not self.stopping:
            poller.poll(_SWEEP * 1000)
            self._sweep()
        self._drain()
        if self._failure is not None or self.interrupt:
            raise self._failure or self.interrupt

    def stop(self, grace: float = 30.0, idle: float = 0.0) -> None:
        """Ask `serve` to end: accept nothing more, let requests finish for `grace` seconds. Safe in a signal handler.

        Connections without a request stay for `idle` seconds, so that a client that is about to send one is served.
        May be called again, to hurry.
        """
        now = time.monotonic()
        self._busy_until, self._idle_until = now + grace, now + idle
        self.stopping = True
        if self._alarm >= 0:
            os.eventfd_write(self._alarm, 1)

    def fail(self, error: StateUnknown) -> None:
        """A store may or may not hold a write: serve nothing more."""
        self._failure = error
        self.stop(0.0)

    def forget(self, connection: Connection) -> None:
        """A connection is about to close."""
        self._connections.discard(connection)
        self._listen_again()

    def _listen_again(self) -> None:
        if not self._listening and not self.stopping and len(self._connections) < self.settings.connections:
            self._listening = True
            self._readiness.listen()

    def _take(self, timeout: float) -> Connection | None:
        """The next connection with something to read, for a worker thread."""
        found = self._readiness.next(timeout)
        if isinstance(found, Connection):
            return found
        if found == self.socket.fileno():
            self._accepting = True  # before looking at `stopping`, which `stop` sets before `_drain` looks at this
            self._let_others_accept()
            if not self.stopping:
                self._accept()
            self._accepting = False
        return None

    def _let_others_accept(self) -> None:
        """The more connections a process has, the longer it leaves a new one to the others.

        The kernel wakes them all, and without this the same one wins again and again: one process works, another idles.
        """
        mine = min(len(self._connections), _MOST_STEPS)
        if mine:
            self.requests.step_aside()
            time.sleep(mine * _STEP)

    def _accept(self) -> None:
        """Take one connection and let others wait for the next; one at a time spreads them over the processes."""
        if len(self._connections) >= self.settings.connections and not self._make_room():
            self._listening = False
            return
        try:
            accepted, address = self.socket.accept()
        except OSError as error:
            if error.errno == errno.EINVAL:
                return  # shut down for all processes: `stop` is on its way
            if not isinstance(error, BlockingIOError | ConnectionError):
                _log.warning("cannot accept a connection: %s", error)
                time.sleep(_DRAIN_SWEEP)  # out of descriptors or memory: don't spin
            self._readiness.listen()
            return
        self._readiness.listen()
        peer = address[:2] if isinstance(address, tuple) else ("", 0)
        pace = Pace(self.settings, self.requests.replaced, peer[0])
        connection = Connection(self, Transport(accepted, self.tls), peer, pace)
        self._connections.add(connection)
        self.put_conn(connection)

    def _make_room(self) -> bool:
        """Close the waiting connection that is nearest to its end."""
        oldest = self._readiness.oldest()
        if oldest is None:
            return False
        oldest.close()
        return True

    def _sweep(self) -> None:
        for connection in self._readiness.expired(time.monotonic()):
            connection.expire()
        self._listen_again()

    # -- ending ----------------------------------------------------------------------------------------------------

    def _drain(self) -> None:
        """Let connections end: idle ones and busy ones each in the time that `stop` gave."""
        self._readiness.stop_listening()
        while (self._accepting or self._connections) and (now := time.monotonic()) < self._busy_until:
            self._sweep()
            if now >= self._idle_until:
                self._close_idle()
            time.sleep(_DRAIN_SWEEP)
        for connection in list(self._connections):
            connection.transport.abort()
        self._readiness.wake_with(self._alarm)
        self.requests.stop(_LAST_WORDS)
        if not self.requests.alive:
            self._release()

    def _release(self) -> None:
        alarm, self._alarm = self._alarm, -1
        self._readiness.close()
        os.close(alarm)

    def _close_idle(self) -> None:
        """Close those that wait for a request, but serve one that is on its way."""
        for connection in self._readiness.all():
            if connection.idle:
                connection.close()
            else:
                self.put_conn(connection)
