"""The root of a Merkle tree over a list (RFC 6962 section 2.1): one hash that stands for all of it, in order."""

import hashlib
from collections.abc import Sequence


def root(leaves: Sequence[bytes]) -> bytes:
    """The tree's root hash, 32 bytes; of an empty list the SHA-256 of nothing."""
    if not leaves:
        return hashlib.sha256().digest()
    level = [hashlib.sha256(b"\0" + leaf).digest() for leaf in leaves]
    # The RFC splits at the largest power of two below the length; pairing neighbours and letting an odd last one rise
    # makes the same tree.
    while len(level) > 1:
        paired = [hashlib.sha256(b"\1" + level[i] + level[i + 1]).digest() for i in range(0, len(level) - 1, 2)]
        level = paired + level[len(paired) * 2 :]
    return level[0]
