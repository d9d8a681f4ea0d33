"""A space's key in one epoch: what it seals, what it wraps, and how members get it."""

import os
import struct
from collections.abc import Callable
from functools import cached_property

from cryptography.utils import Buffer

from docstopd import errors
from docstopd.crypto import hpke
from docstopd.crypto.kdf import derive
from docstopd.crypto.names import NameCipher
from docstopd.crypto.wrap import unwrap, wrap
from docstopd.model import BlobId, SpaceId

SIZE = 32
DATA_KEY = 32


class SpaceKey:
    """32 random bytes that belong to one space and one epoch."""

    def __init__(self, secret: bytes, space: SpaceId, epoch: int) -> None:
        if len(secret) != SIZE:
            raise ValueError("a space key has 32 bytes")
        self._secret = secret
        self.space = space
        self.epoch = epoch

    @classmethod
    def generate(cls, space: SpaceId, epoch: int, random: Callable[[int], bytes] = os.urandom) -> "SpaceKey":
        """A new key for a new space or a new epoch."""
        return cls(random(SIZE), space, epoch)

    def seal_to(self, public: hpke.PublicKey, member: bytes) -> bytes:
        """The key for one member (a user's id, or the server's name) who holds `public`."""
        return hpke.seal(public, self._secret, _member_info(self.space, self.epoch, member))

    @classmethod
    def open_sealed(
        cls, private: hpke.PrivateKey, data: Buffer, space: SpaceId, epoch: int, member: bytes
    ) -> "SpaceKey":
        """The counterpart of `seal_to`. Raises Damaged for another space, epoch, member or key."""
        secret = hpke.open(private, data, _member_info(space, epoch, member))
        if len(secret) != SIZE:
            raise errors.Damaged("a space key has the wrong length")
        return cls(secret, space, epoch)

    @cached_property
    def names(self) -> NameCipher:
        """Seals the names of the space's nodes."""
        return NameCipher(derive(self._secret, b"docstopd/names/v1", 64))

    @cached_property
    def journal(self) -> bytes:
        """Wraps the payloads of the space's journal."""
        return derive(self._secret, b"docstopd/journal/v1")

    @cached_property
    def properties(self) -> bytes:
        """Wraps the properties of the space's nodes."""
        return derive(self._secret, b"docstopd/properties/v1")

    @cached_property
    def property_names(self) -> bytes:
        """Keys the digests under which properties are looked up."""
        return derive(self._secret, b"docstopd/property-names/v1")

    @cached_property
    def proofs(self) -> bytes:
        """Keys the proofs that bind a catalog row's id, place, content and size to each other."""
        return derive(self._secret, b"docstopd/proofs/v1")

    def wrap_data_key(self, blob: BlobId, data_key: bytes, random: Callable[[int], bytes] = os.urandom) -> bytes:
        """The data key of `blob`, under a key that serves this blob alone."""
        return wrap(self._data_key_wrap(blob), data_key, self.space + blob, random)

    def unwrap_data_key(self, blob: BlobId, data: Buffer) -> bytes:
        """The counterpart of `wrap_data_key`. Raises Damaged for another blob or another space."""
        data_key = unwrap(self._data_key_wrap(blob), data, self.space + blob)
        if len(data_key) != DATA_KEY:
            raise errors.Damaged("a data key has the wrong length")
        return data_key

    def wrap_private(self, private: hpke.PrivateKey, random: Callable[[int], bytes] = os.urandom) -> bytes:
        """The private half of the space's own key pair, to which arrivals are sealed while the space is locked."""
        return wrap(self._private_wrap, private.encode(), self.space, random)

    def unwrap_private(self, data: Buffer) -> hpke.PrivateKey:
        """The counterpart of `wrap_private`. Raises Damaged for another space or epoch."""
        return hpke.PrivateKey.decode(unwrap(self._private_wrap, data, self.space))

    def _data_key_wrap(self, blob: BlobId) -> bytes:
        return derive(self._secret, b"docstopd/data-key/v1" + blob)

    @cached_property
    def _private_wrap(self) -> bytes:
        return derive(self._secret, b"docstopd/space-private/v1")


def _member_info(space: SpaceId, epoch: int, member: bytes) -> bytes:
    return b"docstopd/space-key/v1" + space + struct.pack(">I", epoch) + member
