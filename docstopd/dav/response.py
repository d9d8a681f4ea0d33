"""One HTTP answer, before WSGI."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

StartResponse = Callable[[str, list[tuple[str, str]]], object]

XML_TYPE = ("Content-Type", "application/xml; charset=utf-8")
TEXT_TYPE = ("Content-Type", "text/plain; charset=utf-8")

STATUS_LINES = {
    200: "200 OK",
    201: "201 Created",
    204: "204 No Content",
    206: "206 Partial Content",
    207: "207 Multi-Status",
    304: "304 Not Modified",
    400: "400 Bad Request",
    401: "401 Unauthorized",
    403: "403 Forbidden",
    404: "404 Not Found",
    405: "405 Method Not Allowed",
    409: "409 Conflict",
    411: "411 Length Required",
    412: "412 Precondition Failed",
    413: "413 Content Too Large",
    414: "414 URI Too Long",
    415: "415 Unsupported Media Type",
    416: "416 Range Not Satisfiable",
    423: "423 Locked",
    424: "424 Failed Dependency",
    429: "429 Too Many Requests",
    500: "500 Internal Server Error",
    507: "507 Insufficient Storage",
}


@dataclass(slots=True)
class Response:
    """Status, headers and body. A body that streams may have `close`, which the server calls in every case."""

    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: Iterable[bytes | memoryview] = ()

    def send(self, method: str, start_response: StartResponse) -> Iterable[bytes | memoryview]:
        """Start the answer and hand over its body, which HEAD has none of (RFC 9110 section 9.3.2)."""
        start_response(STATUS_LINES[self.status], self.headers)
        if method != "HEAD":
            return self.body
        close = getattr(self.body, "close", None)
        if close is not None:
            close()
        return ()


def whole(status: int, kind: tuple[str, str], content: bytes, *headers: tuple[str, str]) -> Response:
    """Return an answer whose body is at hand."""
    return Response(status, [kind, ("Content-Length", str(len(content))), *headers], (content,))


def text(status: int, message: str, *headers: tuple[str, str]) -> Response:
    """Return a plain sentence for a person."""
    return whole(status, TEXT_TYPE, (message + "\n").encode(), *headers)


def empty(status: int, *headers: tuple[str, str]) -> Response:
    """Return an answer without a body; 204 has no Content-Length (RFC 9110 section 8.6)."""
    return Response(status, list(headers) if status == 204 else [("Content-Length", "0"), *headers])
