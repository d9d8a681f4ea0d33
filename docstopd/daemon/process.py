"""A child process, worker or keeper, as the supervisor sees it, and the line between the two.

The line is a pair of sockets. The child says `ready`, or `refused` with a reason; the supervisor says `drain`, and to
the keeper `refused` with a reason, of a new configuration. When the supervisor is gone, however that came, the line
ends and the child stops.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

READY = b"ready\n"
REFUSED = b"refused "
DRAIN = b"drain\n"

EXIT_STATE_UNKNOWN = 70
"""A child's exit code that stops the whole daemon: a store may or may not hold a write."""

WORKER_COMMAND = (sys.executable, "-m", "docstopd.daemon.worker")
KEEPER_COMMAND = (sys.executable, "-m", "docstopd.daemon.keeper")

_NOT_INHERITED = ("NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "SSLKEYLOGFILE")


class Process:
    """One child. It gets a fresh interpreter, not a fork: no thread, lock or key of the supervisor is copied."""

    def __init__(
        self, command: Sequence[str], config: Path, text: str, listener: int | None, inherited: Sequence[int]
    ) -> None:
        """Start `command`; `text` is the configuration that was read from `config`. Arguments hold no secret.

        `listener` is the descriptor to serve on, None for a child that serves nobody.
        """
        self._line, theirs = socket.socketpair()
        self._line.setblocking(False)
        snapshot = os.memfd_create("docstopd.yaml")
        with theirs, os.fdopen(snapshot, "wb") as held:
            held.write(text.encode())
            held.flush()
            arguments = ["--config", str(config), "--text", str(snapshot), "--line", str(theirs.fileno())]
            if listener is not None:
                arguments += ["--listener", str(listener)]
                inherited = [listener, *inherited]
            self._popen = subprocess.Popen(  # noqa: S603  # the command is ours
                [*command, *arguments],
                stdin=subprocess.DEVNULL,
                pass_fds=[snapshot, theirs.fileno(), *inherited],
                env={name: value for name, value in os.environ.items() if name not in _NOT_INHERITED},
            )
        self._heard = b""
        self.started = time.monotonic()
        self.ready = False
        self.refusal: str | None = None

    @property
    def pid(self) -> int:
        """The process id."""
        return self._popen.pid

    def fileno(self) -> int:
        """The line's descriptor, for polling; it stays readable once the child is gone."""
        return self._line.fileno()

    def hear(self) -> None:
        """Take in what it has said: sets `ready` or `refusal`."""
        with suppress(OSError):  # nothing there, or the child is gone, which its exit code tells
            self._heard += self._line.recv(4096)
        *lines, self._heard = self._heard.split(b"\n")
        for line in lines:
            if line + b"\n" == READY:
                self.ready = True
            elif line.startswith(REFUSED):
                self.refusal = line.removeprefix(REFUSED).decode(errors="replace").replace("\t", "\n")

    def exit_code(self) -> int | None:
        """None while it lives; negative for a signal."""
        return self._popen.poll()

    def drain(self) -> None:
        """Serve its connections to their end, and accept no others."""
        with suppress(OSError):  # it ended by itself
            self._line.send(DRAIN)

    def tell_refusal(self, reason: str) -> None:
        """A new configuration was refused; for the keeper, which can write that down."""
        with suppress(OSError):  # it ended, or hears nothing: the log has it
            self._line.send(REFUSED + reason.replace("\n", "\t").encode() + b"\n")

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, unless it has ended."""
        self._popen.send_signal(number)

    def wait(self) -> None:
        """Until it has ended."""
        self._popen.wait()

    def close(self) -> None:
        """Forget a process that has ended."""
        self._line.close()
