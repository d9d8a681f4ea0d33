"""Single files of which nobody else has to touch permissions, name or, for some, content: databases and keys.

Who has written into a database cannot be told: several processes of the service do, all the time. What is seen of it
is that the file itself was replaced, removed, or opened to other users.
"""

import hashlib
import logging
import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from docstopd.vault.storage import Alarm, Storage, What
from docstopd.watch.inotify import Place

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Guard:
    """A file. `part` is what it is called in the journal; `constant`: nobody writes to it while the service runs."""

    path: Path
    part: str
    constant: bool = False


@dataclass(frozen=True, slots=True)
class _State:
    """Which file it is, who may do what with it, and, where that must not change, what it holds."""

    identity: tuple[int, int]
    mode: int
    owner: int
    content: bytes


class Guarded:
    """See `Part`. What is there at the beginning is taken to be right, unless others may write to it."""

    def __init__(self, guards: Sequence[Guard], storage: Storage) -> None:
        self._guards = guards
        self._storage = storage
        self._known = {guard.path: _state(guard) for guard in guards}

    def folders(self) -> Mapping[str, bool]:
        """Those that hold the files."""
        constant = {str(guard.path.parent): False for guard in self._guards}
        return {**constant, **{str(guard.path.parent): True for guard in self._guards if guard.constant}}

    def see_to(self, places: Mapping[Place, int]) -> None:
        """See `Part.see_to`."""
        touched = {os.path.join(*place) for place in places}  # noqa: PTH118 - texts
        for guard in self._guards:
            if str(guard.path) in touched:
                self._check(guard)

    def compare(self) -> None:
        """See `Part.compare`."""
        for guard in self._guards:
            self._check(guard)

    def tick(self) -> bool:
        """Nothing waits here."""
        return False

    def end(self) -> None:
        """Nothing is kept."""

    def _check(self, guard: Guard) -> None:
        state, before = _state(guard), self._known[guard.path]
        self._known[guard.path] = state
        if state is not None and _opened(state, before):
            self._alarm(What.ACCESSIBLE, guard)
            self._close(guard, before)
        if state is None or before is None:
            if state is not before:
                self._alarm(What.DELETED if state is None else What.ADDED, guard)
        elif (state.identity, state.content) != (before.identity, before.content):
            self._alarm(What.CHANGED, guard)

    def _alarm(self, what: What, guard: Guard) -> None:
        self._storage.alarm(Alarm(what, guard.part, str(guard.path)))

    def _close(self, guard: Guard, before: _State | None) -> None:
        mode = 0o600 if before is None else stat.S_IMODE(before.mode) & ~0o022
        try:
            if not guard.path.is_symlink():
                guard.path.chmod(mode)
        except OSError as error:
            _log.error("the permissions of %s cannot be put right: %s", guard.path, error.strerror)
        self._known[guard.path] = _state(guard)


def _state(guard: Guard) -> _State | None:
    try:
        found = guard.path.lstat()
        regular = stat.S_ISREG(found.st_mode)
        content = hashlib.sha256(guard.path.read_bytes()).digest() if guard.constant and regular else b""
    except OSError:
        return None
    return _State((found.st_dev, found.st_ino), found.st_mode, found.st_uid, content)


def _opened(state: _State, before: _State | None) -> bool:
    """Whether others may write to it, or read it who could not before."""
    mode = stat.S_IMODE(state.mode)
    if stat.S_ISLNK(state.mode) or before is None:
        return False
    return bool(mode & 0o022 or mode & 0o044 & ~before.mode) or state.owner != before.owner
