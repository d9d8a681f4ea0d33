"""Key derivation: one function, so that every derived key has its label in sight."""

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.utils import Buffer


def derive(key: Buffer, label: bytes, length: int = 32, *, salt: bytes = b"") -> bytes:
    """`length` bytes by HKDF-SHA-256 (RFC 5869) with `label` as info.

    Labels read `docstopd/<purpose>/v1`, where needed followed by ids of fixed length, so that no two purposes meet.
    """
    return HKDF(SHA256(), length, salt or None, label).derive(key)
