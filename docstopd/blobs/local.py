"""Blobs as files: `blobs/3f/3f…`, mode 0400, in 256 folders by the first byte of the id.

A large blob is hashed and written by a second thread while the caller receives and encrypts the next piece: both
release the interpreter, so the two overlap on two cores.
"""

import hashlib
import os
import queue
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from cryptography.utils import Buffer

from docstopd.db import durable
from docstopd.errors import AlreadyExists, Damaged
from docstopd.model import BlobId

INLINE = 1 << 20
"""Bytes below which a second thread costs more than it gives."""

PIECES = 8
"""Pieces on their way to the disk at most; with pieces of one segment this is what a slow disk costs in memory."""


class LocalBlobs:
    """The adapter of `BlobStore` for a local folder, which must exist on one file system with its `tmp`."""

    def __init__(self, root: Path, *, read_only: bool = False) -> None:
        self._root = root
        if read_only:
            return
        durable.make_folder(root / "tmp")
        for number in range(256):
            durable.make_folder(root / f"{number:02x}")

    def _path(self, blob: BlobId) -> Path:
        name = blob.hex()
        return self._root / name[:2] / name

    def create(self, blob: BlobId) -> "LocalWriter":
        """See `BlobStore.create`."""
        return LocalWriter(self._root / "tmp" / blob.hex(), self._path(blob))

    def open(self, blob: BlobId) -> "LocalReader":
        """See `BlobStore.open`."""
        try:
            return LocalReader(os.open(self._path(blob), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW))
        except OSError as error:
            raise Damaged(f"blob {blob.hex()} cannot be opened: {error.strerror}") from error

    def delete(self, blob: BlobId) -> None:
        """See `BlobStore.delete`."""
        with durable.translated():
            self._path(blob).unlink(missing_ok=True)

    def ids(self) -> Iterator[BlobId]:
        """See `BlobStore.ids`."""
        for folder in sorted(self._root.glob("[0-9a-f][0-9a-f]")):
            for path in folder.iterdir():
                yield BlobId(bytes.fromhex(path.name))


class LocalReader:
    """An open blob file."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.size = os.fstat(descriptor).st_size

    def read_into(self, offset: int, target: memoryview) -> int:
        """See `BlobReader.read_into`."""
        done = 0
        try:
            while done < len(target):
                count = os.preadv(self._descriptor, [target[done:]], offset + done)
                if not count:
                    break
                done += count
        except OSError as error:
            raise Damaged(f"a blob cannot be read: {error.strerror}") from error
        return done

    def close(self) -> None:
        """See `BlobReader.close`."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class LocalWriter:
    """A blob file on its way in."""

    def __init__(self, temporary: Path, final: Path) -> None:
        self._temporary = temporary
        self._final = final
        self._digest = hashlib.sha256()
        self._written = 0
        self._background: _Background | None = None
        with durable.translated():
            self._descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o400)

    def write(self, data: Buffer) -> None:
        """See `BlobWriter.write`."""
        self._written += len(data)
        if self._background is None and self._written > INLINE:
            self._background = _Background(self._append)
        if self._background is None:
            self._append(data)
        else:
            self._background.put(bytes(data))

    def _append(self, data: Buffer) -> None:
        self._digest.update(data)
        view = memoryview(data)
        with durable.translated():
            while view:
                view = view[os.write(self._descriptor, view) :]

    def finish(self) -> bytes:
        """See `BlobWriter.finish`."""
        if self._background is not None:
            self._background.drain()
        durable.sync(self._descriptor)
        self._close()
        if self._final.exists():
            raise AlreadyExists("a blob of that id exists")
        durable.publish(self._temporary, self._final)
        return self._digest.digest()

    def abort(self) -> None:
        """See `BlobWriter.abort`."""
        if self._background is not None:
            self._background.stop()
        self._close()
        self._temporary.unlink(missing_ok=True)

    def _close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class _Background:
    """Runs one writer's appends in order in another thread; the first error comes out at the next call."""

    def __init__(self, append: Callable[[Buffer], None]) -> None:
        self._append = append
        self._error: BaseException | None = None
        self._pieces: queue.Queue[bytes | None] = queue.Queue(PIECES)
        self._thread = threading.Thread(target=self._run, name="blob-writer", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while (piece := self._pieces.get()) is not None:
            if self._error is None:
                try:
                    self._append(piece)
                except BaseException as error:  # noqa: BLE001 - raised to the caller by put or drain
                    self._error = error

    def put(self, piece: bytes) -> None:
        """Queue a piece; waits while the disk is behind."""
        if self._error is not None:
            raise self._error
        self._pieces.put(piece)

    def drain(self) -> None:
        """Wait until every piece is written."""
        self.stop()
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        """End the thread, whatever became of its pieces."""
        if self._thread.is_alive():
            self._pieces.put(None)
            self._thread.join()
