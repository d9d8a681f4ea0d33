"""The body of a PUT before it reaches the vault."""

import io
from typing import Any

import pytest

from docstopd.dav.content_type import browser_headers, content_type
from docstopd.dav.lock import granted
from docstopd.dav.refusal import Refusal
from docstopd.dav.request import Request
from docstopd.dav.settings import Settings
from docstopd.dav.upload import SEGMENT, announced_length, checksums, modification_time, receive
from docstopd.dav.url import PublicNames, Target
from docstopd.errors import IncompleteBody, TooLarge


class Kept:
    """An upload that keeps what it is given, as the vault does: by copying."""

    def __init__(self) -> None:
        self.content = bytearray()

    def write(self, buffer: memoryview) -> None:
        """Copy."""
        self.content += buffer


def request(body: bytes = b"", limit: int | None = None, **environ: Any) -> Request:
    """Make a PUT."""
    environ = {"wsgi.input": io.BytesIO(body)} | environ
    return Request(environ, "PUT", Target((), False), None, Settings(upload=limit), PublicNames.of([]))


@pytest.mark.parametrize("size", [0, 1, SEGMENT - 1, SEGMENT, SEGMENT + 1, 3 * SEGMENT])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_arrives_whole(size: int, chunked: bool) -> None:
    """Whatever its length, announced or not."""
    body = bytes(size)
    kept = Kept()
    environ = {"HTTP_TRANSFER_ENCODING": "chunked"} if chunked else {}
    receive(request(body, **environ), kept, None if chunked else size)
    assert kept.content == body


@pytest.mark.parametrize("expected", [4, 6])
def test_a_length_that_was_announced_wrongly_is_an_incomplete_body(expected: int) -> None:
    """Finder's X-Expected-Entity-Length with chunks: too short and too long alike."""
    with pytest.raises(IncompleteBody):
        receive(request(b"12345", HTTP_TRANSFER_ENCODING="chunked"), Kept(), expected)


def test_a_body_beyond_the_limit_stops_early() -> None:
    """Before it is read when it announces itself, while it is read otherwise."""
    with pytest.raises(TooLarge):
        announced_length(request(limit=4, CONTENT_LENGTH="5"))
    with pytest.raises(TooLarge):
        receive(request(b"12345", limit=4, HTTP_TRANSFER_ENCODING="chunked"), Kept(), None)


@pytest.mark.parametrize("value", ["-1", "+5", "1_0", "x", "\u0661", "9" * 19])
def test_an_expected_length_that_is_no_number_is_400(value: str) -> None:
    """Never a guess."""
    with pytest.raises(Refusal):
        announced_length(request(HTTP_X_EXPECTED_ENTITY_LENGTH=value))


@pytest.mark.parametrize(
    ("value", "micros"),
    [("1700000000", 1_700_000_000_000_000), ("1700000000.25", 1_700_000_000_250_000), ("x", None), ("", None)],
)
def test_a_modification_time_is_read_to_the_microsecond(value: str, micros: int | None) -> None:
    """What is no number is not taken, and so not answered as accepted."""
    assert modification_time(request(HTTP_X_OC_MTIME=value)) == micros


@pytest.mark.parametrize(
    ("value", "right"),
    [
        ("SHA1:40bd001563085fc35165329ea1ff5c5ecbdbbeef", True),
        ("sha1:40BD001563085FC35165329EA1FF5C5ECBDBBEEF", True),
        ("MD5:202cb962ac59075b964b07152d234b70", True),
        ("ADLER32:012d0097", True),
        ("SHA256:00", False),
        ("MD5:202cb962ac59075b964b07152d234b70 SHA1:00", False),
        ("CRC99:00", True),
        ("", True),
    ],
)
def test_checksums_are_verified(value: str, right: bool) -> None:
    """Each one that we know."""
    asked = request(b"123", HTTP_OC_CHECKSUM=value)
    if right:
        receive(asked, Kept(), 3, checksums(asked))
    else:
        with pytest.raises(IncompleteBody):
            receive(asked, Kept(), 3, checksums(asked))


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("", 600),
        ("Second-3600", 3600),
        ("Second-1", 180),
        ("second-99999999999999", 86_400),
        ("Infinite, Second-4100000000", 86_400),
        ("Extend, Second-300", 300),
        ("junk", 600),
        ("Second--5", 600),
    ],
)
def test_lock_times_are_granted_within_bounds(value: str, seconds: int) -> None:
    """Never below three minutes, which would start a storm of refreshes."""
    assert granted(value, Settings()) == seconds


def test_content_that_a_browser_would_run_is_an_attachment() -> None:
    """And all of it is sandboxed."""
    assert content_type("a.HTML") == "text/html"
    assert content_type("a;b#c.pdf") == "application/pdf"
    assert content_type(".html") == content_type("x") == content_type("x.") == "application/octet-stream"
    for name in ("a.html", "a.svg", "a.xml", "a.js", "a.xhtml", "a.eml"):
        assert ("Content-Disposition", "attachment") in browser_headers(content_type(name))
    assert ("X-Content-Type-Options", "nosniff") in browser_headers("image/png")
