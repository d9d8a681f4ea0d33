"""Reading a file's content: segments are decrypted as they are asked for, never a wrong byte is handed out."""

from collections.abc import Callable, Generator, Iterator
from types import TracebackType

from docstopd.blobs import BlobReader
from docstopd.catalog.nodes import Row
from docstopd.crypto import floe
from docstopd.errors import Damaged
from docstopd.model import BlobId, Node
from docstopd.vault.ahead import Fill, ReadAhead, in_turn
from docstopd.vault.opening import OpenSpace
from docstopd.vault.stores import Stores


class Content:
    """One open file, as it was when it was opened, whatever happens to it meanwhile. For one thread at a time."""

    def __init__(
        self,
        node: Node,
        blob: BlobId,
        data_key: bytes,
        reader: BlobReader,
        report: Callable[[Damaged], None] = lambda _error: None,
        noted: Callable[[], None] = lambda: None,
        ahead: ReadAhead | None = None,
    ) -> None:
        self.node = node
        self._noted = noted  # is told when it is read, which opening alone is not
        self._ahead = ahead
        self._reading: Generator[memoryview, None, None] | None = None
        self._reader = reader
        self._report = report  # is told of damage that shows after the opening
        self._count = floe.segment_count(node.size)
        self._sealed = memoryview(bytearray(min(reader.size, floe.SEGMENT)))
        self._plain = memoryview(bytearray(min(max(node.size, 1), floe.PLAIN)))
        if reader.size != floe.sealed_size(node.size):
            raise Damaged(f"blob {blob.hex()} has not the length that the catalog states")
        header = memoryview(bytearray(floe.HEADER))
        if reader.read_into(0, header) != floe.HEADER:
            raise Damaged(f"blob {blob.hex()} is cut short")
        self._opener = floe.Opener(header, data_key, floe.blob_aad(blob))
        # Random access alone does not prove the length; the last segment, which says that it is the last, does.
        self._held = self._count - 1
        self._length = self._open(self._held, self._plain)

    def read(self, start: int, length: int) -> Iterator[memoryview]:
        """The bytes of a range, in blocks of one or two segments; a block is good until the next one is asked for.

        The first block is decrypted before this returns, so that damage shows before an answer has begun. Raises
        `Damaged`; ValueError for a range that is not inside the file.
        """
        if start < 0 or length < 0 or start + length > self.node.size:
            raise ValueError("the range is not inside the file")
        self._noted()
        if not length:
            return iter(())
        first = self._block(start, length)
        self._reading = self._blocks(first, start, length)
        return self._reading

    def _blocks(self, first: memoryview, start: int, length: int) -> Generator[memoryview, None, None]:
        yield first
        start += len(first)
        length -= len(first)
        fill = self._filling(start, length)
        if self._ahead is not None and self._ahead.take(length):
            yield from self._ahead.blocks(fill)
        elif length:
            yield from in_turn(fill)

    def _filling(self, start: int, length: int) -> Fill:
        """Fills buffers with the segments from `start` on, where one begins."""

        def fill(target: memoryview) -> int:
            nonlocal start, length
            done = 0
            while length and done + floe.PLAIN <= len(target):
                count = min(self._opened(start // floe.PLAIN, target[done : done + floe.PLAIN]), length)
                start, length, done = start + count, length - count, done + count
            return done

        return fill

    def _block(self, start: int, length: int) -> memoryview:
        position, offset = divmod(start, floe.PLAIN)
        if position != self._held:
            self._held = -1
            self._length = self._opened(position, self._plain)
            self._held = position
        return self._plain[offset : min(self._length, offset + length)]

    def _opened(self, position: int, target: memoryview) -> int:
        """`_open`, with damage reported."""
        try:
            return self._open(position, target)
        except Damaged as error:
            self._report(error)
            raise

    def _open(self, position: int, target: memoryview) -> int:
        """Read and decrypt one segment; the length of its plaintext."""
        offset = floe.HEADER + position * floe.SEGMENT
        sealed = self._sealed[: min(floe.SEGMENT, self._reader.size - offset)]
        if self._reader.read_into(offset, sealed) != len(sealed):
            raise Damaged("a blob is cut short")
        return self._opener.open(position, sealed, position == self._count - 1, target)

    def close(self) -> None:
        """End the reading and give the blob back."""
        if self._reading is not None:
            self._reading.close()  # its other thread may be in the blob
        self._reader.close()

    def __enter__(self) -> "Content":
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        self.close()


def open_content(
    stores: Stores,
    opened: OpenSpace,
    row: Row,
    node: Node,
    report: Callable[[Damaged], None] = lambda _error: None,
    noted: Callable[[], None] = lambda: None,
    ahead: ReadAhead | None = None,
) -> Content:
    """The content that a file's row names, to be closed by the caller. Raises `Damaged`, `NotFound`."""
    epoch, wrapped = stores.keyring.data_key(row.blob, row.space)
    key = opened.keys.get(epoch)
    if key is None:
        raise Damaged("a data key belongs to another epoch")
    data_key = key.unwrap_data_key(row.blob, wrapped)
    reader = stores.blobs.open(row.blob)
    try:
        return Content(node, row.blob, data_key, reader, report, noted, ahead)
    except BaseException:
        reader.close()
        raise
