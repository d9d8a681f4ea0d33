"""Objects that a target must not read: lines, compressed, under a key of their own that the server key wraps.

The first line says in clear what it is (`docs/snapshots.md`); all of it but the wrapped key is bound to what follows,
so that an object of one service, kind or number is none of another.
"""

import contextlib
import zlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from cryptography.utils import Buffer

from docstopd.crypto.serverkey import ServerKey
from docstopd.crypto.statement import canonical, parse
from docstopd.crypto.stream import SealingStream, opened
from docstopd.crypto.wrap import unwrap, wrap
from docstopd.errors import Damaged, Incompatible
from docstopd.model import Micros
from docstopd.targets import TargetReader

FORM = "docstopd-sealed/1"
CATALOG, KEYRING = "catalog", "keyring"

_LABEL = b"docstopd/sealed/v1"
_LEVEL = 1
"""Ids and digests do not shrink, names of columns are not repeated: what more effort finds is little."""

_PIECE = 1 << 18
_HEAD = 4096


@dataclass(frozen=True, slots=True)
class Head:
    """What an object is. `number`: of the snapshot, 0 for none."""

    kind: str
    service: str
    number: int
    time: Micros

    @property
    def fields(self) -> dict[str, str | int]:
        """As it is written."""
        return {
            "format": FORM,
            "kind": self.kind,
            "service": self.service,
            "number": self.number,
            "time": self.time,
        }

    @property
    def bound(self) -> bytes:
        """What binds it to what it seals."""
        return _LABEL + canonical(self.fields)


def seal(
    server: ServerKey,
    head: Head,
    lines: Iterable[bytes],
    sink: Callable[[Buffer], None],
    random: Callable[[int], bytes],
) -> None:
    """Hand the whole object to `sink`, piece by piece; `lines` are read as they are needed."""
    key = random(32)
    fields = {**head.fields, "key": wrap(server.snapshots, key, head.bound, random).hex()}
    sink(canonical(fields) + b"\n")
    stream = SealingStream(key, head.bound, sink, random)
    with ThreadPoolExecutor(1, thread_name_prefix="squeeze") as pool:
        # Rows become lines here while the lines before are compressed and sealed there.
        under_way: Future[None] | None = None
        squeeze = zlib.compressobj(_LEVEL)
        for piece in _joined(lines):
            if under_way is not None:
                under_way.result()
            under_way = pool.submit(_squeeze, squeeze, piece, stream)
        if under_way is not None:
            under_way.result()
    stream.write(squeeze.flush())
    stream.finish()


def _squeeze(squeeze: "zlib._Compress", piece: bytes, stream: SealingStream) -> None:
    stream.write(squeeze.compress(piece))


def _joined(lines: Iterable[bytes]) -> Iterator[bytes]:
    held: list[bytes] = []
    size = 0
    for line in lines:
        held.append(line)
        size += len(line)
        if size >= _PIECE:
            yield b"".join(held)
            held, size = [], 0
    yield b"".join(held)


def head_of(reader: TargetReader) -> tuple[Head, bytes, int]:
    """What the object says it is, its wrapped key, and where its sealed part begins. Proves nothing yet."""
    start = memoryview(bytearray(min(_HEAD, reader.size)))
    line, end, _rest = bytes(start[: reader.read_into(0, start)]).partition(b"\n")
    try:
        fields = parse(line)
    except (ValueError, RecursionError):
        fields = None
    if not end or not isinstance(fields, dict) or fields.get("format") != FORM:
        raise Incompatible(f"this is no object of the form {FORM}")
    try:
        number, time = fields["number"], fields["time"]
        head = Head(str(fields["kind"]), str(fields["service"]), _whole(number), _whole(time))
        return head, bytes.fromhex(str(fields["key"])), len(line) + 1
    except (KeyError, ValueError):
        raise Damaged("the first line of a sealed object lacks something") from None


def _whole(value: Any) -> int:
    if type(value) is not int:
        raise ValueError("no whole number")
    return value


def unseal(server: ServerKey, reader: TargetReader, kind: str, service: str, number: int = 0) -> Iterator[bytes]:
    """The lines of an object, as they are read. Raises `Damaged`, also for an object of another kind or number."""
    head, wrapped, start = head_of(reader)
    if (head.kind, head.service, head.number) != (kind, service, number):
        raise Damaged("a sealed object is not the one that its name says")
    key = _unwrapped(server, wrapped, head)
    grow = zlib.decompressobj()
    rest = b""
    try:
        for piece in opened(reader, key, head.bound, start):
            *lines, rest = (rest + grow.decompress(piece)).split(b"\n")
            yield from lines
    except zlib.error:
        raise Damaged("a sealed object does not expand") from None
    if rest or not grow.eof or grow.unused_data:
        raise Damaged("a sealed object ends before its end")


def _unwrapped(server: ServerKey, wrapped: bytes, head: Head) -> bytes:
    for key in server.snapshot_keys[1:]:
        with contextlib.suppress(Damaged):
            return unwrap(key, wrapped, head.bound)
    return unwrap(server.snapshot_keys[0], wrapped, head.bound)
