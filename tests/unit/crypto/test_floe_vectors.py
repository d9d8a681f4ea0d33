"""FLOE against the published known answers (tests/vectors/floe/README.md)."""

from pathlib import Path

import pytest

from docstopd import errors
from docstopd.crypto import floe

FOLDER = Path(__file__).parents[2] / "vectors" / "floe"
KEY, AAD = bytes(32), b"This is AAD"
NAMES = sorted(file.name.removesuffix("_ct.txt") for file in FOLDER.glob("*_ct.txt"))
OPENING = [name for name in NAMES if "lastSegEmpty" not in name]


def read(name: str, part: str) -> bytes:
    return bytes.fromhex((FOLDER / f"{name}_{part}.txt").read_text())


def segment_length(sealed: bytes) -> int:
    return int.from_bytes(sealed[2:6], "big")


def test_the_published_answers_are_there():
    """An empty folder would make every other test here pass."""
    assert len(OPENING) >= 8
    assert set(NAMES) - set(OPENING) == {"java_lastSegEmpty"}
    for wanted in ("_64", "_4K", "lastSegAligned"):
        assert any(wanted in name for name in OPENING)


@pytest.mark.parametrize("name", OPENING)
def test_a_published_ciphertext_opens_to_its_plaintext(name):
    """What other implementations wrote can be read."""
    sealed = read(name, "ct")
    assert floe.open_bytes(KEY, AAD, sealed, segment=segment_length(sealed)) == read(name, "pt")


@pytest.mark.parametrize("name", OPENING)
def test_sealing_with_the_published_randomness_gives_the_published_ciphertext(name):
    """What other implementations read is what is written, byte for byte."""
    sealed, plain = read(name, "ct"), read(name, "pt")
    size = segment_length(sealed)
    starts = range(floe.HEADER, len(sealed), size)
    drawn = [sealed[10:42], *(sealed[start + 4 : start + 16] for start in starts)]
    assert floe.seal_bytes(KEY, AAD, plain, segment=size, random=lambda _: drawn.pop(0)) == sealed
    assert not drawn


def test_an_empty_last_segment_after_another_is_refused():
    """Valid FLOE, but one plaintext would have two lengths."""
    sealed = read("java_lastSegEmpty", "ct")
    with pytest.raises(errors.Damaged):
        floe.open_bytes(KEY, AAD, sealed, segment=segment_length(sealed))


def test_an_opener_refuses_the_empty_last_segment_by_itself():
    """The rule does not hang on the size alone."""
    sealed = read("java_lastSegEmpty", "ct")
    size = segment_length(sealed)
    opener = floe.Opener(sealed[: floe.HEADER], KEY, AAD, segment=size)
    starts = list(range(floe.HEADER, len(sealed), size))
    for position, start in enumerate(starts[:-1]):
        opener.open(position, sealed[start : start + size], False, bytearray(size))
    with pytest.raises(errors.Damaged, match="empty"):
        opener.open(len(starts) - 1, sealed[starts[-1] :], True, bytearray(size))
