"""Small secrets and records under a key: AES-256-GCM with a random nonce (NIST SP 800-38D).

Random 96-bit nonces allow 2^32 values under one key, which is above what any single key here wraps in its life.
"""

import os
from collections.abc import Callable, Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.utils import Buffer

from docstopd import errors
from docstopd.crypto import suite

KEY = 32
NONCE = 12
TAG = 16
OVERHEAD = 1 + NONCE + TAG


def wrap(key: bytes, plain: Buffer, aad: Buffer, random: Callable[[int], bytes] = os.urandom) -> bytes:
    """suite ‖ nonce ‖ ciphertext ‖ tag; `aad` is bound, not stored."""
    nonce = random(NONCE)
    return suite.MARK + nonce + _cipher(key).encrypt(nonce, plain, aad)


def unwrap(key: bytes, data: Buffer, aad: Buffer) -> bytes:
    """What `wrap` was given. Raises Damaged for another key, other `aad` or changed bytes, Incompatible by suite."""
    body = suite.check(data)
    if len(body) < NONCE + TAG:
        raise errors.Damaged("a wrapped value is too short")
    try:
        return _cipher(key).decrypt(body[:NONCE], body[NONCE:], aad)
    except InvalidTag:
        raise errors.Damaged("a wrapped value does not authenticate") from None


def unwrap_any(keys: Sequence[bytes], data: Buffer, aad: Buffer) -> bytes:
    """The same under the first of the keys that opens it: the current one is to come first."""
    for key in keys[:-1]:
        try:
            return unwrap(key, data, aad)
        except errors.Damaged:
            continue
    return unwrap(keys[-1], data, aad)


def _cipher(key: bytes) -> AESGCM:
    if len(key) != KEY:  # a shorter key would silently make it AES-128
        raise ValueError("a wrapping key has 32 bytes")
    return AESGCM(key)
