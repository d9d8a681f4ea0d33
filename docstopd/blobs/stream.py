"""A long file on its way to the disk: hashed and written by a thread of its own, past the page cache where it can be.

What is written here is synced before anybody hears of it, so the page cache would only delay the same work and push
out what is read. Direct writes want aligned blocks of whole pages; the end of the file goes the usual way. The caller
receives and encrypts the next block meanwhile: hashing, writing and encrypting all release the interpreter.
"""

import errno
import fcntl
import hashlib
import mmap
import os
import queue
import threading

from cryptography.utils import Buffer

from docstopd.db import durable
from docstopd.errors import Failed

BLOCK = 1 << 20
"""Bytes of one write; a multiple of every page and sector size."""

BLOCKS = 4
"""Blocks in use at most: what a slow disk costs in memory for one upload."""


class Stream:
    """Appends to one file, in order; the first error comes out at the next call. For one caller."""

    def __init__(self, descriptor: int, digest: "hashlib._Hash") -> None:
        self._descriptor = descriptor
        self._digest = digest
        self._direct = _set_direct(descriptor, on=True)
        self._error: BaseException | None = None
        self._free: queue.SimpleQueue[mmap.mmap] = queue.SimpleQueue()
        self._full: queue.SimpleQueue[tuple[mmap.mmap, int] | None] = queue.SimpleQueue()
        for _ in range(BLOCKS):
            self._free.put(mmap.mmap(-1, BLOCK))
        self._block = self._free.get()
        self._filled = 0
        self._thread = threading.Thread(target=self._run, name="blob-writer", daemon=True)
        self._thread.start()

    def write(self, data: Buffer) -> None:
        """Copy `data` into blocks; waits while the disk is behind. Raises `StorageFull`, `Failed`."""
        view = memoryview(data)
        while view:
            count = min(len(view), BLOCK - self._filled)
            self._block[self._filled : self._filled + count] = view[:count]
            self._filled += count
            view = view[count:]
            if self._filled == BLOCK:
                self._pass_on()

    def _pass_on(self) -> None:
        if self._error is not None:
            raise self._error
        self._full.put((self._block, self._filled))
        self._block = self._free.get()
        self._filled = 0

    def finish(self) -> None:
        """Write what is left; nothing is durable before the file is synced."""
        self._full.put((self._block, self._filled))
        self.stop()
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        """End the thread, whatever became of its blocks."""
        if self._thread.is_alive():
            self._full.put(None)
            self._thread.join()

    def _run(self) -> None:
        while (piece := self._full.get()) is not None:
            block, length = piece
            if self._error is None:
                try:
                    self._append(block, length)
                except BaseException as error:  # noqa: BLE001 - raised to the caller at its next call
                    self._error = error
            self._free.put(block)

    def _append(self, block: mmap.mmap, length: int) -> None:
        with memoryview(block) as view, view[:length] as piece:
            self._digest.update(piece)
            if self._direct and length == BLOCK:
                self._write_direct(piece)
            else:
                self._usual_way()
                durable.write_all(self._descriptor, piece)

    def _write_direct(self, piece: memoryview) -> None:
        try:
            written = os.write(self._descriptor, piece)
        except OSError as error:
            if error.errno not in {errno.EINVAL, *durable.FULL}:
                raise Failed(f"the file system refused: {error.strerror}") from error
            written = 0  # larger sectors than a page, or no whole block left: the usual way knows
        if written < len(piece):
            self._usual_way()
            durable.write_all(self._descriptor, piece[written:])

    def _usual_way(self) -> None:
        if self._direct:
            self._direct = not _set_direct(self._descriptor, on=False)


def _set_direct(descriptor: int, *, on: bool) -> bool:
    """Switch direct writes; False where the file system has none."""
    flags = fcntl.fcntl(descriptor, fcntl.F_GETFL)
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETFL, flags | os.O_DIRECT if on else flags & ~os.O_DIRECT)
    except OSError:
        return False
    return True
