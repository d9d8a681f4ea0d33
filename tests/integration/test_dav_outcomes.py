"""What a client sees when storage, quota or rights say no, and when folders are large."""

import http.client
import os
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest
from dav_service import PASSWORD, Service, serving
from lxml import etree
from webdav import Share

from docstopd.model import MemberRole

SEGMENT = 262_112


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A front with a limit on uploads."""
    with serving(tmp_path_factory.mktemp("outcomes"), limits={"upload": 2_000_000}) as running:
        yield running


def newest_blob(service: Service) -> Path:
    """Return the file of the blob that was written last."""
    files = [path for path in (service.data / "blobs").rglob("*") if path.is_file()]
    return max(files, key=lambda path: path.stat().st_mtime_ns)


def flip(path: Path, offset: int) -> None:
    """Change one byte of a file."""
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)
        file.seek(offset)
        file.write(bytes([byte[0] ^ 1]))


def test_a_damaged_file_is_an_error_and_hides_no_other(service: Service) -> None:
    """409 before the first byte; the folder lists, the neighbour opens."""
    space = service.space().make("damaged")
    space.put("good", b"good")
    space.put("bad", b"x" * 1000)
    flip(newest_blob(service), 200)
    answer = space.ask("GET", "bad")
    assert answer.status == 409
    assert b"xxx" not in answer.body
    assert space.get("good") == b"good"
    root = etree.fromstring(space.ask("PROPFIND", "", headers={"Depth": "1"}).body)
    assert len(root) == 3


def test_a_damaged_space_hides_no_other(service: Service) -> None:
    """The list of spaces leaves it out."""
    space = service.vault.spaces.add("Broken", service.vault.accounts.find("ada"))
    catalog = apsw.Connection(str(service.data / "catalog.db"))
    catalog.execute("UPDATE nodes SET size = 1 WHERE id = ?", (space.root,))
    catalog.close()
    answer = service.root().ask("PROPFIND", "dav/", headers={"Depth": "1"})
    assert answer.status == 207
    assert b"/dav/ada/" in answer.body
    assert b"/dav/Broken/" not in answer.body


def test_damage_behind_the_first_block_ends_the_connection(service: Service) -> None:
    """What was sent is right, and the client sees that it is not all."""
    space = service.space().make("damaged-later")
    content = os.urandom(4 * SEGMENT)
    space.put("bad", content)
    flip(newest_blob(service), 2 * 262_144 + 500)
    with pytest.raises(http.client.IncompleteRead) as caught:
        space.ask("GET", "bad")
    assert content.startswith(caught.value.partial)
    first = space.ask("GET", "bad", headers={"Range": "bytes=0-9"})
    assert (first.status, first.body) == (206, content[:10])
    assert space.ask("GET", "bad", headers={"Range": f"bytes={2 * SEGMENT}-{2 * SEGMENT + 5}"}).status == 409


def test_a_range_across_blocks_is_right(service: Service) -> None:
    """Every boundary, through one buffer."""
    content = os.urandom(3 * SEGMENT + 17)
    space = service.space()
    space.put("ranges", content)
    for start, end in (
        (SEGMENT - 5, SEGMENT + 5),
        (0, 3 * SEGMENT),
        (SEGMENT, 2 * SEGMENT - 1),
        (2 * SEGMENT + 1, None),
    ):
        answer = space.ask("GET", "ranges", headers={"Range": f"bytes={start}-{'' if end is None else end}"})
        assert answer.status == 206
        assert answer.body == content[start : None if end is None else end + 1]


def test_a_full_quota_is_507_and_the_old_content_stays(service: Service) -> None:
    """Before the body when it announces its length, after it otherwise."""
    space = service.space("bob")
    space.put("file", b"old")
    service.vault.spaces.set_quota("bob", 1000)
    for body in (b"x" * 2000, iter([b"x" * 2000])):
        answer = space.ask("PUT", "file", body)
        assert answer.status == 507
        assert b"quota-not-exceeded" in answer.body
    assert space.get("file") == b"old"
    service.vault.spaces.set_quota("bob", None)


def test_an_upload_beyond_the_limit_is_413(service: Service) -> None:
    """With a length or in chunks."""
    space = service.space()
    assert space.ask("PUT", "huge", b"x" * 2_000_001).status == 413
    assert space.ask("PUT", "huge", iter([b"x" * 1_000_001] * 2)).status == 413
    assert not space.exists("huge")


def test_a_reader_reads_and_changes_nothing(service: Service) -> None:
    """403 for each method that would, and privileges that say so beforehand."""
    own = service.space()
    own.make("shared").put("file", b"x")
    session = service.vault.sessions.sign_in("ada", PASSWORD)
    service.vault.spaces.grant(session, "ada", service.vault.accounts.find("bob"), MemberRole.READER)
    shared = Share(own.url, "bob", PASSWORD).at("shared")
    assert shared.get("file") == b"x"
    for method, headers in (
        ("PUT", {}),
        ("DELETE", {}),
        ("MOVE", {"Destination": "/dav/bob/file"}),
        ("COPY", {"Destination": "/dav/ada/shared/copy"}),
    ):
        assert shared.ask(method, "file", b"" if method == "PUT" else None, headers).status == 403, method
    assert shared.ask("MKCOL", "folder").status == 403
    body = b'<D:propfind xmlns:D="DAV:"><D:prop><D:current-user-privilege-set/></D:prop></D:propfind>'
    root = etree.fromstring(shared.ask("PROPFIND", "file", body, {"Depth": "0"}).body)
    assert root.find(".//{DAV:}privilege/{DAV:}read") is not None
    assert root.find(".//{DAV:}privilege/{DAV:}write") is None
    service.vault.spaces.revoke(session, "ada", service.vault.accounts.find("bob"))
    assert shared.ask("GET", "file").status == 404


def test_a_large_folder_lists_every_member_once(service: Service) -> None:
    """In pieces, with the properties of each beside it."""
    space = service.space().make("large")
    for number in range(300):
        space.put(f"file%20{number}", b"")
    update = (
        b'<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><n:note xmlns:n="urn:n">hi</n:note></D:prop></D:set>'
        b"</D:propertyupdate>"
    )
    assert space.ask("PROPPATCH", "file%207", update).status == 207
    answer = space.ask("PROPFIND", "", headers={"Depth": "1"})
    root = etree.fromstring(answer.body)
    hrefs = [node.text for node in root.iter("{DAV:}href")]
    assert len(hrefs) == len(set(hrefs)) == 301
    assert [node.getparent().getparent().getparent()[0].text for node in root.iter("{urn:n}note")] == [
        "/dav/ada/large/file%207"
    ]


@pytest.mark.parametrize(
    "name", ["a b", "ä&<>\"'", "100%", "?#;=+", "\U0001f600", "\u202e", "[x]", "~$doc.docx", "a\\b"]
)
def test_odd_names_come_back_as_they_went_in(service: Service, name: str) -> None:
    """Through PUT, listing, GET and DELETE."""
    space = service.space().make(f"odd-{os.urandom(4).hex()}")
    reference = "".join(f"%{byte:02x}" for byte in name.encode())
    space.put(reference, name.encode())
    root = etree.fromstring(space.ask("PROPFIND", "", headers={"Depth": "1"}).body)
    assert [node.text for node in root.iter("{DAV:}displayname")][1:] == [name]
    href = [node.text or "" for node in root.iter("{DAV:}href")][1]
    assert space.get(href) == name.encode()
    assert space.ask("DELETE", href).status == 204
