"""Being told that something happens in a folder, so that nobody need look at it all the time.

Only a hint: a network file system tells nothing, and events get lost. Whoever waits looks now and then in any case.
"""

import logging
import threading
from pathlib import Path

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

_TOLD = frozenset({"created", "modified", "moved", "closed"})
"""Kinds of events after which there may be a file that was not there before. Our own reading is none of them."""

_log = logging.getLogger(__name__)


class Glance:
    """Of one folder at a time, with all below it."""

    def __init__(self, told: threading.Event) -> None:
        self._handler = _Handler(told)
        self._observer: BaseObserver | None = None
        self._watched: tuple[int, int] | None = None

    def follow(self, path: Path, identity: tuple[int, int] | None) -> None:
        """Watch the folder that is at `path` now: another one, after a disk was attached there."""
        if identity == self._watched:
            return
        self.close()
        self._watched = identity
        if identity is None:
            return
        observer = Observer()
        try:
            observer.schedule(self._handler, str(path), recursive=True)
            observer.start()
        except OSError as error:
            _log.warning(
                "%s cannot be watched (%s) and is looked at now and then; raise fs.inotify.max_user_watches or"
                " fs.inotify.max_user_instances, if that is why",
                path,
                error.strerror,
            )
        else:
            self._observer = observer

    def close(self) -> None:
        """Watch nothing any more."""
        if self._observer is not None:
            self._observer.stop()
            self._observer.join()
            self._observer = None
        self._watched = None


class _Handler(FileSystemEventHandler):
    def __init__(self, told: threading.Event) -> None:
        self._told = told

    def dispatch(self, event: FileSystemEvent) -> None:
        """See `FileSystemEventHandler.dispatch`."""
        if (event.event_type in _TOLD and not event.is_directory) or event.event_type in {"created", "moved"}:
            self._told.set()
