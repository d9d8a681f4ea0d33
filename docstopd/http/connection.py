"""One connection: reads heads as they come, serves requests one after the other, stays in step or closes."""

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from docstopd.errors import StateUnknown
from docstopd.http.body import ChunkedBody, LengthBody, NoBody
from docstopd.http.environ import Environs
from docstopd.http.head import CHUNKED, Head, parse_head
from docstopd.http.inbound import Inbound
from docstopd.http.pace import Pace
from docstopd.http.rejection import Rejection
from docstopd.http.response import Data, Response, date
from docstopd.http.settings import Settings
from docstopd.http.transport import Transport

_log = logging.getLogger(__name__)
_access = logging.getLogger("docstopd.access")

MOST_DRAINED = 64 * 1024
_MOST_IN_A_ROW = 16
_LINGER = 2.0
_REST_OF_LINE = 64  # the request line's method and version
_NOT_TLS = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 29\r\nConnection: close\r\n\r\n"
    b"This port speaks HTTPS only.\n"
)


class Lost(Exception):
    """The peer is gone or given up; told apart from the application's own OSErrors."""


class Host(Protocol):
    """What a connection asks of its server."""

    application: Callable[[dict[str, Any], Any], Iterable[Data]]
    settings: Settings
    environs: Environs
    stopping: bool

    def fail(self, error: StateUnknown) -> None:
        """A store may or may not hold a write."""

    def forget(self, connection: "Connection") -> None:
        """The connection is about to close."""


class Connection:
    """What cheroot's worker threads call a connection: `communicate` and `close`, and a count of requests."""

    __slots__ = (
        "_begun",
        "_body",
        "_head_only",
        "_inbound",
        "_keeps",
        "_lingering",
        "_pace",
        "_peer",
        "_server",
        "_unread",
        "deadline",
        "registered",
        "requests_seen",
        "transport",
    )

    def __init__(self, server: Host, transport: Transport, peer: tuple[str, int], pace: Pace) -> None:
        self._server = server
        self.transport = transport
        self._peer = peer
        self._pace = pace
        self._inbound = Inbound(transport)
        self._body: NoBody | LengthBody | ChunkedBody = NoBody()
        self._begun = False  # whether a part of a head has arrived
        self._head_only = False  # whether it is that of a HEAD, whose answer has no content, refused or not
        self._keeps = False  # whether the request being answered lets the connection stay
        self._unread = False  # whether the peer may still be sending what nobody will read
        self._lingering: int | None = None  # once all is said: how many more bytes are thrown away
        self.deadline = time.monotonic() + server.settings.header_timeout
        self.registered = False
        self.requests_seen = 0

    # cheroot's worker thread names the peer in its own messages
    @property
    def remote_addr(self) -> str:
        """The peer's address."""
        return self._peer[0]

    @property
    def remote_port(self) -> int:
        """The peer's port."""
        return self._peer[1]

    @property
    def readable(self) -> bool:
        """Whether bytes were read ahead."""
        return self._lingering is None and self._inbound.waiting

    @property
    def deaf(self) -> bool:
        """Whether the peer sent so much unread that only its end is awaited; its own window stops it."""
        return self._lingering is not None and self._lingering <= 0

    def communicate(self) -> bool:
        """Serve what has arrived; True to wait for more, False to close."""
        if self._lingering is not None:
            return not self.deaf and self._discard(self._lingering)
        try:
            if not self.transport.handshake() or self._serve_in_turn():
                return True
        except Rejection as rejection:
            self._reject(rejection)
        except (Lost, OSError) as error:
            self._lost(error)
        return self._unread and self._linger()

    def _linger(self) -> bool:
        """Let a peer that may still be sending read its answer; whether that takes time.

        Closing over unread bytes resets the connection, and the peer may lose the answer it hasn't read yet (RFC 9112
        section 9.6). No thread waits for it: the connection does, like any other, and not for long.
        """
        self._begun = False
        self.deadline = time.monotonic() + _LINGER
        self.transport.finish()
        return self._discard(MOST_DRAINED)

    def _discard(self, most: int) -> bool:
        count = self.transport.discard(most)
        self._lingering = most - (count or 0)
        return count is not None

    def _serve_in_turn(self) -> bool:
        """Requests sent ahead of their answers are served in a row, but not so many that others wait long."""
        for _ in range(_MOST_IN_A_ROW):
            head = self._head()
            if head is None:
                break
            if not self._serve(head):
                return False
            if not self._inbound.waiting:
                break
        return True

    def _head(self) -> Head | None:
        """The next request; None when it isn't complete. Raises Rejection, and Lost at the end."""
        settings = self._server.settings
        found = self._inbound.head(settings.max_header)
        if found is None:
            raise Lost("closed by the peer")
        data, complete = found
        self._head_only = data.startswith(b"HEAD ")
        if complete and len(data) <= settings.max_header:
            return parse_head(data, settings.max_uri)
        if b"\r\n" not in data[: settings.max_uri + _REST_OF_LINE] and len(data) > settings.max_uri + _REST_OF_LINE:
            raise Rejection(414, f"The request target is longer than {settings.max_uri} bytes.")
        if len(data) > settings.max_header:
            raise Rejection(431, f"The header is longer than {settings.max_header} bytes.")
        if data and not self._begun:
            self._begun = True
            self.deadline = time.monotonic() + settings.header_timeout
        return None

    def _serve(self, head: Head) -> bool:
        """Answer one request; whether the connection stays."""
        self.requests_seen += 1
        self._body = self._frame(head)
        self._keeps = head.keep_alive
        response = Response(self, head.method, head.modern)
        begun = time.perf_counter()
        environ = self._server.environs.build(head, self._body, self._peer, self.transport.secure)
        self._pace.address = environ["REMOTE_ADDR"]
        try:
            self._run(environ, response, head.method == "HEAD")
        except (Lost, Rejection):
            raise
        except StateUnknown as error:
            self._server.fail(error)
            return False
        except Exception:  # noqa: BLE001  # the outermost edge: the application's own table missed this one
            self._fault(response)
            return False
        self._unread = not self._body.finished
        if _access.isEnabledFor(logging.DEBUG):  # paths are names of sealed spaces and never logged
            _access.debug("%s %s %.1f ms", head.method, response.status[:3], 1000 * (time.perf_counter() - begun))
        self._begun = False
        self.deadline = time.monotonic() + self._server.settings.keep_alive
        return response.stays

    def _frame(self, head: Head) -> NoBody | LengthBody | ChunkedBody:
        invite: Callable[[], None] | None = self._invite if head.expects else None
        if head.length == CHUNKED:
            return ChunkedBody(self._inbound, self._pace, invite)
        if head.length:
            return LengthBody(self._inbound, self._pace, invite, head.length)
        return NoBody()

    def _run(self, environ: dict[str, Any], response: Response, head_only: bool) -> None:
        result: Iterable[Data] = self._server.application(environ, response.start)
        try:
            if isinstance(result, list | tuple):
                self._body.settle(MOST_DRAINED)  # before the answer, which says whether the connection stays
            if isinstance(result, list | tuple) and len(result) == 1:
                response.send_whole(result[0])
                return
            if not (head_only and response.prepared):
                for piece in result:
                    response.send(piece)
                    if head_only:
                        break  # a generator begins, and calls start_response, at its first piece
            response.finish()
        finally:
            close = getattr(result, "close", None)
            if close is not None:
                close()

    def _fault(self, response: Response) -> None:
        """An error nobody foresaw: 500 where the head hasn't left, a cut connection where it has."""
        _log.exception("a request failed unexpectedly")
        if not response.started:
            self._reject(Rejection(500, "The server failed to answer this request; its log says more."))

    def send(self, parts: Sequence[Data]) -> None:
        """Write all parts. Raises Lost."""
        try:
            self.transport.send(parts, self._pace)
        except OSError as error:
            raise Lost(str(error)) from error

    def may_stay(self) -> bool:
        """Whether another request may follow the one being answered."""
        return self._keeps and not self._server.stopping and self._body.finished

    def _invite(self) -> None:
        self.send([b"HTTP/1.1 100 Continue\r\n\r\n"])

    def _reject(self, rejection: Rejection) -> None:
        """Answer without the application, and close."""
        self._unread = True
        try:
            self.send([_refusal(rejection, head_only=self._head_only)])
        except Lost as error:
            self._lost(error)

    def _lost(self, error: Exception) -> None:
        """The peer left, is too slow, or doesn't speak TLS."""
        self._unread = False
        if getattr(error, "reason", None) == "HTTP_REQUEST":
            self.transport.send_in_clear(_NOT_TLS)
        _log.debug("connection lost: %s", error)

    @property
    def idle(self) -> bool:
        """Whether nothing of a request has arrived, not even where only the kernel knows of it, nor one just left."""
        return self._lingering is None and not self._begun and not self.transport.receivable()

    def expire(self) -> None:
        """Its deadline has passed: say so where a request had begun, and close. Never waits: one thread expires all."""
        if self._begun:
            late = Rejection(408, "The request's header did not arrive in time.")
            self.transport.send_at_once(_refusal(late, head_only=self._head_only))
        self.close()

    def close(self) -> None:
        """Close at once. Never raises."""
        if self._lingering is None:
            self.transport.finish()
        self._server.forget(self)
        self.transport.close()


def _refusal(rejection: Rejection, *, head_only: bool) -> bytes:
    """An answer that the application has no part in, and the last on its connection."""
    body = f"{rejection.message}\n"
    return (
        f"HTTP/1.1 {rejection.line}\r\nDate: {date(int(time.time()))}\r\nContent-Length: {len(body.encode())}\r\n"
        f"Content-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n{'' if head_only else body}"
    ).encode()
