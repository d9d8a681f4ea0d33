"""Names of nodes: AES-SIV (RFC 5297), deterministic, so that a lookup is an indexed equality.

Whoever reads the catalog learns which names in one folder are equal (none are) and their lengths to 16 bytes.
"""

import struct
import unicodedata

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.utils import Buffer

from docstopd import errors
from docstopd.crypto import padding, suite
from docstopd.model import NodeId, SpaceId

_TAG = 16

KEPT = 64
"""Sealed names that are kept with their key: a write seals its own name three times, and each request the folders'."""


def longest(sealed: Buffer) -> int:
    """The most bytes that a sealed name can have in clear, which needs no key to know."""
    return max(0, len(sealed) - len(suite.MARK) - _TAG - 1)


class NameCipher:
    """The names of one space under its 64-byte sub-key; safe for concurrent use."""

    def __init__(self, key64: bytes) -> None:
        if len(key64) != 64:
            raise ValueError("a name key has 64 bytes")
        self._siv = AESSIV(key64)
        self._kept: dict[tuple[str, SpaceId, NodeId], bytes] = {}

    def seal(self, name: str, space: SpaceId, parent: NodeId) -> bytes:
        """suite ‖ SIV ‖ ciphertext of the padded NFC form. Raises InvalidName for text that UTF-8 cannot carry."""
        place = (name, space, parent)
        sealed = self._kept.get(place)
        if sealed is None:
            if len(self._kept) >= KEPT:
                self._kept.clear()
            sealed = self._kept[place] = self._seal(name, space, parent)
        return sealed

    def _seal(self, name: str, space: SpaceId, parent: NodeId) -> bytes:
        try:
            text = unicodedata.normalize("NFC", name).encode()
        except UnicodeEncodeError:
            raise errors.InvalidName("a name holds half of a surrogate pair") from None
        return suite.MARK + self._siv.encrypt(padding.pad(text), [space, struct.pack(">Q", parent)])

    def open(self, data: Buffer, space: SpaceId, parent: NodeId) -> str:
        """The NFC form. Raises Damaged for another space, another parent or changed bytes."""
        body = suite.check(data)
        if len(body) < _TAG + padding.BLOCK:
            raise errors.Damaged("a sealed name is too short")
        try:
            return padding.unpad(self._siv.decrypt(body, [space, struct.pack(">Q", parent)])).decode()
        except (InvalidTag, UnicodeDecodeError):
            raise errors.Damaged("a sealed name does not authenticate") from None
