"""Requests made of good and bad parts, over the wire: every one is answered, none with 500, and the next one too.

The parsers have properties of their own beside their units; here the parts meet each other and the vault.
"""

import contextlib
import http.client
import io
import itertools
import logging
import socket
from base64 import b64encode
from collections.abc import Iterator

import pytest
from dav_service import PASSWORD, Service, serving
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

ADA = b"Authorization: Basic " + b64encode(f"ada:{PASSWORD}".encode())
PING = b"OPTIONS / HTTP/1.1\r\nHost: x\r\n\r\n"
EXAMPLES = 800
PATIENCE = 20
GONE = (ConnectionResetError, BrokenPipeError)

METHODS = (
    b"GET HEAD PUT POST PATCH DELETE MKCOL COPY MOVE LOCK UNLOCK PROPFIND PROPPATCH REPORT OPTIONS TRACE X get".split()
)
SEGMENTS = [
    b"a",
    b"b",
    b"c",
    b"%C3%A9",
    b"e%CC%81",
    b"%20",
    b"%3F",
    b"%2F",
    b"%00",
    b"%",
    b"..",
    b".",
    b"%FF",
    b";",
    b"~$",
]
SEGMENTS += [b"._x", b".DS_Store", b"n" * 255, b"n" * 256]
PLAY = b"/dav/ada/play/"
NEAR = st.sampled_from([b"a", b"b", b"c", b"c/d", b"%C3%A9"]).map(lambda name: PLAY + name)
FAR = st.builds(
    lambda root, names, end: root + b"/".join(names) + end,
    st.sampled_from([PLAY] * 3 + [b"/dav/ada/", b"/dav/", b"/", b"/dav/bob/"]),
    st.lists(st.sampled_from(SEGMENTS), min_size=1, max_size=3),
    st.sampled_from([b"", b"", b"/", b"?x", b"#x", b"//"]),
)
URL = st.one_of(NEAR, NEAR, NEAR, FAR)
TOKEN = b"urn:uuid:00000000-0000-4000-8000-000000000000"
VALUES: dict[bytes, list[bytes]] = {
    b"Depth": [b"0", b"1", b"infinity", b"2", b"", b"0, 1"],
    b"Overwrite": [b"T", b"F", b"t", b"X"],
    b"If-Match": [b"*", b'"x"', b'W/"x"', b"x", b'"', b",", b'"x", "y"'],
    b"If-None-Match": [b"*", b'"x"', b"JoplinIgnore-1", b""],
    b"If-Modified-Since": [b"Sun, 06 Nov 1994 08:49:37 GMT", b"yesterday", b"Sun, 99 Nov 9999 99:99:99 GMT", b""],
    b"If-Unmodified-Since": [b"Sun, 06 Nov 1994 08:49:37 GMT", b"0", b"Fri, 31 Dec 9999 23:59:59 GMT"],
    b"If-Range": [b'"x"', b"Sun, 06 Nov 1994 08:49:37 GMT", b"x"],
    b"Range": [b"bytes=0-0", b"bytes=5-3", b"bytes=-0", b"bytes=0-1,3-4", b"bytes=99999999999999999999-", b"lines=1-2"],
    b"Content-Range": [b"bytes 0-1/2", b"bytes 0-3/4", b"bytes */4", b"bytes 3-0/4", b"x"],
    b"X-Update-Range": [b"append", b"bytes=0-3", b"bytes=-1", b"bytes=2-", b"bytes=999999999999-"],
    b"Content-Type": [b"text/xml", b"application/xml", b"application/x-sabredav-partialupdate", b"a/b", b"\xff", b""],
    b"Content-Encoding": [b"gzip", b"identity", b"x"],
    b"Timeout": [b"Second-600", b"Infinite", b"Second-99999999999999999999", b"Second--1", b"x, Second-1"],
    b"Lock-Token": [b"<" + TOKEN + b">", TOKEN, b"<>", b"<", b""],
    b"X-OC-Mtime": [b"1700000000", b"-1", b"1e99", b"99999999999999999999", b"x"],
    b"OC-Checksum": [b"MD5:00", b"SHA1:x", b"ADLER32:1", b"X:y", b""],
    b"X-Expected-Entity-Length": [b"4", b"-4", b"x", b"99999999999999"],
    b"Expect": [b"100-continue", b"200-ok"],
    b"Origin": [b"null", b"http://x", b"http://evil.example"],
    b"Sec-Fetch-Site": [b"same-origin", b"cross-site"],
    b"X-Forwarded-Host": [b"x", b"evil.example"],
    b"Accept": [b"*/*", b"text/html"],
}
IF = st.lists(
    st.sampled_from(
        [b"(", b")", b"<" + TOKEN + b">", b"[", b"]", b'"x"', b'W/"x"', b"Not", b" ", b"</dav/ada/a>", b"<", b">"]
    ),
    max_size=8,
).map(b"".join) | st.sampled_from([b"(<" + TOKEN + b">)", b"(Not <DAV:no-lock>)", b'</dav/ada/play/a> (["x"])'])
DESTINATION = URL | st.builds(
    lambda host, url: host + url, st.sampled_from([b"http://x", b"https://x", b"http://y"]), URL
)
HEADER = st.one_of(
    st.sampled_from([(name, value) for name, values in VALUES.items() for value in values]),
    st.tuples(st.just(b"If"), IF),
    st.tuples(st.just(b"Destination"), DESTINATION),
)
HEADERS = st.lists(HEADER, max_size=1) | st.lists(HEADER, max_size=5, unique_by=lambda header: header[0])

OPEN, CLOSE = b'<?xml version="1.0"?><D:%s xmlns:D="DAV:" xmlns:x="urn:x">', b"</D:%s>"
ROOTS = [b"propfind", b"propertyupdate", b"lockinfo", b"mkcol", b"sync-collection", b"other"]
PARTS = [
    b"<D:allprop/>", b"<D:propname/>", b"<D:prop><D:getetag/><x:a/></D:prop>", b"<D:include><x:a/></D:include>",
    b"<D:set><D:prop><x:a>v</x:a></D:prop></D:set>", b"<D:remove><D:prop><x:a/></D:prop></D:remove>",
    b"<D:set><D:prop><D:resourcetype><D:collection/></D:resourcetype></D:prop></D:set>",
    b"<D:set><D:prop><D:getetag>x</D:getetag></D:prop></D:set>", b"<D:set/>", b"<D:set><D:prop/></D:set>",
    b"<D:lockscope><D:exclusive/></D:lockscope>", b"<D:lockscope><D:shared/></D:lockscope>",
    b"<D:locktype><D:write/></D:locktype>", b"<D:owner><x:a>&amp;</x:a></D:owner>", b"<!-- c -->", b"<?pi x?>",
    b"<D:sync-token/>", b"<D:sync-token>urn:x</D:sync-token>", b"<D:sync-level>1</D:sync-level>", b"text", b"&e;",
    b"<y:z/>", b"<", b"\x00", b"\xff",
]  # fmt: skip
XML = st.builds(
    lambda root, parts, cut: (OPEN % root + b"".join(parts) + CLOSE % root)[: None if cut is None else -cut],
    st.sampled_from(ROOTS),
    st.lists(st.sampled_from(PARTS), max_size=5),
    st.sampled_from([None] * 4 + [1, 7, 30]),
)
PROPERTIES = b"<D:prop><x:a/><D:getetag/></D:prop>"
FITTING: dict[bytes, tuple[list[tuple[bytes, bytes]], bytes]] = {
    b"MOVE": ([(b"Destination", PLAY + b"b")], b""),
    b"COPY": ([(b"Destination", PLAY + b"c")], b""),
    b"LOCK": ([(b"Timeout", b"Second-180")], OPEN % b"lockinfo" + PARTS[10] + PARTS[12] + CLOSE % b"lockinfo"),
    b"PROPFIND": ([(b"Depth", b"1")], OPEN % b"propfind" + PROPERTIES + CLOSE % b"propfind"),
    b"PROPPATCH": ([], OPEN % b"propertyupdate" + PARTS[4] + CLOSE % b"propertyupdate"),
    b"PATCH": ([(b"Content-Type", b"application/x-sabredav-partialupdate"), (b"X-Update-Range", b"append")], b"more"),
    b"PUT": ([], b"content"),
}
BODY = st.just(b"") | XML | st.binary(max_size=40)
CODING = st.sampled_from([*["length"] * 6, "chunked", "chunked", "both", "short", "bad chunk", "none"])


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """A request as bytes: what its method needs, or not, and then something more."""
    method = draw(st.sampled_from(METHODS) | st.sampled_from([*FITTING]))
    headers, body = FITTING.get(method, ([], b"")) if draw(st.integers(0, 3)) else ([], draw(BODY))
    given = draw(HEADERS)
    names = {name for name, _ in given}
    fields = [*given, *(header for header in headers if header[0] not in names)]
    line = method + b" " + draw(URL) + b" HTTP/1.1\r\nHost: x\r\n" + ADA + b"\r\n"
    return line + b"".join(b"%s: %s\r\n" % header for header in fields) + framed(body, draw(CODING))


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One front; `play` is what the requests may change."""
    with serving(tmp_path_factory.mktemp("fuzz"), throttle={"free": 1000}) as running:
        running.space("bob").put("kept", b"of bob")
        yield running


def framed(body: bytes, coding: str) -> bytes:
    """A body with the fields that announce it, rightly or not."""
    length, chunked = b"Content-Length: %d\r\n" % len(body), b"Transfer-Encoding: chunked\r\n"
    chunks = (b"%x\r\n%s\r\n" % (len(body), body) if body else b"") + b"0\r\n\r\n"
    return {
        "length": length + b"\r\n" + body,
        "chunked": chunked + b"\r\n" + chunks,
        "both": length + chunked + b"\r\n" + chunks,
        "short": b"Content-Length: %d\r\n\r\n" % (len(body) + 9) + body,
        "bad chunk": chunked + b"\r\n0x" + chunks,
        "none": b"\r\n" + body,
    }[coding]


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(requests())
def test_every_request_is_answered_and_so_is_the_next(
    service: Service, caplog: pytest.LogCaptureFixture, request_bytes: bytes
) -> None:
    """Below 500, or with 507; then the connection is in step or closed, and what is another user's is as it was."""
    caplog.clear()
    space = service.space()
    if not space.exists("play/a"):
        space.ask("MKCOL", "play")
        space.ask("PUT", "play/a", b"0123456789")
    for status in statuses(service, request_bytes):
        assert status < 500 or status == 507, (status, request_bytes)
    assert service.space("bob").get("kept") == b"of bob"
    assert not [record for record in caplog.records if record.exc_info or record.levelno >= logging.ERROR]


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [b"GET / HTTP/1.1\r\n", PING, b"Host: x\r\n", b"\r\n", b"\n", b"a", b":", b" ", b"\x00", b"\xff"]
        )
        | st.binary(max_size=8),
        max_size=12,
    ).map(b"".join)
)
def test_any_bytes_are_answered_or_closed(service: Service, data: bytes) -> None:
    """Whatever arrives on a connection."""
    for status in statuses(service, data):
        assert status < 500 or status in {501, 505}, (status, data)


def statuses(service: Service, request: bytes) -> list[int]:
    """Send a request and a harmless one behind it, then nothing more; the final status of each answer."""
    received = Received(exchange(service, request + PING))
    methods = itertools.chain([request.partition(b" ")[0].decode("latin-1")], itertools.repeat("OPTIONS"))
    found = []
    while received.left():
        answer = http.client.HTTPResponse(received, method=next(methods))  # type: ignore[arg-type]  # all it asks for
        answer.begin()
        answer.read()
        found.append(answer.status)
    return found


def exchange(service: Service, data: bytes) -> bytes:
    """All that comes back until the server closes, which it must; a reset may take the end away."""
    host, _, port = service.authority.partition(":")
    received = bytearray()
    with socket.create_connection((host, int(port)), timeout=PATIENCE) as connection, contextlib.suppress(*GONE):
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        while block := connection.recv(65536):
            received += block
    return bytes(received)


class Received(io.BytesIO):
    """What came back, as the socket that http.client reads answers from, one after the other."""

    def makefile(self, _mode: str) -> "Received":
        """The same for each answer."""
        return self

    def close(self) -> None:
        """An answer was read to its end; the next one may follow."""

    def left(self) -> bool:
        """Whether there is more."""
        return self.tell() < len(self.getbuffer())
