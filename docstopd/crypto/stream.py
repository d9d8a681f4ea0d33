"""Sealing and opening in FLOE what comes piece by piece and does not fit in memory."""

import os
from collections.abc import Callable, Iterator
from typing import Protocol

from cryptography.utils import Buffer

from docstopd import errors
from docstopd.crypto import floe


class SealingStream:
    """Plaintext in pieces of any size becomes one sealed text, handed to `sink` segment by segment.

    `key` seals nothing else. What `sink` is given is good until it returns. Not for concurrent use.
    """

    def __init__(
        self, key: bytes, aad: bytes, sink: Callable[[Buffer], None], random: Callable[[int], bytes] = os.urandom
    ) -> None:
        self._sealer = floe.Sealer(key, aad, random=random)
        self._sink = sink
        self._plain = bytearray()
        self._filled = 0
        self._out = bytearray()
        sink(self._sealer.header)

    def write(self, data: Buffer) -> None:
        """Append plaintext."""
        view = memoryview(data)
        while view:
            # A full segment waits here until more comes: the last one must not be empty.
            if self._filled == floe.PLAIN:
                self._flush(last=False)
            count = min(len(view), floe.PLAIN - self._filled)
            self._hold(view[:count])
            view = view[count:]

    def finish(self) -> None:
        """Seal the rest."""
        self._flush(last=True)

    def _hold(self, piece: memoryview) -> None:
        """Append to the segment that waits. Its buffer grows once, up to a segment, and is then used again."""
        end = self._filled + len(piece)
        if end > len(self._plain):
            self._plain[self._filled :] = b""
            self._plain += piece
        else:
            with memoryview(self._plain) as held:
                held[self._filled : end] = piece
        self._filled = end

    def _flush(self, *, last: bool) -> None:
        length = self._filled + floe.OVERHEAD
        if len(self._out) < length:
            self._out = bytearray(length)
        with memoryview(self._plain) as held, memoryview(self._out) as out:
            self._sealer.seal(held[: self._filled], last, out)
            self._sink(out[:length])
        self._filled = 0


class Source(Protocol):
    """Where a sealed text is read: `size` bytes, at any place."""

    @property
    def size(self) -> int:
        """All of its bytes."""

    def read_into(self, offset: int, target: memoryview) -> int:
        """Fill `target` from `offset`; fewer bytes only at the end."""


def opened(source: Source, key: bytes, aad: bytes, start: int = 0) -> Iterator[memoryview]:
    """The plaintext of the sealed text from `start` to the end of `source`, a segment at a time, in order.

    A piece is good until the next one is asked for. Raises Damaged; what came before it was authentic.
    """
    size = source.size - start
    count = floe.segment_count(floe.plain_size(size))
    sealed, plain = memoryview(bytearray(min(size, floe.SEGMENT))), memoryview(bytearray(floe.PLAIN))
    header = memoryview(bytearray(floe.HEADER))
    _fill(source, start, header)
    opener = floe.Opener(header, key, aad)
    for position in range(count):
        at = floe.HEADER + position * floe.SEGMENT
        target = sealed[: min(floe.SEGMENT, size - at)]
        _fill(source, start + at, target)
        yield plain[: opener.open(position, target, position == count - 1, plain)]


def _fill(source: Source, offset: int, target: memoryview) -> None:
    if source.read_into(offset, target) != len(target):
        raise errors.Damaged("a sealed text is cut short")
