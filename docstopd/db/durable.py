"""Durable local files: temp file, fsync, rename, fsync of the folder. Nothing else in docstopd renames or fsyncs.

A failed fsync may have dropped the dirty pages, so a second try proves nothing (Rebello et al., "Can Applications
Recover from fsync Failures?", USENIX ATC 2020): it raises `StateUnknown` and the process stops.
"""

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from docstopd.errors import Failed, StateUnknown, StorageFull

FULL = (errno.ENOSPC, errno.EDQUOT)


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """`OSError` in the words of the error tree; a full disk is `StorageFull`."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise StorageFull("the disk that holds the data folder is full") from error
        raise Failed(f"the file system refused: {error.strerror}") from error


def sync(descriptor: int) -> None:
    """Make the file's content durable. Raises `StateUnknown`."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        raise StateUnknown(f"fsync failed: {error.strerror}") from error


def sync_folder(folder: Path | str) -> None:
    """Make the folder's entries durable. Raises `StateUnknown`."""
    with translated():
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        sync(descriptor)
    finally:
        os.close(descriptor)


def publish(temporary: Path, final: Path) -> None:
    """Rename a synced file into place; it is durable under its name when this returns."""
    with translated():
        temporary.rename(final)
    sync_folder(final.parent)


def publish_unread(descriptor: int, temporary: str, folder: str, name: str) -> None:
    """The same, within one folder, for a file that nobody looks for before this returns, not even after a crash.

    Such a file can be renamed before it is synced. A journalling file system then has one transaction to write
    instead of two, which is half of what a small file costs. Paths are texts here: `Path` costs as much as a write.
    """
    with translated():
        os.rename(temporary, f"{folder}/{name}")  # noqa: PTH104 - see above
    sync(descriptor)
    sync_folder(folder)


def remove(path: str) -> None:
    """Remove a file; fine when it is gone. Not durable: what comes back after a crash is removed again."""
    with translated(), contextlib.suppress(FileNotFoundError):
        os.unlink(path)  # noqa: PTH108 - a text, see `publish_unread`


def write_file(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Replace a small file whole: a reader, or a crash, finds the old content or the new."""
    temporary = path.with_name(f".{path.name}.{os.urandom(8).hex()}.new")
    with translated():
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        try:
            with translated():
                os.fchmod(descriptor, mode)  # whatever the process's umask says
                view = memoryview(content)
                while view:
                    view = view[os.write(descriptor, view) :]
            sync(descriptor)
        finally:
            os.close(descriptor)
        publish(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def make_folder(path: Path, mode: int = 0o700) -> None:
    """Make a folder and its parents, private to this user, each durable."""
    if path.is_dir():
        return
    make_folder(path.parent, mode)
    with translated(), contextlib.suppress(FileExistsError):
        path.mkdir(mode)
    sync_folder(path.parent)
