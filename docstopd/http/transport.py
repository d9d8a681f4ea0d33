"""One connection's socket: reads what is there, writes all of it, and waits only as `Pace` allows."""

import fcntl
import select
import socket
import ssl
import struct
import termios
from collections.abc import Sequence
from contextlib import suppress

from docstopd.http.pace import Pace

_JOIN = 16 * 1024  # below this, one copy is cheaper than a second buffer in the system call
_SCRAP = 16 * 1024
_JOIN_TLS = 64 * 1024  # a TLS record costs more than a copy
_ENDED = (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError)


class Transport:
    """A non-blocking TCP or TLS socket."""

    __slots__ = ("_queued", "_socket", "_tls", "secure")

    def __init__(self, sock: socket.socket, tls: ssl.SSLContext | None) -> None:
        sock.setblocking(False)
        self._socket = sock
        self._tls = tls
        self._queued = 0
        self.secure = tls is not None

    def fileno(self) -> int:
        """The socket's descriptor, -1 once closed."""
        return self._socket.fileno()

    def handshake(self) -> bool:
        """Go on with the TLS handshake; False when more bytes of the peer are needed. Raises OSError."""
        if self._tls is None:
            return True
        if not isinstance(self._socket, ssl.SSLSocket):
            self._socket = self._tls.wrap_socket(self._socket, server_side=True, do_handshake_on_connect=False)
        try:
            self._socket.do_handshake()
        except ssl.SSLWantReadError:
            return False
        self._tls = None
        return True

    def send_at_once(self, data: bytes) -> None:
        """Write what the kernel takes now, and drop the rest. Never raises."""
        with suppress(OSError):  # the peer left, or reads nothing
            self._socket.send(data)

    def send_in_clear(self, data: bytes) -> None:
        """Write past TLS, to a peer that did not begin it; what doesn't fit at once is dropped."""
        socket.socket.send(self._socket, data)

    @property
    def pending(self) -> bool:
        """Whether decrypted bytes wait inside the TLS layer, where no poll shows them."""
        return isinstance(self._socket, ssl.SSLSocket) and self._socket.pending() > 0

    def receive(self, size: int) -> bytes | None:
        """Up to `size` bytes that are there now; None without any, empty at the end. Raises OSError."""
        try:
            return self._socket.recv(size)
        except (BlockingIOError, ssl.SSLWantReadError):
            return None
        except _ENDED:
            return b""

    def wait_readable(self, pace: Pace) -> None:
        """Block until there is something to receive; raises TooSlow."""
        pace.wait(self._socket.fileno(), select.POLLIN)

    def receive_into(self, view: memoryview, pace: Pace) -> int:
        """Fill some of `view`, waiting for at least a byte; 0 at the end. Raises TooSlow, OSError."""
        while True:
            try:
                count = self._socket.recv_into(view)
            except (BlockingIOError, ssl.SSLWantReadError):
                self.wait_readable(pace)
                continue
            except _ENDED:
                return 0
            pace.moved(count)
            return count

    def send(self, parts: Sequence[bytes | bytearray | memoryview], pace: Pace) -> None:
        """Write all parts in order, together as far as possible. Raises TooSlow, OSError."""
        views = [memoryview(part).cast("B") for part in parts]
        secure = self.secure
        if sum(map(len, views)) <= (_JOIN_TLS if secure else _JOIN):
            self._send_one(memoryview(b"".join(views)), pace)
            return
        if not secure:
            views = self._gather(views)
        for view in views:
            self._send_one(view, pace)

    def _gather(self, views: list[memoryview]) -> list[memoryview]:
        """One system call for all; returns what is left."""
        try:
            sent = self._socket.sendmsg(views)
        except BlockingIOError:
            return views
        for index, view in enumerate(views):
            if sent < len(view):
                return [view[sent:], *views[index + 1 :]]
            sent -= len(view)
        return []

    def _send_one(self, view: memoryview, pace: Pace) -> None:
        while view:
            try:
                sent = self._socket.send(view)
            except (BlockingIOError, ssl.SSLWantWriteError):
                pace.wait(self._socket.fileno(), select.POLLOUT, self._taken)
                continue
            except ssl.SSLWantReadError:
                self.wait_readable(pace)
                continue
            pace.moved(sent)
            view = view[sent:]

    def _taken(self) -> int:
        """Bytes that the peer acknowledged since this was last asked."""
        queued: int = struct.unpack("i", fcntl.ioctl(self._socket.fileno(), termios.TIOCOUTQ, b"\0\0\0\0"))[0]
        taken = max(0, self._queued - queued)
        self._queued = queued
        return taken

    def receivable(self) -> bool:
        """Whether the kernel holds bytes of the peer."""
        poller = select.poll()
        poller.register(self._socket.fileno(), select.POLLIN)
        return bool(poller.poll(0))

    def finish(self) -> None:
        """End the sending side: the peer has the whole answer. Never raises."""
        try:
            if isinstance(self._socket, ssl.SSLSocket):
                self._socket.unwrap()
        except OSError:
            pass  # the peer need not answer the closing alert
        with suppress(OSError):  # it left first
            socket.socket.shutdown(self._socket, socket.SHUT_WR)

    def abort(self) -> None:
        """Wake whoever waits for this socket with an end. Never raises."""
        with suppress(OSError):  # it left first
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def discard(self, most: int) -> int | None:
        """Throw away up to `most` bytes that are there now; how many, None at the end. Never waits, never raises.

        What is thrown away stays encrypted: the sending side may have ended, and TLS with it.
        """
        done = 0
        while done < most:
            try:
                count = len(socket.socket.recv(self._socket, min(_SCRAP, most - done)))
            except BlockingIOError:
                break
            except OSError:
                return None
            if not count:
                return None
            done += count
        return done

    def close(self) -> None:
        """Give the descriptor back. Never raises."""
        with suppress(OSError):  # the kernel frees the descriptor all the same
            self._socket.close()
