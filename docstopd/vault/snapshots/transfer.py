"""Blobs on their way from one place to another, in batches: copied, made durable together, read back, compared.

What is compared is the SHA-256 of the ciphertext, which the catalog has: no key is needed. It is taken where the copy
lies now, so that it speaks for the source, the way and the medium at once.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from docstopd.catalog.copies import Stored
from docstopd.errors import Damaged, Failed, NotFound
from docstopd.model import BlobId
from docstopd.targets import Target
from docstopd.vault.snapshots import names
from docstopd.vault.snapshots.reading import Reader, digest, pieces

THREADS = 4
"""Reading, writing and hashing leave the interpreter to others; more threads than this only queue at the disk."""

BATCH_BLOBS = 2048
BATCH_BYTES = 256 << 20
"""What is made durable together, and then read back while the next batch is copied."""

Open = Callable[[BlobId], Reader]


@dataclass
class Moved:
    """What a transfer did. `bad` are the blobs whose source is not what was written, each with its reason."""

    blobs: int = 0
    bytes: int = 0
    bad: list[tuple[Stored, str]] = field(default_factory=list)


class Reading:
    """Reads what a target has, from the medium, and compares it."""

    def __init__(self, target: Target) -> None:
        self._target = target

    def check(self, blobs: Iterable[Stored], done: Callable[[int, int], None]) -> list[tuple[Stored, str]]:
        """Those that are not what was written; `done` is told of each batch: blobs and bytes."""
        bad: list[tuple[Stored, str]] = []
        blobs_read, bytes_read = 0, 0
        with ThreadPoolExecutor(THREADS, thread_name_prefix="snapshot") as pool:
            for batch in batches(blobs):
                for blob, wrong in zip(batch, pool.map(self.one, batch), strict=True):
                    if wrong:
                        bad.append((blob, wrong))
                blobs_read += len(batch)
                bytes_read += sum(blob.stored for blob in batch)
                done(blobs_read, bytes_read)
        return bad

    def one(self, blob: Stored) -> str:
        """Empty, or what is wrong with the copy."""
        try:
            return _compared(blob, *digest(self._target.open(names.blob(blob.blob), fresh=True)))
        except (Damaged, NotFound) as error:
            return str(error)


class Transfer:
    """From wherever `source` opens blobs, to a target.

    `verify`: each copy is read back from the medium. Without it each is compared on its way, which proves the source
    alone: good enough for what can be fetched again.
    """

    def __init__(self, source: Open, target: Target, *, verify: bool = True, threads: int = THREADS) -> None:
        self._source = source
        self._target = target
        self._reading = Reading(target)
        self._verify = verify
        self._threads = threads

    def run(self, blobs: Iterable[Stored], done: Callable[[int, int], None]) -> Moved:
        """Copy them; `done` is told of each batch: blobs and bytes. Raises `StorageFull`, `Failed`, `StateUnknown`."""
        moved = Moved()
        with ThreadPoolExecutor(self._threads, thread_name_prefix="snapshot") as pool:
            checks: list[tuple[Stored, Future[str]]] = []
            for batch in batches(blobs):
                copies = [(blob, pool.submit(self._copy, blob)) for blob in batch]
                good = self._settled(copies, moved)
                self._judge(checks, moved)
                checks = [(blob, pool.submit(self._reading.one, blob)) for blob in good] if self._verify else []
                moved.blobs += len(good)
                moved.bytes += sum(blob.stored for blob in good)
                done(moved.blobs, moved.bytes)
            self._judge(checks, moved)
        return moved

    # -- inside -----------------------------------------------------------------------------------------------------

    def _settled(self, copies: Sequence[tuple[Stored, "Future[str]"]], moved: Moved) -> list[Stored]:
        good = []
        for blob, copy in copies:
            wrong = copy.result()
            if wrong:
                moved.bad.append((blob, wrong))
            else:
                good.append(blob)
        self._target.settle()
        return good

    def _judge(self, checks: Sequence[tuple[Stored, "Future[str]"]], moved: Moved) -> None:
        for blob, check in checks:
            if check.result() and (wrong := self._again(blob)):
                moved.bad.append((blob, wrong))
                moved.blobs -= 1  # it was counted when it was copied
                moved.bytes -= blob.stored

    def _again(self, blob: Stored) -> str:
        """A copy that is not the blob: its source is not either, or the medium lost something. It gets one more try."""
        wrong = self._copy(blob, strict=True)
        if not wrong:
            self._target.settle()
            wrong = self._reading.one(blob)
            if wrong:
                self._target.delete(names.blob(blob.blob))
                raise Failed(f"the target does not keep what is written to it: blob {blob.blob.hex()} {wrong}")
        else:
            self._target.delete(names.blob(blob.blob))
        return wrong

    def _copy(self, blob: Stored, *, strict: bool = False) -> str:
        """Empty, or what is wrong with the source."""
        try:
            reader = self._source(blob.blob)
        except (Damaged, NotFound) as error:
            return str(error)
        try:
            writer = self._target.put(names.blob(blob.blob))
        except BaseException:
            reader.close()
            raise
        try:
            if strict or not self._verify:
                wrong = _compared(blob, *digest(reader, writer.write))
            else:
                wrong = _sized(blob, reader, writer.write)
            if wrong:
                writer.abort()
            else:
                writer.finish()
        except Damaged as error:
            writer.abort()
            return str(error)
        except BaseException:
            writer.abort()
            raise
        return wrong


def _sized(blob: Stored, reader: Reader, sink: Callable[[memoryview], None]) -> str:
    size = 0
    try:
        for piece in pieces(reader):
            sink(piece)
            size += len(piece)
    finally:
        reader.close()
    return "" if size == blob.stored else f"has {size} bytes instead of {blob.stored}"


def _compared(blob: Stored, size: int, found: bytes) -> str:
    if size != blob.stored:
        return f"has {size} bytes instead of {blob.stored}"
    return "" if found == blob.digest else "is not what was written: its digest differs"


def batches(blobs: Iterable[Stored], count: int = BATCH_BLOBS, size: int = BATCH_BYTES) -> Iterator[list[Stored]]:
    """Blobs in groups of so many, or so many bytes."""
    batch: list[Stored] = []
    held = 0
    for blob in blobs:
        batch.append(blob)
        held += blob.stored
        if len(batch) >= count or held >= size:
            yield batch
            batch, held = [], 0
    if batch:
        yield batch
