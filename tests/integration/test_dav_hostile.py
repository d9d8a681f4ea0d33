"""Hostile requests over the wire: each gets its 4xx, changes nothing, and leaves the connection in step."""

import http.client
import socket
from base64 import b64encode
from collections.abc import Iterator

import pytest
from dav_service import PASSWORD, Service, serving
from webdav import Answer

ADA = b"Authorization: Basic " + b64encode(f"ada:{PASSWORD}".encode())
F = b"/dav/ada/keep/file"
D = b"/dav/ada/keep"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One front, with a folder that no hostile request may change."""
    with serving(tmp_path_factory.mktemp("hostile"), throttle={"free": 1000}) as running:
        space = running.space()
        space.make("keep")
        space.put("keep/file", b"0123456789")
        space.make("keep/folder")
        yield running


def state(service: Service) -> tuple[bytes, bytes]:
    """Return what must stay: the folder's listing with its etags, and the content."""
    listing = service.space().ask("PROPFIND", "keep", headers={"Depth": "1"})
    assert listing.status == 207
    return listing.body, service.space().get("keep/file")


def exchange(connection: socket.socket, request: bytes) -> tuple[Answer, bool]:
    """Send a request as it is and read one answer; tell whether the connection stays."""
    connection.sendall(request)
    response = http.client.HTTPResponse(connection, method=request.partition(b" ")[0].decode("latin-1"))
    try:
        response.begin()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, headers, response.read()), not response.will_close
    finally:
        response.close()


def ask(service: Service, method: bytes, target: bytes, headers: list[bytes], body: bytes) -> Answer:
    """Send it, and then a harmless request on the same connection when it stays."""
    host, _, port = service.authority.partition(":")
    lines = [method + b" " + target + b" HTTP/1.1", b"Host: " + service.authority.encode()]
    if not any(line.lower().startswith(b"authorization") for line in headers):
        lines.append(ADA)
    if body:
        lines.append(b"Content-Length: %d" % len(body))
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        answer, stays = exchange(connection, b"\r\n".join([*lines, *headers, b"", body]))
        if stays:
            again, _ = exchange(connection, b"OPTIONS / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert again.status == 200, "the connection is out of step"
    return answer


BAD_PATHS = [
    (b"/dav/ada/%", 400),
    (b"/dav/ada/%2", 400),
    (b"/dav/ada/%zz", 400),
    (b"/dav/ada/%u0041", 400),
    (b"/dav/ada/%00", 400),
    (b"/dav/ada/a%00b", 400),
    (b"/dav/ada/%01", 400),
    (b"/dav/ada/%0d%0aX:1", 400),
    (b"/dav/ada/%7f", 400),
    (b"/dav/ada/%c2%80", 400),
    (b"/dav/ada/%ff", 400),
    (b"/dav/ada/%c0%ae", 400),
    (b"/dav/ada/%ed%a0%80", 400),
    (b"/dav/ada/%f8%88%80%80%80", 400),
    (b"/dav/ada/%ef%bf%bf", 400),
    (b"/dav/ada/a%2Fb", 400),
    (b"/dav/ada/..%2f..%2fetc", 400),
    (b"/dav/ada/../bob", 400),
    (b"/dav/ada/%2e%2e/bob", 400),
    (b"/dav/ada/.", 400),
    (b"/dav/ada/" + b"n" * 300, 414),
    (b"/dav/ada/" + b"%c3%a9" * 200, 414),
    (b"/dav/ada/" + b"d/" * 70, 414),
    (b"/dav/ada/" + b"/".join([b"n" * 200] * 25), 414),
    (b"/dav/ada/" + b"n" * 20_000, 414),
    (b"/dav/bob/x", 404),
    (b"/dav/bob", 404),
    (b"/dav/nobody/x", 404),
    (b"/DAV/ada/x", 404),
    (b"/elsewhere", 404),
    (b"/dav/ada/none?x=%zz", 404),
]
METHODS = [b"GET", b"HEAD", b"PROPFIND", b"DELETE", b"UNLOCK"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("target", "status"), BAD_PATHS)
def test_a_path_that_no_node_can_have(service: Service, method: bytes, target: bytes, status: int) -> None:
    """Invalid escapes, encodings and names; other people's spaces; too long and too deep."""
    before = state(service)
    headers = [b"Depth: 0", b"Lock-Token: <urn:uuid:0>"] if method in (b"PROPFIND", b"UNLOCK") else []
    assert ask(service, method, target, headers, b"").status == status
    assert state(service) == before


@pytest.mark.parametrize("method", [b"PUT", b"MKCOL", b"LOCK", b"PATCH", b"PROPPATCH"])
@pytest.mark.parametrize("target", [target for target, status in BAD_PATHS if status != 404])
def test_nothing_is_made_at_a_path_that_no_node_can_have(service: Service, method: bytes, target: bytes) -> None:
    """400 or 414 before the body is looked at."""
    before = state(service)
    assert ask(service, method, target, [], b"<x/>").status in (400, 414)
    assert state(service) == before


DESTINATIONS = [
    (b"", 400),
    (b"x", 400),
    (b"//evil/dav/ada/x", 400),
    (b"mailto:ada", 400),
    (b"http://evil/dav/ada/x", 403),
    (b"http://127.0.0.1:1/dav/ada/x", 403),
    (b"https://u:p@127.0.0.1/dav/ada/x", 403),
    (b"/", 403),
    (b"/dav/", 403),
    (b"/dav/ada", 403),
    (b"/dav/new", 403),
    (b"/elsewhere/x", 403),
    (b"/dav/ada/a?b", 400),
    (b"/dav/ada/a#b", 400),
    (b"/dav/ada/%", 400),
    (b"/dav/ada/%00", 400),
    (b"/dav/ada/%ff", 400),
    (b"/dav/ada/\xff", 400),
    (b"/dav/ada/a%2fb", 400),
    (b"/dav/ada/../x", 400),
    (b"/dav/ada/" + b"n" * 300, 414),
    (b"/dav/ada/none/x", 409),
    (b"/dav/ada/keep/file/x", 409),
    (b"/dav/bob/x", 404),
    (b"/dav/ada/keep", 403),
    (b"/dav/ada/keep/file", 403),
    (b"/dav/ada/keep/", 403),
]


@pytest.mark.parametrize("method", [b"COPY", b"MOVE"])
@pytest.mark.parametrize(("value", "status"), DESTINATIONS)
def test_a_destination_that_cannot_be(service: Service, method: bytes, value: bytes, status: int) -> None:
    """Elsewhere, malformed, above a space, without a parent, or on its own ancestor."""
    before = state(service)
    answer = ask(service, method, F, [b"Destination: " + value], b"")
    assert answer.status == status
    assert state(service) == before


@pytest.mark.parametrize("method", [b"COPY", b"MOVE"])
def test_a_folder_cannot_go_into_itself(service: Service, method: bytes) -> None:
    """Nor onto itself; WsgiDAV deleted the tree."""
    before = state(service)
    for value in (D + b"/folder/x", D, D + b"/folder"):
        assert ask(service, method, D, [b"Destination: " + value], b"").status == 403
    assert state(service) == before


HEADERS = [
    (b"PROPFIND", D, b"Depth: 2", 400),
    (b"PROPFIND", D, b"Depth: ", 400),
    (b"PROPFIND", D, b"Depth: -1", 400),
    (b"PROPFIND", D, b"Depth: infinity", 403),
    (b"PROPFIND", D, b"X: no depth", 403),
    (b"PROPFIND", b"/", b"Depth: infinity", 403),
    (b"PROPFIND", b"/dav/", b"X: no depth", 403),
    (b"COPY", F, b"Depth: 1\r\nDestination: /dav/ada/keep/new", 400),
    (b"MOVE", D, b"Depth: 0\r\nDestination: /dav/ada/new", 400),
    (b"DELETE", D, b"Depth: 0", 400),
    (b"LOCK", F, b"Depth: 1", 400),
    (b"COPY", F, b"Overwrite: maybe\r\nDestination: /dav/ada/keep/new", 400),
    (b"COPY", F, b"Overwrite: F\r\nDestination: /dav/ada/keep/folder", 412),
    (b"MOVE", F, b"Overwrite: F\r\nDestination: /dav/ada/keep/folder", 412),
    (b"COPY", F, b"X: no destination", 400),
    (b"PUT", F, b"If: x", 400),
    (b"PUT", F, b"If: (", 400),
    (b"PUT", F, b"If: ()", 400),
    (b"PUT", F, b"If: (<urn:uuid:1>", 400),
    (b"PUT", F, b"If: (<urn:uuid:1>) junk", 400),
    (b"PUT", F, b"If: " + b"(" * 30_000, 400),
    (b"PUT", F, b"If: " + b"(<a>)" * 6_000, 400),
    (b"PUT", F, b"If: (<urn:uuid:1>)", 412),
    (b"PUT", F, b'If: (["wrong"])', 412),
    (b"PUT", F, b"If: <http://evil/> (<urn:uuid:1>)", 412),
    (b"GET", F, b"If: (<urn:uuid:1>)", 412),
    (b"GET", F, b"If: ((", 400),
    (b"PROPFIND", F, b"Depth: 0\r\nIf: (<urn:uuid:1>)", 412),
    (b"DELETE", F, b'If-Match: "wrong"', 412),
    (b"DELETE", F, b'If-Match: W/"*"', 412),
    (b"DELETE", F, b"If-None-Match: *", 412),
    (b"DELETE", F, b"If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT", 412),
    (b"PUT", F, b"If-None-Match: *", 412),
    (b"PUT", F, b"If-None-Match:    *   ", 412),
    (b"PUT", b"/dav/ada/keep/absent", b"If-Match: *", 412),
    (b"PUT", F, b"Content-Encoding: gzip", 415),
    (b"PUT", F, b"Content-Range: bytes 5-3/10", 400),
    (b"PUT", F, b"Content-Range: bytes */10", 400),
    (b"PUT", F, b"Content-Range: bytes 99-99/100", 416),
    (b"PUT", F, b"Content-Range: " + b"9" * 5000, 400),
    (b"PUT", F, b"X-Expected-Entity-Length: nine", 400),
    (b"PUT", F, b"OC-Checksum: SHA1:00", 400),
    (b"PATCH", F, b"X-Update-Range: append", 415),
    (b"PATCH", F, b"Content-Type: application/x-sabredav-partialupdate", 411),
    (b"GET", F, b"Range: bytes=10-", 416),
    (b"GET", F, b"Range: bytes=-0", 416),
    (b"GET", F, b"Range: bytes=" + b"9" * 6000 + b"-", 416),
    (b"UNLOCK", F, b"X: no token", 400),
    (b"UNLOCK", F, b"Lock-Token: <>", 400),
    (b"UNLOCK", F, b"Lock-Token: <urn:uuid:1>", 409),
    (b"UNLOCK", F, b"Lock-Token: \xff\xfe", 409),
    (b"LOCK", F, b"Timeout: Second-60", 400),
    (b"LOCK", F, b"If: (<urn:uuid:1>)", 412),
    (b"LOCK", F, b"If: (Not <DAV:no-lock>)", 412),
    (b"PUT", b"/dav/ada/keep/folder", b"X: folder", 405),
    (b"PUT", b"/dav/ada/keep/new/", b"X: slash", 405),
    (b"PUT", b"/dav/ada", b"X: space", 405),
    (b"PUT", b"/dav/newspace", b"X: space", 403),
    (b"PUT", b"/dav/", b"X: spaces", 405),
    (b"PUT", b"/", b"X: root", 405),
    (b"PUT", b"/dav/ada/none/x", b"X: parent", 409),
    (b"PUT", F + b"/x", b"X: parent is a file", 409),
    (b"MKCOL", F, b"X: mapped", 405),
    (b"MKCOL", b"/dav/ada/none/x", b"X: parent", 409),
    (b"MKCOL", b"/dav/newspace", b"X: space", 403),
    (b"MKCOL", b"/dav/ada", b"X: space", 405),
    (b"DELETE", b"/", b"X: root", 405),
    (b"DELETE", b"/dav/", b"X: spaces", 405),
    (b"DELETE", b"/dav/ada", b"X: space", 403),
    (b"MOVE", b"/dav/ada", b"Destination: /dav/ada/keep/x", 403),
    (b"PROPPATCH", b"/dav/", b"X: spaces", 405),
    (b"LOCK", b"/dav/", b"X: spaces", 405),
    (b"DELETE", b"/dav/ada/keep/absent", b"X: unmapped", 404),
    (b"GET", F + b"/x", b"X: below a file", 404),
    (b"POST", F, b"X: method", 405),
    (b"TRACE", F, b"X: method", 405),
    (b"REPORT", F, b"X: no body", 400),
    (b"REPORT", F, b"Depth: 1", 400),
    (b"BREW", F, b"X: method", 405),
    (b"PUT", F, b"Sec-Fetch-Site: cross-site", 403),
    (b"DELETE", F, b"Origin: https://evil.example", 403),
    (b"DELETE", F, b"Origin: null", 403),
    (b"DELETE", F, b"Origin: http://127.0.0.1", 403),
]


@pytest.mark.parametrize(("method", "target", "header", "status"), HEADERS)
def test_a_header_or_a_place_that_does_not_allow_it(
    service: Service, method: bytes, target: bytes, header: bytes, status: int
) -> None:
    """Depth, Overwrite, If, etags, ranges, tokens, and what cannot be done where it is asked."""
    before = state(service)
    answer = ask(service, method, target, [header], b"")
    assert answer.status == status, answer
    if status == 405:
        assert answer.headers["allow"]
    assert state(service) == before


DATES = [
    b"",
    b"yesterday",
    b"Thu, 32 Jan 2020 00:00:00 GMT",
    b"Thu, 01 Jan 99999 00:00:00 GMT",
    b"Thu, 01 Jan 0000 00:00:00 GMT",
    b"Thu, 01 Jan 2020 25:61:61 GMT",
    b"Thu, 01 Foo 2020 00:00:00 GMT",
    b"Thu, 01 Jan 2020 00:00:00",
    b"1577836800",
    b"-1",
    b"9" * 5000,
    b"\xff\xfe",
    b"Thu, 01 Jan 2020 00:00:00 GMT, Thu, 01 Jan 2020 00:00:00 GMT",
]
IGNORED = [b"%s: %s" % (name, date) for name in (b"If-Modified-Since", b"If-Unmodified-Since") for date in DATES]
IGNORED += [b"Range: bytes=0-1\r\nIf-Range: " + date for date in DATES]
IGNORED += [
    b"Range: " + value
    for value in (b"", b"bytes", b"bytes=", b"bytes=5-3", b"bytes=a-b", b"bytes=-", b"bytes=--1", b"bytes=0-1-2")
]
IGNORED += [
    b"Range: " + value
    for value in (b"items=0-1", b"bytes=0-0,2-3", b"bytes=+1-2", b"bytes=1_0-", b"\xff", b"bytes 0-1")
]


@pytest.mark.parametrize("header", IGNORED)
@pytest.mark.parametrize("method", [b"GET", b"HEAD"])
def test_a_date_or_a_range_that_says_nothing_is_ignored(service: Service, method: bytes, header: bytes) -> None:
    """RFC 9110 sections 13.1.3, 13.1.5 and 14.2: the whole file, as if the header were not there."""
    answer = ask(service, method, F, header.split(b"\r\n"), b"")
    whole = ask(service, method, F, [], b"")
    assert (answer.status, answer.body, answer.headers["content-length"]) == (
        200,
        whole.body,
        whole.headers["content-length"],
    )


@pytest.mark.parametrize("value", [b"nine", b"-1", b"1e9", b"9" * 40, b"1.5.5", b"\xff", b"nan", b"inf", b"0x10"])
@pytest.mark.parametrize("target", [F, b"/dav/ada/keep/absent"])
def test_a_modification_time_that_is_none_is_refused_or_ignored(service: Service, target: bytes, value: bytes) -> None:
    """It never becomes a date: not now, and not when the file is listed."""
    before = state(service)
    answer = ask(service, b"PUT", target, [b"X-OC-Mtime: " + value, b'If-Match: "none"'], b"x")
    assert answer.status in (400, 412)
    assert state(service) == before


@pytest.mark.parametrize(
    "header",
    [
        b"Authorization:",
        b"Authorization: Basic",
        b"Authorization: Basic !",
        b"Authorization: Basic YQ",
        b"Authorization: Basic YWRh",
        b"Authorization: Basic \xff\xff",
        b"Authorization: Basic " + b64encode(b"ada:\0"),
        b"Authorization: Basic " + b64encode(b":x"),
        b"Authorization: Basic " + b64encode(b"ada:wrong"),
        b"Authorization: Basic " + b64encode(b"nobody:wrong"),
        b"Authorization: Basic " + b64encode(b"ada:" + b"x" * 20_000),
        b"Authorization: Bearer",
        b'Authorization: Digest username="ada"',
        b"Authorization: " + b"Negotiate " * 50,
    ],
)
@pytest.mark.parametrize("method", [b"GET", b"HEAD", b"PUT", b"PROPFIND"])
def test_credentials_that_open_nothing(service: Service, method: bytes, header: bytes) -> None:
    """400 or 401, with a whole body or, for HEAD, none."""
    answer = ask(service, method, F, [header], b"x" if method == b"PUT" else b"")
    assert answer.status in (400, 401)
    assert (answer.body == b"") == (method == b"HEAD")
    if answer.status == 401:
        assert answer.headers["www-authenticate"] == 'Basic realm="docstopd", charset="UTF-8"'


def test_an_unknown_user_and_a_wrong_password_read_the_same(service: Service) -> None:
    """Nobody learns which names exist."""
    first, second = (
        ask(service, b"GET", F, [b"Authorization: Basic " + b64encode(pair)], b"") for pair in (b"ada:no", b"zoe:no")
    )
    assert (first.status, first.body) == (second.status, second.body)


CROWDED = b"".join(b' xmlns:n%d="urn:%d" n%d:a=""' % (n, n, n) for n in range(11_000)) + b">" + b"<y/>" * 120_000
BOMB = b'<!DOCTYPE a [<!ENTITY x "yyyyyyyyyy"><!ENTITY y "&x;&x;&x;&x;">]><D:propfind xmlns:D="DAV:">&y;</D:propfind>'
XML = [
    (b"PROPFIND", b"junk", 400),
    (b"PROPFIND", b"<a", 400),
    (b"PROPFIND", b"<a/>", 400),
    (b"PROPFIND", b'<D:propfind xmlns:D="DAV:"/>', 400),
    (b"PROPFIND", b'<D:propfind xmlns:D="DAV:"><D:prop><x:y/></D:prop></D:propfind>', 400),
    (b"PROPFIND", b'<D:propfind xmlns:D="DAV:"><D:prop><y xmlns:bar=""/></D:prop></D:propfind>', 400),
    (b"PROPFIND", BOMB, 400),
    (b"PROPFIND", BOMB.decode().encode("utf-16"), 400),
    (b"PROPFIND", b"\x00" * 100, 400),
    (b"PROPFIND", b"<a>" * 5000, 400),
    (b"PROPFIND", b"<" * 100_000, 400),
    (b"PROPFIND", b"x" * ((1 << 20) + 1), 413),
    (b"PROPPATCH", b"", 400),
    (b"PROPPATCH", b"<a/>", 400),
    (b"PROPPATCH", BOMB, 400),
    (b"PROPPATCH", b"<!-- -->", 400),
    (b"PROPPATCH", b"x" * ((1 << 20) + 1), 413),
    (b"LOCK", b"<a/>", 400),
    (b"LOCK", b'<D:lockinfo xmlns:D="DAV:"/>', 400),
    (b"LOCK", b'<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope></D:lockinfo>', 400),
    (
        b"LOCK",
        b'<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:shared/></D:lockscope><D:locktype><D:write/></D:locktype><D:owner>'
        + b"o" * 5000
        + b"</D:owner></D:lockinfo>",
        413,
    ),
    (b"LOCK", BOMB, 400),
    (
        b"LOCK",
        b'<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:shared/></D:lockscope><D:locktype><D:write/></D:locktype><D:owner'
        + CROWDED
        + b"</D:owner></D:lockinfo>",
        413,
    ),
    (
        b"PROPPATCH",
        b'<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><x' + CROWDED + b"</x></D:prop></D:set></D:propertyupdate>",
        207,  # which says 507 of the property
    ),
]


@pytest.mark.parametrize(("method", "body", "status"), XML)
def test_xml_that_means_no_good(service: Service, method: bytes, body: bytes, status: int) -> None:
    """Malformed, expanding, nested, too long, or not what the method takes."""
    before = state(service)
    assert ask(service, method, F, [b"Depth: 0"], body).status == status
    assert state(service) == before


@pytest.mark.parametrize("cut", [0, 1, 5, 299_999])
def test_a_put_cut_short_changes_nothing(service: Service, cut: int) -> None:
    """Neither a new file nor an old one, with a length or in chunks."""
    before = state(service)
    body = b"x" * 300_000
    head = b"PUT " + F + b" HTTP/1.1\r\nHost: x\r\n" + ADA + b"\r\n"
    service.raw(head + b"Content-Length: 300000\r\n\r\n" + body[:cut])
    service.raw(head.replace(F, D + b"/new") + b"Content-Length: 300000\r\n\r\n" + body[:cut])
    service.raw(head + b"Transfer-Encoding: chunked\r\n\r\n493e0\r\n" + body[:cut])
    assert state(service) == before
    assert not service.space().exists("keep/new")
