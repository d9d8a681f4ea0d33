"""FLOE: sizes, misuse, and that nothing but the whole blob in its order opens."""

import hashlib
import hmac
import itertools
import os
import struct
import threading

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from docstopd import errors
from docstopd.crypto import floe

KEY, AAD = b"k" * 32, b"aad"
SHORT = 40
"""A segment of 8 plaintext bytes."""
PLAIN = b"twenty-nine bytes of plain txt"[:29]


@pytest.fixture(scope="module")
def sealed():
    """Four short segments, the last one not full."""
    return floe.seal_bytes(KEY, AAD, PLAIN, segment=SHORT)


def opened(data: bytes, key: bytes = KEY, aad: bytes = AAD) -> bytes:
    return floe.open_bytes(key, aad, data, segment=SHORT)


def pieces(data: bytes) -> list[bytes]:
    return [data[at : at + SHORT] for at in range(floe.HEADER, len(data), SHORT)]


@pytest.mark.parametrize("size", [0, 1, 7, 8, 9, 15, 16, 17, 64, 1000])
def test_what_was_sealed_opens_again(size):
    """Around every edge of the segments."""
    plain = os.urandom(size)
    data = floe.seal_bytes(KEY, AAD, plain, segment=SHORT)
    assert len(data) == floe.sealed_size(size, SHORT)
    assert floe.plain_size(len(data), SHORT) == size
    assert opened(data) == plain


@pytest.mark.parametrize("size", [0, 1, floe.PLAIN - 1, floe.PLAIN, floe.PLAIN + 1, 2 * floe.PLAIN, 3_000_000])
def test_what_was_sealed_in_full_segments_opens_again(size):
    """The segment length that blobs have."""
    plain = os.urandom(size)
    data = floe.seal_bytes(KEY, AAD, plain)
    assert len(data) == floe.sealed_size(size) == floe.HEADER + size + 32 * floe.segment_count(size)
    assert floe.open_bytes(KEY, AAD, data) == plain


@given(st.binary(max_size=200), st.integers(min_value=33, max_value=80))
def test_any_plaintext_opens_again_under_any_segment_length(plain, segment):
    """Round trip."""
    data = floe.seal_bytes(KEY, AAD, plain, segment=segment)
    assert floe.open_bytes(KEY, AAD, data, segment=segment) == plain


@given(st.integers(min_value=0, max_value=2**45))
def test_sizes_are_each_others_inverse(size):
    """A plaintext's size follows from its ciphertext's."""
    assert floe.plain_size(floe.sealed_size(size)) == size


@given(st.integers(min_value=-10, max_value=2**30))
def test_a_size_either_comes_from_a_plaintext_or_is_damaged(size):
    """No length is guessed at."""
    try:
        plain = floe.plain_size(size)
    except errors.Damaged:
        return
    assert floe.sealed_size(plain) == size


def test_every_flipped_bit_is_damage(sealed):
    """Header, prefix, nonce, ciphertext, tag: all of it counts."""
    for bit in range(len(sealed) * 8):
        changed = bytearray(sealed)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(errors.Damaged):
            opened(bytes(changed))


def test_every_shorter_ciphertext_is_damage(sealed):
    """Cut anywhere, between segments included."""
    for size in range(len(sealed)):
        with pytest.raises(errors.Damaged):
            opened(sealed[:size])


def test_every_longer_ciphertext_is_damage(sealed):
    """Extended by zeros, by noise and by its own segments."""
    for size in range(1, 3 * SHORT):
        for tail in (bytes(size), os.urandom(size), (sealed[floe.HEADER :] * 2)[:size]):
            with pytest.raises(errors.Damaged):
                opened(sealed + tail)


def test_every_other_order_of_segments_is_damage(sealed):
    """Moved, doubled or left out."""
    whole = pieces(sealed)
    for length in range(1, len(whole) + 2):
        for order in itertools.product(range(len(whole)), repeat=length):
            if order != tuple(range(len(whole))):
                with pytest.raises(errors.Damaged):
                    opened(sealed[: floe.HEADER] + b"".join(whole[i] for i in order))


@given(st.data())
def test_any_other_bytes_are_damage(sealed, data):
    """Splices and overwrites of any length."""
    start = data.draw(st.integers(0, len(sealed)))
    end = data.draw(st.integers(start, len(sealed)))
    changed = sealed[:start] + data.draw(st.binary(max_size=2 * SHORT)) + sealed[end:]
    if changed != sealed:
        with pytest.raises(errors.Damaged):
            opened(changed)


def test_segments_of_another_blob_under_the_same_key_are_damage(sealed):
    """The header's random value is part of every segment key."""
    other = floe.seal_bytes(KEY, AAD, PLAIN, segment=SHORT)
    with pytest.raises(errors.Damaged):
        opened(sealed[: floe.HEADER + SHORT] + other[floe.HEADER + SHORT :])


def test_another_key_or_another_context_is_damage(sealed):
    """Known from the header already."""
    for key, aad in ((b"K" * 32, AAD), (KEY, b"other"), (KEY, b"")):
        with pytest.raises(errors.Damaged):
            floe.Opener(sealed[: floe.HEADER], key, aad, segment=SHORT)


def test_a_header_cannot_choose_its_segment_length(sealed):
    """Policy does, and the header must agree."""
    with pytest.raises(errors.Damaged):
        floe.Opener(sealed[: floe.HEADER], KEY, AAD)
    with pytest.raises(errors.Damaged):
        floe.Opener(sealed[: floe.HEADER - 1], KEY, AAD, segment=SHORT)


def test_segments_open_in_any_order(sealed):
    """Random access."""
    opener = floe.Opener(sealed[: floe.HEADER], KEY, AAD, segment=SHORT)
    for position in (2, 0, 3, 1):
        out = bytearray(8)
        size = opener.open(position, pieces(sealed)[position], position == 3, out)
        assert out[:size] == PLAIN[position * 8 : position * 8 + 8]


def test_a_segment_that_lies_about_being_the_last_is_damage(sealed):
    """Cutting at a segment's edge cannot make a shorter file."""
    opener = floe.Opener(sealed[: floe.HEADER], KEY, AAD, segment=SHORT)
    last = len(pieces(sealed)) - 1
    for position, piece in enumerate(pieces(sealed)):
        with pytest.raises(errors.Damaged):
            opener.open(position, piece, position != last, bytearray(8))


@pytest.mark.parametrize("position", [-1, 1 << 40, 1 << 70])
def test_a_position_that_cannot_be_is_damage(sealed, position):
    """No wrap-around, no struct error."""
    opener = floe.Opener(sealed[: floe.HEADER], KEY, AAD, segment=SHORT)
    with pytest.raises(errors.Damaged):
        opener.open(position, pieces(sealed)[0], False, bytearray(8))


def test_nothing_is_left_in_the_buffer_of_what_does_not_open(sealed):
    """Plaintext that did not authenticate, or of the segment before, never goes out."""
    opener = floe.Opener(sealed[: floe.HEADER], KEY, AAD, segment=SHORT)
    piece = pieces(sealed)[0]
    for bad in (piece[:-1] + bytes([piece[-1] ^ 1]), piece[:-1], b"", piece + b"x", pieces(sealed)[1]):
        out = bytearray(b"old plaintext, longer than a segment")
        with pytest.raises(errors.Damaged):
            opener.open(0, bad, False, out)
        assert not any(out)


def test_the_segment_key_changes_every_2_to_the_20_segments():
    """Against the standard's text, computed here by hand."""
    data = floe.seal_bytes(KEY, AAD, b"", segment=SHORT)
    start = data[:42]

    def derive(key: bytes, purpose: bytes, size: int) -> bytes:
        return hmac.new(key, start + purpose + AAD + b"\x01", hashlib.sha384).digest()[:size]

    message_key = derive(KEY, b"MESSAGE_KEY:", 48)
    opener = floe.Opener(data[: floe.HEADER], KEY, AAD, segment=SHORT)
    for position in (0, 5, (1 << 20) - 1, 1 << 20, (3 << 20) + 7, 2):
        key = derive(message_key, b"DEK:" + struct.pack(">Q", position >> 20 << 20), 32)
        body = AESGCM(key).encrypt(b"n" * 12, b"12345678", struct.pack(">Q", position) + b"\0")
        out = bytearray(8)
        opener.open(position, b"\xff\xff\xff\xff" + b"n" * 12 + body, False, out)
        assert out == b"12345678"


def test_one_opener_serves_many_threads():
    """Range readers share it, across a change of the segment key."""
    plain = os.urandom(8 * 64)
    data = floe.seal_bytes(KEY, AAD, plain, segment=SHORT)
    opener = floe.Opener(data[: floe.HEADER], KEY, AAD, segment=SHORT)
    wrong = []

    def read(first: int) -> None:
        for position in [*range(first, 64), *range(first)] * 5:
            out = bytearray(8)
            opener.open(position, pieces(data)[position], position == 63, out)
            if out != plain[position * 8 : position * 8 + 8]:
                wrong.append(position)

    threads = [threading.Thread(target=read, args=(i * 8,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_sealer_refuses_what_would_not_open():
    """A short segment in the middle, an empty one at the end, anything after the last, too small a buffer."""
    out = bytearray(SHORT)
    with pytest.raises(ValueError, match="shorter"):
        floe.Sealer(KEY, AAD, segment=SHORT).seal(b"short", False, out)
    with pytest.raises(ValueError, match="shorter"):
        floe.Sealer(KEY, AAD, segment=SHORT).seal(b"longer than full", True, bytearray(100))
    sealer = floe.Sealer(KEY, AAD, segment=SHORT)
    sealer.seal(b"12345678", False, out)
    with pytest.raises(ValueError, match="empty"):
        sealer.seal(b"", True, out)
    with pytest.raises(ValueError, match="buffer"):
        sealer.seal(b"1234567", True, bytearray(SHORT - 2))
    sealer.seal(b"1234567", True, out)
    with pytest.raises(ValueError, match="already"):
        sealer.seal(b"1", True, out)
    with pytest.raises(ValueError, match="32 bytes"):
        floe.Sealer(b"short key", AAD)


def test_a_plaintext_needs_no_copy_of_its_own():
    """Views go in and out, so that a large file moves through two buffers."""
    source, sealed_out, plain_out = memoryview(b"__12345678__"), bytearray(60), bytearray(20)
    sealer = floe.Sealer(KEY, AAD, segment=SHORT)
    size = sealer.seal(source[2:10], True, memoryview(sealed_out)[5:])
    opener = floe.Opener(sealer.header, KEY, AAD, segment=SHORT)
    assert opener.open(0, memoryview(sealed_out)[5 : 5 + size], True, memoryview(plain_out)[3:]) == 8
    assert bytes(plain_out) == bytes(3) + b"12345678" + bytes(9)
