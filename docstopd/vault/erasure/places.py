"""What an erasure does at a target: it says what must not come back, and removes what is there of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from docstopd.errors import Failed
from docstopd.model import SECOND, BlobId, Micros
from docstopd.targets import Target
from docstopd.vault.snapshots import names
from docstopd.vault.snapshots.keyring import copies_at
from docstopd.vault.snapshots.reading import service_of

ON_ITS_WAY: Micros = 3600 * SECOND
"""How long a copy of the keyring takes at most to arrive."""

PREFIX = "erasures/"
"""Names of the signed lists at a target; restore obeys all of them."""


def list_name(erasure: bytes) -> str:
    """The object that holds the list of one erasure."""
    return f"{PREFIX}{erasure.hex()}.json"


@dataclass(frozen=True, slots=True)
class Place:
    """A target, and where its copies of the keyring lie."""

    name: str
    target: Target
    keyring: Target

    def is_new(self, service: str, *, used: bool) -> bool:
        """Whether nothing was ever put there; `used` says that the catalog knows better.

        Raises `Failed` for a disk that is away or somebody else's, which must neither be written to nor believed.
        """
        owners = {service_of(self.target), service_of(self.keyring)}
        if owners == {None} and not used:
            return True
        if owners != {service}:
            raise Failed("it is not there, or it is another service's: is its disk attached?")
        return False

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
        self.clear(blobs)

    def clear(self, blobs: Sequence[BlobId]) -> None:
        """Delete the blobs, whether they are there or not. Durable when this returns. Raises `Failed`."""
        for blob in blobs:
            self.target.delete(names.blob(blob))
        self.target.settle()

    def holds(self, blobs: Sequence[BlobId]) -> int:
        """How many of these blobs are there. Raises `Failed`."""
        there = {found.name for found in self.target.list("blobs/")}
        return sum(names.blob(blob) in there for blob in blobs)

    def is_rid(self, destroyed: Micros, now: Micros) -> bool:
        """Whether no copy of the keyring from before that time is there, or on its way. Raises `Failed`.

        One that is on its way is not seen. It is there by the time at which the next one is, which ends it.
        """
        times = [time for _name, time in copies_at(self.keyring)]
        return min(times) > destroyed if times else now > destroyed + ON_ITS_WAY
