"""Credentials as people type them: passwords, app passwords, recovery codes."""

import base64
import os
import unicodedata
from collections.abc import Callable

from docstopd import errors
from docstopd.model import SlotKind

RANDOM = 20
"""Bytes of randomness in an app password and in a recovery code."""

_BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_TO_CROCKFORD = str.maketrans(_BASE32, _CROCKFORD)
_FROM_CROCKFORD = str.maketrans(_CROCKFORD + "OIL", _BASE32 + "ABB")  # O reads as 0, I and L as 1


def new_app_password(random: Callable[[int], bytes] = os.urandom) -> str:
    """160 random bits in lower-case base32 (RFC 4648), four groups of eight."""
    return _grouped(_base32(random(RANDOM)).lower(), 8)


def new_recovery_code(random: Callable[[int], bytes] = os.urandom) -> str:
    """160 random bits in Crockford's base32, which no two look-alikes share, eight groups of four."""
    return _grouped(_base32(random(RANDOM)).translate(_TO_CROCKFORD), 4)


def credential_bytes(kind: SlotKind, text: str) -> bytes:
    """The bytes that a slot of `kind` works on.

    A password: spaces of any script as ASCII ones, then NFC, then UTF-8 (after RFC 8265's OpaqueString), so that every
    keyboard gives the same bytes. The others: their 20 random bytes, whatever the case, with or without blanks and
    dashes. Raises Unauthenticated for text that no credential of this kind can be.
    """
    if kind is SlotKind.PASSWORD:
        return _password(text)
    bare = "".join(c for c in text if c != "-" and not c.isspace()).upper()
    return _random_bytes(bare.translate(_FROM_CROCKFORD) if kind is SlotKind.RECOVERY_CODE else bare)


def _password(text: str) -> bytes:
    spaced = "".join(" " if unicodedata.category(c) == "Zs" else c for c in text)
    try:
        data = unicodedata.normalize("NFC", spaced).encode()
    except UnicodeEncodeError:
        data = b""
    if not data:
        raise errors.Unauthenticated("an empty or malformed password")
    return data


def _random_bytes(bare: str) -> bytes:
    # 32 characters of base32 are 20 bytes exactly: no padding, no spare bits, one spelling.
    if len(bare) != 32 or not set(bare) <= set(_BASE32):
        raise errors.Unauthenticated("not a code of this kind")
    return base64.b32decode(bare)


def _base32(data: bytes) -> str:
    return base64.b32encode(data).decode()


def _grouped(text: str, size: int) -> str:
    return "-".join(text[i : i + size] for i in range(0, len(text), size))
