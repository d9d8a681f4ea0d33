"""What the vault needs of a place for blobs."""

from collections.abc import Iterator
from typing import Protocol

from cryptography.utils import Buffer

from docstopd.model import BlobId, Micros


class BlobWriter(Protocol):
    """One blob on its way in; nothing is visible before `finish`. Not for concurrent use."""

    def write(self, data: Buffer) -> None:
        """Append; `data` is the caller's again when this returns. Raises `StorageFull`."""

    def finish(self) -> bytes:
        """Make it durable under its id; its SHA-256. Raises `StorageFull`, `StateUnknown` after a failed fsync."""

    def abort(self) -> None:
        """Drop what was written; fine after `finish`, which it does not undo."""


class BlobReader(Protocol):
    """One open blob; safe for concurrent use. It stays readable when the blob is deleted meanwhile."""

    size: int

    def read_into(self, offset: int, target: memoryview) -> int:
        """Fill `target` from `offset`; fewer bytes only at the end. Raises `Damaged` on a read error."""

    def close(self) -> None:
        """Give the handle back."""


class BlobStore(Protocol):
    """Blobs by id, shared by threads and processes."""

    def create(self, blob: BlobId, *, replace: bool = False) -> BlobWriter:
        """Begin a blob; `finish` raises `AlreadyExists` when the id is taken.

        `replace` is for healing: the same content in place of one that is damaged or gone; a reader finds either.
        """

    def open(self, blob: BlobId, *, fresh: bool = False) -> BlobReader:
        """Raises `Damaged` when there is none: only blobs that have a row are asked for.

        `fresh`: from the medium itself where the system allows, not from a copy in memory.
        """

    def delete(self, blob: BlobId) -> None:
        """Remove it; fine when it is gone already."""

    def ids(self) -> Iterator[BlobId]:
        """All blobs that are whole, in any order; those that come or go meanwhile may be seen or not."""

    def received(self, blob: BlobId) -> Micros | None:
        """When it was finished, by the store's own clock; None when it is not there."""

    def sweep(self, before: Micros) -> int:
        """Remove what writers left half written that died before that time; how many."""
