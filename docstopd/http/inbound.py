"""Bytes received and not yet used: a small look-ahead in front of the transport."""

from docstopd.http.pace import Pace
from docstopd.http.transport import Transport

_READ = 16 * 1024
_READ_BODY = 64 * 1024


class Inbound:
    """A connection's reading side. At most one read's worth (64 KiB) and one head are held."""

    __slots__ = ("_data", "_position", "_starved", "_transport")

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._data = b""
        self._position = 0
        self._starved = False  # whether what is held is the part of a head that was looked at already

    @property
    def waiting(self) -> bool:
        """Whether there is something to look at without asking the kernel."""
        if self._starved:
            return False
        return self._position < len(self._data) or self._transport.pending

    def head(self, limit: int) -> tuple[bytes, bool] | None:
        """The next head without its empty line, and True; what there is of it, and False; None at the end.

        Reads only what is there. A part longer than `limit` is returned as it is. Raises OSError.
        """
        self._data = self._data[self._position :]
        self._position = 0
        self._starved = False
        searched = 0
        while True:
            if not searched and self._data.startswith(b"\r\n"):
                self._data = self._data[2:]  # RFC 9112 section 2.2: one empty line before a request is skipped
            end = self._data.find(b"\r\n\r\n", searched)
            if end >= 0:
                self._position = end + 4
                return self._data[:end], True
            if len(self._data) > limit:
                return self._data, False
            searched = max(0, len(self._data) - 3)
            more = self._transport.receive(_READ)
            if more is None:
                self._starved = True
                return self._data, False
            if not more:
                return None
            self._data += more

    def read_into(self, view: memoryview, pace: Pace) -> int:
        """Fill some of `view`; 0 at the end. Raises TooSlow, OSError."""
        held = len(self._data) - self._position
        if not held:
            return self._transport.receive_into(view, pace)
        count = min(held, len(view))
        view[:count] = memoryview(self._data)[self._position : self._position + count]
        self._position += count
        return count

    def take(self, count: int) -> bytes | None:
        """The next `count` bytes if they are all here already."""
        end = self._position + count
        if end > len(self._data):
            return None
        taken = self._data[self._position : end]
        self._position = end
        return taken

    def line(self, limit: int, pace: Pace) -> bytes | None:
        """The next line without its CRLF; None at the end, or when it is longer than `limit`. Raises OSError."""
        while True:
            end = self._data.find(b"\r\n", self._position)
            if 0 <= end <= self._position + limit:
                line = self._data[self._position : end]
                self._position = end + 2
                return line
            if end >= 0 or len(self._data) - self._position > limit + 1:  # one more: a CR may be in already
                return None
            more = self._transport.receive(_READ_BODY)
            if more is None:
                self._transport.wait_readable(pace)
                continue
            if not more:
                return None
            pace.moved(len(more))
            self._data = self._data[self._position :] + more
            self._position = 0
