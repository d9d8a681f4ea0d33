"""What an erasure does at a target: it says what must not come back, and removes what is there of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from docstopd.model import BlobId, Micros
from docstopd.targets import Target

PREFIX = "erasures/"
"""Names of the signed lists at a target; restore obeys all of them."""


def list_name(erasure: bytes) -> str:
    """The object that holds the list of one erasure."""
    return f"{PREFIX}{erasure.hex()}.json"


@dataclass(frozen=True, slots=True)
class Place:
    """A target, and where its copies of the keyring lie.

    `blob` and `keyrings` are names there: of a blob, and what those of the keyring's copies begin with.
    """

    name: str
    target: Target
    keyring: Target
    keyrings: str = "keyring/"

    def tell(self, erasure: bytes, statement: str, blobs: Sequence[BlobId]) -> None:
        """Put the signed list there, then delete the blobs. Durable when this returns. Raises `Failed`."""
        writer = self.target.put(list_name(erasure))
        try:
            writer.write(statement.encode())
            writer.finish()
        except BaseException:
            writer.abort()
            raise
        self.target.settle()
        for blob in blobs:
            self.target.delete(blob_name(blob))
        self.target.settle()

    def holds(self, blobs: Sequence[BlobId]) -> int:
        """How many of these blobs are there. Raises `Failed`."""
        there = {found.name for found in self.target.list("blobs/")}
        return sum(blob_name(blob) in there for blob in blobs)

    def keyring_copies(self, until: Micros) -> int:
        """How many copies of the keyring were written there up to a time. Raises `Failed`."""
        return sum(found.modified <= until for found in self.keyring.list(self.keyrings))


def blob_name(blob: BlobId) -> str:
    """The object that holds a blob."""
    return f"blobs/{blob.hex()[:2]}/{blob.hex()}"
