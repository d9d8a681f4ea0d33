"""A response on its way out: status line, fields, framing (PEP 3333, RFC 9112 section 6)."""

import time
from collections.abc import Callable, Sequence
from email.utils import formatdate
from functools import lru_cache
from types import TracebackType
from typing import Protocol

Data = bytes | bytearray | memoryview
ExcInfo = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]
SOFTWARE = "docstopd"


class Sink(Protocol):
    """Where a response goes, and what it must know about its request."""

    def send(self, parts: Sequence[Data]) -> None:
        """Write all parts. Raises OSError."""

    def may_stay(self) -> bool:
        """Whether the connection may serve another request after this one."""


class Response:
    """One response; `start` is WSGI's start_response."""

    __slots__ = (
        "_bodiless",
        "_chunked",
        "_fields",
        "_head",
        "_left",
        "_modern",
        "_sink",
        "_status",
        "started",
        "stays",
    )

    def __init__(self, sink: Sink, method: str, modern: bool) -> None:
        self._sink = sink
        self._head = method == "HEAD"
        self._modern = modern
        self._status = ""
        self._fields: list[tuple[str, str]] = []
        self._left: int | None = None
        self._chunked = False
        self._bodiless = self._head
        self.started = False  # whether the head has left
        self.stays = False

    def start(
        self, status: str, fields: list[tuple[str, str]], exc_info: ExcInfo | None = None
    ) -> Callable[[bytes], None]:
        """Set status and fields; nothing is sent yet. Raises ValueError for what would break the framing."""
        if exc_info is not None and exc_info[1] is not None and self.started:
            raise exc_info[1].with_traceback(exc_info[2])
        if self._status and exc_info is None:
            raise ValueError("start_response was called twice")
        if len(status) < 4 or not status[:3].isdecimal() or status[3] != " ":
            raise ValueError("the status is not three digits and a reason")
        self._status = status
        self._fields = fields
        return self.send

    @property
    def status(self) -> str:
        """The three digits and the reason, empty before `start`."""
        return self._status

    @property
    def prepared(self) -> bool:
        """Whether status and fields are set."""
        return bool(self._status)

    def send(self, data: Data) -> None:
        """Send one piece of the body, with the head in front when it is the first."""
        size = data.nbytes if isinstance(data, memoryview) else len(data)
        if not size:
            return
        parts: list[Data] = [] if self.started else [self._open(None)]
        if not self._bodiless:
            parts += self._framed(data, size)
        if parts:
            self._sink.send(parts)

    def _framed(self, data: Data, size: int) -> list[Data]:
        if self._chunked:
            return [b"%x\r\n" % size, data, b"\r\n"]
        if self._left is not None:
            if size > self._left:
                self.stays = False
                raise ValueError("the body is longer than its Content-Length")
            self._left -= size
        return [data]

    def send_whole(self, data: Data) -> None:
        """Send head and body at once; the body's length becomes its Content-Length where none was given."""
        size = data.nbytes if isinstance(data, memoryview) else len(data)
        parts: list[Data] = [self._open(size)]
        if size and not self._bodiless:
            parts += self._framed(data, size)
        self._sink.send(parts)
        self.finish()

    def finish(self) -> None:
        """End the body; afterwards `stays` says whether the connection does. Raises OSError, ValueError."""
        if not self.started:
            self._sink.send([self._open(0)])
        if self._chunked:
            self._sink.send([b"0\r\n\r\n"])
        if self._left and not self._bodiless:
            self.stays = False
            raise ValueError("the body is shorter than its Content-Length")

    def _open(self, size: int | None) -> bytes:
        """The head. `size` is the whole body's length where it is known."""
        if not self._status:
            raise ValueError("the application answered without start_response")
        code = self._status[:3]
        empty = code in ("204", "304") or code[0] == "1"
        names = set()
        lines = [f"HTTP/1.1 {self._status}"]
        for name, value in self._fields:
            lowered = name.lower()
            names.add(lowered)
            if lowered == "content-length":
                if code == "204":
                    continue  # RFC 9110 section 8.6
                self._left = int(value)
            elif lowered in ("connection", "keep-alive", "transfer-encoding"):
                continue  # PEP 3333: hop-by-hop fields are the server's
            lines.append(f"{name}: {value}")
        self._bodiless = self._head or empty
        self.stays = self._sink.may_stay()
        if self._left is None and not empty:
            lines += self._frame(size)
        lines += self._own(names)
        text = "\r\n".join(lines)
        if text.count("\n") != len(lines) - 1 or text.count("\r") != len(lines) - 1:
            raise ValueError("a response field holds a line end")
        self.started = True
        return f"{text}\r\n\r\n".encode("latin-1")

    def _frame(self, size: int | None) -> list[str]:
        if size is not None and not (self._head and not size):
            self._left = size
            return [f"Content-Length: {size}"]
        if self._head:
            return []
        if self._modern:
            self._chunked = True
            return ["Transfer-Encoding: chunked"]
        self.stays = False
        return []

    def _own(self, names: set[str]) -> list[str]:
        lines = []
        if "date" not in names:
            lines.append(f"Date: {date(int(time.time()))}")
        if "server" not in names:
            lines.append(f"Server: {SOFTWARE}")
        if not self.stays:
            lines.append("Connection: close")
        elif not self._modern:
            lines.append("Connection: keep-alive")
        return lines


@lru_cache(maxsize=2)
def date(second: int) -> str:
    """The Date field for a second since 1970."""
    return formatdate(second, usegmt=True)
