"""`docstopd serve`: holds the data folder and the port, and keeps the workers and the keeper running.

The supervisor opens no store and holds no key: workers serve requests, and the keeper, one process beside them, runs
the jobs. Signals: TERM and INT end the daemon when requests in flight have
finished (a second one at once), HUP reads the configuration again; so does an edit of it, and a renewed certificate.
"""

import logging
import os
import signal
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from docstopd import __version__
from docstopd.daemon.crew import Crew
from docstopd.daemon.listener import open_listener, refuse_connections
from docstopd.daemon.loaded import Loaded, edits_of, url_of
from docstopd.daemon.lock import data_lock
from docstopd.daemon.logs import configure_logs
from docstopd.daemon.notify import Notifier
from docstopd.daemon.process import EXIT_STATE_UNKNOWN, KEEPER_COMMAND, WORKER_COMMAND, Process
from docstopd.daemon.signals import Signals, watched_signals
from docstopd.daemon.status import Status, remove_status, write_status
from docstopd.errors import DocstopdError, Refused, StateUnknown

_log = logging.getLogger(__name__)
_LAST_WORDS = 3.0


@dataclass(frozen=True, slots=True)
class Commands:
    """The programs of the children; without one for the keeper no job runs."""

    worker: Sequence[str] = WORKER_COMMAND
    keeper: Sequence[str] = KEEPER_COMMAND


COMMANDS = Commands()


def serve(config_file: Path, *, announce: Callable[[str], None] | None = None, commands: Commands = COMMANDS) -> None:
    """Serve until SIGTERM or SIGINT. `announce` is called once with the URL, when all workers are ready.

    Must run in the main thread. Raises ConfigurationError, Busy or another Refused before anything has begun, Failed
    when the workers cannot start, StateUnknown when a store's state is in doubt: then everything has stopped.
    """
    loaded = Loaded.read(config_file)
    configure_logs(loaded.config.log)
    with ExitStack() as stack:
        lock = stack.enter_context(data_lock(loaded.config.data))
        listener = stack.enter_context(open_listener(loaded.config.http))
        signals = stack.enter_context(watched_signals())
        stack.callback(remove_status, loaded.config.data)
        Supervisor(loaded, listener, lock, signals, announce or (lambda _url: None), commands).run()


class Supervisor:
    """The crew that serves, the one that shall replace it after a reload, the keeper, and who is leaving."""

    def __init__(
        self,
        loaded: Loaded,
        listener: socket.socket,
        lock: int,
        signals: Signals,
        announce: Callable[[str], None],
        commands: Commands,
    ) -> None:
        self._loaded = loaded
        self._bound = loaded.config.http
        self._listener = listener
        self._lock = lock
        self._signals = signals
        self._announce = announce
        self._commands = commands
        self._notifier = Notifier.from_environment()
        self._url = url_of(loaded.config, listener.getsockname()[1])
        self._started = time.time()
        self._crew = self._crew_of(loaded)
        self._next: tuple[Loaded, Crew] | None = None
        self._keeper = self._keeper_of(loaded)
        self._leaving: list[Process] = []
        self._old_keepers: list[Process] = []
        self._edits = edits_of(loaded.path, loaded.config)
        self._wanted = False
        self._refused = self._restart = ""

    def run(self) -> None:
        """Until a signal ends it; every worker is gone then, whatever is raised."""
        try:
            while not self._signals.take(signal.SIGTERM, signal.SIGINT):
                self._wanted |= self._signals.take(signal.SIGHUP)
                if self._next is None and self._crew.complete and (self._wanted or self._was_edited()):
                    self._reload()
                self._tend()
                self._wait(self._next_due())
        finally:
            self._stop()

    def _crew_of(self, loaded: Loaded) -> Crew:
        def launch() -> Process:
            return Process(self._commands.worker, loaded.path, loaded.text, self._listener.fileno(), [self._lock])

        return Crew(launch, loaded.config.http.workers or os.cpu_count() or 1)

    def _keeper_of(self, loaded: Loaded) -> Crew:
        """A crew of one. Requests are served whatever becomes of it; that no job runs is in the log and in `status`."""

        def launch() -> Process:
            return Process(self._commands.keeper, loaded.path, loaded.text, None, [self._lock])

        return Crew(launch, 1 if self._commands.keeper else 0, "keeper", patient=True)

    def _everyone(self) -> list[Process]:
        return [*self._crew, *(self._next[1] if self._next else ()), *self._keeper, *self._leaving]

    def _next_due(self) -> float:
        """Seconds until a child is to be started, one at most."""
        dues = [self._crew.next_due(), self._keeper.next_due() if self._may_keep() else None]
        return min((due for due in dues if due is not None), default=1.0)

    # -- while it runs ---------------------------------------------------------------------------------------------

    def _tend(self) -> None:
        was_complete = self._crew.complete
        changed = self._crew.tend()
        if self._crew.complete and not was_complete:
            self._opened()
        elif changed:
            self._write_status()
        self._see_off()
        self._tend_next()
        self._tend_keeper()

    def _tend_keeper(self) -> None:
        if self._may_keep() and self._keeper.tend():
            self._write_status()

    def _may_keep(self) -> bool:
        """The keeper starts when the workers serve, and after a reload when the one before it has gone."""
        return self._crew.complete and not any(process in self._leaving for process in self._old_keepers)

    def _see_off(self) -> None:
        for process in [one for one in self._leaving if one.exit_code() is not None]:
            self._leaving.remove(process)
            process.close()
            if process.exit_code() == EXIT_STATE_UNKNOWN:
                raise StateUnknown("a leaving process does not know whether a write was stored; start again to verify")

    def _opened(self) -> None:
        self._write_status()
        _log.info("docstopd %s serves %s", __version__, self._url)
        self._notifier.ready(f"serving {self._url}")
        self._announce(self._url)

    def _write_status(self) -> None:
        pids = [process.pid for process in self._crew]
        keeper = next((process.pid for process in self._keeper), None)
        status = Status(os.getpid(), __version__, self._url, self._started, pids, keeper, self._refused, self._restart)
        try:
            write_status(self._loaded.config.data, status)
        except OSError as error:  # a full disk: what is served goes on
            _log.warning("what `docstopd status` reads cannot be written: %s", error.strerror)

    def _wait(self, due: float) -> None:
        living = [process for process in self._everyone() if process.exit_code() is None]
        self._signals.wait(living, due)

    # -- reload ----------------------------------------------------------------------------------------------------

    def _was_edited(self) -> bool:
        if self._edits is None or not self._edits.settled():
            return False
        _log.info("%s or its certificate was edited", self._loaded.path)
        return True

    def _reload(self) -> None:
        """Read the configuration; what is good gets workers of its own, what is broken changes nothing."""
        self._wanted = False
        self._edits = edits_of(self._loaded.path, self._loaded.config)  # what is there now is what is read now
        self._notifier.reloading()
        try:
            loaded = Loaded.read(self._loaded.path)
            self._check_moves(loaded)
            self._edits = edits_of(loaded.path, loaded.config)
        except DocstopdError as error:
            self._reload_failed(error)
            return
        self._next = (loaded, self._crew_of(loaded))

    def _check_moves(self, loaded: Loaded) -> None:
        old, new = self._loaded.config, loaded.config
        if old.data != new.data:
            raise Refused(f"data changed from {old.data} to {new.data}: restart docstopd for that")
        moved = []
        for name, before, after in (
            ("http.address", self._bound.address, new.http.address),
            ("http.port", self._bound.port, new.http.port),
        ):
            if before != after:
                _log.warning("%s changed to %s: that holds from the next restart on", name, after)
                moved.append(name)
        self._restart = " ".join(moved)

    def _tend_next(self) -> None:
        if self._next is None:
            return
        loaded, crew = self._next
        try:
            crew.tend()
        except StateUnknown:
            raise
        except DocstopdError as error:
            self._dismiss(crew)
            self._next = None
            self._reload_failed(error)
            return
        if crew.complete:
            self._take_over(loaded, crew)

    def _take_over(self, loaded: Loaded, crew: Crew) -> None:
        for process in self._crew:
            process.drain()
        self._old_keepers = list(self._keeper)
        for process in self._old_keepers:
            process.drain()  # so that it knows: the daemon goes on without it
            process.signal(signal.SIGTERM)
        self._leaving += [*self._crew, *self._old_keepers]
        self._crew, self._keeper, self._loaded, self._next = crew, self._keeper_of(loaded), loaded, None
        configure_logs(loaded.config.log)
        self._refused = ""
        self._url = url_of(loaded.config, self._listener.getsockname()[1])
        self._write_status()
        _log.info("the new configuration is in force")
        self._notifier.ready(f"serving {self._url}")

    def _dismiss(self, crew: Crew) -> None:
        """A crew that never served leaves."""
        for process in crew:
            process.signal(signal.SIGTERM)
        self._leaving += crew

    def _reload_failed(self, error: DocstopdError) -> None:
        _log.error("the old configuration stays in force, since the new one fails:\n%s", error)
        self._refused = str(error)
        for process in self._keeper:
            process.tell_refusal(self._refused)
        self._write_status()
        self._notifier.ready(f"serving {self._url}; the last reload failed")

    # -- the end ---------------------------------------------------------------------------------------------------

    def _stop(self) -> None:
        """End every child: by request, after the grace by force."""
        self._notifier.stopping()
        for process in self._everyone():
            process.signal(signal.SIGTERM)
        refuse_connections(self._listener)
        until = time.monotonic() + self._loaded.config.http.shutdown_grace.seconds + _LAST_WORDS
        while (left := [one for one in self._everyone() if one.exit_code() is None]) and time.monotonic() < until:
            self._signals.wait(left, until - time.monotonic())
            if self._signals.take(signal.SIGTERM, signal.SIGINT):
                break
        for process in left:
            process.signal(signal.SIGKILL)
        for process in self._everyone():
            process.wait()
            process.close()
        _log.info("docstopd has stopped")
