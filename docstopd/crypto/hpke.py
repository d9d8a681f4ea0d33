"""HPKE (RFC 9180), base mode, one message per key exchange: what is sealed to a person, a space or the server.

KEM X-Wing (ML-KEM-768 with X25519, draft-connolly-cfrg-xwing-kem, id 0x647A), KDF HKDF-SHA-256, AEAD AES-256-GCM: a
record that is copied today stays closed when one of the two halves of the exchange is broken. Base mode does not say
who sealed: the keystore's outer wrap keeps foreign values out.
"""

import os
from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke as primitives
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.utils import Buffer

from docstopd import errors
from docstopd.crypto import suite

MLKEM_SEED = 64
X25519 = 32
PRIVATE = MLKEM_SEED + X25519
MLKEM_PUBLIC = 1184
PUBLIC = MLKEM_PUBLIC + X25519

_SUITE = primitives.Suite(primitives.KEM.MLKEM768_X25519, primitives.KDF.HKDF_SHA256, primitives.AEAD.AES_256_GCM)


class PublicKey:
    """The half that seals; equal when its bytes are."""

    def __init__(self, mlkem: MLKEM768PublicKey, x25519: X25519PublicKey) -> None:
        self._bytes = mlkem.public_bytes_raw() + x25519.public_bytes_raw()
        self.key = primitives.MLKEM768X25519PublicKey(mlkem, x25519)

    @classmethod
    def decode(cls, data: Buffer) -> "PublicKey":
        """From ML-KEM's 1184 bytes ‖ X25519's 32. Raises Damaged."""
        view = bytes(data)
        if len(view) != PUBLIC:
            raise errors.Damaged("a public key has the wrong length")
        try:
            mlkem = MLKEM768PublicKey.from_public_bytes(view[:MLKEM_PUBLIC])
        except ValueError:
            raise errors.Damaged("a public key is not valid") from None
        return cls(mlkem, X25519PublicKey.from_public_bytes(view[MLKEM_PUBLIC:]))

    def encode(self) -> bytes:
        """1216 bytes, the form that `decode` reads."""
        return self._bytes

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PublicKey) and self._bytes == other._bytes

    def __hash__(self) -> int:
        return hash(self._bytes)


class PrivateKey:
    """The half that opens: ML-KEM's seed `d ‖ z` (FIPS 203) and an X25519 key, stored one after the other."""

    def __init__(self, mlkem_seed: bytes, x25519: bytes) -> None:
        if len(mlkem_seed) != MLKEM_SEED or len(x25519) != X25519:
            raise ValueError("a private key is a seed of 64 bytes and a key of 32")
        mlkem = MLKEM768PrivateKey.from_seed_bytes(mlkem_seed)
        scalar = X25519PrivateKey.from_private_bytes(x25519)
        self._bytes = mlkem_seed + x25519
        self.key = primitives.MLKEM768X25519PrivateKey(mlkem, scalar)
        self.public = PublicKey(mlkem.public_key(), scalar.public_key())

    @classmethod
    def generate(cls, random: Callable[[int], bytes] = os.urandom) -> "PrivateKey":
        """A new key of 96 random bytes."""
        return cls(random(MLKEM_SEED), random(X25519))

    @classmethod
    def decode(cls, data: bytes) -> "PrivateKey":
        """From seed ‖ X25519 key. Raises Damaged for another length."""
        if len(data) != PRIVATE:
            raise errors.Damaged("a private key has the wrong length")
        return cls(data[:MLKEM_SEED], data[MLKEM_SEED:])

    def encode(self) -> bytes:
        """96 secret bytes, the form that `decode` reads."""
        return self._bytes


def seal(public: PublicKey, plain: Buffer, info: bytes) -> bytes:
    """suite ‖ encapsulated key (1120) ‖ ciphertext ‖ tag; `info` is bound, not stored."""
    return suite.MARK + _SUITE.encrypt(plain, public.key, info)


def open(private: PrivateKey, data: Buffer, info: bytes) -> bytes:  # noqa: A001 -- read as hpke.open
    """What `seal` was given. Raises Damaged for another key, other `info` or changed bytes, Incompatible by suite."""
    body = suite.check(data)
    try:
        return _SUITE.decrypt(body, private.key, info)
    except InvalidTag:
        raise errors.Damaged("a sealed value does not authenticate") from None
