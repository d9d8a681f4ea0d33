"""A drop folder, reached by descriptors only: no link in it, and no folder exchanged for one, leads anywhere else.

Others write there, by all sorts of programs, so nothing in it is believed: a file is what its descriptor says.
"""

import contextlib
import errno
import fcntl
import os
import secrets
import signal
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from docstopd.db import durable
from docstopd.errors import Failed, StateUnknown
from docstopd.watch.complaint import SUFFIX, Complaints

Place = tuple[str, ...]
"""Names from the drop folder down, the file's own last."""

DEPTH = 32
"""Folders within folders that are looked into."""

_OPEN = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW
_FOLDER = _OPEN | os.O_DIRECTORY


@dataclass(frozen=True, slots=True)
class Identity:
    """What tells a file in one state from any other file and any other state. Times are nanoseconds."""

    device: int
    inode: int
    size: int
    modified: int
    changed: int
    links: int

    @classmethod
    def of(cls, found: os.stat_result) -> "Identity":
        """From what the system says of a file."""
        return cls(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_nlink)

    def encode(self, place: Place) -> bytes:
        """For a mark by which the same file at the same place is known again, after a restart as well."""
        name = "/".join(place).encode(errors="surrogateescape")
        return f"{self.inode} {self.size} {self.modified} {self.changed} ".encode() + name


@dataclass(frozen=True, slots=True)
class Seen:
    """A regular file as a look at the folder found it."""

    place: Place
    identity: Identity


class DropFolder:
    """One folder with all below it."""

    def __init__(self, path: Path, ignore: Sequence[str]) -> None:
        self.path = path
        self._ignore = (*ignore, f"*{SUFFIX}")
        self._probed: tuple[int, int] | None = None
        self._tells_writers = False

    def identity(self) -> tuple[int, int] | None:
        """Which folder it is; None while there is none, as of a disk that is not attached."""
        try:
            found = self.path.stat()
        except OSError:
            return None
        return (found.st_dev, found.st_ino)

    # -- looking ----------------------------------------------------------------------------------------------------

    def files(self) -> list[Seen]:
        """Every file that may be one to take. Raises `Failed` when the folder itself cannot be read."""
        found: list[Seen] = []
        with _translated(self.path):
            descriptor = os.open(self.path, _FOLDER & ~os.O_NOFOLLOW)
        try:
            self._probe(descriptor)
            with _translated(self.path):
                self._look(descriptor, (), found)
        finally:
            os.close(descriptor)
        return found

    def _look(self, descriptor: int, above: Place, found: list[Seen]) -> None:
        with os.scandir(descriptor) as entries:
            members = list(entries)
        names = {entry.name for entry in members}
        for entry in members:
            if self._is_ignored(entry.name):
                if entry.name.endswith(SUFFIX):
                    Complaints(descriptor).tidy(entry.name, names)
                continue
            with contextlib.suppress(FileNotFoundError):  # gone since it was listed
                if entry.is_dir(follow_symlinks=False):
                    self._look_below(descriptor, entry.name, above, found)
                elif entry.is_file(follow_symlinks=False):
                    found.append(Seen((*above, entry.name), Identity.of(entry.stat(follow_symlinks=False))))

    def _look_below(self, descriptor: int, name: str, above: Place, found: list[Seen]) -> None:
        if len(above) >= DEPTH:
            Complaints(descriptor).write(name, f"it lies more than {DEPTH} folders deep; move it up")
            return
        try:
            inner = os.open(name, _FOLDER, dir_fd=descriptor)
        except OSError as error:
            if error.errno not in {errno.ENOENT, errno.ELOOP, errno.ENOTDIR}:
                Complaints(descriptor).write(name, f"the folder cannot be read: {error.strerror}")
            return
        try:
            self._look(inner, (*above, name), found)
        except OSError as error:  # what is wrong with one folder keeps no other from being looked at
            Complaints(descriptor).write(name, f"the folder cannot be read: {error.strerror}")
        finally:
            os.close(inner)

    def _is_ignored(self, name: str) -> bool:
        return any(fnmatchcase(name, pattern) for pattern in self._ignore)

    # -- reaching ---------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def parent(self, place: Place) -> Iterator[int]:
        """A descriptor of the folder that holds a file. Raises OSError."""
        descriptor = os.open(self.path, _FOLDER & ~os.O_NOFOLLOW)
        try:
            for name in place[:-1]:
                inner = os.open(name, _FOLDER, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = inner
            yield descriptor
        finally:
            os.close(descriptor)

    def settle(self, folders: set[Place]) -> bool:
        """Make durable that files are gone from these folders; False where that cannot be known."""
        sure = True
        for folder in folders:
            try:
                with self.parent((*folder, "")) as descriptor:
                    durable.sync(descriptor)
            except FileNotFoundError:
                continue  # the folder is gone, and all in it
            except (OSError, StateUnknown):
                sure = False
        return sure

    # -- who writes -------------------------------------------------------------------------------------------------

    def is_written(self, descriptor: int) -> bool:
        """Whether anybody has the file open for writing, where that can be told: else False."""
        return self._tells_writers and _lease(descriptor) == errno.EAGAIN

    def _probe(self, descriptor: int) -> None:
        """Learn, once for each folder that is found there, whether its file system tells who writes.

        A lease is refused where somebody writes; some file systems (NFS) refuse it always. Raises `Failed` where no
        file can be made: then none can be removed either.
        """
        found = os.fstat(descriptor)
        if self._probed == (found.st_dev, found.st_ino):
            return
        name = f".docstopd-{secrets.token_hex(8)}"
        with _translated(self.path, "nothing can be removed there"):
            os.close(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=descriptor))
            try:
                reading = os.open(name, _OPEN, dir_fd=descriptor)
                self._tells_writers = _lease(reading) == 0
                os.close(reading)
            finally:
                os.unlink(name, dir_fd=descriptor)
        self._probed = (found.st_dev, found.st_ino)


@contextlib.contextmanager
def leased(descriptor: int) -> Iterator[None]:
    """Whoever wants to write to the file meanwhile waits, where the file system and its owner allow that."""
    try:
        _set(descriptor, fcntl.F_RDLCK)
    except OSError:
        yield
        return
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            _set(descriptor, fcntl.F_UNLCK)


def may_remove(parent: int, name: str) -> bool:
    """Whether a folder that may be written to lets this user remove a file: not with the sticky bit. Raises OSError."""
    folder, user = os.fstat(parent), os.geteuid()
    if not folder.st_mode & stat.S_ISVTX or user in {0, folder.st_uid}:
        return True
    return os.stat(name, dir_fd=parent, follow_symlinks=False).st_uid == user


def opened(parent: int, name: str) -> int:
    """A descriptor of a regular file, without waiting for whoever it may be instead. Raises OSError."""
    descriptor = os.open(name, _OPEN | os.O_NONBLOCK, dir_fd=parent)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is no regular file")
    return descriptor


def _lease(descriptor: int) -> int:
    """Try a lease for reading and give it back; the number of the error, 0 for none."""
    try:
        _set(descriptor, fcntl.F_RDLCK)
    except OSError as error:
        return error.errno or errno.EINVAL
    with contextlib.suppress(OSError):
        _set(descriptor, fcntl.F_UNLCK)
    return 0


def _set(descriptor: int, kind: int) -> None:
    # Who is in the way of a writer is told so by a signal: by one that does nothing, where the usual one would kill.
    fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
    fcntl.fcntl(descriptor, fcntl.F_SETLEASE, kind)


@contextlib.contextmanager
def _translated(path: Path, what: str = "it cannot be read") -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Failed(f"drop folder {path}: {what}: {error.strerror}") from error
