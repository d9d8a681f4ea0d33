"""Why a file was not taken, in a text file beside it, for whoever put it there."""

import contextlib
import logging
import os
from collections.abc import Collection

SUFFIX = ".docstopd-error.txt"
BEGIN = "docstopd could not take this away: "
END = "\nIt is tried again by itself, and this note goes then.\n"
LONGEST = 255
"""Bytes of a name in the file systems in use."""

_log = logging.getLogger(__name__)


class Complaints:
    """Those in the folder of a descriptor. What cannot be written there is in the log."""

    def __init__(self, folder: int) -> None:
        self._folder = folder

    def write(self, name: str, reason: str) -> None:
        """Say why; nothing is written when that is said already."""
        note = note_of(name)
        text = f"{BEGIN}{reason}.{END}".encode()
        if self._read(note) == text:
            return
        try:
            self._remove(note)
            # Exclusive: what somebody has put in its place meanwhile is not followed and not overwritten.
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(note, flags, 0o644, dir_fd=self._folder)
            try:
                os.write(descriptor, text)
            finally:
                os.close(descriptor)
        except OSError as error:
            _log.warning(
                "a file in a drop folder was not taken (%s), and no note could be left there: %s", reason, error
            )

    def clear(self, name: str) -> None:
        """The file is taken."""
        with contextlib.suppress(OSError):
            self._remove(note_of(name))

    def tidy(self, note: str, names: Collection[str]) -> None:
        """Remove a note whose file is not in the folder any more, by whatever hands. `names` are all that are."""
        name = note.removesuffix(SUFFIX)
        cut = len(os.fsencode(note)) >= LONGEST - 4  # of a name that was cut, which cannot be known again
        if name in names or cut or not (self._read(note) or b"").startswith(BEGIN.encode()):
            return
        with contextlib.suppress(OSError):
            self._remove(note)

    def _remove(self, note: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(note, dir_fd=self._folder)

    def _read(self, note: str) -> bytes | None:
        try:
            descriptor = os.open(note, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=self._folder)
        except OSError:
            return None
        try:
            return os.read(descriptor, 4096)
        except OSError:
            return None
        finally:
            os.close(descriptor)


def note_of(name: str) -> str:
    """What the note beside a file is called."""
    bare = os.fsencode(name)[: LONGEST - len(SUFFIX)]
    return os.fsdecode(bare) + SUFFIX
