"""Durable local files: temp file, fsync, rename, fsync of the folder. Nothing else in docstopd renames or fsyncs.

A failed fsync may have dropped the dirty pages, so a second try proves nothing (Rebello et al., "Can Applications
Recover from fsync Failures?", USENIX ATC 2020): it raises `StateUnknown` and the process stops.
"""

import contextlib
import ctypes
import errno
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from cryptography.utils import Buffer

from docstopd.db import owner
from docstopd.errors import Failed, StateUnknown, StorageFull

FULL = (errno.ENOSPC, errno.EDQUOT)


class translated:  # noqa: N801 - reads as what it does; a generator costs as much as the call that it guards
    """`OSError` in the words of the error tree; a full disk is `StorageFull`."""

    __slots__ = ()

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: type[BaseException] | None, error: BaseException | None, _trace: object) -> None:
        if not isinstance(error, OSError):
            return
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


def write_all(descriptor: int, data: Buffer) -> None:
    """Write every byte. Raises `StorageFull`, `Failed`."""
    view = memoryview(data)
    with translated():
        while view:
            view = view[os.write(descriptor, view) :]


def sync_system(descriptor: int) -> bool:
    """Make everything durable that was written to the file system of this open file. Raises `StateUnknown`.

    Linux reports a write error here that came after the descriptor was opened (5.8 and newer): open it before the
    first write. False where the system has no such call.
    """
    if _syncfs is None:
        return False
    if _syncfs(descriptor):
        raise StateUnknown(f"syncfs failed: {os.strerror(ctypes.get_errno())}")
    return True


def _find_syncfs() -> Callable[[int], int] | None:
    found: Callable[[int], int] | None = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    return found


_syncfs = _find_syncfs()


def publish_together(system: int, files: Sequence[tuple[str, str]]) -> None:
    """Rename files that are written, but not synced, into place; all are durable under their names when this returns.

    `system` is a descriptor that was open on their file system before they were written. One sync of it costs a
    hundredth of a sync for each file. The names come after the contents: what a crash leaves under a name is whole.
    """
    if not sync_system(system):
        for temporary, _final in files:
            _sync_file(temporary)
    with translated():
        for temporary, final in files:
            os.replace(temporary, final)  # noqa: PTH105 - a text, see `publish_unread`
    if not sync_system(system):
        for folder in {os.path.dirname(final) for _temporary, final in files}:  # noqa: PTH120 - the same
            sync_folder(folder)


def _sync_file(path: str) -> None:
    with translated():
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        sync(descriptor)
    finally:
        os.close(descriptor)


def wipe(path: str) -> None:
    """Overwrite a file with zeros and remove it; fine when it is gone.

    A file system that copies on write, and a flash disk, may keep what was there: who must be sure encrypts it under
    a key that is gone by then.
    """
    with translated(), contextlib.suppress(FileNotFoundError):
        os.chmod(path, 0o600)  # noqa: PTH101 - the same
        descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            for start in range(0, os.fstat(descriptor).st_size, _ZEROS):
                os.pwrite(descriptor, bytes(min(_ZEROS, os.fstat(descriptor).st_size - start)), start)
            sync(descriptor)
        finally:
            os.close(descriptor)
        os.unlink(path)  # noqa: PTH108 - the same


_ZEROS = 1 << 20


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
    sync_made(descriptor, folder)


def sync_made(descriptor: int, folder: str) -> None:
    """Make a file that was made under its own name durable, with its name. Raises `StateUnknown`."""
    sync(descriptor)
    sync_folder(folder)


def remove(path: str) -> None:
    """Remove a file; fine when it is gone. Not durable: what comes back after a crash is removed again."""
    with translated(), contextlib.suppress(FileNotFoundError):
        os.unlink(path)  # noqa: PTH108 - a text, see `publish_unread`


def open_lock(path: Path | str) -> int:
    """Open a file that serves as a lock only, and make it where it is missing; the caller closes it. Raises `Failed`.

    It does not follow a link: whoever owns the folder could have root make a file anywhere.
    """
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        try:
            return os.open(path, flags)
        except FileNotFoundError:
            descriptor = os.open(path, flags | os.O_CREAT, 0o600)
    except OSError as error:
        if error.errno in FULL:
            raise StorageFull("the disk that holds the data folder is full") from error
        raise Failed(
            f"{path} cannot be locked ({error.strerror}): it must belong to the user that docstopd runs as"
        ) from error
    owner.adopt(descriptor, os.path.dirname(path))  # noqa: PTH120 - a text, see `publish_unread`
    return descriptor


def write_file(path: Path, content: bytes, mode: int = 0o600, *, adopted: bool = False) -> None:
    """Replace a small file whole: a reader, or a crash, finds the old content or the new.

    Who owned the old file owns the new one. Where there was none, `adopted` gives it to the owner of its folder.
    """
    temporary = path.with_name(f".{path.name}.{os.urandom(8).hex()}.new")
    with translated():
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        try:
            with translated():
                os.fchmod(descriptor, mode)  # whatever the process's umask says
            owner.inherit(descriptor, path, adopted=adopted)
            write_all(descriptor, content)
            sync(descriptor)
        finally:
            os.close(descriptor)
        publish(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def make_folder(path: Path, mode: int = 0o700) -> None:
    """Make a folder and its parents, private to this user (root makes them for the parent's owner), each durable."""
    if path.is_dir():
        return
    make_folder(path.parent, mode)
    with translated(), contextlib.suppress(FileExistsError):
        path.mkdir(mode)
        owner.adopt_path(path)
    sync_folder(path.parent)
