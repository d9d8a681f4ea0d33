"""Organisation recovery: user keys sealed to a key whose private half is kept off the machine.

Whoever holds that private half opens everything that it covers; that is its purpose, and users are told.
"""

from cryptography.utils import Buffer

from docstopd import errors
from docstopd.crypto import hpke, keytext
from docstopd.model import UserId

KIND = "docstopd-organisation-key-1"
_LABEL = b"docstopd/organisation/v1"
_USER_KEY = 32


def seal_user_key(public: hpke.PublicKey, user: UserId, user_key: bytes) -> bytes:
    """The user key of `user` for the organisation."""
    return hpke.seal(public, user_key, _LABEL + user)


def open_user_key(private: hpke.PrivateKey, user: UserId, data: Buffer) -> bytes:
    """The counterpart of `seal_user_key`. Raises Damaged for another user or another key."""
    user_key = hpke.open(private, data, _LABEL + user)
    if len(user_key) != _USER_KEY:
        raise errors.Damaged("a user key has the wrong length")
    return user_key


def encode(private: hpke.PrivateKey) -> str:
    """The private half as the one secret line that `init` hands out and keeps no copy of."""
    return keytext.encode(KIND, private.encode())


def decode(text: str) -> hpke.PrivateKey:
    """From that line. Raises ConfigurationError when it is no such line, Damaged on a wrong checksum."""
    return hpke.PrivateKey.decode(keytext.decode(KIND, text, hpke.PRIVATE))
