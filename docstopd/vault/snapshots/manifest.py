"""The manifest of a snapshot: signed, and written when all else is durable. Where it lies, there is a snapshot."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from docstopd.crypto.statement import canonical, parse, sign, verify
from docstopd.errors import Damaged
from docstopd.model import BlobId, Micros

FORM = "docstopd-snapshot/1"


@dataclass(frozen=True, slots=True)
class Manifest:
    """`blobs` and `size`: how many blobs it has, and their bytes; `damaged`: those of them that could not be copied.

    `catalog_size` and `catalog_digest` (SHA-256) are of the sealed catalog as it lies at the target.
    """

    service: str
    number: int
    target: str
    time: Micros
    blobs: int
    size: int
    damaged: tuple[BlobId, ...]
    catalog_size: int
    catalog_digest: bytes

    def sign(self, signer: Ed25519PrivateKey) -> bytes:
        """One line of JSON."""
        fields = {
            "service": self.service,
            "number": self.number,
            "target": self.target,
            "time": self.time,
            "blobs": self.blobs,
            "bytes": self.size,
            "damaged": [blob.hex() for blob in self.damaged],
            "catalog": {"size": self.catalog_size, "sha256": self.catalog_digest.hex()},
        }
        return sign(FORM, fields, signer)

    @classmethod
    def read(cls, data: bytes, signers: Sequence[Ed25519PrivateKey]) -> "Manifest":
        """Raises `Damaged` unless one of the signers signed it, `Incompatible` for another form."""
        found = _verified(data, signers)
        if data != canonical(parse(data)) + b"\n":
            raise Damaged("a manifest is not as it was written")
        try:
            return cls(
                service=found["service"],
                number=found["number"],
                target=found["target"],
                time=found["time"],
                blobs=found["blobs"],
                size=found["bytes"],
                damaged=tuple(BlobId(bytes.fromhex(blob)) for blob in found["damaged"]),
                catalog_size=found["catalog"]["size"],
                catalog_digest=bytes.fromhex(found["catalog"]["sha256"]),
            )
        except (KeyError, TypeError, ValueError):
            raise Damaged("a manifest is not as it was written") from None


def _verified(data: bytes, signers: Sequence[Ed25519PrivateKey]) -> dict[str, Any]:
    for signer in signers[1:]:
        with contextlib.suppress(Damaged):
            return verify(FORM, data, signer.public_key())
    return verify(FORM, data, signers[0].public_key())
