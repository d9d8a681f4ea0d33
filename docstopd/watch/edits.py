"""Whether files that somebody edits have another content, once he is done with it.

Editors rename over a file, cut it and write it anew, or keep a copy beside it; certbot exchanges symbolic links. So
names are followed and contents compared, and nothing is read while it still changes.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

_State = tuple[tuple[int, ...], ...]


class Edits:
    """Some files, looked at about once a second. What they hold at the beginning is known."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = paths
        self._seen = self._looked_into = self._state()
        self._known = self._contents()

    def settled(self) -> bool:
        """Whether they hold something new, and nothing has changed since the last look. True once for each."""
        state = self._state()
        still, self._seen = state == self._seen, state
        if not still or state == self._looked_into:
            return False
        self._looked_into = state
        before, self._known = self._known, self._contents()
        return before != self._known

    def _state(self) -> _State:
        return tuple(_state(path) for path in self._paths)

    def _contents(self) -> tuple[bytes, ...]:
        return tuple(_content(path) for path in self._paths)


def _state(path: Path) -> tuple[int, ...]:
    try:
        found = path.stat()
    except (OSError, ValueError):
        return ()
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def _content(path: Path) -> bytes:
    """A digest: some of these files are keys."""
    try:
        return hashlib.sha256(path.read_bytes()).digest()
    except (OSError, ValueError):
        return b""
