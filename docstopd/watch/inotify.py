"""What the kernel says of folders, gathered. The one file that knows watchdog.

Its observers make an object, two queue places and three thread switches of each event, and tell nobody that events
were lost. An upload makes two or three events, and ten thousand may come at once: so this takes watchdog's own reader
of inotify, lets events gather for a moment, and keeps only which name they were about and what kinds there were.
"""

import errno
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from watchdog.observers.inotify_c import CallbackId, InotifyConstants, InotifyEvent, InotifyFD, Mask, WatchDescriptor

from docstopd.errors import Failed

MADE, WRITTEN, AGAIN, TOUCHED, CAME, WENT = 1, 2, 4, 8, 16, 32
"""What happened to a name: it was made, written (and once more), its mode or owner was set, it was renamed to this

or linked, it is gone."""

_IN = InotifyConstants
_KINDS = (
    (_IN.IN_CREATE, MADE),
    (_IN.IN_MODIFY, WRITTEN),
    (_IN.IN_ATTRIB, TOUCHED),
    (_IN.IN_MOVED_TO, CAME),
    (_IN.IN_MOVED_FROM | _IN.IN_DELETE, WENT),
)
_NAMES = _IN.IN_CREATE | _IN.IN_ATTRIB | _IN.IN_MOVED_TO | _IN.IN_MOVED_FROM | _IN.IN_DELETE
_ITSELF = _IN.IN_DELETE_SELF | _IN.IN_MOVE_SELF | _IN.IN_ONLYDIR | _IN.IN_DONT_FOLLOW | _IN.IN_EXCL_UNLINK

GATHER = 0.1
"""Seconds for which events gather in the kernel, unless so many are there that it might lose some."""

_BUFFER = 1 << 20
_REMEDY = {
    errno.ENOSPC: "raise fs.inotify.max_user_watches (sysctl)",
    errno.EMFILE: "raise fs.inotify.max_user_instances (sysctl)",
}

Place = tuple[str, str]
"""A folder and a name in it; an empty name is the folder itself."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """What happened since the last time. `lost`: the kernel had more to say than it keeps: look at everything."""

    places: Mapping[Place, int]
    lost: bool


@dataclass(slots=True)
class _Gathering:
    places: dict[Place, int] = field(default_factory=dict)
    lost: bool = False


class Notices:
    """Folders that are watched, each without those below it. Safe for threads; to be closed."""

    def __init__(self) -> None:
        """Raises `Failed` with what is to be raised when the system allows no more of them."""
        try:
            self._reader = _Reader()
        except OSError as error:
            raise _failed(error) from error
        self._folders: dict[WatchDescriptor, str] = {}
        self._guard = threading.Lock()
        self._gathering = _Gathering()
        self._reader.start()

    def add(self, folder: str, *, writes: bool = True) -> None:
        """Watch a folder, unless it is watched. Raises `Failed`.

        `writes`: contents too, not only which files there are and whose.
        """
        mask = Mask(_NAMES | _ITSELF | (_IN.IN_MODIFY if writes else 0))
        with self._guard:  # its first event must find its name
            if folder in self._folders.values():
                return
            try:
                watch = self._reader.add_callback(os.fsencode(folder), mask, self, CallbackId(id(self)))
            except OSError as error:
                raise _failed(error, folder) from error
            if watch < 0:  # watchdog keeps this one to itself
                raise Failed(f"{folder} cannot be watched: permission denied")
            self._folders[watch] = folder

    def take(self) -> Gathered:
        """What happened since the last time."""
        with self._guard:
            gathered, self._gathering = self._gathering, _Gathering()
        return Gathered(gathered.places, gathered.lost)

    def close(self) -> None:
        """Watch nothing any more."""
        self._reader.stop()
        self._reader.join()

    # -- called by watchdog -----------------------------------------------------------------------------------------

    def on_event(self, event: InotifyEvent) -> None:
        """Something happened to a name, or to the folder itself."""
        mask = event.mask
        with self._guard:
            folder = self._folders.get(event.wd)
            if folder is None:
                return
            if mask & (_IN.IN_DELETE_SELF | _IN.IN_MOVE_SELF):
                self._gathering.places[folder, ""] = WENT
                self._forget(event)
                return
            place = (folder, os.fsdecode(event.name))
            before = self._gathering.places.get(place, 0)
            for bits, kind in _KINDS:
                if mask & bits:
                    before |= AGAIN if kind == WRITTEN and before & WRITTEN else kind
            self._gathering.places[place] = before

    def _forget(self, event: InotifyEvent) -> None:
        """A folder that is elsewhere is none of ours any more."""
        del self._folders[event.wd]
        if event.is_move_self:
            self._reader.remove_callbacks([(event.wd, CallbackId(id(self)))])

    def on_watch_deleted(self, wd: WatchDescriptor) -> None:
        """The folder is gone."""
        with self._guard:
            self._folders.pop(wd, None)

    def on_queue_overflow(self) -> None:
        """The kernel had more to say than it keeps."""
        with self._guard:
            self._gathering.lost = True


class _Reader(InotifyFD):
    """Reads many events at once."""

    def run(self) -> None:
        """Until it is stopped."""
        while self.should_keep_running():
            events = self.read_events(event_buffer_size=_BUFFER)
            for event in events:
                self.handle_event(event)
            self.stopped_event.wait(GATHER)


def _failed(error: OSError, folder: str = "") -> Failed:
    what = f"{folder} cannot be watched" if folder else "nothing can be watched"
    remedy = _REMEDY.get(error.errno or 0)
    return Failed(f"{what}: {f'the limit is reached; {remedy}' if remedy else error.strerror}")
