"""The drop folders of the configuration, each watched by a thread of the keeper."""

import datetime
import logging
import os
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

from docstopd.config import Config, DropConfig, fill_drop_path
from docstopd.daemon.jobs import lock_folder
from docstopd.daemon.process import EXIT_STATE_UNKNOWN
from docstopd.errors import Busy, StateUnknown
from docstopd.vault import Vault
from docstopd.vault.lockfile import locked
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
    watch = threading.Thread(target=_watch, args=(runs, lock_folder(config) / LOCK, done), name="drops", daemon=True)
    watch.start()

    def stop() -> None:
        done.set()
        for run in runs:
            run.stop()
        watch.join(_END)

    return stop


def _watch(runs: list["_Run"], lock: Path, done: threading.Event) -> None:
    while not done.is_set():
        try:
            with locked(lock, "another keeper takes what lies in the drop folders"):
                for run in runs:
                    run.start()
                for run in runs:
                    run.join()
        except Busy:
            done.wait(_PAUSE)


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
        glance = Glance(self._told)
        try:
            while not self._done.is_set():
                self._told.clear()
                pause = self._step(glance)
                self._done.wait(min(pause, _PAUSE))  # a file that grows tells so all the time
                if not self._done.is_set():
                    self._told.wait(max(0.0, pause - _PAUSE))
        finally:
            glance.close()

    def _step(self, glance: Glance) -> float:
        folder = self._drop.folder
        try:
            glance.follow(folder.path, folder.identity())
            return self._dropping.step()
        except StateUnknown as error:
            _log.critical("stopping: %s; stored data is verified at the next start", error)
            logging.shutdown()
            os._exit(EXIT_STATE_UNKNOWN)
        except Exception:  # noqa: BLE001 - the thread must live on; what failed is in the log
            _log.exception("drop folder %s: a look failed", self._drop.name)
            return EVERY
