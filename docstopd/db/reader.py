"""An open file that is read at any place by any thread."""

import os

from docstopd.errors import Damaged


class FileReader:
    """Reads a file by its descriptor, which it owns; `size` is as it was at the opening.

    `fresh`: pages of it that are written back already are dropped first, so that the disk itself is read.
    """

    def __init__(self, descriptor: int, *, fresh: bool = False) -> None:
        self._descriptor = descriptor
        if fresh:
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        self.size = os.fstat(descriptor).st_size

    def read_into(self, offset: int, target: memoryview) -> int:
        """Fill `target` from `offset`; fewer bytes only at the end. Raises `Damaged` on a read error."""
        done = 0
        try:
            while done < len(target):
                count = os.preadv(self._descriptor, [target[done:]], offset + done)
                if not count:
                    break
                done += count
        except OSError as error:
            raise Damaged(f"a stored file cannot be read: {error.strerror}") from error
        return done

    def close(self) -> None:
        """Give the descriptor back; fine when that was done already."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
