"""What an erasure does at a target: it says what must not come back, and removes what is there of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from docstopd.errors import Failed
from docstopd.model import HOUR, BlobId, Micros
from docstopd.targets import NamedTarget
from docstopd.vault.snapshots import names
from docstopd.vault.snapshots.keyring import copies_at
from docstopd.vault.snapshots.reading import put_small, service_of

ON_ITS_WAY: Micros = HOUR
"""How long a copy of the keyring takes at most to arrive."""


@dataclass(frozen=True, slots=True)
class Place:
    """A target of the configuration, as erasures see it."""

    named: NamedTarget

    @property
    def name(self) -> str:
        """The target's name."""
        return self.named.name

    def is_new(self, service: str, *, used: bool) -> bool:
        """Whether nothing was ever put there; `used` says that the catalog knows better.

        Raises `Failed` for a disk that is away or somebody else's, which must neither be written to nor believed.
        """
        owners = {service_of(self.named.objects), service_of(self.named.keyring)}
        if owners == {None} and not used:
            return True
        if owners != {service}:
            raise Failed("it is not there, or it is another service's: is its disk attached?")
        return False

    def tell(self, erasure: bytes, statement: str, blobs: Sequence[BlobId]) -> None:
        """Put the signed list there, then delete the blobs. Durable when this returns. Raises `Failed`."""
        put_small(self.named.objects, names.erasure(erasure), statement.encode())
        self.named.objects.settle()
        self.clear(blobs)

    def clear(self, blobs: Sequence[BlobId]) -> None:
        """Delete the blobs, whether they are there or not. Durable when this returns. Raises `Failed`."""
        for blob in blobs:
            self.named.objects.delete(names.blob(blob))
        self.named.objects.settle()

    def holds(self, blobs: Sequence[BlobId]) -> int:
        """How many of these blobs are there. Raises `Failed`."""
        there = {found.name for found in self.named.objects.list(names.BLOBS)}
        return sum(names.blob(blob) in there for blob in blobs)

    def is_rid(self, destroyed: Micros, now: Micros) -> bool:
        """Whether no copy of the keyring from before that time is there, or on its way. Raises `Failed`.

        One that is on its way is not seen. It is there by the time at which the next one is, which ends it. Of one
        whose time has not come yet nobody knows when it was made.
        """
        times = [time for _name, time in copies_at(self.named.keyring)]
        return destroyed < min(times) <= max(times) <= now if times else now > destroyed + ON_ITS_WAY
