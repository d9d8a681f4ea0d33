"""The listening socket that all workers share: bound here, or handed over by systemd."""

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from docstopd.config import HttpConfig
from docstopd.errors import Busy, Refused

_FIRST_HANDED = 3  # SD_LISTEN_FDS_START


@contextmanager
def open_listener(http: HttpConfig) -> Iterator[socket.socket]:
    """A socket that listens on the configured address, or the one of systemd's socket unit.

    Raises Busy when the port is taken, Refused when the address cannot be had.
    """
    handed = _handed_over()
    with handed if handed is not None else _bound(http) as listener:
        yield listener


def refuse_connections(listener: socket.socket) -> None:
    """From now on a connection attempt fails at once, unless the socket is systemd's, which then keeps it for later."""
    if _count_handed() == 0:
        listener.shutdown(socket.SHUT_RDWR)


def _bound(http: HttpConfig) -> socket.socket:
    version6 = ":" in http.address
    listener = socket.socket(socket.AF_INET6 if version6 else socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if version6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(http.address != "::"))
        listener.bind((http.address, http.port))
        listener.listen(http.backlog)
    except OSError as error:
        listener.close()
        raise _explained(error, http) from None
    return listener


def _explained(error: OSError, http: HttpConfig) -> Refused:
    place = f"{http.address} port {http.port}"
    if error.errno == errno.EADDRINUSE:
        return Busy(
            f"{place} is in use by another program; stop it, or take another port (http.port; quickstart: --port)"
        )
    if isinstance(error, PermissionError):
        return Refused(f"{place} may not be listened on ({error.strerror}); ports below 1024 need CAP_NET_BIND_SERVICE")
    return Refused(f"{place} cannot be listened on ({error.strerror}); check http.address")


def _handed_over() -> socket.socket | None:
    count = _count_handed()
    if count == 0:
        return None
    if count > 1:
        raise Refused(f"systemd handed over {count} sockets; docstopd listens on one, so keep one ListenStream=")
    listener = socket.socket(fileno=_FIRST_HANDED)
    listener.set_inheritable(False)
    return listener


def _count_handed() -> int:
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        return 0
    count = os.environ.get("LISTEN_FDS", "")
    return int(count) if count.isdecimal() else 0
