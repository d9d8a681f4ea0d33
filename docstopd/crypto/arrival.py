"""What is sealed to a space while nobody has it open: an arrival's data key, and a note on what it is.

The data key goes to the public half of the space's key pair by HPKE: who sealed it cannot open it again. The note is
wrapped under a key that the data key gives, so that nobody who lacks that key can make one, and both end together.
"""

import os
import struct
from collections.abc import Callable

from cryptography.utils import Buffer

from docstopd import errors
from docstopd.crypto import hpke
from docstopd.crypto.kdf import derive
from docstopd.crypto.padding import pad, unpad
from docstopd.crypto.spacekey import DATA_KEY
from docstopd.crypto.wrap import OVERHEAD, unwrap, wrap
from docstopd.model import BlobId, SpaceId


def seal_data_key(public: hpke.PublicKey, data_key: bytes, space: SpaceId, epoch: int, blob: BlobId) -> bytes:
    """The data key of `blob` for who can open the key pair of the space in that epoch."""
    return hpke.seal(public, data_key, _info(space, epoch, blob))


def open_data_key(private: hpke.PrivateKey, data: Buffer, space: SpaceId, epoch: int, blob: BlobId) -> bytes:
    """The counterpart of `seal_data_key`. Raises Damaged for another space, epoch, blob or key."""
    data_key = hpke.open(private, data, _info(space, epoch, blob))
    if len(data_key) != DATA_KEY:
        raise errors.Damaged("a data key has the wrong length")
    return data_key


def is_sealed(stored: Buffer) -> bool:
    """Whether a data key in the keyring is an arrival's: the wrap under a space key is far shorter."""
    return len(memoryview(stored)) != OVERHEAD + DATA_KEY


def seal_note(
    data_key: bytes, note: bytes, space: SpaceId, blob: BlobId, random: Callable[[int], bytes] = os.urandom
) -> bytes:
    """A note on the content of `blob`; its length shows in steps of 16 bytes."""
    return wrap(_note_key(data_key, blob), pad(note), space + blob, random)


def open_note(data_key: bytes, data: Buffer, space: SpaceId, blob: BlobId) -> bytes:
    """The counterpart of `seal_note`. Raises Damaged."""
    return unpad(unwrap(_note_key(data_key, blob), data, space + blob))


def _info(space: SpaceId, epoch: int, blob: BlobId) -> bytes:
    return b"docstopd/arrival-key/v1" + space + struct.pack(">I", epoch) + blob


def _note_key(data_key: bytes, blob: BlobId) -> bytes:
    return derive(data_key, b"docstopd/arrival-note/v1" + blob)
