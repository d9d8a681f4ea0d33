"""The server key: one secret in one file, from which everything that the server keeps to itself is derived."""

import os
from collections.abc import Callable
from functools import cached_property

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from docstopd.crypto import hpke, keytext
from docstopd.crypto.kdf import derive

KIND = "docstopd-server-key-1"
SIZE = 32


class ServerKey:
    """32 random bytes and what follows from them."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) != SIZE:
            raise ValueError("a server key has 32 bytes")
        self._secret = secret

    @classmethod
    def generate(cls, random: Callable[[int], bytes] = os.urandom) -> "ServerKey":
        """A new key. Whoever loses it loses every password slot and the whole keyring: it needs a backup of its own."""
        return cls(random(SIZE))

    @classmethod
    def decode(cls, text: str) -> "ServerKey":
        """From the line of its file. Raises ConfigurationError when it is no such line, Damaged on a wrong checksum."""
        return cls(keytext.decode(KIND, text, SIZE))

    def encode(self) -> str:
        """The secret line of its file, without the line's end."""
        return keytext.encode(KIND, self._secret)

    @cached_property
    def pepper(self) -> bytes:
        """Mixed into every slot: guessing passwords needs this key as well."""
        return derive(self._secret, b"docstopd/pepper/v1")

    @cached_property
    def keystore(self) -> bytes:
        """The outer wrap of every keyring value."""
        return derive(self._secret, b"docstopd/server-keystore/v1")

    @cached_property
    def journal(self) -> bytes:
        """Payloads of the stream `system`."""
        return derive(self._secret, b"docstopd/server-journal/v1")

    @cached_property
    def profile(self) -> bytes:
        """Users' e-mail addresses and what else the catalog holds of a person."""
        return derive(self._secret, b"docstopd/server-profile/v1")

    @cached_property
    def throttle(self) -> bytes:
        """Keyed hashes of the addresses and names whose failed sign-ins are counted."""
        return derive(self._secret, b"docstopd/server-throttle/v1")

    @cached_property
    def snapshots(self) -> bytes:
        """Wraps the keys of what goes to targets: catalog exports and copies of the keyring."""
        return derive(self._secret, b"docstopd/server-snapshots/v1")

    @property
    def snapshot_keys(self) -> list[bytes]:
        """The same, and those of earlier keys: older snapshots still open."""
        return [self.snapshots]

    @cached_property
    def signer(self) -> Ed25519PrivateKey:
        """Signs checkpoints of the journal, manifests of snapshots and certificates."""
        return Ed25519PrivateKey.from_private_bytes(derive(self._secret, b"docstopd/server-signer/v1"))

    @property
    def signers(self) -> list[Ed25519PrivateKey]:
        """The signer, and those of earlier keys: what they signed stays good."""
        return [self.signer]

    @cached_property
    def hpke(self) -> hpke.PrivateKey:
        """Opens the keys of managed spaces."""
        seed = derive(self._secret, b"docstopd/server-mlkem/v1", hpke.MLKEM_SEED)
        return hpke.PrivateKey(seed, derive(self._secret, b"docstopd/server-x25519/v1", hpke.X25519))
