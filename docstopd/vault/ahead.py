"""Reading ahead: while one block of a long reading is sent, the next ones are read and decrypted beside it.

Sending a block costs as much as preparing it (the kernel copies it, and on one machine receives it, too), so where one
processor is the limit of a download two threads bring it on. With a download for each processor there is nothing to
gain and every hand-over costs a little: one reading of a process has the second thread, the others go on as ever.
"""

import queue
import threading
from collections.abc import Callable, Generator

from docstopd.crypto import floe

BLOCK = 2 * floe.PLAIN
"""Bytes of a block: half the hand-overs of single segments, and what is in work still fits into a processor's cache."""

BLOCKS = 3
"""One is being sent, one waits, one is being filled."""

LONG = 8 << 20
"""Bytes from which a reading is worth a thread."""

Fill = Callable[[memoryview], int]
"""Fills a buffer with the next bytes; how many, 0 at the end. May raise."""

_Filled = tuple[memoryview, int] | BaseException


class ReadAhead:
    """The second thread of a process, which one reading at a time may have."""

    def __init__(self) -> None:
        self._taken = threading.Lock()

    def take(self, length: int) -> bool:
        """Whether a reading of `length` bytes may have the thread; then it must iterate over `blocks` at once."""
        return length >= LONG and self._taken.acquire(blocking=False)

    def blocks(self, fill: Fill) -> Generator[memoryview, None, None]:
        """What `fill` gives, in order; a block is good until the next one is asked for. Raises what `fill` raises.

        `fill` is called in another thread, and no more once this has ended or was closed.
        """
        free: queue.SimpleQueue[memoryview | None] = queue.SimpleQueue()
        full: queue.SimpleQueue[_Filled] = queue.SimpleQueue()
        thread = threading.Thread(target=_fill_all, args=(fill, free, full), name="read-ahead", daemon=True)
        try:
            thread.start()
            try:
                yield from _emptied(free, full)
            finally:
                free.put(None)
                thread.join()
        finally:
            self._taken.release()


def in_turn(fill: Fill) -> Generator[memoryview, None, None]:
    """The same in the caller's own thread."""
    block = memoryview(bytearray(BLOCK))
    while count := fill(block):
        yield block[:count]


def _emptied(
    free: "queue.SimpleQueue[memoryview | None]", full: "queue.SimpleQueue[_Filled]"
) -> Generator[memoryview, None, None]:
    for _ in range(BLOCKS):
        free.put(memoryview(bytearray(BLOCK)))
    while True:
        filled = full.get()
        if isinstance(filled, BaseException):
            raise filled
        block, count = filled
        if not count:
            return
        yield block[:count]
        free.put(block)


def _fill_all(fill: Fill, free: "queue.SimpleQueue[memoryview | None]", full: "queue.SimpleQueue[_Filled]") -> None:
    while (block := free.get()) is not None:
        try:
            count = fill(block)
        except BaseException as error:  # noqa: BLE001 - raised where the block is asked for
            full.put(error)
            return
        full.put((block, count))
        if not count:
            return
