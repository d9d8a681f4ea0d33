"""The suite byte: which algorithms a value was made with."""

from cryptography.utils import Buffer

from docstopd import errors

SUITE = 1
"""AES-256-GCM, AES-256-SIV, HKDF-SHA-256, Argon2id, HPKE with ML-KEM-768 + X25519, Ed25519."""

MARK = bytes([SUITE])


def check(data: Buffer) -> memoryview:
    """The rest of `data` after its suite byte.

    Raises Damaged for no data at all and Incompatible for any other suite: a value never chooses its own algorithms.
    """
    view = memoryview(data)
    if not view:
        raise errors.Damaged("an encrypted value is empty")
    if view[0] != SUITE:
        raise errors.Incompatible(f"an encrypted value has suite {view[0]}; this program accepts suite {SUITE} only")
    return view[1:]
