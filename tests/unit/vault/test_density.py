"""What looks like noise: what is encrypted or compressed, and nothing that people write."""

import base64
import json
import os
import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docstopd.vault import density
from docstopd.vault.density import Samples, is_dense

WORDS = ["der", "Vertrag", "vom", "November", "über", "CHF", "wird", "hiermit", "erneuert", "und", "Partei", "Zürich"]
SOURCE = random.Random(5)
TEXT = " ".join(f"{SOURCE.choice(WORDS)} {SOURCE.randrange(10**6)}" for _ in range(90_000)).encode()
WAVE = b"".join((int(8000 * ((step % 97) / 97 - 0.5)) & 0xFFFF).to_bytes(2, "little") for step in range(50_000))


@pytest.mark.parametrize("size", [density.LEAST, 1000, 5000, 70_000, 1_000_000])
def test_random_bytes_are_noise_whatever_their_number(size: int) -> None:
    """A thousand of each size would be."""
    assert all(is_dense([random.Random(seed).randbytes(size)]) for seed in range(50 if size < 9000 else 3))


@pytest.mark.parametrize("size", [density.LEAST, 1000, 5000, 70_000, 1_000_000])
def test_what_people_write_is_none(size: int) -> None:
    """Text, tables, source, letters that stand for bytes, sound without compression, zeros."""
    source = json.dumps({"rows": [{"id": n, "name": f"n{n}"} for n in range(40_000)]}).encode()
    for content in (TEXT, source, base64.b64encode(os.urandom(800_000)), WAVE, bytes(1_000_000)):
        assert not is_dense([content[:size]])


def test_what_is_compressed_is_noise_already() -> None:
    """So that encrypting it is no rise."""
    assert is_dense([zlib.compress(TEXT, 9)])


def test_too_little_tells_nothing() -> None:
    """Nor does nothing."""
    assert not is_dense([])
    assert not is_dense([os.urandom(density.LEAST - 1)])


@given(st.lists(st.integers(0, 90_000), max_size=20), st.randoms())
def test_how_a_content_is_cut_changes_nothing(cuts: list[int], source: random.Random) -> None:
    """The samples are taken at places of the content."""
    content = source.randbytes(sum(cuts))
    whole, pieces = Samples(), Samples()
    whole.add(content)
    at = 0
    for cut in cuts:
        pieces.add(memoryview(content)[at : at + cut])
        at += cut
    assert pieces._windows == whole._windows
