"""The server key: one secret in one file, from which everything that the server keeps to itself is derived.

After a rotation the earlier keys are still at hand: from the file's further lines while what they closed is closed
anew, from the keyring afterwards. Whatever is made, is made with the current one.
"""

import os
from collections.abc import Callable, Sequence
from functools import cached_property

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from docstopd.crypto import hpke, keytext
from docstopd.crypto.kdf import derive

KIND = "docstopd-server-key-1"
SIZE = 32


class ServerKey:
    """32 random bytes and what follows from them. `previous` are the keys before it, the newest first."""

    def __init__(self, secret: bytes, previous: Sequence["ServerKey"] = ()) -> None:
        if len(secret) != SIZE:
            raise ValueError("a server key has 32 bytes")
        self._secret = secret
        self.previous = tuple(previous)

    @classmethod
    def generate(cls, random: Callable[[int], bytes] = os.urandom) -> "ServerKey":
        """A new key. Whoever loses it loses every password slot and the whole keyring: it needs a backup of its own."""
        return cls(random(SIZE))

    @classmethod
    def decode(cls, text: str) -> "ServerKey":
        """From the lines of its file, the current key first.

        Raises ConfigurationError when one is no such line, Damaged on a wrong checksum.
        """
        first, *others = [line for line in text.splitlines() if line.strip()] or [""]
        previous = [cls(keytext.decode(KIND, line, SIZE)) for line in others]
        return cls(keytext.decode(KIND, first, SIZE), previous)

    def encode(self) -> str:
        """The secret line of its file, without the line's end; without the keys before."""
        return keytext.encode(KIND, self._secret)

    def rotated(self, random: Callable[[int], bytes] = os.urandom) -> "ServerKey":
        """A new key that has this one, and those before it, as previous ones."""
        return ServerKey(random(SIZE), self.every)

    @property
    def every(self) -> tuple["ServerKey", ...]:
        """This key and those before it, the newest first."""
        return (self, *self.previous)

    @property
    def generation(self) -> int:
        """How many keys there were before; names the key of what was sealed with it."""
        return len(self.previous)

    def earlier(self) -> bytes:
        """The secrets of the keys before, to be kept in the keyring."""
        return b"".join(key._secret for key in self.previous)

    def with_earlier(self, secrets: bytes) -> "ServerKey":
        """With the keys that `earlier` gave, where the file does not name them any more."""
        known = {key._secret for key in self.every}
        parts = [secrets[at : at + SIZE] for at in range(0, len(secrets), SIZE)]
        kept = [ServerKey(part) for part in parts if part not in known]
        return ServerKey(self._secret, (*self.previous, *kept)) if kept else self

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
    def taken(self) -> bytes:
        """Keyed hashes of the files that were taken out of drop folders."""
        return derive(self._secret, b"docstopd/server-taken/v1")

    @cached_property
    def snapshots(self) -> bytes:
        """Wraps the keys of what goes to targets: catalog exports and copies of the keyring."""
        return derive(self._secret, b"docstopd/server-snapshots/v1")

    @property
    def snapshot_keys(self) -> list[bytes]:
        """The same, and those of earlier keys: older snapshots still open."""
        return [key.snapshots for key in self.every]

    @cached_property
    def signer(self) -> Ed25519PrivateKey:
        """Signs checkpoints of the journal, manifests of snapshots and certificates."""
        return Ed25519PrivateKey.from_private_bytes(derive(self._secret, b"docstopd/server-signer/v1"))

    @property
    def profiles(self) -> list[bytes]:
        """The profile keys, the current one first."""
        return [key.profile for key in self.every]

    @property
    def journals(self) -> dict[int, bytes]:
        """The keys of the payloads of `system` by generation, which an entry names as its epoch."""
        return {self.generation - back: key.journal for back, key in enumerate(self.every)}

    @property
    def signers(self) -> list[Ed25519PrivateKey]:
        """The signer, and those of earlier keys: what they signed stays good."""
        return [key.signer for key in self.every]

    @cached_property
    def hpke(self) -> hpke.PrivateKey:
        """Opens the keys of managed spaces."""
        seed = derive(self._secret, b"docstopd/server-mlkem/v1", hpke.MLKEM_SEED)
        return hpke.PrivateKey(seed, derive(self._secret, b"docstopd/server-x25519/v1", hpke.X25519))
