"""Whether a content looks like noise, as what is encrypted or compressed does; told from a few samples of it.

Two bytes taken at random from noise are the same once in 256 times, from text about sixteen times as often. What looks
like noise and replaces what did not is what a program does that holds files to ransom. One that writes in letters, or
leaves most of a file as it was, is not seen here.
"""

from collections import Counter
from collections.abc import Iterable

from cryptography.utils import Buffer

WINDOW = 1024
"""Bytes of a sample."""

STRIDE = 65_536
MOST = 8
"""Samples: one at the beginning of each stride, as long as there is more."""

REACH = (MOST - 1) * STRIDE + WINDOW
"""Bytes of a content beyond which nothing is looked at."""

LEAST = 256
"""Bytes of a sample from which on it tells anything."""

_DISTINCT = 200  # of 256 values: noise of 1024 bytes has about 251, of 256 bytes about 162
_SOME = 120


class Samples:
    """Takes a content piece by piece."""

    def __init__(self) -> None:
        self._windows: dict[int, bytearray] = {}
        self._end = 0

    def add(self, data: Buffer) -> None:
        """The next piece."""
        start, self._end = self._end, self._end + len(data)
        for index in range(start // STRIDE, min(MOST, (self._end - 1) // STRIDE + 1)):
            low, high = max(start, index * STRIDE), min(self._end, index * STRIDE + WINDOW)
            if low < high:
                self._windows.setdefault(index, bytearray()).extend(memoryview(data)[low - start : high - start])

    @property
    def dense(self) -> bool:
        """Whether at least half of the samples look like noise; False where there is too little to tell."""
        told = [looks_like_noise(window) for window in self._windows.values() if len(window) >= LEAST]
        return bool(told) and 2 * sum(told) >= len(told)


def looks_like_noise(sample: Buffer) -> bool:
    """Whether two bytes of the sample are the same hardly more often than in noise."""
    count = len(sample)
    if len(set(bytes(sample))) < (_DISTINCT if count == WINDOW else _SOME):
        return False
    same = sum(each * (each - 1) for each in Counter(bytes(sample)).values())
    return 2 * 256 * same < 3 * count * (count - 1)


def is_dense(blocks: Iterable[Buffer]) -> bool:
    """The same of a content that is read in blocks; no more of it than needed."""
    samples = Samples()
    for block in blocks:
        samples.add(block)
    return samples.dense
