"""The manifest of a snapshot: signed, and written when all else is durable. Where it lies, there is a snapshot."""

from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from docstopd.crypto.serverkey import ServerKey
from docstopd.crypto.statement import canonical, parse, sign, verify_any
from docstopd.errors import Damaged
from docstopd.model import BlobId, Micros
from docstopd.targets import Target
from docstopd.vault.snapshots import names
from docstopd.vault.snapshots.reading import small

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
        found = verify_any(FORM, data, [signer.public_key() for signer in signers])
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


def read_manifest(target: Target, server: ServerKey, service: str, number: int) -> Manifest:
    """The manifest of a snapshot. Raises `NotFound`, `Damaged` for one that this service did not sign as that."""
    manifest = Manifest.read(small(target, names.manifest(number)), server.signers)
    if (manifest.service, manifest.number) != (service, number):
        raise Damaged(f"the manifest of snapshot {number} is that of another")
    return manifest
