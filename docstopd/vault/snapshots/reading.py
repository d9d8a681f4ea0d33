"""Reading whole objects and blobs: small ones into memory, large ones for their digest."""

import hashlib
import threading
from collections.abc import Callable, Iterator
from typing import Protocol

from docstopd.crypto.statement import canonical, parse
from docstopd.errors import Damaged, Failed, NotFound, Refused
from docstopd.targets import Target
from docstopd.vault.snapshots import names

PIECE = 1 << 20
SMALL = 1 << 20
"""Bytes of the largest object that is read whole."""

_buffers = threading.local()


class Reader(Protocol):
    """An open blob or object."""

    size: int

    def read_into(self, offset: int, target: memoryview) -> int:
        """Fill `target` from `offset`; fewer bytes only at the end."""

    def close(self) -> None:
        """Give the handle back."""


def pieces(reader: Reader) -> Iterator[memoryview]:
    """All of it in order; a piece is good until the next one is asked for. For one thread."""
    buffer: memoryview | None = getattr(_buffers, "buffer", None)
    if buffer is None:
        buffer = _buffers.buffer = memoryview(bytearray(PIECE))
    offset = 0
    while count := reader.read_into(offset, buffer):
        yield buffer[:count]
        offset += count


def digest(reader: Reader, sink: Callable[[memoryview], None] | None = None) -> tuple[int, bytes]:
    """(bytes, SHA-256) of all of it, which `sink` gets as well; closes it."""
    found, size = hashlib.sha256(), 0
    try:
        for piece in pieces(reader):
            found.update(piece)
            size += len(piece)
            if sink is not None:
                sink(piece)
    finally:
        reader.close()
    return size, found.digest()


def small(target: Target, name: str) -> bytes:
    """A small object. Raises `NotFound`, `Damaged`."""
    reader = target.open(name, fresh=True)
    try:
        if reader.size > SMALL:
            raise Damaged(f"{name} is larger than such an object can be")
        content = bytearray(reader.size)
        if reader.read_into(0, memoryview(content)) != len(content):
            raise Damaged(f"{name} is cut short")
        return bytes(content)
    finally:
        reader.close()


def put_small(target: Target, name: str, content: bytes) -> None:
    """Write a small object; the caller settles."""
    writer = target.put(name)
    try:
        writer.write(content)
        writer.finish()
    except BaseException:
        writer.abort()
        raise


SERVICE_FORM = "docstopd-target/1"


def service_of(target: Target) -> str | None:
    """Whose target it is; None for nobody's: empty, or not there. Raises `Refused` for any other folder, `Failed`."""
    try:
        found = parse(small(target, names.SERVICE))
    except NotFound:
        if _is_empty(target):
            return None
        raise Refused(f"there is no {names.SERVICE}, and other things lie there; name an empty folder") from None
    except (Damaged, ValueError, RecursionError):
        raise Failed(f"its {names.SERVICE} is damaged") from None
    if not isinstance(found, dict) or found.get("format") != SERVICE_FORM:
        raise Failed(f"its {names.SERVICE} has a form that this docstopd does not know")
    return str(found.get("service"))


def _is_empty(target: Target) -> bool:
    try:
        return next(target.list(""), None) is None
    except NotFound:
        return True


def claim(target: Target, service: str) -> None:
    """Make it this service's target; durable when this returns."""
    put_small(target, names.SERVICE, canonical({"format": SERVICE_FORM, "service": service}) + b"\n")
    target.settle()
