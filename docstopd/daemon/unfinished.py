"""A data folder that is being made: whole in the end, or not there at all.

A marker file lies in it from the first step until its first credentials have been shown. A folder with the marker and
without any stored file is worth nothing to anybody: after a crash the next try begins anew.
"""

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from docstopd.daemon.lock import data_lock
from docstopd.daemon.setup import is_made
from docstopd.db import durable
from docstopd.errors import AlreadyExists, Busy, Failed, Refused, reason

MARKER = ".unfinished"
_LOCK = "docstopd.lock"
_MADE = ("catalog.db*", "keyring.db*", "blobs", "keys", "run", "tls", "snapshots", "docstopd.yaml")
_HARMLESS = {_LOCK, "lost+found"}


def is_finished(data: Path) -> bool:
    """Whether a data folder of docstopd is there that may be in use. Raises `Refused`."""
    with _looking_at(data):
        return _in_use(data)


def settle(data: Path) -> None:
    """Take away the marker of a folder that is in use: the power failed between the showing and the taking away."""
    with durable.translated():
        (data / MARKER).unlink(missing_ok=True)


def _in_use(data: Path) -> bool:
    # Stored files weigh more than the marker: who stored them had the credentials.
    return is_made(data) and (not (data / MARKER).exists() or any(path.is_file() for path in data.glob("blobs/??/*")))


def check_free(data: Path) -> None:
    """Raises `Refused` unless `data` is absent, empty, or the rest of a try that was cut off."""
    with _looking_at(data):
        _check_free(data)


@contextmanager
def _looking_at(data: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Refused(f"{data} cannot be looked at ({error.strerror}); check who owns it") from None


def _check_free(data: Path) -> None:
    if _in_use(data):
        raise AlreadyExists(f"{data} is a data folder already; nothing was changed")
    if data.exists() and not data.is_dir():
        raise Refused(f"{data} is not a folder; choose another place")
    if (data / MARKER).exists() or not data.exists():
        return
    if {path.name for path in data.iterdir()} - _HARMLESS:
        raise Refused(f"{data} is not empty, and nothing of docstopd's; choose a new or an empty folder")


class Unfinished:
    """The folder in the making; `finish` is called when all is done and the credentials are shown."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._token = secrets.token_hex(16).encode()
        self._fresh = not data.exists()
        try:
            durable.make_folder(data)
            self._mode = data.stat().st_mode & 0o7777
        except (Failed, OSError) as error:
            raise Refused(f"{data} cannot be made: {reason(error)}") from None
        self.finished = False

    def mark(self) -> None:
        """Take the folder over; the caller holds its lock."""
        self._empty()
        with durable.translated():
            self._data.chmod(0o700)
        durable.write_file(self._data / MARKER, self._token)

    def finish(self) -> None:
        """From now on the folder is somebody's, and is never emptied again."""
        with durable.translated():
            (self._data / MARKER).unlink()
        durable.sync_folder(self._data)
        self.finished = True

    def discard(self) -> None:
        """Leave nothing, unless another process has taken the folder over meanwhile."""
        with suppress(Refused), data_lock(self._data):
            if not self._mine():
                return
            self._empty()
            (self._data / MARKER).unlink()
            (self._data / _LOCK).unlink()
            self._data.chmod(self._mode)
            if self._fresh:
                with suppress(OSError):  # somebody has put something else there
                    self._data.rmdir()

    def abandon(self) -> None:
        """Nothing was marked: a folder that was made for this goes again, if it is empty."""
        if self._fresh:
            (self._data / _LOCK).unlink(missing_ok=True)
            with suppress(OSError):
                self._data.rmdir()

    def _mine(self) -> bool:
        try:
            return (self._data / MARKER).read_bytes() == self._token
        except OSError:
            return False

    def _empty(self) -> None:
        with durable.translated():
            for pattern in _MADE:
                for path in self._data.glob(pattern):
                    shutil.rmtree(path) if path.is_dir() else path.unlink()


@contextmanager
def unfinished(data: Path) -> Iterator[Unfinished]:
    """Begin a data folder at `data`; when the block is left without `finish`, there is nothing.

    Raises `Refused` (`check_free`), `Busy` when another process is at it.
    """
    check_free(data)
    making = Unfinished(data)
    try:
        with data_lock(data):
            check_free(data)
            making.mark()
    except Busy:
        raise
    except BaseException:
        making.abandon()
        raise
    try:
        yield making
    finally:
        if not making.finished:
            making.discard()
