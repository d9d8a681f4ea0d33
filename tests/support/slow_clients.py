"""Clients that move one byte a second, up or down, and never give up."""

import contextlib
import select
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from webdav import Share

UPLOAD = 1_000_000
"""Bytes that each upload announces."""
DOWNLOAD = 16 << 20
"""Bytes of the file that all download: more than the buffers between server and client hold."""
FILE = "slow-download"
PATIENT = {"minimum_rate": 0, "body_timeout": "10m"}
"""The section `http` of a server that does not end them: its defaults would, and so end the test."""
_TURN = 1.0
_BUFFER = 4096
_REACHED = 20.0


@dataclass(slots=True)
class SlowClients:
    """What is open. `dead` tells of those that the server ended."""

    uploads: list[socket.socket] = field(default_factory=list)
    downloads: list[socket.socket] = field(default_factory=list)
    dead: list[str] = field(default_factory=list)
    _leave: threading.Event = field(default_factory=threading.Event)

    def move(self) -> None:
        """One byte each, once a second, until `leave`."""
        while not self._leave.wait(_TURN):
            self._send()
            self._receive()

    def _send(self) -> None:
        for client in list(self.uploads):
            try:
                # An answer in the middle of the body says that the server wants no more of it.
                ended = select.select([client], [], [], 0)[0] or client.send(b"x") != 1
            except OSError as error:
                ended = error
            if ended:
                self.uploads.remove(client)
                self.dead.append(f"an upload: {ended}")

    def _receive(self) -> None:
        for client in list(self.downloads):
            try:
                ended = client.recv(1) == b""
            except BlockingIOError:
                continue
            except OSError:
                ended = True
            if ended:
                self.downloads.remove(client)
                self.dead.append("a download")

    def leave(self) -> None:
        """The end of `move`."""
        self._leave.set()


def prepare(share: Share) -> None:
    """Store what the downloads ask for."""
    share.put(FILE, bytes(DOWNLOAD))


@contextlib.contextmanager
def slow_clients(share: Share, uploads: int, downloads: int) -> Iterator[SlowClients]:
    """Open so many, and let them creep until the block is left. Each has been served its first bytes by then."""
    clients = SlowClients()
    with contextlib.ExitStack() as stack:
        for number in range(uploads):
            more = f"Expect: 100-continue\r\nContent-Length: {UPLOAD}\r\n"
            clients.uploads.append(stack.enter_context(_opened(share, "PUT", f"slow-{number}", more)))
        for _ in range(downloads):
            clients.downloads.append(stack.enter_context(_opened(share, "GET", FILE, "")))
        _reached(clients.uploads, b"HTTP/1.1 100")
        _reached(clients.downloads, b"HTTP/1.1 200")
        thread = threading.Thread(target=clients.move, name="slow-clients")
        thread.start()
        try:
            yield clients
        finally:
            clients.leave()
            thread.join()


@contextlib.contextmanager
def _opened(share: Share, method: str, path: str, more: str) -> Iterator[socket.socket]:
    where = urlsplit(share.url + path)
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        client.settimeout(_REACHED)
        client.connect((where.hostname, where.port))
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        given = "".join(f"{name}: {value}\r\n" for name, value in share.authorization().items())
        client.sendall(f"{method} {where.path} HTTP/1.1\r\nHost: {where.netloc}\r\n{given}{more}\r\n".encode())
        yield client


def _reached(clients: list[socket.socket], expected: bytes) -> None:
    """Wait until the server is at each request's body."""
    until = time.monotonic() + _REACHED
    for client in clients:
        client.settimeout(max(0.1, until - time.monotonic()))
        begun = client.recv(len(expected))
        assert begun == expected, begun
        if expected.endswith(b"100"):
            while not begun.endswith(b"\r\n\r\n"):
                begun += client.recv(1)
        client.setblocking(False)
