"""Writing stored files into an ordinary folder. What is damaged is left out and named; nothing is replaced."""

import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from docstopd.db import durable
from docstopd.errors import Damaged, Failed, StorageFull
from docstopd.model import Node, SpacePath
from docstopd.vault import Session, Vault

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
        with _disk(self._target):
            place = self._target.joinpath(*(self._os_name(name, path) for name in path))
            if any(
                self._target.joinpath(*place.relative_to(self._target).parts[:n]).is_symlink()
                for n in range(1, len(path))
            ):
                self.left_out.append(f"{_shown(path)} is left out: a link lies on the way to {place}")
                return
            (place if node.folder else place.parent).mkdir(parents=True, exist_ok=True)
        self._node(node, path, place)

    def _node(self, node: Node, path: SpacePath, place: Path) -> None:
        if node.folder:
            self._folder(node, path, place)
        else:
            self._file(node, path, place)

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

    def _file(self, node: Node, path: SpacePath, place: Path) -> None:
        if place.exists() or place.is_symlink():
            self.left_out.append(f"{_shown(path)} is left out: {place} exists already")
            return
        partial = place.with_name(f".docstopd-{secrets.token_hex(8)}.part")
        try:
            with _disk(place):
                self._write(path, partial)
                os.utime(partial, ns=(node.modified * 1000, node.modified * 1000))
                partial.rename(place)
        except Damaged as error:
            self.damaged.append(f"{_shown(path)} is damaged: {error}")
            return
        finally:
            partial.unlink(missing_ok=True)
        self.files += 1
        self.bytes += node.size

    def _write(self, path: SpacePath, partial: Path) -> None:
        with self._vault.files.open(self._session, path) as content, partial.open("xb") as out:
            for block in content.read(0, content.node.size):
                out.write(block)

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
