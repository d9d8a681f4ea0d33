"""Reading a request's head: what is accepted, what is refused, and that nothing else ever happens."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docstopd.http.head import CHUNKED, Head, parse_head
from docstopd.http.rejection import Rejection

LINE = b"GET / HTTP/1.1"
HOST = b"Host: a.example"


def head(*lines: bytes, max_uri: int = 1000) -> Head:
    return parse_head(b"\r\n".join(lines), max_uri)


def status(*lines: bytes) -> int:
    with pytest.raises(Rejection) as caught:
        head(*lines)
    return caught.value.status


def test_a_plain_request_is_read() -> None:
    """Method, path, query and fields under their WSGI names."""
    read = head(b"PROPFIND /dav/a%20b/?x=%41 HTTP/1.1", HOST, b"Depth: 1", b"Content-Type:text/xml ")
    assert read.method == "PROPFIND"
    assert read.target == ("/dav/a b/", "x=%41", None)
    assert read.raw_target == "/dav/a%20b/?x=%41"
    assert read.fields == {"HTTP_HOST": "a.example", "HTTP_DEPTH": "1", "CONTENT_TYPE": "text/xml"}
    assert (read.length, read.keep_alive, read.expects, read.modern) == (0, True, False, True)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"GET",
        b"GET /",
        b"GET  / HTTP/1.1",
        b"GET / HTTP/1.1 ",
        b" GET / HTTP/1.1",
        b"GET /a b HTTP/1.1",
        b"GET\t/ HTTP/1.1",
        b"GET /\t HTTP/1.1",
        b"get / HTTP/1.1",
        b"G(T / HTTP/1.1",
        b"GET / http/1.1",
        b"GET / HTTP/1",
        b"GET / HTTP/1.10",
        b"GET / HTTP/01.1",
        b"GET / HTTP/2.0",
        b"GET / HTTP/0.9",
        b"GET / XTTP/1.1",
        b"PRI * HTTP/2.0",
        b"GET * HTTP/1.1",
        b"GET a HTTP/1.1",
        b"GET a/b HTTP/1.1",
        b"GET ftp://a/ HTTP/1.1",
        b"GET http:///x HTTP/1.1",
        b"GET http://u@a/ HTTP/1.1",
        b"GET http://a b/ HTTP/1.1",
        b"CONNECT a:443 HTTP/1.1",
        b"GET /#x HTTP/1.1",
        b"GET /?a#x HTTP/1.1",
        b"GET /%00 HTTP/1.1",
        b"GET /% HTTP/1.1",
        b"GET /%4 HTTP/1.1",
        b"GET /%4g HTTP/1.1",
        b"GET /%-1 HTTP/1.1",
        b"GET /\x00 HTTP/1.1",
        b"GET /\x7f HTTP/1.1",
        b"GET /\n HTTP/1.1",
        b"GET /\r HTTP/1.1",
    ],
)
def test_a_malformed_request_line_is_400(line: bytes) -> None:
    """Whatever is wrong with it."""
    assert status(line, HOST) == 400


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [b"Host:"],
        [b"Host: "],
        [HOST, HOST],
        [HOST, b"host: b.example"],
        [b"Host: a b"],
        [b"Host: a/b"],
        [b"Host: a:b"],
        [b"Host: a:123456"],
        [b"Host: u@a"],
        [b"Host: a, b"],
        [b"Host: [::1"],
        [b"Host: \xff"],
        [HOST, b"X : 1"],
        [HOST, b"X\t: 1"],
        [HOST, b" X: 1"],
        [HOST, b"X: 1", b" folded"],
        [HOST, b"X: 1", b"\tfolded: 1"],
        [HOST, b": 1"],
        [HOST, b"X"],
        [HOST, b"X(: 1"],
        [HOST, b"X\xe9: 1"],
        [HOST, b"X: a\x00b"],
        [HOST, b"X: a\x1fb"],
        [HOST, b"X: a\nb"],
        [HOST, b"X: a\rb"],
        [HOST, b"Content-Length: "],
        [HOST, b"Content-Length: +5"],
        [HOST, b"Content-Length: -5"],
        [HOST, b"Content-Length: 1_0"],
        [HOST, b"Content-Length: 0x5"],
        [HOST, b"Content-Length: 5.0"],
        [HOST, b"Content-Length: 5 5"],
        [HOST, b"Content-Length: 5, 5"],
        [HOST, b"Content-Length: 5;"],
        [HOST, b"Content-Length: \xb2"],
        [HOST, b"Content-Length: 1111111111111111111"],
        [HOST, b"Content-Length: 5", b"Content-Length: 6"],
        [HOST, b"Content-Length: 5", b"Content-Length: 5"],
        [HOST, b"Content-Length : 5"],
        [HOST, b"Content-Length: 5", b"Transfer-Encoding: chunked"],
        [HOST, b"Transfer-Encoding: chunked, chunked"],
        [HOST, b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"],
        [HOST, b"Transfer-Encoding: gzip, chunked"],
        [HOST, b"Transfer-Encoding: gzip"],
        [HOST, b"Transfer-Encoding: identity"],
        [HOST, b"Transfer-Encoding: xchunked"],
        [HOST, b"Transfer-Encoding: chunked;q=1"],
        [HOST, b"Transfer-Encoding: \x0bchunked"],
        [HOST, b"Transfer-Encoding:"],
        [HOST, b"Transfer-Encoding : chunked"],
        [HOST, b"Authorization: Basic x", b"Authorization: Basic y"],
        [HOST, b"Destination: /a", b"Destination: /b"],
        [HOST, b"Depth: 0", b"Depth: 1"],
    ],
)
def test_malformed_fields_are_400(lines: list[bytes]) -> None:
    """Above all those that two readers could frame differently."""
    assert status(LINE, *lines) == 400


def test_chunked_in_http_1_0_is_400() -> None:
    """RFC 9112 section 6.1: such framing is faulty."""
    assert status(b"PUT / HTTP/1.0", HOST, b"Transfer-Encoding: chunked") == 400


@pytest.mark.parametrize(
    ("target", "path", "host"),
    [
        (b"http://b.example/x?y", "/x", "b.example"),
        (b"HTTPS://b.example:8443/x", "/x", "b.example:8443"),
        (b"http://b.example", "/", "b.example"),
        (b"http://b.example?q", "/", "b.example"),
        (b"http://[::1]:80/", "/", "[::1]:80"),
        (b"//a/b", "//a/b", "a.example"),
        (b"/a;b=c,d", "/a;b=c,d", "a.example"),
        (b"/%e4%F6", "/\xe4\xf6", "a.example"),
        (b"/%2525", "/%25", "a.example"),
        (b"/\xc3\xa4", "/\xc3\xa4", "a.example"),
        (b"/a?%zz%00", "/a", "a.example"),
    ],
)
def test_targets_are_decoded_once(target: bytes, path: str, host: str) -> None:
    """The absolute form is accepted, and its authority replaces the Host."""
    read = head(b"GET " + target + b" HTTP/1.1", HOST)
    assert read.target.path == path
    assert read.fields["HTTP_HOST"] == host


def test_options_of_the_server_asks_about_the_root() -> None:
    """`*` is the server as a whole."""
    assert head(b"OPTIONS * HTTP/1.1", HOST).target.path == "/"


def test_fields_with_underscores_are_dropped() -> None:
    """WSGI could not tell them from those with hyphens."""
    read = head(LINE, HOST, b"X_Forwarded_For: 1.2.3.4", b"Content_Length: 7", b"Transfer_Encoding: chunked")
    assert read.fields == {"HTTP_HOST": "a.example"}
    assert read.length == 0


def test_repeated_fields_are_joined() -> None:
    """In order, with a comma; cookies with a semicolon."""
    fields = head(LINE, HOST, b"Accept: a", b"accept: b", b"Cookie: x=1", b"Cookie: y=2").fields
    assert fields["HTTP_ACCEPT"] == "a, b"
    assert fields["HTTP_COOKIE"] == "x=1; y=2"


@pytest.mark.parametrize(
    ("version", "connection", "stays"),
    [
        (b"1.1", None, True),
        (b"1.1", b"close", False),
        (b"1.1", b"Close", False),
        (b"1.1", b"TE, close", False),
        (b"1.1", b"keep-alive", True),
        (b"1.0", None, False),
        (b"1.0", b"Keep-Alive", True),
        (b"1.0", b"close, keep-alive", False),
        (b"1.7", None, True),
    ],
)
def test_connection_options_decide_whether_it_stays(version: bytes, connection: bytes | None, stays: bool) -> None:
    """Without regard to case, in a list."""
    more = [] if connection is None else [b"Connection: " + connection]
    assert head(b"GET / HTTP/" + version, HOST, *more).keep_alive is stays


@pytest.mark.parametrize("value", [b"100-continue", b"100-Continue", b"100-CONTINUE"])
def test_the_expectation_is_known_in_any_case(value: bytes) -> None:
    """Clients spell it as they like."""
    assert head(b"PUT / HTTP/1.1", HOST, b"Content-Length: 3", b"Expect: " + value).expects


def test_other_expectations_fail() -> None:
    """417, and HTTP/1.0 has none."""
    assert status(b"PUT / HTTP/1.1", HOST, b"Expect: 200-ok") == 417
    assert not head(b"PUT / HTTP/1.0", HOST, b"Expect: 100-continue").expects


def test_limits_have_their_own_status() -> None:
    """A long target is 414, too many fields are 431."""
    with pytest.raises(Rejection) as caught:
        head(b"GET /" + b"a" * 100 + b" HTTP/1.1", HOST, max_uri=100)
    assert caught.value.status == 414
    assert status(LINE, HOST, *[b"X: y"] * 300) == 431


def test_lengths_are_numbers_or_chunked() -> None:
    """Zero is a length too."""
    assert head(b"PUT / HTTP/1.1", HOST, b"Content-Length: 007").length == 7
    assert head(b"PUT / HTTP/1.1", HOST, b"Transfer-Encoding: Chunked").length == CHUNKED


@settings(max_examples=2000, deadline=None)
@given(st.lists(st.sampled_from([*b"GET /%\r\n:;, \t\x00\xff0159aHTP.", 0x2D, 0x3A]), max_size=120).map(bytes))
def test_any_bytes_are_read_or_rejected(data: bytes) -> None:
    """Nothing else is raised."""
    for whole in (data, b"GET / HTTP/1.1\r\nHost: a\r\n" + data, b"GET " + data + b" HTTP/1.1\r\nHost: a"):
        try:
            read = parse_head(whole, 1000)
        except Rejection as rejection:
            assert 400 <= rejection.status < 500
        else:
            assert read.length >= CHUNKED
            assert read.fields["HTTP_HOST"] or not read.modern
