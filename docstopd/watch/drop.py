"""What lands in a drop folder goes into a space: sealed, durable, and only then away from where it lay.

A file is taken as it was found, or not at all: before it is removed it is looked at again, and whatever has changed
starts over. Whoever dies on the way leaves either the file or the arrival; where both, the next run knows it again.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from docstopd.errors import Failed, NotFound, Refused, StorageFull
from docstopd.vault import Vault
from docstopd.watch.complaint import Complaints
from docstopd.watch.dropfolder import DropFolder, Identity, Place, Seen, leased, may_remove, opened
from docstopd.watch.settling import Settling

CHUNK = 1 << 20
BATCH = 64
"""Files after which the folder is made durable, and the marks go."""

THREADS = 4
"""Files that are taken at a time: their commits are grouped."""

RETRY = 60.0
"""Seconds after which a file that was not taken is tried again."""

EVERY = 15.0
"""Seconds after which a folder is looked at in any case: a network file system tells of no changes."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Drop:
    """One drop folder: its name, the label of its space, and where below the folder for arrivals a file belongs.

    `place` is given the file's name and the folders it lay in. `settle` is in seconds.
    """

    name: str
    folder: DropFolder
    space: str
    place: Callable[[str, Place], Place]
    settle: float


class _Changed(Exception):
    """The file is not what it was, or somebody is at it."""


class _Stopped(Exception):
    """The daemon ends."""


class _Stuck(Exception):
    """No file of the folder can be taken now."""


@dataclass
class _Round:
    """What one look has done so far."""

    marks: list[bytes] = field(default_factory=list)
    folders: set[Place] = field(default_factory=set)
    taken: int = 0
    stuck: str = ""


class Dropping:
    """Watches one drop folder. `step` is called again and again, by one thread of one process."""

    def __init__(self, drop: Drop, vault: Vault, clock: Callable[[], float] = time.monotonic) -> None:
        self._drop = drop
        self._folder = drop.folder
        self._arrivals = vault.arrivals
        self._settling = Settling(drop.settle, clock)
        self._kept: dict[Place, tuple[Identity, bytes]] = {}
        self._stopping = threading.Event()
        self._trouble = ""

    def stop(self) -> None:
        """Let a `step` end soon: what it has not taken stays where it is."""
        self._stopping.set()

    def step(self) -> float:
        """Take what is finished; seconds until the next look, unless something happens. Raises `StateUnknown`."""
        try:
            found = self._folder.files()
        except Failed as error:
            self._complain(str(error))
            return EVERY
        there = {seen.place for seen in found}
        self._kept = {place: kept for place, kept in self._kept.items() if place in there}
        ready, done = self._settling.ready(found), _Round()
        with ThreadPoolExecutor(THREADS, thread_name_prefix=f"drop-{self._drop.name}") as pool:
            for start in range(0, len(ready), BATCH):
                if self._stopping.is_set() or done.stuck:
                    break
                done.taken += sum(pool.map(lambda seen: self._attempt(seen, done), ready[start : start + BATCH]))
                self._settle(done)
        if done.taken:
            _log.info("drop folder %s: %d files were taken", self._drop.name, done.taken)
        self._complain(done.stuck)
        if done.stuck:
            return RETRY
        return min(EVERY, max(0.2, self._drop.settle / 2)) if self._settling.pending else EVERY

    def _complain(self, trouble: str) -> None:
        """In the log, once."""
        if trouble and trouble != self._trouble:
            _log.error("drop folder %s: %s", self._drop.name, trouble)
        elif self._trouble and not trouble:
            _log.info("drop folder %s is in use again", self._drop.name)
        self._trouble = trouble

    def _settle(self, done: _Round) -> None:
        """That the files are away is durable before they may come again: a file that comes back is known until then."""
        if self._folder.settle(done.folders):
            self._arrivals.gone(done.marks)
        done.marks, done.folders = [], set()

    # -- one file ---------------------------------------------------------------------------------------------------

    def _attempt(self, seen: Seen, done: _Round) -> bool:
        """Whether it is taken and away."""
        if self._stopping.is_set() or done.stuck:
            return False
        try:
            with self._folder.parent(seen.place) as parent:
                mark = self._take(parent, seen)
        except _Stopped:
            return False
        except (_Changed, FileNotFoundError):
            self._settling.begin_again(seen.place)
            return False
        except _Stuck as error:
            done.stuck = str(error)
            return False
        except OSError as error:
            self._postpone(seen, f"{error.strerror}")
            return False
        if mark is not None:
            done.marks.append(mark)
            done.folders.add(seen.place[:-1])
        return mark is not None

    def _take(self, parent: int, seen: Seen) -> bytes | None:
        """The mark of a file that is away now; None where it stays, with the reason beside it."""
        name = seen.place[-1]
        try:
            mark = self._bring(parent, seen)
            self._remove(parent, seen)
        except (StorageFull, NotFound) as error:
            Complaints(parent).write(name, str(error))
            raise _Stuck(str(error)) from error
        except (Refused, Failed) as error:
            self._leave(parent, seen, str(error))
        except PermissionError as error:
            self._leave(parent, seen, f"{error.strerror}; docstopd must be allowed to read it")
        else:
            Complaints(parent).clear(name)
            return mark
        return None

    def _leave(self, parent: int, seen: Seen, reason: str) -> None:
        Complaints(parent).write(seen.place[-1], reason)
        self._postpone(seen, reason)

    def _postpone(self, seen: Seen, reason: str) -> None:
        _log.warning("drop folder %s: a file was not taken: %s", self._drop.name, reason)
        self._settling.postpone(seen.place, RETRY)

    def _bring(self, parent: int, seen: Seen) -> bytes:
        """Make an arrival of a file, durably, unless it is one already that could not be removed; its mark."""
        known = self._kept.get(seen.place)
        if known is not None and known[0] == seen.identity:
            return known[1]
        self._check(parent, seen)
        *folder, name = seen.place
        path = self._drop.place(name, tuple(folder))
        with self._opened(parent, seen) as descriptor:
            modified = seen.identity.modified // 1000
            with self._arrivals.begin(self._drop.space, path, modified, self._drop.name) as intake:
                for block in self._content(descriptor, seen):
                    intake.write(block)
                self._require_same(descriptor, seen)
                mark = intake.commit(seen.identity.encode(seen.place))
        self._kept[seen.place] = (seen.identity, mark)
        return mark

    def _check(self, parent: int, seen: Seen) -> None:
        """Raises `Refused` where the file could not be removed afterwards, or is more than one file's name."""
        if seen.identity.links != 1:
            raise Refused("it has several names (hard links); leave a copy instead")
        if not os.access(".", os.W_OK | os.X_OK, dir_fd=parent, effective_ids=True):
            raise Refused("docstopd may not remove it from this folder; let it write there")
        if not may_remove(parent, seen.place[-1]):
            raise Refused("only its owner may remove it from this folder; take the folder's sticky bit away")

    @contextmanager
    def _opened(self, parent: int, seen: Seen) -> Iterator[int]:
        descriptor = opened(parent, seen.place[-1])
        try:
            self._require_same(descriptor, seen)
            yield descriptor
        finally:
            os.close(descriptor)

    def _require_same(self, descriptor: int, seen: Seen) -> None:
        if Identity.of(os.fstat(descriptor)) != seen.identity or self._folder.is_written(descriptor):
            raise _Changed

    def _content(self, descriptor: int, seen: Seen) -> Iterator[memoryview]:
        """Exactly as many bytes as the file had when it was found."""
        buffer, read = memoryview(bytearray(CHUNK)), 0
        while count := os.readv(descriptor, [buffer]):
            if self._stopping.is_set():
                raise _Stopped
            read += count
            yield buffer[:count]
        if read != seen.identity.size:
            raise _Changed

    def _remove(self, parent: int, seen: Seen) -> None:
        """Take it away, if it still is what was taken. Nobody can begin to write meanwhile, where that can be had."""
        name = seen.place[-1]
        with self._opened(parent, seen) as descriptor, leased(descriptor):
            self._require_same_name(parent, name, seen)
            try:
                os.unlink(name, dir_fd=parent)
            except PermissionError as error:
                raise Refused(f"it is stored, and cannot be removed here ({error.strerror}); remove it") from error
        self._kept.pop(seen.place, None)

    def _require_same_name(self, parent: int, name: str, seen: Seen) -> None:
        if Identity.of(os.stat(name, dir_fd=parent, follow_symlinks=False)) != seen.identity:
            self._kept.pop(seen.place, None)
            raise _Changed
