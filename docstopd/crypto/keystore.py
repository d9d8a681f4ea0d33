"""The outer wrap of every keyring value: who can write to the database, but has no server key, can forge nothing."""

import os
from collections.abc import Callable, Sequence

from cryptography.utils import Buffer

from docstopd.crypto.wrap import KEY, unwrap, unwrap_any, wrap
from docstopd.errors import Damaged

_LABEL = b"docstopd/keystore/v1"


class Keystore:
    """Closes and opens keyring values under `ServerKey.keystore`; safe for concurrent use.

    `earlier` keys open what has not been closed anew since the server key was rotated.
    """

    def __init__(self, key: bytes, earlier: Sequence[bytes] = ()) -> None:
        if len(key) != KEY or any(len(one) != KEY for one in earlier):
            raise ValueError("a keystore key has 32 bytes")
        self._key = key
        self._earlier = tuple(earlier)

    def close(self, row: bytes, value: Buffer, random: Callable[[int], bytes] = os.urandom) -> bytes:
        """`value` bound to `row`, the row's whole identity (its table and its key, unambiguously)."""
        return wrap(self._key, value, _LABEL + row, random)

    def open(self, row: bytes, value: Buffer) -> bytes:
        """The counterpart of `close`. Raises Damaged for a value closed for another row or under another key."""
        return unwrap_any((self._key, *self._earlier), value, _LABEL + row)

    def is_current(self, row: bytes, value: Buffer) -> bool:
        """Whether the value needs no earlier key. Raises as `open` does for one that none opens."""
        try:
            unwrap(self._key, value, _LABEL + row)
        except Damaged:
            self.open(row, value)
            return False
        return True
