"""A person's keys: the user key that the slots hold, and the identity that it wraps."""

import os
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.utils import Buffer

from docstopd import errors
from docstopd.crypto import hpke
from docstopd.crypto.kdf import derive
from docstopd.crypto.wrap import unwrap, wrap
from docstopd.model import UserId

SIZE = 32
_ED25519 = 32
_LABEL = b"docstopd/identity/v1"


class UserKey:
    """32 random bytes that wrap a user's private bundle; `secret` goes into slots and nowhere else."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) != SIZE:
            raise ValueError("a user key has 32 bytes")
        self.secret = secret

    @classmethod
    def generate(cls, random: Callable[[int], bytes] = os.urandom) -> "UserKey":
        """A new key for a new account."""
        return cls(random(SIZE))


class Identity:
    """An HPKE key, to which space keys are sealed, and an Ed25519 key, which signs."""

    def __init__(self, private: hpke.PrivateKey, ed25519: bytes) -> None:
        self.hpke = private
        self.signer = Ed25519PrivateKey.from_private_bytes(ed25519)
        self._ed25519 = ed25519

    @classmethod
    def generate(cls, random: Callable[[int], bytes] = os.urandom) -> "Identity":
        """A new identity for a new account."""
        return cls(hpke.PrivateKey.generate(random), random(_ED25519))

    @property
    def public(self) -> bytes:
        """HPKE public key (1216 bytes) ‖ Ed25519 public key (32 bytes); no secret."""
        return self.hpke.public.encode() + self.signer.public_key().public_bytes_raw()

    def wrap(self, user_key: UserKey, user: UserId, random: Callable[[int], bytes] = os.urandom) -> bytes:
        """The private bundle under `user_key`, bound to `user`."""
        return wrap(derive(user_key.secret, _LABEL), self.hpke.encode() + self._ed25519, _LABEL + user, random)

    @classmethod
    def unwrap(cls, user_key: UserKey, user: UserId, data: Buffer) -> "Identity":
        """The counterpart of `wrap`. Raises Damaged for another user key or another user."""
        bundle = unwrap(derive(user_key.secret, _LABEL), data, _LABEL + user)
        if len(bundle) != hpke.PRIVATE + _ED25519:
            raise errors.Damaged("a private bundle has the wrong length")
        return cls(hpke.PrivateKey.decode(bundle[: hpke.PRIVATE]), bundle[hpke.PRIVATE :])


def public_hpke(public: Buffer) -> hpke.PublicKey:
    """The HPKE half of `Identity.public`. Raises Damaged."""
    if len(public) != hpke.PUBLIC + _ED25519:
        raise errors.Damaged("a public identity has the wrong length")
    return hpke.PublicKey.decode(memoryview(public)[: hpke.PUBLIC])
