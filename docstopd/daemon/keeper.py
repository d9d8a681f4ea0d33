"""The program of the keeper process, `python -m docstopd.daemon.keeper`; started by the supervisor only.

It runs the jobs and watches the stored files, so that the supervisor needs no key and no store, and a job that eats a
processor or dies takes no request with it.
"""

import logging
import os
import signal
import socket
import sys
from contextlib import ExitStack

from docstopd import __version__
from docstopd.config import Config, default
from docstopd.daemon import drops
from docstopd.daemon.child import leave, run_child
from docstopd.daemon.chore import started
from docstopd.daemon.chores import chores_of
from docstopd.daemon.compose import open_vault
from docstopd.daemon.identity import certificate_of, run_of_supervisor, settings_of
from docstopd.daemon.jobs import scheduler_of
from docstopd.daemon.logs import configure_logs
from docstopd.daemon.process import DRAIN, READY, REFUSED
from docstopd.daemon.signals import watched_signals
from docstopd.errors import Failed
from docstopd.vault import Vault

_log = logging.getLogger(__name__)

_ORPHAN_GRACE = 1.0


def keep(config: Config, _listener: int, line: socket.socket) -> None:
    """Run the jobs until SIGTERM comes or the supervisor is gone; what runs then is asked to end between two steps."""
    configure_logs(config.log)
    line.setblocking(False)
    with watched_signals() as signals, open_vault(config) as vault, ExitStack() as stack:
        run = run_of_supervisor()
        settings = {**settings_of(config), **certificate_of(config)}
        clean = vault.service.started(run, __version__, settings, settings_of(default()))
        for chore in chores_of(config, vault, clean=clean):
            stack.callback(started(chore))
        stack.callback(drops.started(config, vault))
        scheduler = scheduler_of(config, vault)
        scheduler.start()
        line.sendall(READY)
        told, heard = False, _Heard(line)
        while not told and heard.has_supervisor():
            _note(heard, vault)
            signals.wait([line], scheduler.tick())
            told = signals.take(signal.SIGTERM)
        if told and not heard.replaced():
            vault.service.stopped(run)
        if not told:
            _log.warning("the supervisor is gone; stopping")
        if not scheduler.stop(config.http.shutdown_grace.seconds if told else _ORPHAN_GRACE):
            os._exit(1)  # a step takes too long; jobs are safe against that as they are against a power cut


def _note(heard: "_Heard", vault: Vault) -> None:
    for problem in heard.refusals():
        try:
            vault.service.refused(problem)
        except Failed as error:
            _log.error("that a configuration was refused could not be journalled: %s", error)


class _Heard:
    """What the supervisor has said: that a new configuration was refused, or that another keeper takes over, for which

    a journal knows no stop.
    """

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._words = b""

    def has_supervisor(self) -> bool:
        """Whether it is still there."""
        try:
            heard = self._line.recv(1 << 16)
        except BlockingIOError:
            return True
        except OSError:
            return False
        self._words += heard
        return heard != b""

    def refusals(self) -> list[str]:
        """Why new configurations were refused, since the last call."""
        *lines, rest = self._words.split(b"\n")
        self._words = b"".join(line + b"\n" for line in lines if not line.startswith(REFUSED)) + rest
        refused = (line.removeprefix(REFUSED) for line in lines if line.startswith(REFUSED))
        return [reason.decode(errors="replace").replace("\t", "\n") for reason in refused]

    def replaced(self) -> bool:
        """Whether the daemon goes on without this process."""
        self.has_supervisor()
        return DRAIN in self._words


if __name__ == "__main__":
    leave(run_child("keeper", keep, sys.argv[1:]))
