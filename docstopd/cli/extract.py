"""Writing stored files into an ordinary folder. What is damaged is left out and named; nothing is replaced."""

import hashlib
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import chain, count
from pathlib import Path

from docstopd.db import durable
from docstopd.errors import Damaged, Failed, StorageFull
from docstopd.model import Micros, Node, SpacePath
from docstopd.vault import Content, Session, Vault

_NAME_LIMIT = 255
"""Bytes that a name may have in the file systems in use."""


class Extraction:
    """One run; afterwards it says what was written, renamed, left out for being there already, and found damaged."""

    def __init__(self, source: Vault, session: Session, target: Path) -> None:
        self._vault = source
        self._session = session
        self._target = target
        self.files = 0
        self.bytes = 0
        self.renamed: list[str] = []
        self.left_out: list[str] = []
        self.damaged: list[str] = []

    def take(self, path: SpacePath) -> None:
        """Write a file, or a folder with all below it, to its full path in the target. Raises `NotFound`."""
        try:
            node = self._vault.files.stat(self._session, path)
        except Damaged as error:
            self.damaged.append(f"{_shown(path)} cannot be read: {error}")
            return
        place = self._prepare(node.folder, path)
        if place is not None:
            self._node(node, path, place)

    def take_arrivals(self, label: str) -> None:
        """Write what arrived in a space and was not filed yet, to where it would have been filed."""
        for one in self._vault.arrivals.list(self._session, label):
            if one.path is None:
                self.damaged.append(f"an arrival in {_shown((label,))} cannot be read")
                continue
            path = (label, *one.path)
            place = self._prepare(False, path)
            if place is None:
                continue
            with _disk(place):
                place = _unused(place)
            modified = one.modified or one.received
            self._file(
                one.size, modified, path, place, partial(self._vault.arrivals.open, self._session, label, one.blob)
            )

    def _prepare(self, folder: bool, path: SpacePath) -> Path | None:
        """Where it goes, with the folders above it made; None where a link is in the way."""
        with _disk(self._target):
            place = self._target.joinpath(*(self._os_name(name, path) for name in path))
            if any(
                self._target.joinpath(*place.relative_to(self._target).parts[:n]).is_symlink()
                for n in range(1, len(path))
            ):
                self.left_out.append(f"{_shown(path)} is left out: a link lies on the way to {place}")
                return None
            (place if folder else place.parent).mkdir(parents=True, exist_ok=True)
        return place

    def _node(self, node: Node, path: SpacePath, place: Path) -> None:
        if node.folder:
            self._folder(node, path, place)
        else:
            open_content = partial(self._vault.files.open, self._session, path)
            self._file(node.size, node.modified, path, place, open_content)

    def _folder(self, node: Node, path: SpacePath, place: Path) -> None:
        members: list[Node] = []
        try:
            listing = self._vault.files.list(self._session, path)
        except Damaged as error:
            self.damaged.append(f"{_shown(path)}: {error}")
        else:
            members = listing.members
            if listing.unreadable:
                self.damaged.append(f"{_shown(path)}: members that cannot be read: {listing.unreadable}")
        if place.is_symlink() or (place.exists() and not place.is_dir()):
            self.left_out.append(f"{_shown(path)} is left out: {place} exists and is no folder")
            return
        with _disk(place):
            place.mkdir(exist_ok=True)
        for member in members:
            inner = (*path, member.name)
            self._node(member, inner, place / self._os_name(member.name, inner))
        with _disk(place):
            os.utime(place, ns=(node.modified * 1000, node.modified * 1000))

    def _file(
        self, size: int, modified: Micros, path: SpacePath, place: Path, open_content: Callable[[], Content]
    ) -> None:
        if place.exists() or place.is_symlink():
            self.left_out.append(f"{_shown(path)} is left out: {place} exists already")
            return
        part = place.with_name(f".docstopd-{secrets.token_hex(8)}.part")
        try:
            with _disk(place):
                _write(open_content, part)
                os.utime(part, ns=(modified * 1000, modified * 1000))
                part.rename(place)
        except Damaged as error:
            self.damaged.append(f"{_shown(path)} is damaged: {error}")
            return
        finally:
            part.unlink(missing_ok=True)
        self.files += 1
        self.bytes += size

    def _os_name(self, name: str, path: SpacePath) -> str:
        """The name, changed only where no file system could hold it."""
        usable = name.replace("/", "%2F").replace("\0", "%00")
        if usable in {".", ".."}:
            usable = usable.replace(".", "%2E")
        if len(usable.encode()) > _NAME_LIMIT:
            usable = _shortened(usable)
        if usable != name:
            self.renamed.append(f"{_shown(path)} is written as {usable}")
        return usable


def _unused(place: Path) -> Path:
    """The place, or the next one with a number that nothing is at."""
    numbered = (place.with_stem(f"{place.stem} ({number})") for number in count(2))
    return next(one for one in chain([place], numbered) if not one.exists() and not one.is_symlink())


def _write(open_content: Callable[[], Content], part: Path) -> None:
    with open_content() as content, part.open("xb") as out:
        for block in content.read(0, content.node.size):
            out.write(block)


def _shortened(name: str) -> str:
    """The beginning and the ending of a name, with a digest of it all between."""
    ending = Path(name).suffix if len(Path(name).suffix.encode()) <= 16 else ""
    mark = f"~{hashlib.sha256(name.encode()).hexdigest()[:12]}{ending}"
    return name.encode()[: _NAME_LIMIT - len(mark.encode())].decode(errors="ignore") + mark


def _shown(path: SpacePath) -> str:
    return "/" + "/".join(path)


@contextmanager
def _disk(place: Path) -> Iterator[None]:
    """What the target's file system refuses, in the words of the error tree."""
    try:
        yield
    except OSError as error:
        kind = StorageFull if error.errno in durable.FULL else Failed
        raise kind(f"{place} cannot be written: {error.strerror}") from None
