"""A target in a local folder, best on another disk: one file for each object, in folders by the slashes of its name."""

import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography.utils import Buffer

from docstopd.db import durable, owner
from docstopd.db.reader import FileReader
from docstopd.errors import Failed, NotFound, StateUnknown, StorageFull
from docstopd.targets.target import Found

PART = ".part"
"""Ends the name of a file that is on its way in; it lies where it will stay."""

LOST = "lost+found"
"""The folder that file systems of the ext family have at their top."""

_WORD = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?", re.ASCII)


class LocalTarget:
    """The adapter of `Target` for a folder to which nobody else writes. Files are 0400, folders 0700.

    What many writers have finished is made durable together (`durable.publish_together`), not file by file.
    """

    def __init__(self, root: Path) -> None:
        self._root = str(root)
        self._made: set[str] = set()
        self._finished: list[tuple[str, str]] = []
        self._guard = threading.Lock()
        self._system = -1

    def _path(self, name: str) -> str:
        words = name.split("/")
        if not all(_WORD.fullmatch(word) for word in words) or words[-1].endswith(PART):
            raise ValueError("an object's name consists of small letters, digits, dots and hyphens")
        return f"{self._root}/{name}"

    def put(self, name: str) -> "LocalTargetWriter":
        """See `Target.put`."""
        path = self._path(name)
        folder = path.rpartition("/")[0]
        with self._guard:
            if self._system < 0:
                self._system = self._open_root()
            if folder not in self._made:
                with _kept():
                    durable.make_folder(Path(folder))
                self._made.add(folder)
        return LocalTargetWriter(self, path)

    def _open_root(self) -> int:
        with _kept(), durable.translated():
            durable.make_folder(Path(self._root))
            return os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def finished(self, path: str) -> None:
        """A writer's word that its file is written."""
        with self._guard:
            self._finished.append((path + PART, path))

    def open(self, name: str, *, fresh: bool = False) -> FileReader:
        """See `Target.open`."""
        try:
            descriptor = os.open(self._path(name), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            raise NotFound(f"{self._root} has no {name}") from None
        except OSError as error:
            raise Failed(f"{self._root}/{name} cannot be opened: {error.strerror}") from error
        return FileReader(descriptor, fresh=fresh)

    def list(self, prefix: str) -> Iterator[Found]:
        """See `Target.list`."""
        with _reached(self._root):
            if not Path(self._root).is_dir():
                raise NotFound(f"{self._root} is not there; attach the disk that holds it")
            for entry in self._entries(prefix):
                if not entry.name.endswith(PART):
                    found = entry.stat(follow_symlinks=False)
                    yield Found(entry.path[len(self._root) + 1 :], found.st_size, found.st_mtime_ns // 1000)

    def _entries(self, prefix: str) -> Iterator["os.DirEntry[str]"]:
        folders = [f"{self._root}/{prefix}".rstrip("/")]
        while folders:
            try:
                entries = sorted(os.scandir(folders.pop()), key=lambda entry: entry.name)
            except FileNotFoundError:  # never made, or removed meanwhile
                continue
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    if entry.name != LOST:
                        folders.append(entry.path)
                elif entry.is_file(follow_symlinks=False):
                    yield entry

    def delete(self, name: str, *, wipe: bool = False) -> None:
        """See `Target.delete`."""
        with _kept():
            (durable.wipe if wipe else durable.remove)(self._path(name))

    def settle(self) -> None:
        """See `Target.settle`."""
        with self._guard:
            files, self._finished = self._finished, []
            if self._system < 0:
                self._system = self._open_root()
            with _kept():
                durable.publish_together(self._system, files)

    def sweep(self) -> None:
        """See `Target.sweep`."""
        with _reached(self._root):
            for entry in self._entries(""):
                if entry.name.endswith(PART):
                    durable.remove(entry.path)

    def close(self) -> None:
        """Give the folder back; the target is usable afterwards."""
        with self._guard:
            if self._system >= 0:
                os.close(self._system)
                self._system = -1


class LocalTargetWriter:
    """A file on its way in."""

    def __init__(self, target: LocalTarget, path: str) -> None:
        self._target = target
        self._path = path
        with _kept(), durable.translated():
            # What a run that died has left of this object is overwritten.
            durable.remove(path + PART)
            self._descriptor = os.open(path + PART, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o400)
            owner.adopt(self._descriptor, os.path.dirname(path))  # noqa: PTH120 - a text

    def write(self, data: Buffer) -> None:
        """See `TargetWriter.write`."""
        with _kept():
            durable.write_all(self._descriptor, data)

    def finish(self) -> None:
        """See `TargetWriter.finish`."""
        self._close()
        self._target.finished(self._path)

    def abort(self) -> None:
        """See `TargetWriter.abort`."""
        if self._descriptor >= 0:
            self._close()
            durable.remove(self._path + PART)

    def _close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        with durable.translated():
            os.close(descriptor)


@contextmanager
def _reached(root: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Failed(f"{root} cannot be read: {error.strerror}") from error


@contextmanager
def _kept() -> Iterator[None]:
    """A sync that fails here ends the run, not the service: nobody was told yet that anything is safe."""
    try:
        yield
    except StorageFull as error:
        raise StorageFull("the disk of the target is full") from error
    except StateUnknown as error:
        raise Failed(f"the target does not keep what is written to it: {error}") from error
