"""Bodies: exact reads, chunks however they are cut, and what is broken is never taken for whole."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docstopd.errors import IncompleteBody
from docstopd.http.body import ChunkedBody, LengthBody, NoBody
from docstopd.http.inbound import Inbound
from docstopd.http.pace import Pace
from docstopd.http.settings import Settings
from docstopd.http.transport import Transport


@contextlib.contextmanager
def arriving(*pieces: bytes, ends: bool = True, all_here: bool = False) -> Iterator[tuple[Inbound, Pace]]:
    """A connection on which `pieces` arrive, each by itself; few enough to wait in the socket if `all_here`."""
    ours, theirs = socket.socketpair()

    def send() -> None:
        with contextlib.suppress(OSError):
            for piece in pieces:
                theirs.sendall(piece)
            if ends:
                theirs.shutdown(socket.SHUT_WR)

    sender = threading.Thread(target=send)
    sender.start()
    if all_here:
        sender.join()
    transport = Transport(ours, None)
    try:
        yield Inbound(transport), Pace(Settings(body_timeout=0.2), contextlib.nullcontext)
    finally:
        transport.abort()
        sender.join()
        transport.close()
        theirs.close()


def chunked(*chunks: bytes, trailer: bytes = b"") -> bytes:
    return b"".join(b"%X\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n" + trailer + b"\r\n"


def test_reads_are_exact_until_the_end() -> None:
    """`read(n)` gives n bytes though they arrive in pieces."""
    with arriving(b"abc", b"def", b"gh", b"next") as (inbound, pace):
        body = LengthBody(inbound, pace, None, 8)
        assert body.read(5) == b"abcde"
        assert body.read(5) == b"fgh"
        assert body.read(5) == b""
        assert body.finished


def test_readinto_fills_the_buffer() -> None:
    """As far as the body goes."""
    with arriving(b"abc", b"defgh") as (inbound, pace):
        body = LengthBody(inbound, pace, None, 8)
        buffer = bytearray(6)
        assert body.readinto(memoryview(buffer)) == 6
        assert bytes(buffer) == b"abcdef"
        assert body.readinto(memoryview(buffer)) == 2


def test_lines_can_be_read() -> None:
    """WSGI asks for it."""
    with arriving(b"one\ntwo\nthree") as (inbound, pace):
        assert list(LengthBody(inbound, pace, None, 13)) == [b"one\n", b"two\n", b"three"]


def test_a_body_cut_short_is_incomplete() -> None:
    """Now and ever after."""
    with arriving(b"abc") as (inbound, pace):
        body = LengthBody(inbound, pace, None, 8)
        with pytest.raises(IncompleteBody):
            body.read()
        with pytest.raises(IncompleteBody):
            body.read(1)
        body.settle(1000)
        assert not body.finished


def test_a_client_that_stops_is_incomplete() -> None:
    """After the body time-out."""
    with arriving(b"abc", ends=False) as (inbound, pace), pytest.raises(IncompleteBody, match="paused"):
        LengthBody(inbound, pace, None, 8).read()


def test_no_body_is_empty() -> None:
    """At once, always."""
    assert NoBody().read() == b""
    assert NoBody().finished


@pytest.mark.parametrize("size", [1, 3, 7, 100, 65536, 1_000_000])
def test_chunks_are_joined(size: int) -> None:
    """Whatever the size of the reads."""
    content = bytes(range(256)) * 1000
    wire = chunked(content[:1], content[1:70_000], content[70_000:])
    with arriving(wire[:5], wire[5:80_000], wire[80_000:], b"GET") as (inbound, pace):
        body = ChunkedBody(inbound, pace, None)
        read = b"".join(iter(lambda: body.read(size), b"")) if size > 1 else body.read()
        assert read == content
        assert body.finished
        assert inbound.read_into(memoryview(bytearray(3)), pace) == 3


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=40), max_size=6), st.data())
def test_chunks_may_be_cut_anywhere(chunks: list[bytes], data: st.DataObject) -> None:
    """Into any pieces."""
    wire = chunked(*chunks, trailer=b"X: y\r\n")
    cut = data.draw(st.integers(0, len(wire)))
    with arriving(wire[:cut], wire[cut:]) as (inbound, pace):
        body = ChunkedBody(inbound, pace, None)
        assert body.read() == b"".join(chunks)
        assert body.finished


@pytest.mark.parametrize(
    "wire",
    [
        b"0x3\r\nabc\r\n0\r\n\r\n",
        b"-3\r\nabc\r\n0\r\n\r\n",
        b"+3\r\nabc\r\n0\r\n\r\n",
        b"1_0\r\nabcdefghijklmnop\r\n0\r\n\r\n",
        b" 3\r\nabc\r\n0\r\n\r\n",
        b"3 \r\nabc\r\n0\r\n\r\n",
        b"\r\nabc\r\n0\r\n\r\n",
        b"3\nabc\n0\n\n",
        b"3\r\nabcd\r\n0\r\n\r\n",
        b"3\r\nabc0\r\n\r\n",
        b"3\r\nab\r\n0\r\n\r\n",
        b"3\r\nabc\n0\r\n\r\n",
        b"3;a\rb\r\nabc\r\n0\r\n\r\n",
        b"3;a\x00\r\nabc\r\n0\r\n\r\n",
        b"3;" + b"x" * 5000 + b"\r\nabc\r\n0\r\n\r\n",
        b"FFFFFFFFFFFFFFFFF\r\nabc\r\n0\r\n\r\n",
        b"3\r\nabc\r\n0\r\nno colon\r\n\r\n",
        b"3\r\nabc\r\n0\r\nX : y\r\n\r\n",
        b"3\r\nabc\r\n0\r\n" + b"X: y\r\n" * 3000 + b"\r\n",
        b"3\r\nabc\r\n0\r\n",
        b"3\r\nabc\r\n",
        b"3\r\nabc",
        b"3\r\na",
        b"3\r\n",
        b"3",
        b"",
    ],
)
def test_broken_chunks_are_incomplete(wire: bytes) -> None:
    """No reading of them is whole."""
    with arriving(wire) as (inbound, pace):
        body = ChunkedBody(inbound, pace, None)
        with pytest.raises(IncompleteBody):
            body.read()
        body.settle(1000)
        assert not body.finished


def test_extensions_and_trailers_are_dropped() -> None:
    """They are read to their end and mean nothing here."""
    with arriving(b'3;a=b;c="d"\r\nabc\r\n000\r\nX-Sum: 1\r\nY: 2\r\n\r\n') as (inbound, pace):
        body = ChunkedBody(inbound, pace, None)
        assert body.read() == b"abc"
        assert body.finished


def test_the_invitation_goes_out_at_the_first_read() -> None:
    """Once, and not when the body is thrown away unread."""
    invited: list[int] = []
    with arriving(b"abcdef", all_here=True) as (inbound, pace):
        body = LengthBody(inbound, pace, lambda: invited.append(1), 6)
        body.settle(1000)
        assert not body.finished
        assert invited == []
        assert body.read(2) == b"ab"
        assert body.read(4) == b"cdef"
        assert invited == [1]


@pytest.mark.parametrize("most", [10_000, 10_001, 20_000])
def test_a_short_rest_is_thrown_away(most: int) -> None:
    """Of either framing, its end included."""
    with arriving(b"x" * 10_000 + b"GET", all_here=True) as (inbound, pace):
        length = LengthBody(inbound, pace, None, 10_000)
        length.settle(most)
        assert length.finished
        assert inbound.take(3) is None  # it was never read ahead
    with arriving(chunked(b"x" * 9000, b"y" * 500, trailer=b"T: 1\r\n") + b"GET", all_here=True) as (inbound, pace):
        chunks = ChunkedBody(inbound, pace, None)
        chunks.settle(most + 1000)
        assert chunks.finished
        assert inbound.take(3) == b"GET"


def test_a_long_rest_is_left_where_it_is() -> None:
    """However many chunks it is cut into: a chunk of one byte is not one byte long."""
    with arriving(b"x" * 10_000, all_here=True) as (inbound, pace):
        length = LengthBody(inbound, pace, None, 10_000)
        length.settle(9_999)
        assert not length.finished
    with arriving(chunked(*[b"x"] * 1000), all_here=True) as (inbound, pace):
        chunks = ChunkedBody(inbound, pace, None)
        chunks.settle(65_536)
        assert not chunks.finished


@pytest.mark.parametrize("sent", [b"", b"5\r\nabc", b"5\r\nabcde\r", b"0\r\n"])
def test_what_has_not_arrived_is_not_waited_for(sent: bytes) -> None:
    """Neither the body nor its framing."""
    with arriving(sent, ends=False, all_here=True) as (inbound, pace):
        body = ChunkedBody(inbound, pace, None)
        started = time.monotonic()
        body.settle(1000)
        assert not body.finished
        assert time.monotonic() - started < 0.1
