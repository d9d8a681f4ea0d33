"""A space's past over the wire: hidden, read-only, and what people restore with."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from dav_service import Service, serving
from lxml import etree
from webdav import Answer, Share

TRASH = "{urn:docstopd:trash}"
ALL = b'<propfind xmlns="DAV:"><allprop/></propfind>'


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One front for all tests; each works with names of its own."""
    with serving(tmp_path_factory.mktemp("past")) as running:
        yield running


@pytest.fixture
def share(service: Service) -> Share:
    """Ada's space."""
    return service.space()


def found(answer: Answer) -> dict[str, etree._Element]:
    """The responses of a multistatus by href."""
    assert answer.status == 207, answer
    root = etree.fromstring(answer.body)
    return {response.findtext("{DAV:}href") or "": response for response in root.iter("{DAV:}response")}


def members(share: Share, path: str) -> list[str]:
    """The hrefs of what is in a collection."""
    listed = list(found(share.ask("PROPFIND", path, headers={"Depth": "1"})))
    return listed[1:]


def destination(share: Share, path: str) -> dict[str, str]:
    """The header of a COPY or MOVE."""
    return {"Destination": share.url + path}


class TestVersions:
    """`.versions/path/` is a collection with a member for each content."""

    def test_they_are_listed_read_in_parts_and_on_conditions(self, share: Share) -> None:
        """As any file."""
        for content in (b"first", b"second"):
            share.put("v.txt", content)
        listed = members(share, ".versions/v.txt/")
        assert all(re.fullmatch(r"/dav/ada/\.versions/v\.txt/[0-9T.-]{26}Z\.txt", href) for href in listed)
        first = listed[0].removeprefix("/dav/ada/")
        assert share.get(first) == b"first"
        assert share.ask("GET", first, headers={"Range": "bytes=1-2"}).body == b"ir"
        head = share.ask("HEAD", first)
        assert (head.status, head.headers["content-length"]) == (200, "5")
        assert head.headers["content-type"] == "text/plain"
        assert share.ask("GET", first, headers={"If-None-Match": head.headers["etag"]}).status == 304
        assert share.ask("GET", ".versions/v.txt/").status == 200
        assert share.ask("OPTIONS", first).status == 200

    def test_every_property_can_be_asked_for(self, share: Share) -> None:
        """No lock is offered, no quota or sync token told."""
        share.put("p.txt", b"x")
        for path in (".versions/p.txt/", ".versions/", ".trash/", ".snapshots/"):
            for response in found(share.ask("PROPFIND", path, ALL, {"Depth": "1"})).values():
                supported = response.find(".//{DAV:}supportedlock")
                assert supported is not None
                assert len(supported) == 0
        body = (
            b'<D:propfind xmlns:D="DAV:"><D:prop><D:sync-token/><D:quota-used-bytes/><D:supported-report-set/>'
            b"<D:current-user-privilege-set/></D:prop></D:propfind>"
        )
        [response] = found(share.ask("PROPFIND", ".versions/", body, {"Depth": "0"})).values()
        statuses = {
            element.tag: propstat.findtext("{DAV:}status")
            for propstat in response.iter("{DAV:}propstat")
            for element in propstat.iterfind("{DAV:}prop/*")
        }
        assert statuses["{DAV:}sync-token"] == statuses["{DAV:}quota-used-bytes"] == "HTTP/1.1 404 Not Found"
        privileges = response.find(".//{DAV:}current-user-privilege-set")
        assert privileges is not None
        assert privileges.find(".//{DAV:}write") is None

    def test_a_copy_over_the_file_restores_the_content(self, share: Share) -> None:
        """204, and the file is the same one."""
        for content in (b"first", b"second"):
            share.put("r.txt", content)
        first = members(share, ".versions/r.txt/")[0].removeprefix("/dav/ada/")
        assert share.ask("COPY", first, headers=destination(share, "r.txt")).status == 204
        assert share.get("r.txt") == b"first"
        assert len(members(share, ".versions/r.txt/")) == 3

    def test_a_listing_is_made_anew_when_there_is_a_new_version(self, share: Share) -> None:
        """It is never given from memory."""
        for count in (1, 2, 3):
            share.put("n.txt", str(count).encode())
            for _ in range(2):
                assert len(members(share, ".versions/n.txt/")) == count


class TestTrash:
    """`.trash/` shows what was deleted."""

    def test_it_says_what_each_was_and_restores_it(self, share: Share) -> None:
        """Where it was, when and by whom it was deleted, in properties."""
        share.make("t").put("a%20b.txt", b"content")
        assert share.ask("DELETE", "t/a%20b.txt").status == 204
        responses = found(share.ask("PROPFIND", ".trash/", ALL, {"Depth": "1"}))
        [(href, response)] = [each for each in responses.items() if "a%20b" in each[0]]
        assert re.fullmatch(r"/dav/ada/\.trash/a%20b%20%28deleted%20[0-9-]{10}%20[0-9a-f]+%29\.txt", href)
        assert response.findtext(f".//{TRASH}original-name") == "a b.txt"
        assert response.findtext(f".//{TRASH}original-folder") == "/dav/ada/t/"
        assert response.findtext(f".//{TRASH}deleted-by") == "ada"
        assert re.fullmatch(r"[0-9-]{10}T[0-9:]{8}Z", response.findtext(f".//{TRASH}deleted") or "")
        path = href.removeprefix("/dav/ada/")
        asked = f'<D:propfind xmlns:D="DAV:" xmlns:t="{TRASH[1:-1]}"><D:prop><t:deleted-by/></D:prop></D:propfind>'
        [named] = found(share.ask("PROPFIND", path, asked.encode(), {"Depth": "0"})).values()
        assert named.findtext(f".//{TRASH}deleted-by") == "ada"
        assert share.get(path) == b"content"
        moved = share.ask("MOVE", path, headers={**destination(share, "t/a%20b.txt"), "Overwrite": "F"})
        assert moved.status == 201
        assert share.get("t/a%20b.txt") == b"content"
        assert share.ask("GET", path).status == 404

    def test_what_is_taken_is_412_without_overwrite(self, share: Share) -> None:
        """With it, the file there gets a new version."""
        share.put("c.txt", b"old")
        share.ask("DELETE", "c.txt")
        share.put("c.txt", b"new")
        [path] = [href.removeprefix("/dav/ada/") for href in members(share, ".trash/") if "/c%20" in href]
        assert share.ask("MOVE", path, headers={**destination(share, "c.txt"), "Overwrite": "F"}).status == 412
        assert share.ask("MOVE", path, headers=destination(share, "c.txt")).status == 204
        assert share.get("c.txt") == b"old"
        assert len(members(share, ".versions/c.txt/")) == 2

    def test_a_folder_is_walked_and_copied_out(self, share: Share) -> None:
        """With Depth: infinity."""
        share.make("f").make("inner").put("x", b"x")
        share.ask("DELETE", "f")
        [path] = [href.removeprefix("/dav/ada/") for href in members(share, ".trash/") if "/f%20" in href]
        assert path.endswith("/")
        assert members(share, path) == [f"/dav/ada/{path}inner/"]
        assert share.ask("COPY", path, headers=destination(share, "f")).status == 201
        assert share.get("f/inner/x") == b"x"

    def test_a_sync_client_is_told_of_what_came_back(self, share: Share) -> None:
        """With all that it holds."""
        share.make("s").put("x", b"x")
        share.ask("DELETE", "s")

        def report(token: str) -> tuple[set[str], str]:
            body = (
                f'<D:sync-collection xmlns:D="DAV:"><D:sync-token>{token}</D:sync-token>'
                "<D:sync-level>infinite</D:sync-level><D:prop><D:getetag/></D:prop></D:sync-collection>"
            )
            answer = share.ask("REPORT", "", body.encode())
            responses = found(answer)
            return set(responses), etree.fromstring(answer.body).findtext("{DAV:}sync-token") or ""

        _, token = report("")
        [path] = [href.removeprefix("/dav/ada/") for href in members(share, ".trash/") if "/s%20" in href]
        share.ask("MOVE", path, headers=destination(share, "s2"))
        told, _ = report(token)
        assert told == {"/dav/ada/s2/", "/dav/ada/s2/x"}


class TestSnapshots:
    """`.snapshots/<time>/` is the space as it was."""

    def test_any_time_shows_the_tree_of_then(self, share: Share) -> None:
        """Which is not in the listing of `.snapshots/` unless there is a snapshot."""
        share.put("when.txt", b"1")
        time = datetime.now(UTC)
        share.put("when.txt", b"22")
        for text in (time.strftime("%Y-%m-%dT%H-%M-%S.%fZ"), quote(time.isoformat())):
            assert share.get(f".snapshots/{text}/when.txt") == b"1"
        later = f".snapshots/{quote('2999-01-01T00:00:00Z')}"
        assert share.get(f"{later}/when.txt") == b"22"
        assert members(share, ".snapshots/") == []
        assert share.ask("PROPFIND", ".snapshots/yesterday/", headers={"Depth": "0"}).status == 404


@pytest.mark.parametrize("area", [".versions", ".trash", ".snapshots"])
def test_it_is_hidden_unless_asked_for(share: Share, area: str) -> None:
    """In no listing of the space; found by name, with and without the slash."""
    assert f"/dav/ada/{area}/" not in members(share, "")
    for path in (area, f"{area}/"):
        assert list(found(share.ask("PROPFIND", path, headers={"Depth": "0"}))) == [f"/dav/ada/{area}/"]


@pytest.mark.parametrize("method", ["PUT", "MKCOL", "DELETE", "PROPPATCH", "LOCK", "MOVE", "COPY into", "MOVE into"])
@pytest.mark.parametrize("place", ["version", "versions", "new", "trash"])
def test_what_would_change_it_is_403_with_a_reason(share: Share, method: str, place: str) -> None:
    """A sentence that says what to do instead."""
    share.put("w.txt", b"x")
    paths = {
        "version": members(share, ".versions/w.txt/")[0].removeprefix("/dav/ada/"),
        "versions": ".versions/w.txt",
        "new": ".versions/new.txt",
        "trash": ".trash",
    }
    path = paths[place]
    if method == "MOVE" and place == "new":
        pytest.skip("there is nothing to move")
    bodies = {
        "PUT": b"x",
        "PROPPATCH": b'<propertyupdate xmlns="DAV:"><set><prop><x xmlns="x:"/></prop></set></propertyupdate>',
        "LOCK": b'<lockinfo xmlns="DAV:"><lockscope><exclusive/></lockscope><locktype><write/></locktype></lockinfo>',
    }
    if method.endswith("into"):
        answer = share.ask(method.split(maxsplit=1)[0], "w.txt", headers=destination(share, path))
    elif method == "MOVE":
        answer = share.ask(method, path, headers=destination(share, "elsewhere"))
    else:
        answer = share.ask(method, path, bodies.get(method))
    if method == "PROPPATCH" and place == "new":
        assert answer.status == 404
        return
    assert answer.status == 403, answer
    assert any(way in answer.body for way in (b"copy", b"trash itself", b"move what you need out of it"))
    assert share.get("w.txt") == b"x"
