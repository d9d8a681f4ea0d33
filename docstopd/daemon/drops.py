"""The drop folders of the configuration, each watched by a thread of the keeper."""

import datetime
import fcntl
import logging
import os
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

from docstopd.config import Config, DropConfig, fill_drop_path
from docstopd.daemon.process import EXIT_STATE_UNKNOWN
from docstopd.db import durable
from docstopd.errors import StateUnknown
from docstopd.vault import Vault
from docstopd.watch.drop import EVERY, Drop, Dropping
from docstopd.watch.dropfolder import DropFolder, Place
from docstopd.watch.glance import Glance

LOCK = "drops.lock"
"""Held by the keeper that takes files: one that follows another waits for it."""

_PAUSE = 0.5
_END = 10.0

_log = logging.getLogger(__name__)


def drops_of(config: Config) -> list[Drop]:
    """What the configuration says of drop folders."""
    return [
        Drop(
            name=one.name,
            folder=DropFolder(one.folder, one.ignore),
            space=one.space,
            place=partial(_place, config, one),
            settle=one.settle.seconds,
        )
        for one in config.drop
    ]


def _place(config: Config, drop: DropConfig, name: str, folder: Place) -> Place:
    return fill_drop_path(drop.path, name, folder, datetime.datetime.now(config.jobs.zone))


def started(config: Config, vault: Vault) -> Callable[[], None]:
    """Watch them; what is returned ends it. A file that is being taken then stays where it is."""
    done = threading.Event()
    runs = [_Run(Dropping(drop, vault), drop, done) for drop in drops_of(config)]
    if not runs:
        return lambda: None
    watch = threading.Thread(target=_watch, args=(runs, config.data / "run", done), name="drops", daemon=True)
    watch.start()

    def stop() -> None:
        done.set()
        for run in runs:
            run.stop()
        watch.join(_END)

    return stop


def _watch(runs: list["_Run"], locks: Path, done: threading.Event) -> None:
    lock = _alone(locks, done)
    if lock is None:
        return
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    os.close(lock)


def _alone(locks: Path, done: threading.Event) -> int | None:
    """The descriptor of the lock, once it can be had; None at the end."""
    durable.make_folder(locks)
    descriptor = os.open(locks / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    while not done.is_set():
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            done.wait(_PAUSE)
        else:
            return descriptor
    os.close(descriptor)
    return None


class _Run(threading.Thread):
    """One drop folder's thread."""

    def __init__(self, dropping: Dropping, drop: Drop, done: threading.Event) -> None:
        super().__init__(name=f"drop-{drop.name}", daemon=True)
        self._dropping = dropping
        self._drop = drop
        self._done = done
        self._told = threading.Event()

    def stop(self) -> None:
        """End soon; `done` is set."""
        self._dropping.stop()
        self._told.set()

    def run(self) -> None:
        """Look, take, wait; until the end."""
        glance, folder = Glance(self._told), self._drop.folder
        try:
            while not self._done.is_set():
                glance.follow(folder.path, folder.identity())
                self._told.clear()
                pause = self._step()
                self._done.wait(min(pause, _PAUSE))  # a file that grows tells so all the time
                if not self._done.is_set():
                    self._told.wait(max(0.0, pause - _PAUSE))
        finally:
            glance.close()

    def _step(self) -> float:
        try:
            return self._dropping.step()
        except StateUnknown as error:
            _log.critical("stopping: %s; stored data is verified at the next start", error)
            logging.shutdown()
            os._exit(EXIT_STATE_UNKNOWN)
        except Exception:  # noqa: BLE001 - the thread must live on; what failed is in the log
            _log.exception("drop folder %s: a look failed", self._drop.name)
            return EVERY
