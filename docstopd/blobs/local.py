"""Blobs as files: `blobs/3f/3f…`, mode 0400, in 256 folders by the first byte of the id."""

import contextlib
import hashlib
import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path

from cryptography.utils import Buffer

from docstopd.blobs.stream import Stream
from docstopd.db import durable, owner
from docstopd.db.reader import FileReader
from docstopd.errors import AlreadyExists, Damaged, Failed
from docstopd.model import BlobId, Micros

INLINE = 1 << 20
"""Bytes below which a second thread costs more than it gives."""

_NAME = re.compile(r"[0-9a-f]{32}", re.ASCII)

PART = ".part"
"""Ends the name of a file that is on its way in.

It lies in the folder where it will stay. One folder for all that arrive would put all inodes into one place of the
disk, and a file system that has lately deleted there searches it at each new file (ext4: half of a small write).
"""


class LocalBlobs:
    """The adapter of `BlobStore` for a local folder, of which nobody else writes a byte."""

    def __init__(self, root: Path, *, read_only: bool = False) -> None:
        self._root = str(root)
        if read_only:
            return
        for number in range(256):
            durable.make_folder(root / f"{number:02x}")

    def _folder(self, blob: BlobId) -> str:
        return f"{self._root}/{blob.hex()[:2]}"

    def _path(self, blob: BlobId) -> str:
        return f"{self._folder(blob)}/{blob.hex()}"

    def create(self, blob: BlobId, *, replace: bool = False) -> "LocalWriter":
        """See `BlobStore.create`."""
        return LocalWriter(self._folder(blob), blob.hex(), replace=replace)

    def open(self, blob: BlobId, *, fresh: bool = False) -> FileReader:
        """See `BlobStore.open`."""
        try:
            return FileReader(os.open(self._path(blob), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW), fresh=fresh)
        except OSError as error:
            raise Damaged(f"blob {blob.hex()} cannot be opened: {error.strerror}") from error

    def delete(self, blob: BlobId) -> None:
        """See `BlobStore.delete`."""
        with durable.translated():
            durable.remove(self._path(blob))

    def ids(self) -> Iterator[BlobId]:
        """See `BlobStore.ids`."""
        for entry in self._entries():
            if _NAME.fullmatch(entry.name):  # what else lies there is nobody's, and the watcher's to tell
                yield BlobId(bytes.fromhex(entry.name))

    def _entries(self) -> Iterator["os.DirEntry[str]"]:
        for folder in sorted(Path(self._root).glob("[0-9a-f][0-9a-f]")):
            with durable.translated(), os.scandir(folder) as entries:
                yield from entries

    def received(self, blob: BlobId) -> Micros | None:
        """See `BlobStore.received`."""
        with durable.translated():
            try:
                return os.stat(self._path(blob), follow_symlinks=False).st_mtime_ns // 1000  # noqa: PTH116 - a text
            except FileNotFoundError:
                return None

    def sweep(self, before: Micros) -> int:
        """See `BlobStore.sweep`."""
        removed = 0
        for entry in self._entries():
            if entry.name.endswith(PART):
                with durable.translated(), contextlib.suppress(FileNotFoundError):  # it was finished meanwhile
                    if entry.stat(follow_symlinks=False).st_mtime_ns // 1000 < before:
                        durable.remove(entry.path)
                        removed += 1
        return removed


class LocalWriter:
    """A blob file on its way in: kept in memory while it is small, streamed to the disk when it is not.

    A small one is made under its own name, and nothing is renamed: no row names it before it is durable, so what a
    crash leaves of it is an orphan like any other, whole or not.
    """

    def __init__(self, folder: str, name: str, *, replace: bool) -> None:
        # A healer that died has left its file under its own name; nobody else's upload has it.
        self._temporary = f"{folder}/{name}{f'.{secrets.token_hex(4)}' if replace else ''}{PART}"
        self._folder = folder
        self._name = name
        self._replace = replace
        self._digest = hashlib.sha256()
        self._small = bytearray()
        self._stream: Stream | None = None
        self._made = ""  # what `abort` would have to remove
        self._descriptor = -1

    def write(self, data: Buffer) -> None:
        """See `BlobWriter.write`."""
        if self._stream is None:
            if len(self._small) + len(data) <= INLINE:
                self._small += data
                return
            self._make(self._temporary)
            self._stream = Stream(self._descriptor, self._digest)
            self._stream.write(self._small)
        self._stream.write(data)

    def _make(self, path: str) -> None:
        try:
            with durable.translated():
                self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o400)
                owner.adopt(self._descriptor, os.path.dirname(path))  # noqa: PTH120 - a text
        except Failed as error:
            if isinstance(error.__cause__, FileExistsError):
                raise AlreadyExists("a blob of that id exists") from error
            raise
        self._made = path

    def finish(self) -> bytes:
        """See `BlobWriter.finish`."""
        if self._stream is None:
            self._digest.update(self._small)
            self._make(self._temporary if self._replace else f"{self._folder}/{self._name}")
            durable.write_all(self._descriptor, self._small)
        else:
            self._stream.finish()
        self._publish()
        self._made = ""
        self._close()
        return self._digest.digest()

    def _publish(self) -> None:
        if self._replace:
            durable.sync(self._descriptor)
            durable.publish(Path(self._temporary), Path(self._folder, self._name))
        elif self._stream is None:
            durable.sync_made(self._descriptor, self._folder)
        elif os.path.lexists(f"{self._folder}/{self._name}"):
            raise AlreadyExists("a blob of that id exists")
        else:
            durable.publish_unread(self._descriptor, self._temporary, self._folder, self._name)

    def abort(self) -> None:
        """See `BlobWriter.abort`."""
        if self._stream is not None:
            self._stream.stop()
        self._close()
        if self._made:
            durable.remove(self._made)

    def _close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
