"""Keys as one line of text, for files and for paper: `<kind> <base64url of key ‖ checksum>`.

The checksum tells a slip of copying from a wrong key; it protects nothing.
"""

import base64
import binascii
import hashlib

from docstopd import errors

_CHECK = 4


def encode(kind: str, secret: bytes) -> str:
    """The line, without its end; `kind` ends in the number of its format."""
    return f"{kind} {_text(secret + _checksum(kind, secret))}"


def decode(kind: str, text: str, size: int) -> bytes:
    """The key of `size` bytes. Raises ConfigurationError when this is no such line, Damaged on a wrong checksum."""
    words = text.split()
    if len(words) != 2 or words[0] != kind:
        raise errors.ConfigurationError([f"this is not a key file: one line '{kind} …' was expected"])
    try:
        data = base64.b64decode(words[1] + "=" * (-len(words[1]) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        data = b""
    secret = data[:-_CHECK]
    # Comparing the text again refuses the second spellings that base64 allows in its last character.
    if len(secret) != size or data[-_CHECK:] != _checksum(kind, secret) or _text(data) != words[1]:
        raise errors.Damaged(f"the key in a '{kind}' file is damaged: its checksum does not match; use a good copy")
    return secret


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _checksum(kind: str, secret: bytes) -> bytes:
    return hashlib.sha256(kind.encode() + b" " + secret).digest()[:_CHECK]
