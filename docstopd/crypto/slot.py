"""A slot: the user key under one credential.

The credential gives 64 bytes: a key that wraps the user key, and a commitment that is stored and compared first. Plain
AES-GCM commits to no key; without the commitment one crafted slot could answer to many passwords at once.
"""

import hmac
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.utils import Buffer

from docstopd import errors
from docstopd.crypto import suite
from docstopd.crypto.credential import credential_bytes, new_app_password, new_recovery_code
from docstopd.crypto.kdf import derive
from docstopd.crypto.wrap import OVERHEAD, unwrap, wrap
from docstopd.model import SlotId, SlotKind, UserId

__all__ = [
    "NO_COST",
    "Cost",
    "SlotParams",
    "credential_bytes",
    "dummy",
    "make",
    "new_app_password",
    "new_recovery_code",
    "open",
]

_LABEL = b"docstopd/slot/v1"
_SALT = 16
_KEY = 32
_USER_KEY = 32
_PARAMS = struct.Struct(">BB16sIII")
_SIZE = _PARAMS.size + _KEY + OVERHEAD + _USER_KEY
_KINDS = {SlotKind.PASSWORD: 1, SlotKind.APP_PASSWORD: 2, SlotKind.RECOVERY_CODE: 3}


@dataclass(frozen=True, slots=True)
class Cost:
    """What one guess at a password costs (RFC 9106): KiB of memory, passes over it, lanes."""

    memory: int = 65_536
    iterations: int = 3
    lanes: int = 1


NO_COST = Cost(0, 0, 0)
"""Of credentials that are random already."""
_LEAST = Cost(19 * 1024, 1, 1)
_MOST = Cost(1024 * 1024, 64, 16)


@dataclass(frozen=True, slots=True)
class SlotParams:
    """How a slot's credential becomes a key; stored at the slot's beginning and bound to it."""

    kind: SlotKind
    salt: bytes
    cost: Cost

    def encode(self) -> bytes:
        """suite ‖ kind ‖ salt (16) ‖ u32be memory, iterations, lanes."""
        cost = self.cost
        return _PARAMS.pack(suite.SUITE, _KINDS[self.kind], self.salt, cost.memory, cost.iterations, cost.lanes)

    @classmethod
    def decode(cls, data: Buffer) -> "SlotParams":
        """From the beginning of a slot. Raises Damaged, and Incompatible for a suite or a cost that policy refuses."""
        suite.check(data)
        if len(data) != _SIZE:
            raise errors.Damaged("a slot has the wrong length")
        _, number, salt, *cost = _PARAMS.unpack_from(data)
        kind = next((kind for kind, known in _KINDS.items() if known == number), None)
        if kind is None:
            raise errors.Incompatible(f"a slot is of the unknown kind {number}")
        params = cls(kind, salt, Cost(*cost))
        _check_cost(kind, params.cost)
        return params


def make(
    kind: SlotKind,
    credential: bytes,
    user_key: bytes,
    *,
    user: UserId,
    slot: SlotId,
    pepper: bytes,
    cost: Cost = Cost(),
    random: Callable[[int], bytes] = os.urandom,
) -> bytes:
    """params (30) ‖ commitment (32) ‖ wrapped user key (61). `credential` comes from `credential_bytes`.

    `cost` counts for passwords only. Raises Incompatible for a cost outside of policy.
    """
    if kind not in _KINDS or len(user_key) != _USER_KEY:
        raise ValueError("a slot holds a user key of 32 bytes under a credential that a person has")
    params = SlotParams(kind, random(_SALT), cost if kind is SlotKind.PASSWORD else NO_COST)
    _check_cost(kind, params.cost)
    key, commitment = _derive(params, credential, user, slot, pepper)
    head = params.encode()
    return head + commitment + wrap(key, user_key, _aad(head, user, slot), random)


def open(  # noqa: A001 -- read as slot.open
    data: Buffer, credential: bytes, *, user: UserId, slot: SlotId, pepper: bytes
) -> bytes:
    """The user key.

    Raises Unauthenticated for a wrong credential (or another user, slot or pepper: no one can tell these apart),
    Damaged when the credential is right and the slot is not, Incompatible for what policy refuses to compute.
    """
    params = SlotParams.decode(data)
    stored = bytes(data)
    head, commitment, wrapped = _split(stored)
    key, expected = _derive(params, credential, user, slot, pepper)
    if not hmac.compare_digest(commitment, expected):
        raise errors.Unauthenticated("wrong credential")
    return unwrap(key, wrapped, _aad(head, user, slot))


def dummy(credential: bytes, pepper: bytes, cost: Cost = Cost()) -> None:
    """Take as long as `open` does for a password: an unknown user must not answer faster than a known one."""
    params = SlotParams(SlotKind.PASSWORD, bytes(_SALT), cost)
    _derive(params, credential, UserId(bytes(16)), SlotId(bytes(16)), pepper)


def _split(data: bytes) -> tuple[bytes, bytes, bytes]:
    at = _PARAMS.size
    return data[:at], data[at : at + _KEY], data[at + _KEY :]


def _aad(head: bytes, user: UserId, slot: SlotId) -> bytes:
    return _LABEL + head + user + slot


def _derive(params: SlotParams, credential: bytes, user: UserId, slot: SlotId, pepper: bytes) -> tuple[bytes, bytes]:
    """The wrapping key and the commitment."""
    if len(pepper) != _KEY:
        raise ValueError("a pepper has 32 bytes")
    if params.kind is SlotKind.PASSWORD:
        both = _stretch(params, credential, user + slot, pepper)
    else:
        # Both parts have a fixed length, so that no other pepper and credential give the same bytes.
        label = b"docstopd/slot-" + params.kind.value.encode() + b"/v1" + user + slot
        both = derive(pepper + credential, label, 2 * _KEY, salt=params.salt)
    return both[:_KEY], both[_KEY:]


def _stretch(params: SlotParams, password: bytes, context: bytes, pepper: bytes) -> bytes:
    cost = params.cost
    return Argon2id(
        salt=params.salt,
        length=2 * _KEY,
        iterations=cost.iterations,
        lanes=cost.lanes,
        memory_cost=cost.memory,
        ad=context,
        secret=pepper,
    ).derive(password)


def _check_cost(kind: SlotKind, cost: Cost) -> None:
    """A stored slot must neither ask for 100 GiB nor pass for a password that costs nothing to guess."""
    if kind is not SlotKind.PASSWORD:
        allowed = cost == NO_COST
    else:
        allowed = (
            _LEAST.memory <= cost.memory <= _MOST.memory
            and _LEAST.iterations <= cost.iterations <= _MOST.iterations
            and _LEAST.lanes <= cost.lanes <= _MOST.lanes
        )
    if not allowed:
        raise errors.Incompatible("a slot's cost is outside of what policy allows (19 MiB to 1 GiB of memory)")
