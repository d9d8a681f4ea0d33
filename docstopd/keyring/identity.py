"""The identity of each row of the keyring: what its value is bound to."""

import struct

from docstopd.errors import Damaged
from docstopd.model import BlobId, Micros, SlotId, SlotKind, SpaceId, UserId


def fact_row(name: str) -> bytes:
    """Of a fact."""
    return b"fact" + name.encode()


def slot_row(slot: SlotId, user: UserId, kind: SlotKind, created: Micros, expires: Micros | None) -> bytes:
    """Of a slot; `label` is bound to this with the word after it."""
    return b"slot" + slot + user + struct.pack(">QQ", created, expires or 0) + kind.value.encode()


def identity_row(user: UserId, half: bytes, name: str) -> bytes:
    """Of one half of a user's identity: `public` or `private`."""
    return b"identity" + user + half + name.encode()


def space_row(space: SpaceId, epoch: int, member: bytes) -> bytes:
    """Of a space key as one member has it."""
    return b"space-key" + space + _epoch(epoch) + member


def pair_row(space: SpaceId, epoch: int) -> bytes:
    """Of a space's key pair; each half is bound to this with its word after it."""
    return b"space-pair" + space + _epoch(epoch)


def data_row(blob: BlobId, space: SpaceId, epoch: int) -> bytes:
    """Of a data key."""
    return b"data-key" + blob + space + _epoch(epoch)


def _epoch(number: int) -> bytes:
    try:
        return struct.pack(">I", number)
    except struct.error:
        raise Damaged("a row of the keyring has an epoch that none can have") from None
