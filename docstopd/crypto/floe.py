"""FLOE (c2sp.org/FLOE): the format of blobs.

Segments of AES-256-GCM under HKDF-Expand-SHA-384: key-committing, opened in any order, none movable to another place.
The one narrowing against the specification: a last segment may be empty only when the whole plaintext is, so that one
length of plaintext has one length of ciphertext.
"""

import hmac
import os
import struct
from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from cryptography.utils import Buffer

from docstopd import errors
from docstopd.model import BlobId

SEGMENT = 262_144
"""Bytes of a full segment as stored."""
OVERHEAD = 32
"""Bytes a segment adds to its plaintext: prefix 4, nonce 12, tag 16."""
PLAIN = SEGMENT - OVERHEAD
"""Plaintext bytes of a full segment."""
HEADER = 74

_PREFIX = 4
_NONCE = 12
_BODY = _PREFIX + _NONCE
_IV = 32
_TAG = 32
_NOT_LAST = b"\xff\xff\xff\xff"
_KEY_PERIOD = 1 << 20
_MOST_SEGMENTS = 1 << 40


def blob_aad(blob: BlobId) -> bytes:
    """The associated data of a blob: ciphertext under another blob's name does not open."""
    return b"docstopd/blob/v1" + blob


def segment_count(plain: int, segment: int = SEGMENT) -> int:
    """How many segments `plain` bytes make; an empty plaintext makes one."""
    return max(1, -(-plain // (segment - OVERHEAD)))


def sealed_size(plain: int, segment: int = SEGMENT) -> int:
    """Bytes of ciphertext, header included, for `plain` bytes."""
    return HEADER + plain + OVERHEAD * segment_count(plain, segment)


def plain_size(sealed: int, segment: int = SEGMENT) -> int:
    """Bytes of plaintext in `sealed` bytes. Raises Damaged for a length that no plaintext gives."""
    body = sealed - HEADER
    plain = body - OVERHEAD * max(1, -(-body // segment))
    if plain < 0 or sealed_size(plain, segment) != sealed:
        raise errors.Damaged(f"a blob of {sealed} bytes is cut short or extended")
    return plain


class Sealer:
    """Encrypts one plaintext from its beginning to its end; not for concurrent use.

    `key` is a data key of 32 bytes that seals nothing else. `header` is stored before the first segment.
    """

    def __init__(
        self, key: bytes, aad: bytes, *, segment: int = SEGMENT, random: Callable[[int], bytes] = os.urandom
    ) -> None:
        start = _params(segment) + random(_IV)
        self._schedule = _Schedule(key, start, aad)
        self._segment = segment
        self._random = random
        self._position = 0
        self._ended = False
        self.header = start + self._schedule.tag

    def seal(self, plain: Buffer, last: bool, out: memoryview | bytearray) -> int:
        """Write one segment to the start of `out` and return its length.

        Every segment but the last takes exactly a full segment's plaintext. Raises ValueError when called otherwise,
        after the last segment, or with an `out` that is too small.
        """
        length = len(plain) + OVERHEAD
        self._check(length, last)
        view = memoryview(out)[:length]
        nonce = self._random(_NONCE)
        view[:_PREFIX] = _prefix(length, last)
        view[_PREFIX:_BODY] = nonce
        cipher = self._schedule.cipher(self._position)
        cipher.encrypt_into(nonce, plain, _segment_aad(self._position, last), view[_BODY:])
        self._position += 1
        self._ended = last
        return length

    def _check(self, length: int, last: bool) -> None:
        if self._ended or self._position >= _MOST_SEGMENTS:
            raise ValueError("the last segment is already sealed")
        if length != self._segment and not (last and length < self._segment):
            raise ValueError("only the last segment may be shorter than a full one")
        if length == OVERHEAD and self._position:
            raise ValueError("the last segment may be empty only when it is the first")


class Opener:
    """Decrypts segments of one blob in any order; safe for concurrent use.

    Raises Damaged when `header` was not made with this `key` and `aad`, or for another length of `segment`. Opening
    single segments proves nothing of the blob's length: open the last one once per reading.
    """

    def __init__(self, header: Buffer, key: bytes, aad: bytes, *, segment: int = SEGMENT) -> None:
        start, tag = bytes(header[:-_TAG]), bytes(header[-_TAG:])
        if len(header) != HEADER or not hmac.compare_digest(start[:-_IV], _params(segment)):
            raise errors.Damaged("a blob's header has other parameters than policy allows")
        self._schedule = _Schedule(key, start, aad)
        self._segment = segment
        if not hmac.compare_digest(tag, self._schedule.tag):
            raise errors.Damaged("a blob's header does not authenticate")

    def open(self, position: int, segment: Buffer, last: bool, out: memoryview | bytearray) -> int:
        """Decrypt the segment at `position` to the start of `out` and return the length of its plaintext.

        Raises Damaged and leaves zeros in all of `out` unless the segment is whole, at its own place, and the last
        exactly when `last` says so. Raises ValueError when `out` is too small.
        """
        view, target = memoryview(segment), memoryview(out)
        try:
            self._check(position, view, last)
            return self._decrypt(position, view, last, target[: len(view) - OVERHEAD])
        except (errors.Damaged, ValueError):
            # A wrong tag shows only after the plaintext was written; what does not authenticate must not stay there.
            target[:] = bytes(len(target))
            raise

    def _decrypt(self, position: int, view: memoryview, last: bool, target: memoryview) -> int:
        cipher = self._schedule.cipher(position)
        try:
            return cipher.decrypt_into(view[_PREFIX:_BODY], view[_BODY:], _segment_aad(position, last), target)
        except InvalidTag:
            raise errors.Damaged(f"segment {position} of a blob does not authenticate") from None

    def _check(self, position: int, view: memoryview, last: bool) -> None:
        length = len(view)
        if not 0 <= position < _MOST_SEGMENTS:
            raise errors.Damaged("a blob has no segment at this position")
        if length < OVERHEAD or length > self._segment or (not last and length != self._segment):
            raise errors.Damaged(f"segment {position} of a blob has an impossible length")
        if length == OVERHEAD and position:
            raise errors.Damaged("the last segment of a blob is empty")
        if view[:_PREFIX] != _prefix(length, last):
            raise errors.Damaged(f"segment {position} of a blob does not state its own length")


class _Schedule:
    """The keys of one blob: from the data key, the header before its tag, and the associated data."""

    def __init__(self, key: bytes, start: bytes, aad: bytes) -> None:
        if len(key) != 32:
            raise ValueError("a data key has 32 bytes")
        self._start = start
        self._aad = aad
        self.tag = self._derive(key, b"HEADER_TAG:", _TAG)
        self._message_key = self._derive(key, b"MESSAGE_KEY:", 48)
        self._cached: tuple[int, AESGCM] | None = None

    def cipher(self, position: int) -> AESGCM:
        """The cipher of the segment at `position`; one key serves 2^20 segments."""
        first = position & -_KEY_PERIOD
        cached = self._cached  # one read, so that another thread's change cannot come between test and use
        if cached is None or cached[0] != first:
            cached = (first, AESGCM(self._derive(self._message_key, b"DEK:" + struct.pack(">Q", first), 32)))
            self._cached = cached
        return cached[1]

    def _derive(self, key: bytes, purpose: bytes, length: int) -> bytes:
        # The standard's whole KDF: the keys are uniform already, so HKDF's extract step is left out.
        return HKDFExpand(SHA384(), length, self._start + purpose + self._aad).derive(key)


def _params(segment: int) -> bytes:
    """AEAD 0 (AES-256-GCM), hash 0 (SHA-384), segment length, IV length."""
    return struct.pack(">BBII", 0, 0, segment, _IV)


def _prefix(length: int, last: bool) -> bytes:
    return struct.pack(">I", length) if last else _NOT_LAST


def _segment_aad(position: int, last: bool) -> bytes:
    return struct.pack(">Q?", position, last)


def seal_bytes(
    key: bytes, aad: bytes, plain: Buffer, *, segment: int = SEGMENT, random: Callable[[int], bytes] = os.urandom
) -> bytes:
    """A whole blob at once, for what fits in memory."""
    sealer = Sealer(key, aad, segment=segment, random=random)
    sealed, view, step = bytearray(sealed_size(len(plain), segment)), memoryview(plain), segment - OVERHEAD
    sealed[:HEADER] = sealer.header
    count, at = segment_count(len(plain), segment), HEADER
    for position in range(count):
        piece = view[position * step : (position + 1) * step]
        at += sealer.seal(piece, position == count - 1, memoryview(sealed)[at:])
    return bytes(sealed)


def open_bytes(key: bytes, aad: bytes, sealed: Buffer, *, segment: int = SEGMENT) -> bytes:
    """The plaintext of a whole blob. Raises Damaged."""
    view = memoryview(sealed)
    plain = bytearray(plain_size(len(view), segment))
    opener = Opener(view[:HEADER], key, aad, segment=segment)
    count, at = segment_count(len(plain), segment), 0
    for position in range(count):
        start = HEADER + position * segment
        at += opener.open(position, view[start : start + segment], position == count - 1, memoryview(plain)[at:])
    return bytes(plain)
