"""What clients send, header for header, and the state that they must find afterwards."""

import re
from base64 import b64encode
from collections.abc import Iterator
from typing import cast

import pytest
from dav_service import PASSWORD, Connection, Service, serving
from lxml import etree
from webdav import Answer

LOCKINFO = (
    b'<?xml version="1.0" encoding="utf-8" ?><D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope>'
    b"<D:locktype><D:write/></D:locktype><D:owner><D:href>DESKTOP\\ada</D:href></D:owner></D:lockinfo>"
)
WINDOWS = {"User-Agent": "Microsoft-WebDAV-MiniRedir/10.0.19045", "Translate": "f"}
FINDER = {"User-Agent": "WebDAVFS/3.0.0 (03008000) Darwin/23.4.0 (arm64)"}


def basic(name: str = "ada") -> dict[str, str]:
    """Make the credentials' header."""
    return {"Authorization": "Basic " + b64encode(f"{name}:{PASSWORD}".encode()).decode()}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One front for all replays; each works in a folder of its own."""
    with serving(tmp_path_factory.mktemp("replays")) as running:
        yield running


@pytest.fixture
def folder(service: Service, request: pytest.FixtureRequest) -> str:
    """The path of a new folder, with a slash."""
    name = re.sub(r"\W", "-", request.node.name)
    assert service.space().ask("MKCOL", name).status == 201
    return f"/dav/ada/{name}/"


@pytest.fixture
def wire(service: Service) -> Connection:
    """A connection that is signed in."""
    connection = service.connection()
    connection.headers.update(basic())
    return connection


def versions(service: Service, node: int) -> list[int]:
    """The sizes of the contents that a file has and had, oldest first."""
    with service.vault._stores.catalog.read() as rows:
        sizes = rows.all("SELECT size FROM versions WHERE node = ? AND dead IS NULL ORDER BY received", node)
    return [cast(int, row[0]) for row in sizes]


def token(answer: Answer) -> str:
    """Return the lock token, without brackets."""
    found = answer.headers["lock-token"]
    assert re.fullmatch(r"<urn:uuid:[0-9a-f-]{36}>", found)
    return found[1:-1]


def tree(answer: Answer) -> etree._Element:
    """Parse a 207, and check what all of them have in common."""
    assert answer.status == 207, answer
    assert answer.headers["content-type"] == "application/xml; charset=utf-8"
    assert b"> <" not in answer.body
    assert b">\n<" not in answer.body
    root = etree.fromstring(answer.body)
    for response in root.iter("{DAV:}response"):
        assert response.find("{DAV:}propstat") is not None or response.find("{DAV:}status") is not None
        href = response.findtext("{DAV:}href")
        assert href is not None
        assert href.startswith("/")
        collection = response.find(".//{DAV:}resourcetype/{DAV:}collection") is not None
        if response.find(".//{DAV:}resourcetype") is not None:
            assert href.endswith("/") == collection
        statuses = [node.text for node in response.iter("{DAV:}status")]
        assert statuses == sorted(statuses)
    return root


def patched(properties: str) -> bytes:
    """Make Explorer's PROPPATCH."""
    return (
        '<?xml version="1.0" encoding="utf-8" ?><D:propertyupdate xmlns:D="DAV:" '
        f'xmlns:Z="urn:schemas-microsoft-com:"><D:set><D:prop>{properties}</D:prop></D:set></D:propertyupdate>'
    ).encode()


WIN32 = patched(
    "<Z:Win32CreationTime>Thu, 02 Jan 2020 03:04:05 GMT</Z:Win32CreationTime>"
    "<Z:Win32LastAccessTime>Fri, 03 Jan 2020 03:04:05 GMT</Z:Win32LastAccessTime>"
    "<Z:Win32LastModifiedTime>Sat, 04 Jan 2020 03:04:05 GMT</Z:Win32LastModifiedTime>"
    "<Z:Win32FileAttributes>00000020</Z:Win32FileAttributes>"
)


@pytest.mark.parametrize(
    "path", ["/", "/dav", "/dav/", "/dav/ada/", "/dav/nobody/x", "/else", "{}", "{}file", "{}no/thing"]
)
def test_options_is_answered_everywhere_and_to_everybody(
    service: Service, folder: str, wire: Connection, path: str
) -> None:
    """Clients ask before they have a credential; the answer tells nothing about what is there."""
    wire.ask("PUT", folder + "file", b"x")
    answers = [asked.ask("OPTIONS", path.format(folder)) for asked in (service.connection(), wire)]
    told = {"status": 200, "length": "0", "via": "DAV", "ranges": "bytes"}
    for answer in answers:
        head = answer.headers
        names = ("content-length", "ms-author-via", "accept-ranges")
        assert dict(zip(told, (answer.status, *(head[name] for name in names)), strict=True)) == told
        assert head["dav"].startswith("1, 2, 3")
        assert {"PROPFIND", "LOCK", "PUT", "REPORT"} <= set(head["allow"].split(", "))
    assert {n: v for n, v in answers[0].headers.items() if n != "date"} == {
        n: v for n, v in service.connection().ask("OPTIONS", "/").headers.items() if n != "date"
    }


def test_windows_walks_down_from_the_root(service: Service, folder: str, wire: Connection) -> None:
    """OPTIONS without credentials, then PROPFIND of every parent with them."""
    anonymous = service.connection()
    answer = anonymous.ask("OPTIONS", "/", headers=WINDOWS)
    assert answer.status == 200
    assert answer.headers["ms-author-via"] == "DAV"
    assert answer.headers["content-length"] == "0"
    assert "1, 2, 3" in answer.headers["dav"]
    assert anonymous.ask("PROPFIND", "/", headers=WINDOWS | {"Depth": "0"}).status == 401
    for parent in ("/", "/dav", "/dav/ada", folder.rstrip("/")):
        root = tree(wire.ask("PROPFIND", parent, headers=WINDOWS | {"Depth": "0", "Content-Length": "0"}))
        assert len(root) == 1
        assert root.find(".//{DAV:}collection") is not None
    hrefs = [node.text for node in tree(wire.ask("PROPFIND", "/dav/", headers={"Depth": "1"})).iter("{DAV:}href")]
    assert "/dav/ada/" in hrefs
    assert "/dav/bob/" not in hrefs
    root = tree(wire.ask("PROPFIND", "/", headers={"Depth": "1"}))
    assert [node.text for node in root.iter("{DAV:}href")][:2] == ["/", "/dav/"]


def test_windows_copies_a_file_in(folder: str, wire: Connection) -> None:
    """A placeholder, a lock without Depth, times, the content, and the attributes as they were."""
    url = folder + "Report.docx"
    assert wire.ask("PROPFIND", url, headers=WINDOWS | {"Depth": "0"}).status == 404
    assert wire.ask("PUT", url, b"", WINDOWS).status == 201
    answer = wire.ask("LOCK", url, LOCKINFO, WINDOWS | {"Timeout": "Second-3600"})
    assert answer.status == 200
    lock = {"If": f"(<{token(answer)}>)"}
    assert b"<D:timeout>Second-3600</D:timeout>" in answer.body
    assert b"DESKTOP\\ada" in answer.body
    root = tree(wire.ask("PROPPATCH", url, WIN32, WINDOWS | lock))
    assert [node.text for node in root.iter("{DAV:}status")] == ["HTTP/1.1 200 OK"]
    assert wire.ask("HEAD", url, headers=WINDOWS).headers["content-length"] == "0"
    assert wire.ask("PUT", url, b"body", WINDOWS).status == 423
    assert wire.ask("PUT", url, b"body", WINDOWS | lock).status == 204
    assert tree(wire.ask("PROPPATCH", url, WIN32, WINDOWS | lock)).find(".//{DAV:}status").text.endswith("200 OK")
    assert wire.ask("UNLOCK", url, headers=WINDOWS | {"Lock-Token": f"<{token(answer)}>"}).status == 204
    assert wire.ask("GET", url).body == b"body"
    assert wire.ask("HEAD", url).headers["last-modified"] == "Sat, 04 Jan 2020 03:04:05 GMT"
    root = tree(wire.ask("PROPFIND", url, headers={"Depth": "0"}))
    assert root.findtext(".//{DAV:}creationdate") == "2020-01-02T03:04:05Z"
    assert root.findtext(".//{urn:schemas-microsoft-com:}Win32FileAttributes") == "00000020"
    assert root.find(".//{DAV:}activelock") is None


def test_office_saves_safely_on_a_mapped_drive(service: Service, folder: str, wire: Connection) -> None:
    """The new content arrives beside the old one and is moved over it; orig has no lock afterwards."""
    orig, tmp = folder + "orig.docx", folder + "~WRD0001.tmp"
    assert wire.ask("PUT", orig, b"older").status == 201
    path = tuple(orig.split("/")[2:])
    node = service.vault.files.stat(service.vault.sessions.sign_in("ada", PASSWORD), path).id
    first = wire.ask("LOCK", orig, LOCKINFO, WINDOWS)
    assert wire.ask("PUT", tmp, b"", WINDOWS).status == 201
    second = wire.ask("LOCK", tmp, LOCKINFO, WINDOWS)
    assert wire.ask("PUT", tmp, b"new", WINDOWS | {"If": f"(<{token(second)}>)"}).status == 204
    # Without brackets, as Windows has been seen to send it.
    assert wire.ask("UNLOCK", tmp, headers=WINDOWS | {"Lock-Token": token(second)}).status == 204
    assert wire.ask("UNLOCK", orig, headers=WINDOWS | {"Lock-Token": f"<{token(first)}>"}).status == 204
    third = wire.ask("LOCK", tmp, LOCKINFO, WINDOWS)
    moved = {"Destination": f"http://{service.authority}{orig}", "Overwrite": "T", "If": f"(<{token(third)}>)"}
    assert wire.ask("MOVE", tmp, headers=WINDOWS | moved).status == 204
    assert wire.ask("GET", orig).body == b"new"
    assert wire.ask("GET", tmp).status == 404
    assert tree(wire.ask("PROPFIND", orig, headers={"Depth": "0"})).find(".//{DAV:}activelock") is None
    assert wire.ask("LOCK", tmp, LOCKINFO, WINDOWS).status == 201
    assert service.vault.files.stat(service.vault.sessions.sign_in("ada", PASSWORD), path).id == node
    assert versions(service, node) == [5, 3]


def test_offices_file_that_says_who_has_a_document_open(folder: str, wire: Connection, service: Service) -> None:
    """A placeholder, a lock, the content; then it goes. Of the placeholder nothing is left."""
    url = folder + "~$doc.docx"
    assert wire.ask("PUT", url, b"", WINDOWS).status == 201
    taken = wire.ask("LOCK", url, LOCKINFO, WINDOWS | {"Timeout": "Second-3600"})
    lock = {"If": f"(<{token(taken)}>)"}
    assert wire.ask("PUT", url, b"\x03Ada", WINDOWS | lock).status == 204
    session = service.vault.sessions.sign_in("ada", PASSWORD)
    node = service.vault.files.stat(session, tuple(url.split("/")[2:])).id
    assert versions(service, node) == [4]
    assert wire.ask("GET", url, headers=WINDOWS).body == b"\x03Ada"
    assert wire.ask("DELETE", url, headers=WINDOWS).status == 423
    assert wire.ask("UNLOCK", url, headers=WINDOWS | {"Lock-Token": f"<{token(taken)}>"}).status == 204
    assert wire.ask("DELETE", url, headers=WINDOWS).status == 204
    assert wire.ask("PROPFIND", url, headers=WINDOWS | {"Depth": "0"}).status == 404


def test_explorer_renames_and_deletes(service: Service, folder: str, wire: Connection) -> None:
    """It looks first, never overwrites, and finds a name that differs in case alone."""
    wire.ask("PUT", folder + "a.txt", b"x")
    destination = {"Destination": f"http://{service.authority}{folder}A.txt", "Overwrite": "F"}
    assert wire.ask("PROPFIND", folder + "A.txt", headers=WINDOWS | {"Depth": "0"}).status == 404
    assert wire.ask("MOVE", folder + "a.txt", headers=WINDOWS | destination).status == 201
    wire.ask("PUT", folder + "b.txt", b"y")
    assert wire.ask("MOVE", folder + "b.txt", headers=WINDOWS | destination).status == 412
    assert wire.ask("GET", folder + "A.txt").body == b"x"
    assert wire.ask("DELETE", folder + "b.txt", headers=WINDOWS).status == 204
    listed = tree(wire.ask("PROPFIND", folder, headers=WINDOWS | {"Depth": "1"}))
    assert [node.text for node in listed.iter("{DAV:}href")] == [folder, folder + "A.txt"]


def test_office_opens_by_url(folder: str, wire: Connection, service: Service) -> None:
    """An empty Bearer, HEAD of the folder, a lock with Depth 0, a refresh without a body."""
    url = folder + "a.docx"
    wire.ask("PUT", url, b"one")
    assert service.connection().ask("OPTIONS", folder, headers={"Authorization": "Bearer"}).status == 200
    answer = service.connection().ask("HEAD", url, headers={"Authorization": "Bearer"})
    assert answer.status == 401
    assert answer.headers["www-authenticate"].startswith("Basic realm=")
    assert answer.body == b""
    assert wire.ask("HEAD", folder).status == 200
    assert wire.ask("HEAD", url).headers["content-length"] == "3"
    taken = wire.ask("LOCK", url, LOCKINFO, {"Depth": "0", "Timeout": "Second-3600"})
    assert b"<D:depth>0</D:depth>" in taken.body
    lock = {"If": f"(<{token(taken)}>)"}
    assert wire.ask("GET", url).body == b"one"
    fresh = wire.ask("LOCK", url, b"", lock | {"Timeout": "Second-60"})
    assert fresh.status == 200
    assert b"<D:timeout>Second-180</D:timeout>" in fresh.body
    assert wire.ask("PUT", url, b"two", lock).status == 204
    assert wire.ask("UNLOCK", url, headers={"Lock-Token": f"<{token(taken)}>"}).status == 204
    assert wire.ask("LOCK", url, b"", lock).status == 412


def test_finder_creates_a_file(folder: str, wire: Connection) -> None:
    """Chunks with the length in a header of its own; a wrong length leaves the old content."""
    url = folder + "film.mov"
    wanted = (
        b'<?xml version="1.0" encoding="utf-8"?><D:propfind xmlns:D="DAV:"><D:prop><D:getlastmodified/>'
        b"<D:getcontentlength/><D:creationdate/><D:resourcetype/></D:prop></D:propfind>"
    )
    for probe in (".metadata_never_index", ".Spotlight-V100", "._film.mov", ".DS_Store", "Backups.backupdb"):
        assert wire.ask("PROPFIND", folder + probe, wanted, FINDER | {"Depth": "0"}).status == 404
    assert wire.ask("PUT", url, b"", FINDER).status == 201
    taken = wire.ask("LOCK", url, LOCKINFO, FINDER | {"Depth": "0", "Timeout": "Second-600"})
    lock = {"If": f"(<{token(taken)}>)"}
    answer = wire.ask("PUT", url, iter([b"12", b"345"]), FINDER | lock | {"X-Expected-Entity-Length": "5"})
    assert answer.status == 204
    assert re.fullmatch(r'"[0-9a-f]+"', answer.headers["etag"])
    assert wire.ask("LOCK", url, b"", FINDER | lock | {"Timeout": "Second-600"}).status == 200
    assert wire.ask("PUT", url, iter([b"12"]), FINDER | lock | {"X-Expected-Entity-Length": "5"}).status == 400
    got = wire.ask("GET", url)
    assert (got.body, got.headers["etag"]) == (b"12345", answer.headers["etag"])
    assert wire.ask("UNLOCK", url, headers={"Lock-Token": f"<{token(taken)}>"}).status == 204
    again = wire.ask("GET", url, headers={"If-Modified-Since": got.headers["last-modified"]})
    assert (again.status, again.headers["etag"]) == (304, got.headers["etag"])
    part = wire.ask("GET", url, headers={"Range": "bytes=1-2", "If-Range": got.headers["last-modified"]})
    assert (part.status, part.body, part.headers["content-range"]) == (206, b"23", "bytes 1-2/5")


def test_finder_mounts_and_looks_around(service: Service, folder: str, wire: Connection) -> None:
    """OPTIONS, the folder, its quota, then its members; and what it asks for in each folder is not there."""
    wire.ask("PUT", folder + "a", b"12")
    wanted = (
        b'<?xml version="1.0" encoding="utf-8"?><D:propfind xmlns:D="DAV:"><D:prop><D:getlastmodified/>'
        b"<D:getcontentlength/><D:creationdate/><D:resourcetype/></D:prop></D:propfind>"
    )
    quota = (
        b'<?xml version="1.0" encoding="utf-8"?><D:propfind xmlns:D="DAV:"><D:prop><D:quota-available-bytes/>'
        b"<D:quota-used-bytes/><D:quota/><D:quotaused/></D:prop></D:propfind>"
    )
    assert wire.ask("OPTIONS", folder, headers=FINDER).headers["dav"].startswith("1, 2")
    root = tree(wire.ask("PROPFIND", folder, wanted, FINDER | {"Depth": "0"}))
    assert root.find(".//{DAV:}resourcetype/{DAV:}collection") is not None
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", root.findtext(".//{DAV:}creationdate"))
    assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT", root.findtext(".//{DAV:}getlastmodified"))
    tree(wire.ask("PROPFIND", folder, quota, FINDER | {"Depth": "0"}))
    members = tree(wire.ask("PROPFIND", folder, wanted, FINDER | {"Depth": "1"}))
    assert [node.text for node in members.iter("{DAV:}href")] == [folder, folder + "a"]
    assert [node.text for node in members.iter("{DAV:}getcontentlength")] == [None, "2"]
    for probe in (".metadata_never_index", ".metadata_never_index_unless_rootfs", ".Spotlight-V100", "._.", ".hidden"):
        answer = wire.ask("PROPFIND", folder + probe, wanted, FINDER | {"Depth": "0"})
        assert (answer.status, len(answer.body) < 200) == (404, True)


def test_finder_keeps_attributes_in_files_of_their_own(service: Service, folder: str, wire: Connection) -> None:
    """`._a` is written and locked time and again: one entry in the journal, no version, nothing in the trash."""
    url, session = folder + "._a", service.vault.sessions.sign_in("ada", PASSWORD)
    space = (service.vault.spaces.mine(session)[0]).seq
    assert wire.ask("PUT", url, b"", FINDER).status == 201
    taken = wire.ask("LOCK", url, LOCKINFO, FINDER | {"Depth": "0", "Timeout": "Second-600"})
    lock = {"If": f"(<{token(taken)}>)"}
    etags = {
        wire.ask("PUT", url, iter([body]), FINDER | lock | {"X-Expected-Entity-Length": "3"}).headers["etag"]
        for body in (b"one", b"two", b"six")
    }
    assert wire.ask("UNLOCK", url, headers=FINDER | {"Lock-Token": f"<{token(taken)}>"}).status == 204
    listed = tree(wire.ask("PROPFIND", folder, headers=FINDER | {"Depth": "1"}))
    assert len(etags) == 3
    assert listed.findall(".//{DAV:}getetag")[1].text in etags
    assert wire.ask("GET", url, headers=FINDER).body == b"six"
    assert service.vault.spaces.mine(session)[0].seq == space + 1
    node = service.vault.files.stat(session, tuple(url.split("/")[2:])).id
    assert len(versions(service, node)) == 1
    assert wire.ask("DELETE", url, headers=FINDER).status == 204
    assert service.vault.spaces.mine(session)[0].seq == space + 2
    with service.vault._stores.catalog.read() as rows:
        assert rows.one("SELECT 1 FROM nodes WHERE id = ?", node) is None


def test_finder_renames_without_an_overwrite_header(service: Service, folder: str, wire: Connection) -> None:
    """An absolute Destination in NFD finds the NFC name."""
    wire.ask("PUT", folder + "a", b"x")
    destination = {"Destination": f"http://{service.authority}{folder}e%CC%81"}
    assert wire.ask("MOVE", folder + "a", headers=FINDER | destination).status == 201
    assert wire.ask("GET", folder + "%C3%A9").body == b"x"
    assert wire.ask("GET", folder + "e%CC%81").body == b"x"
    assert wire.ask("PUT", folder + "e%CC%81", b"y").status == 204
    hrefs = [node.text for node in tree(wire.ask("PROPFIND", folder, headers={"Depth": "1"})).iter("{DAV:}href")]
    assert folder + "%C3%A9" in hrefs
    assert len(hrefs) == 2


def test_quota_is_told_by_name_and_withheld_from_newer_finders(service: Service, wire: Connection) -> None:
    """Omitted when unlimited, and where it stalls the mount for 90 s."""
    body = b'<D:propfind xmlns:D="DAV:"><D:prop><D:quota-available-bytes/><D:quota-used-bytes/></D:prop></D:propfind>'
    found = tree(wire.ask("PROPFIND", "/dav/ada/", body, {"Depth": "0"}))
    assert [node.text for node in found.iter("{DAV:}status")] == ["HTTP/1.1 404 Not Found"]
    service.vault.spaces.set_quota("ada", 10**9)
    found = tree(wire.ask("PROPFIND", "/dav/ada/", body, FINDER | {"Depth": "0"}))
    used, available = (int(found.findtext(f".//{{DAV:}}quota-{word}-bytes")) for word in ("used", "available"))
    assert used + available == 10**9
    newer = {"User-Agent": "WebDAVFS/3.0.0 (03008000) Darwin/24.4.0 (arm64)", "Depth": "0"}
    found = tree(wire.ask("PROPFIND", "/dav/ada/", body, newer))
    assert [node.text for node in found.iter("{DAV:}status")] == ["HTTP/1.1 404 Not Found"]
    assert b"quota" not in wire.ask("PROPFIND", "/dav/ada/", headers={"Depth": "0"}).body


def test_gvfs_saves_by_etag(folder: str, wire: Connection) -> None:
    """HEAD, then PUT with If-Match: 412 when the file changed in between."""
    url = folder + "note.txt"
    assert wire.ask("PUT", url, b"one", {"Overwrite": "T"}).status == 201
    assert wire.ask("PROPFIND", url, headers={"Depth": "0", "Apply-To-Redirect-Ref": "T"}).status == 207
    etag = wire.ask("HEAD", url).headers["etag"]
    assert wire.ask("HEAD", url, headers={"If-Match": etag}).status == 200
    assert wire.ask("PUT", url, b"two", {"If-Match": etag}).status == 204
    assert wire.ask("PUT", url, b"six", {"If-Match": etag}).status == 412
    assert wire.ask("HEAD", url, headers={"If-Match": etag}).status == 412
    assert wire.ask("GET", url).body == b"two"
    assert wire.ask("PUT", folder + "no", b"x", {"If-Match": "*"}).status == 412
    assert wire.ask("GET", folder + "no").status == 404
    wire.ask("PUT", folder + "b", b"x")
    move = {"Destination": folder + "b", "Overwrite": "F"}
    assert wire.ask("MOVE", url, headers=move).status == 412
    assert [wire.ask("GET", path).body for path in (url, folder + "b")] == [b"two", b"x"]
    assert wire.ask("MOVE", url, headers=move | {"Destination": folder + "c"}).status == 201
    assert [wire.ask("GET", path).status for path in (url, folder + "c")] == [404, 200]


def test_davfs2_locks_a_free_name_and_saves_with_a_tagged_if(service: Service, folder: str, wire: Connection) -> None:
    """LOCK makes an empty file; the tag is an absolute URL with lower-case escapes."""
    url = folder + "new%20%c3%a9"
    taken = wire.ask("LOCK", url, LOCKINFO, {"Depth": "0", "Timeout": "Second-1800"})
    assert taken.status == 201
    etag = wire.ask("HEAD", url).headers["etag"]
    tagged = {"If": f"<http://{service.authority}{url}> (<{token(taken)}>)"}
    assert wire.ask("PUT", url, b"x", tagged | {"If-Match": etag}).status == 204
    assert (
        wire.ask("PUT", url, b"x", {"If": f"<http://{service.authority}{folder}other> (<{token(taken)}>)"}).status
        == 412
    )
    assert wire.ask("GET", url).body == b"x"
    assert wire.ask("UNLOCK", url, headers={"Lock-Token": f"<{token(taken)}>"}).status == 204
    assert wire.ask("PUT", url, b"y").status == 204
    names = tree(wire.ask("PROPFIND", url, b'<propfind xmlns="DAV:"><propname/></propfind>', {"Depth": "0"})).find(
        ".//{DAV:}prop"
    )
    assert {"{DAV:}getetag", "{DAV:}lockdiscovery", "{DAV:}resourcetype"} <= {node.tag for node in names}
    assert all(not node.text and not len(node) for node in names)


def test_rclone_of_both_vendors(folder: str, wire: Connection) -> None:
    """PROPFIND 1 of a file, MKCOL's two errors, checksums and modification times."""
    url = folder + "a.bin"
    headers = {"OC-Checksum": "SHA1:40bd001563085fc35165329ea1ff5c5ecbdbbeef", "X-OC-Mtime": "1500000000"}
    put = wire.ask("PUT", url, b"123", headers)
    assert (put.status, put.headers["x-oc-mtime"]) == (201, "accepted")
    head = wire.ask("HEAD", url).headers
    assert head["last-modified"] == "Fri, 14 Jul 2017 02:40:00 GMT"
    assert head["etag"] == put.headers["etag"]
    assert wire.ask("PUT", url, b"124", headers).status == 400
    assert wire.ask("GET", url).body == b"123"
    root = tree(wire.ask("PROPFIND", url, headers={"Depth": "1"}))
    assert [node.text for node in root.iter("{DAV:}href")] == [url]
    assert root.findtext(".//{DAV:}getetag") == head["etag"]
    assert wire.ask("MKCOL", folder).status == 405
    assert wire.ask("MKCOL", folder + "no/dir").status == 409
    body = (
        b'<?xml version="1.0"?><D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><lastmodified xmlns="DAV:">1600000000'
        b"</lastmodified></D:prop></D:set></D:propertyupdate>"
    )
    tree(wire.ask("PROPPATCH", url, body))
    assert wire.ask("HEAD", url).headers["last-modified"] == "Sun, 13 Sep 2020 12:26:40 GMT"


def test_cyberduck_uploads_in_parts_and_reads_in_segments(folder: str, wire: Connection) -> None:
    """Content-Range is done right or refused; 100-continue; an empty remove."""
    url = folder + "big"
    assert wire.ask("PUT", url, b"0123456789", {"Expect": "100-continue"}).status == 201
    assert wire.ask("PUT", url, b"abc", {"Content-Range": "bytes 10-12/13"}).status == 204
    assert wire.ask("GET", url).body == b"0123456789abc"
    assert wire.ask("PUT", url, b"XY", {"Content-Range": "bytes 2-3/*"}).status == 204
    assert wire.ask("GET", url).body == b"01XY456789abc"
    assert wire.ask("PUT", url, b"X", {"Content-Range": "bytes 2-3/13"}).status == 400
    assert wire.ask("PUT", url, b"X", {"Content-Range": "bytes 20-20/21"}).status == 416
    assert wire.ask("PUT", url, b"X", {"Content-Range": "junk"}).status == 400
    assert wire.ask("PUT", url, b"whole", {"Content-Range": "bytes 0-4/5"}).status == 204
    assert wire.ask("GET", url).body == b"whole"
    assert wire.ask("PUT", folder + "fresh", b"12", {"Content-Range": "bytes 0-1/2"}).status == 201
    assert [wire.ask("GET", url, headers={"Range": r}).body for r in ("bytes=0-1", "bytes=2-")] == [b"wh", b"ole"]
    body = b'<D:propertyupdate xmlns:D="DAV:"><D:remove><D:prop/></D:remove></D:propertyupdate>'
    tree(wire.ask("PROPPATCH", url, body))


def test_a_partial_update_follows_sabredav(folder: str, wire: Connection) -> None:
    """PATCH writes into a file, at its end or from it."""
    url = folder + "log"
    kind = {"Content-Type": "application/x-sabredav-partialupdate"}
    assert wire.ask("PATCH", url, b"x", kind | {"X-Update-Range": "append"}).status == 404
    wire.ask("PUT", url, b"0123456789")
    for where, content in (("append", b"0123456789ab"), ("bytes=2-3", b"01ab456789ab"), ("bytes=-1", b"01ab456789aab")):
        assert wire.ask("PATCH", url, b"ab", kind | {"X-Update-Range": where}).status == 204
        assert wire.ask("GET", url).body == content
    assert wire.ask("PATCH", url, b"ab", kind | {"X-Update-Range": "bytes=99-100"}).status == 416
    assert wire.ask("PATCH", url, b"ab", kind | {"X-Update-Range": "bytes=1-1"}).status == 416
    assert wire.ask("PATCH", url, b"ab", kind | {"X-Update-Range": "x"}).status == 400
    assert wire.ask("PATCH", url, b"ab", {"X-Update-Range": "append"}).status == 415
    assert wire.ask("PATCH", url, b"ab", kind | {"X-Update-Range": "append", "If-Match": '"x"'}).status == 412


def test_davx5_and_zotero_create_only_what_is_new(folder: str, wire: Connection) -> None:
    """If-None-Match: * with an empty PUT; MKCOL 201; COPY and MOVE 201 or 204; DELETE 204."""
    url = folder + "x"
    assert wire.ask("PUT", url, b"", {"If-None-Match": "*"}).status == 201
    assert wire.ask("PUT", url, b"", {"If-None-Match": "*"}).status == 412
    head = wire.ask("HEAD", url).headers
    assert (head["accept-ranges"], head["content-length"]) == ("bytes", "0")
    assert re.fullmatch(r'"[^"]+"', head["etag"])
    wire.ask("PUT", url, b"12345")
    etag = wire.ask("HEAD", url).headers["etag"]
    part = wire.ask("GET", url, headers={"If-Match": etag, "Range": "bytes=0-1"})
    assert (part.status, part.body) == (206, b"12")
    body = b'<D:propfind xmlns:D="DAV:"><D:prop><D:current-user-privilege-set/></D:prop></D:propfind>'
    assert tree(wire.ask("PROPFIND", folder, body, {"Depth": "0"})).find(".//{DAV:}privilege/{DAV:}write") is not None
    assert wire.ask("COPY", url, headers={"Destination": folder + "y"}).status == 201
    assert wire.ask("COPY", url, headers={"Destination": folder + "y"}).status == 204
    assert wire.ask("MOVE", url, headers={"Destination": folder + "y"}).status == 204
    assert wire.ask("DELETE", folder).status == 204
    assert wire.ask("GET", folder + "y").status == 404


def test_kio_makes_copies_and_moves(service: Service, folder: str, wire: Connection) -> None:
    """Exactly 201 for a new folder; anything else is an error box. The destination is absolute."""
    agent = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) KHTML/5.116.0 (like Gecko) Konqueror/5 KIO/5.116"}
    wanted = (
        b'<?xml version="1.0" encoding="utf-8" ?><D:propfind xmlns:D="DAV:"><D:prop><D:creationdate/>'
        b"<D:getcontentlength/><D:displayname/><D:source/><D:getcontentlanguage/><D:getcontenttype/><D:executable/>"
        b"<D:getlastmodified/><D:getetag/><D:supportedlock/><D:lockdiscovery/><D:resourcetype/></D:prop></D:propfind>"
    )
    assert wire.ask("PROPFIND", folder + "new", wanted, agent | {"Depth": "0"}).status == 404
    assert wire.ask("MKCOL", folder + "new", headers=agent).status == 201
    assert wire.ask("PUT", folder + "new/a", b"1", agent).status == 201
    root = tree(wire.ask("PROPFIND", folder + "new/", wanted, agent | {"Depth": "1"}))
    assert [node.text for node in root.iter("{DAV:}displayname")] == ["new", "a"]
    for method, status in (("COPY", 201), ("COPY", 204), ("MOVE", 204)):
        to = {"Destination": f"http://{service.authority}{folder}new/b", "Overwrite": "T", "Depth": "infinity"}
        assert wire.ask(method, folder + "new/a", headers=agent | to).status == status
    to = {"Destination": f"http://{service.authority}{folder}other", "Overwrite": "F", "Depth": "infinity"}
    assert wire.ask("MOVE", folder + "new", headers=agent | to).status == 201
    assert wire.ask("GET", folder + "other/b").body == b"1"
    assert wire.ask("DELETE", folder + "other/", headers=agent).status == 204
    assert tree(wire.ask("PROPFIND", folder, headers={"Depth": "1"})).findtext(".//{DAV:}href") == folder


def test_zotero_checks_its_server_and_stores_attachments(folder: str, wire: Connection) -> None:
    """A test file that is written, read and removed; then a zip, and a prop beside it."""
    body = b"<propfind xmlns='DAV:'><prop><getcontentlength/></prop></propfind>"
    assert wire.ask("PROPFIND", folder + "zotero/", body, {"Depth": "0"}).status == 404
    assert wire.ask("MKCOL", folder + "zotero/").status == 201
    tree(wire.ask("PROPFIND", folder + "zotero/", body, {"Depth": "0"}))
    assert wire.ask("GET", folder + "zotero/nonexistent.prop").status == 404
    assert wire.ask("PUT", folder + "zotero/zotero-test-file.prop", b" ").status == 201
    assert wire.ask("GET", folder + "zotero/zotero-test-file.prop").body == b" "
    assert wire.ask("DELETE", folder + "zotero/zotero-test-file.prop").status == 204
    for status in (201, 204):
        for name in ("ABCD2345.zip", "ABCD2345.prop"):
            assert wire.ask("PUT", folder + "zotero/" + name, b"x").status == status
    assert wire.ask("DELETE", folder + "zotero/ABCD2345.zip").status == 204
    assert wire.ask("DELETE", folder + "zotero/ABCD2345.zip").status == 404


def test_libreoffice_edits_under_a_lock(folder: str, wire: Connection) -> None:
    """It looks for the exclusive write lock, and refreshes well before the time is up."""
    url = folder + "a.odt"
    wire.ask("PUT", url, b"one")
    body = b'<?xml version="1.0"?><propfind xmlns="DAV:"><prop><supportedlock/><lockdiscovery/></prop></propfind>'
    root = tree(wire.ask("PROPFIND", url, body, {"Depth": "0"}))
    kinds = [[node.tag for node in entry.iter()] for entry in root.iter("{DAV:}lockentry")]
    assert any({"{DAV:}exclusive", "{DAV:}write"} <= set(kind) for kind in kinds)
    taken = wire.ask("LOCK", url, LOCKINFO, {"Depth": "0", "Timeout": "Second-180"})
    assert b"<D:timeout>Second-180</D:timeout>" in taken.body
    lock = {"If": f"(<{token(taken)}>)"}
    found = tree(wire.ask("PROPFIND", url, body, {"Depth": "0"}))
    assert found.findtext(".//{DAV:}locktoken/{DAV:}href") == token(taken)
    assert wire.ask("LOCK", url, b"", lock | {"Timeout": "Second-180"}).status == 200
    assert wire.ask("PUT", url, b"two", lock).status == 204
    assert wire.ask("UNLOCK", url, headers={"Lock-Token": f"<{token(taken)}>"}).status == 204
    assert wire.ask("GET", url).body == b"two"
    assert tree(wire.ask("PROPFIND", url, body, {"Depth": "0"})).find(".//{DAV:}activelock") is None


def test_every_content_has_an_etag_of_its_own_that_all_answers_agree_on(folder: str, wire: Connection) -> None:
    """In the same second, of the same size and even the same bytes; after a given time was set, too."""
    url, seen = folder + "x", set()
    for _ in range(3):
        put = wire.ask("PUT", url, b"same", {"X-OC-Mtime": "1500000000"}).headers["etag"]
        told = tree(wire.ask("PROPFIND", url, headers={"Depth": "0"})).findtext(".//{DAV:}getetag")
        listed = tree(wire.ask("PROPFIND", folder, headers={"Depth": "1"})).findall(".//{DAV:}getetag")[1].text
        assert {put} == {told, listed, *(wire.ask(method, url).headers["etag"] for method in ("GET", "HEAD"))}
        seen.add(put)
    assert len(seen) == 3


def test_joplin_sends_an_unquoted_if_none_match_with_everything(folder: str, wire: Connection) -> None:
    """It must break nothing."""
    junk = {"If-None-Match": "JoplinIgnore-1234567890"}
    assert wire.ask("MKCOL", folder + "d", headers=junk).status == 201
    assert wire.ask("PUT", folder + "d/x", b"1", junk).status == 201
    assert wire.ask("PUT", folder + "d/x", b"2", junk).status == 204
    assert wire.ask("PROPFIND", folder + "d", headers=junk | {"Depth": "1"}).status == 207
    assert wire.ask("GET", folder + "d/x", headers=junk).body == b"2"


def test_an_extended_mkcol_sets_properties(folder: str, wire: Connection) -> None:
    """RFC 5689: all of it or nothing."""
    body = (
        '<D:mkcol xmlns:D="DAV:" xmlns:x="urn:x"><D:set><D:prop><D:resourcetype><D:collection/>{}</D:resourcetype>'
        "<x:note>hi</x:note>{}</D:prop></D:set></D:mkcol>"
    )
    kind = {"Content-Type": "application/xml"}
    assert wire.ask("MKCOL", folder + "a", body.format("", "").encode(), kind).status == 201
    root = tree(wire.ask("PROPFIND", folder + "a", headers={"Depth": "0"}))
    assert root.findtext(".//{urn:x}note") == "hi"
    refused = wire.ask("MKCOL", folder + "b", body.format("<x:calendar/>", "").encode(), kind)
    assert refused.status == 403
    assert b"valid-resourcetype" in refused.body
    failed = wire.ask("MKCOL", folder + "b", body.format("", "<D:getetag>x</D:getetag>").encode(), kind)
    assert failed.status == 424
    assert etree.fromstring(failed.body).tag == "{DAV:}mkcol-response"
    assert wire.ask("GET", folder + "b").status == 404


def test_an_infinite_lock_shows_on_every_member(service: Service, folder: str, wire: Connection) -> None:
    """With the folder's href as its root, and stands in the way of others by that href."""
    wire.ask("PUT", folder + "x", b"1")
    taken = wire.ask("LOCK", folder, LOCKINFO)
    assert taken.status == 200
    root = tree(wire.ask("PROPFIND", folder, headers={"Depth": "1"}))
    roots = [node.findtext("{DAV:}href") for node in root.iter("{DAV:}lockroot")]
    assert roots == [folder, folder]
    for method, path in (("PUT", "x"), ("PUT", "new"), ("DELETE", "x"), ("MKCOL", "d"), ("PROPPATCH", "x")):
        answer = wire.ask(method, folder + path, WIN32 if method == "PROPPATCH" else None)
        assert answer.status == 423, method
        error = etree.fromstring(answer.body)
        assert error.findtext("{DAV:}lock-token-submitted/{DAV:}href") == folder
    answer = wire.ask("LOCK", folder + "x", LOCKINFO)
    assert answer.status == 423
    assert etree.fromstring(answer.body).findtext("{DAV:}no-conflicting-lock/{DAV:}href") == folder
    assert wire.ask("LOCK", folder + "unmapped", LOCKINFO).status == 423
    assert wire.ask("GET", folder + "unmapped").status == 404
    assert wire.ask("UNLOCK", folder + "x", headers={"Lock-Token": f"<{token(taken)}>"}).status == 204
    assert wire.ask("PUT", folder + "x", b"2").status == 204


def test_a_lock_below_makes_an_infinite_lock_a_multistatus(folder: str, wire: Connection) -> None:
    """RFC 4918 section 9.10.3: the member is 423, the folder 424."""
    wire.ask("PUT", folder + "x", b"1")
    wire.ask("LOCK", folder + "x", LOCKINFO)
    root = tree(wire.ask("LOCK", folder, LOCKINFO))
    found = {node.findtext("{DAV:}href"): node.findtext("{DAV:}status") for node in root}
    assert found == {folder + "x": "HTTP/1.1 423 Locked", folder: "HTTP/1.1 424 Failed Dependency"}
