"""The outer wrap of every keyring value: who can write to the database, but has no server key, can forge nothing."""

import os
from collections.abc import Callable

from cryptography.utils import Buffer

from docstopd.crypto.wrap import KEY, unwrap, wrap

_LABEL = b"docstopd/keystore/v1"


class Keystore:
    """Closes and opens keyring values under `ServerKey.keystore`; safe for concurrent use."""

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY:
            raise ValueError("a keystore key has 32 bytes")
        self._key = key

    def close(self, row: bytes, value: Buffer, random: Callable[[int], bytes] = os.urandom) -> bytes:
        """`value` bound to `row`, the row's whole identity (its table and its key, unambiguously)."""
        return wrap(self._key, value, _LABEL + row, random)

    def open(self, row: bytes, value: Buffer) -> bytes:
        """The counterpart of `close`. Raises Damaged for a value closed for another row or under another key."""
        return unwrap(self._key, value, _LABEL + row)
