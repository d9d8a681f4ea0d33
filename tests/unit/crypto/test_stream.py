"""Sealing and opening piece by piece."""

import os
from dataclasses import dataclass

import pytest

from docstopd.crypto import floe
from docstopd.crypto.stream import SealingStream, opened
from docstopd.errors import Damaged

KEY, AAD = bytes(range(32)), b"what it is"


@dataclass
class Bytes:
    """A source in memory."""

    data: bytes

    @property
    def size(self) -> int:
        return len(self.data)

    def read_into(self, offset: int, target: memoryview) -> int:
        piece = self.data[offset : offset + len(target)]
        target[: len(piece)] = piece
        return len(piece)


def sealed(plain: bytes, step: int) -> bytes:
    out = bytearray()
    stream = SealingStream(KEY, AAD, out.extend)
    for at in range(0, len(plain), step):
        stream.write(plain[at : at + step])
    stream.finish()
    return bytes(out)


@pytest.mark.parametrize("size", [0, 1, floe.PLAIN - 1, floe.PLAIN, floe.PLAIN + 1, 3 * floe.PLAIN + 5])
def test_pieces_of_any_size_make_one_text(size: int) -> None:
    """It is the one that is sealed at once, but for its random parts, and opens to what it was."""
    plain = os.urandom(size)
    for step in (1000, floe.PLAIN, 1_000_000):
        text = sealed(plain, step)
        assert floe.open_bytes(KEY, AAD, text) == plain
        assert b"".join(bytes(piece) for piece in opened(Bytes(text), KEY, AAD)) == plain
        assert b"".join(bytes(piece) for piece in opened(Bytes(b"before" + text), KEY, AAD, 6)) == plain


def test_a_changed_or_cut_text_does_not_open() -> None:
    """Nor does one under another key or for another purpose."""
    text = sealed(os.urandom(floe.PLAIN + 100), 1000)
    for bad in (text[:-1], text + b"x", text[: floe.HEADER + floe.SEGMENT], text[:10], b""):
        with pytest.raises(Damaged):
            list(opened(Bytes(bad), KEY, AAD))
    for at in (0, 20, 60, 80, 200_000, len(text) - 1):
        changed = bytearray(text)
        changed[at] ^= 1
        with pytest.raises(Damaged):
            list(opened(Bytes(bytes(changed)), KEY, AAD))
    for key, aad in ((bytes(32), AAD), (KEY, b"other")):
        with pytest.raises(Damaged):
            list(opened(Bytes(text), key, aad))
