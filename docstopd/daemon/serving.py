"""What a worker process does: open the service, serve it on the listener it was given, end when it is told to.

Exit codes: 0 asked to end, 1 refused to start (the reason went over the line), 70 the state of a store is unknown.
"""

import argparse
import gc
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path

from docstopd.config import Config, parse
from docstopd.daemon.loaded import http_settings, open_tls
from docstopd.daemon.logs import configure_logs
from docstopd.daemon.process import DRAIN, EXIT_STATE_UNKNOWN, READY, REFUSED
from docstopd.errors import DocstopdError, StateUnknown
from docstopd.http import Application, Server

OpenService = Callable[[Config], AbstractContextManager[Application]]

_log = logging.getLogger(__name__)

# Small requests take well under a millisecond of the interpreter: a thread that has waited so long may have it.
_SWITCH_INTERVAL = 0.001
_COLLECT_AFTER = 20_000
_ORPHAN_GRACE = 1.0
_DRAIN_GRACE = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Arguments:
    """What the supervisor hands over: the configuration's place and text, and two descriptors."""

    config: Path
    text: int
    listener: int
    line: int


def main(open_service: OpenService, arguments: Sequence[str]) -> int:
    """Run a worker with the given service; returns the exit code."""
    given = _parse(arguments)
    line = socket.socket(fileno=given.line)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C reaches all; the supervisor decides
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        _serve(open_service, parse(_text(given.text), given.config), given.listener, line)
    except StateUnknown as error:
        _log.critical("stopping: %s; stored data is verified at the next start", error)
        return EXIT_STATE_UNKNOWN
    except DocstopdError as error:
        with suppress(OSError):  # an orphan tells nobody
            line.sendall(REFUSED + str(error).replace("\n", "\t").encode() + b"\n")
        return 1
    return 0


def _serve(open_service: OpenService, config: Config, listener: int, line: socket.socket) -> None:
    configure_logs(config.log)
    sys.setswitchinterval(_SWITCH_INTERVAL)
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


def _text(descriptor: int) -> str:
    with open(descriptor, "rb") as snapshot:
        snapshot.seek(0)
        return snapshot.read().decode("utf-8")


def _parse(arguments: Sequence[str]) -> Arguments:
    parser = argparse.ArgumentParser(prog="docstopd worker", description="Started by the supervisor.")
    parser.add_argument("--config", type=Path, required=True)
    for name in ("--text", "--listener", "--line"):
        parser.add_argument(name, type=int, required=True)
    given = parser.parse_args(arguments)
    return Arguments(given.config, given.text, given.listener, given.line)
