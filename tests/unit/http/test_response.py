"""Responses: framing, and what the server adds."""

from collections.abc import Sequence

import pytest

from docstopd.http.response import Response


class Wire:
    """A sink that keeps what was sent."""

    def __init__(self, *, stays: bool = True) -> None:
        self.sends: list[bytes] = []
        self._stays = stays

    def send(self, parts: Sequence[bytes | bytearray | memoryview]) -> None:
        self.sends.append(b"".join(parts))

    def may_stay(self) -> bool:
        return self._stays

    @property
    def head(self) -> list[str]:
        return b"".join(self.sends).partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")

    @property
    def body(self) -> bytes:
        return b"".join(self.sends).partition(b"\r\n\r\n")[2]


def respond(
    *pieces: bytes, status: str = "200 OK", method: str = "GET", modern: bool = True, **fields: str
) -> tuple[Wire, Response]:
    wire = Wire()
    response = Response(wire, method, modern)
    response.start(status, [(name.replace("_", "-"), value) for name, value in fields.items()])
    for piece in pieces:
        response.send(piece)
    response.finish()
    return wire, response


def test_head_and_first_piece_leave_together() -> None:
    """In one write."""
    wire, response = respond(b"abc", b"def", Content_Length="6")
    assert len(wire.sends) == 2
    assert wire.body == b"abcdef"
    assert response.stays


def test_an_unknown_length_is_chunked() -> None:
    """In HTTP/1.1; in 1.0 the end of the connection is the end of the body."""
    wire, _ = respond(b"abc", b"", b"d" * 17)
    assert "Transfer-Encoding: chunked" in wire.head
    assert wire.body == b"3\r\nabc\r\n11\r\n" + b"d" * 17 + b"\r\n0\r\n\r\n"
    wire, response = respond(b"abc", modern=False)
    assert wire.body == b"abc"
    assert not response.stays


def test_an_empty_body_has_a_length() -> None:
    """Zero."""
    assert "Content-Length: 0" in respond()[0].head


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_bodiless_statuses_have_no_body(status: str) -> None:
    """And no length is made up for them."""
    wire, response = respond(b"abc", status=status)
    assert wire.body == b""
    assert not any(line.lower().startswith(("content-length", "transfer-encoding")) for line in wire.head)
    assert response.stays


def test_204_never_has_a_length() -> None:
    """RFC 9110 section 8.6."""
    assert not any("Content-Length" in line for line in respond(status="204 No Content", Content_Length="0")[0].head)


def test_head_has_the_length_and_no_body() -> None:
    """The length that GET would have."""
    wire, response = respond(method="HEAD", Content_Length="4096")
    assert "Content-Length: 4096" in wire.head
    assert wire.body == b""
    assert response.stays


def test_a_single_piece_gets_its_length() -> None:
    """Without the application's help."""
    wire = Wire()
    response = Response(wire, "GET", True)
    response.start("200 OK", [])
    response.send_whole(memoryview(b"abcd"))
    assert "Content-Length: 4" in wire.head
    assert len(wire.sends) == 1


@pytest.mark.parametrize("pieces", [[b"abc"], [b"abcde"], []])
def test_a_body_of_another_length_than_said_is_an_error(pieces: list[bytes]) -> None:
    """The connection cannot stay."""
    with pytest.raises(ValueError, match="Content-Length"):
        respond(*pieces, Content_Length="4")


@pytest.mark.parametrize("value", ["a\r\nX: y", "a\nb", "a\rb"])
def test_a_line_end_in_a_field_is_an_error(value: str) -> None:
    """It would be a second field, or a second response."""
    with pytest.raises(ValueError, match="line end"):
        respond(X=value)


def test_close_is_announced() -> None:
    """Where the connection does not stay."""
    wire = Wire(stays=False)
    response = Response(wire, "GET", True)
    response.start("200 OK", [])
    response.finish()
    assert "Connection: close" in wire.head
    assert not response.stays


def test_keep_alive_is_announced_to_http_1_0() -> None:
    """It would not know otherwise."""
    assert "Connection: keep-alive" in respond(modern=False, Content_Length="0")[0].head


def test_the_connection_is_the_servers_to_manage() -> None:
    """PEP 3333 forbids hop-by-hop fields to applications."""
    wire, _ = respond(Connection="x", Transfer_Encoding="chunked", Content_Length="0")
    assert not any(line.startswith(("Connection", "Transfer-Encoding")) for line in wire.head)


def test_starting_twice_needs_a_reason() -> None:
    """PEP 3333."""
    response = Response(Wire(), "GET", True)
    response.start("200 OK", [])
    with pytest.raises(ValueError, match="twice"):
        response.start("200 OK", [])
    response.start("500 Oops", [], (ValueError, ValueError("x"), None))  # type: ignore[arg-type]
