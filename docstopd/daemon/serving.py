"""What a worker process does: open the service, serve it on the listener it was given, end when it is told to."""

import gc
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from docstopd.config import Config
from docstopd.daemon.child import run_child
from docstopd.daemon.descriptors import allow_enough
from docstopd.daemon.loaded import http_settings, open_tls
from docstopd.daemon.logs import configure_logs
from docstopd.daemon.process import DRAIN, READY
from docstopd.http import Application, Server

OpenService = Callable[[Config], AbstractContextManager[Application]]

_log = logging.getLogger(__name__)

# Small requests take well under a millisecond of the interpreter: a thread that has waited so long may have it.
_SWITCH_INTERVAL = 0.001
_COLLECT_AFTER = 20_000
_ORPHAN_GRACE = 1.0
_DRAIN_GRACE = 24 * 3600.0


def main(open_service: OpenService, arguments: Sequence[str]) -> int:
    """Run a worker with the given service; returns the exit code."""

    def work(config: Config, listener: int, line: socket.socket) -> None:
        _serve(open_service, config, listener, line)

    return run_child("worker", work, arguments)


def _serve(open_service: OpenService, config: Config, listener: int, line: socket.socket) -> None:
    configure_logs(config.log)
    sys.setswitchinterval(_SWITCH_INTERVAL)
    allow_enough()
    with open_service(config) as application:
        server = Server(socket.socket(fileno=listener), application, http_settings(config), open_tls(config))
        grace = config.http.shutdown_grace.seconds
        signal.signal(signal.SIGTERM, lambda _number, _frame: server.stop(grace))
        idle = config.http.keep_alive.seconds
        threading.Thread(target=_obey, args=(line, server, idle), name="docstopd-line", daemon=True).start()
        gc.freeze()  # what start-up made stays; later collections need not walk it
        gc.set_threshold(_COLLECT_AFTER)  # requests leave few cycles behind, and each collection stops them all
        line.sendall(READY)
        server.serve()


def _obey(line: socket.socket, server: Server, idle: float) -> None:
    """Follow the supervisor: drain on its word, end soon when it is gone."""
    while word := _hear(line):
        if word == DRAIN:
            server.stop(_DRAIN_GRACE, idle)
    _log.warning("the supervisor is gone; stopping")
    server.stop(_ORPHAN_GRACE)
    time.sleep(_ORPHAN_GRACE + 0.5)
    os._exit(1)  # a request hangs; writes are safe against that as they are against a power cut


def _hear(line: socket.socket) -> bytes:
    try:
        return line.recv(64)
    except OSError:
        return b""
