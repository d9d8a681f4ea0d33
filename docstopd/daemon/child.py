"""What every child process of the supervisor does: takes the configuration it was handed, says how it is over its line.

Exit codes: 0 asked to end, 1 refused to start (the reason went over the line), 70 the state of a store is unknown.
"""

import argparse
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from docstopd.config import Config, parse
from docstopd.daemon.process import EXIT_STATE_UNKNOWN, REFUSED
from docstopd.errors import DocstopdError, StateUnknown

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Arguments:
    """What the supervisor hands over: the configuration's place and text, and descriptors; -1 for no listener."""

    config: Path
    text: int
    line: int
    listener: int


Work = Callable[[Config, int, socket.socket], None]
"""`work(config, listener, line)`: until it is told to end."""


def run_child(program: str, work: Work, arguments: Sequence[str]) -> int:
    """Run `work` with what the supervisor handed over; returns the exit code."""
    given = _parse(program, arguments)
    line = socket.socket(fileno=given.line)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C reaches all; the supervisor decides
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        work(parse(_text(given.text), given.config), given.listener, line)
    except StateUnknown as error:
        _log.critical("stopping: %s; stored data is verified at the next start", error)
        return EXIT_STATE_UNKNOWN
    except DocstopdError as error:
        with suppress(OSError):  # an orphan tells nobody
            line.sendall(REFUSED + str(error).replace("\n", "\t").encode() + b"\n")
        return 1
    return 0


def leave(code: int) -> NoReturn:
    """End the process with `code`."""
    if code == EXIT_STATE_UNKNOWN:
        sys.stderr.flush()
        os._exit(code)  # a thread may hang in the store that failed, and the others must stop now
    sys.exit(code)


def _text(descriptor: int) -> str:
    with open(descriptor, "rb") as snapshot:
        snapshot.seek(0)
        return snapshot.read().decode("utf-8")


def _parse(program: str, arguments: Sequence[str]) -> Arguments:
    parser = argparse.ArgumentParser(prog=f"docstopd {program}", description="Started by the supervisor.")
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--text", type=int, required=True)
    parser.add_argument("--line", type=int, required=True)
    parser.add_argument("--listener", type=int, default=-1)
    given = parser.parse_args(arguments)
    return Arguments(given.config, given.text, given.line, given.listener)
