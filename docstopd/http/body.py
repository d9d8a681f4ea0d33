"""The body of a request, as a stream that is never held whole (RFC 9112 sections 6 and 7)."""

import io
import re
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from docstopd.errors import IncompleteBody
from docstopd.http.fields import parse_fields
from docstopd.http.inbound import Inbound
from docstopd.http.pace import Haste, Pace, TooSlow
from docstopd.http.rejection import Rejection

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,15})(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?")
_MOST_CHUNK_LINE = 1024
_MOST_TRAILER = 8 * 1024
_DISCARD = 16 * 1024
_PIECE = 256 * 1024


class NoBody(io.RawIOBase):
    """The body of a request without one."""

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Nothing, at once."""
        return 0

    @property
    def finished(self) -> bool:
        """Always: there is nothing to read."""
        return True

    def settle(self, most: int) -> None:
        """Nothing to throw away."""


class _Stream(io.RawIOBase):
    """What both framings share: `100 Continue`, exact reads, failing once and for all."""

    def __init__(self, inbound: Inbound, pace: Pace, invite: Callable[[], None] | None) -> None:
        self._inbound = inbound
        self._pace = pace
        self._invite = invite
        self._broken = False

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Fill `buffer` whole unless the body ends first; the count. Raises IncompleteBody for a body cut short."""
        view = memoryview(buffer).cast("B")
        done = 0
        while done < len(view) and (count := self._some(view[done:])):
            done += count
        return done

    def readall(self) -> bytes:
        """What is left, in pieces larger than io's own. Raises IncompleteBody."""
        return b"".join(iter(lambda: self.read(_PIECE), b""))

    def _some(self, view: memoryview) -> int:
        if self._broken:
            raise IncompleteBody("the body was broken before")
        if self._invite is not None and not self.finished:
            self._invite()
            self._invite = None
        try:
            return self._next(view)
        except (TooSlow, OSError) as error:
            raise self._incomplete(f"the client stopped sending ({error})") from error

    def _incomplete(self, reason: str) -> IncompleteBody:
        self._broken = True
        return IncompleteBody(reason)

    def settle(self, most: int) -> None:
        """Throw away the unread rest, up to about `most` bytes, where it is here already; nothing reads on after this.

        Never waits: a client that holds its body back would hold a thread too. Unless `finished` then, the connection
        must close. While the client waits for `100 Continue` nothing is read, since what comes next is unknown.
        """
        if self._broken or self._invite is not None or self.finished:
            return
        self._pace = Haste()
        scrap = memoryview(bytearray(_DISCARD))
        with suppress(IncompleteBody):
            while not self.finished and most > 0:
                most -= max(_MOST_CHUNK_LINE, self._some(scrap[:most]))  # a byte's chunk can be as long as its line

    @property
    def finished(self) -> bool:
        """Whether every byte of the body, its framing included, was read."""
        raise NotImplementedError

    def _next(self, view: memoryview) -> int:
        raise NotImplementedError


class LengthBody(_Stream):
    """A body of a known length."""

    def __init__(self, inbound: Inbound, pace: Pace, invite: Callable[[], None] | None, length: int) -> None:
        super().__init__(inbound, pace, invite)
        self._left = length

    def read(self, size: int | None = -1) -> bytes:
        """`size` bytes, fewer only at the end; all without one. Raises IncompleteBody."""
        wanted = self._left if size is None or size < 0 else min(size, self._left)
        if self._invite is None and not self._broken and (held := self._inbound.take(wanted)) is not None:
            self._left -= wanted
            return held
        buffer = bytearray(wanted)
        self.readinto(buffer)
        return bytes(buffer)

    @property
    def finished(self) -> bool:
        """Whether every byte was read."""
        return not self._left

    def _next(self, view: memoryview) -> int:
        if not self._left:
            return 0
        count = self._inbound.read_into(view[: self._left], self._pace)
        if not count:
            raise self._incomplete(f"the body ended {self._left} bytes early")
        self._left -= count
        return count


class ChunkedBody(_Stream):
    """A body in chunks. A chunk is never held whole; extensions and trailers are read, bounded and dropped."""

    def __init__(self, inbound: Inbound, pace: Pace, invite: Callable[[], None] | None) -> None:
        super().__init__(inbound, pace, invite)
        self._chunk = 0
        self._begun = False
        self._ended = False

    @property
    def finished(self) -> bool:
        """Whether the last chunk and the trailers were read."""
        return self._ended

    def _next(self, view: memoryview) -> int:
        if not self._chunk and not self._open_chunk():
            return 0
        count = self._inbound.read_into(view[: self._chunk], self._pace)
        if not count:
            raise self._incomplete("the body ended inside a chunk")
        self._chunk -= count
        return count

    def _open_chunk(self) -> bool:
        """Read up to the next chunk's first byte; False at the end of the body."""
        if self._ended:
            return False
        if self._begun and self._line(0) != b"":
            raise self._incomplete("a chunk is longer than it said")
        self._begun = True
        match = _CHUNK_LINE.fullmatch(self._line(_MOST_CHUNK_LINE))
        if match is None:
            raise self._incomplete("a chunk's length is malformed")
        self._chunk = int(match[1], 16)
        if not self._chunk:
            self._trailers()
        return not self._ended

    def _trailers(self) -> None:
        left = _MOST_TRAILER
        lines = []
        while line := self._line(left):
            lines.append(line.decode("latin-1"))
            left -= len(line) + 2
        try:
            parse_fields(lines)
        except Rejection as error:
            raise self._incomplete(f"a trailer is malformed: {error}") from None
        self._ended = True

    def _line(self, limit: int) -> bytes:
        line = self._inbound.line(max(0, limit), self._pace)
        if line is None:
            raise self._incomplete("the body's chunks are cut short or overlong")
        return line
