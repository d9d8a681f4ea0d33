"""The report sync-collection over the wire (RFC 6578), and the tags of folders."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from dav_service import Service, serving
from lxml import etree
from webdav import Answer, Share

NAMES = {"D": "DAV:", "CS": "http://calendarserver.org/ns/"}
PROP = "<D:prop><D:getetag/><D:resourcetype/></D:prop>"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A front over a vault."""
    with serving(tmp_path_factory.mktemp("sync")) as running:
        yield running


@pytest.fixture
def folder(service: Service) -> Share:
    """An empty folder."""
    return service.space().make(f"sync-{secrets.token_hex(6)}")


@dataclass
class Changes:
    """A report, read. Paths are relative to the folder, as they are spelled."""

    changed: dict[str, str]
    removed: set[str]
    more: bool
    token: str


def body(token: str = "", level: str = "1", rest: str = PROP) -> bytes:
    """A request."""
    return (
        f'<D:sync-collection xmlns:D="DAV:"><D:sync-token>{token}</D:sync-token>'
        f"<D:sync-level>{level}</D:sync-level>{rest}</D:sync-collection>"
    ).encode()


def ask(folder: Share, content: bytes, depth: str | None = "0") -> Answer:
    """Send a report."""
    headers = {"Content-Type": "application/xml"} | ({} if depth is None else {"Depth": depth})
    return folder.ask("REPORT", "", content, headers)


def changes(folder: Share, token: str = "", level: str = "infinite", rest: str = PROP) -> Changes:
    """Ask and read: each response is one of the three kinds that section 3 knows."""
    answer = ask(folder, body(token, level, rest))
    assert answer.status == 207, answer
    root = etree.fromstring(answer.body)
    base = "/" + folder.url.split("/", 3)[3]
    found = Changes({}, set(), False, root.findtext("D:sync-token", namespaces=NAMES))
    for response in root.findall("D:response", NAMES):
        path = response.findtext("D:href", namespaces=NAMES)
        status = response.findtext("D:status", namespaces=NAMES)
        assert path.startswith(base)
        path = path.removeprefix(base)
        if status is None:
            assert response.find("D:propstat", NAMES) is not None
            found.changed[path] = response.findtext(".//D:getetag", namespaces=NAMES)
        elif path == "":
            assert status == "HTTP/1.1 507 Insufficient Storage"
            assert response.find("D:error/D:number-of-matches-within-limits", NAMES) is not None
            found.more = True
        else:
            assert status == "HTTP/1.1 404 Not Found"
            found.removed.add(path)
    return found


def prop(share: Share, path: str, name: str, depth: str = "0") -> str | None:
    """One property of one resource, None where it has none."""
    asked = f'<D:propfind xmlns:D="DAV:" xmlns:CS="{NAMES["CS"]}"><D:prop><{name}/></D:prop></D:propfind>'
    answer = share.ask("PROPFIND", path, asked.encode(), {"Depth": depth})
    for propstat in etree.fromstring(answer.body).findall("D:response/D:propstat", NAMES):
        if " 200 " in propstat.findtext("D:status", namespaces=NAMES):
            element = propstat.find(f"D:prop/{name}", NAMES)
            return etree.tostring(element, encoding="unicode", with_tail=False) if len(element) else element.text
    return None


def test_a_client_follows_a_folder_through_its_changes(folder: Share) -> None:
    """Begin, change, remove, rename; odd names are spelled as PROPFIND spells them."""
    folder.put("a%20%26%C3%A4", b"1")
    sub = folder.make("sub")
    sub.put("x", b"1")
    first = changes(folder)
    assert set(first.changed) == {"a%20%26%C3%A4", "sub/", "sub/x"}
    assert not first.more
    sub.put("x", b"2")
    folder.ask("DELETE", "a%20%26%C3%A4")
    second = changes(folder, first.token)
    assert set(second.changed) == {"sub/", "sub/x"}
    assert second.changed["sub/x"] != first.changed["sub/x"]
    assert second.removed == {"a%20%26%C3%A4"}
    folder.ask("MOVE", "sub", headers={"Destination": folder.url + "new"})
    third = changes(folder, second.token)
    assert set(third.changed) == {"new/", "new/x"}
    assert third.removed == {"sub/", "sub/x"}
    assert changes(folder, third.token) == Changes({}, set(), False, third.token)


def test_level_1_tells_direct_members_only(folder: Share) -> None:
    """A folder among them shows by its own tag that something changed in it."""
    folder.make("sub").put("x", b"1")
    first = changes(folder, level="1")
    assert set(first.changed) == {"sub/"}
    folder.at("sub").put("x", b"2")
    second = changes(folder, first.token, level="1")
    assert set(second.changed) == {"sub/"}
    assert second.changed["sub/"] != first.changed["sub/"]


def test_a_limit_cuts_answers_short_and_loses_nothing(folder: Share) -> None:
    """507 of the folder itself, until all is told."""
    for number in range(5):
        folder.put(f"f{number}", b"x")
    rest = f"<D:limit><D:nresults>2</D:nresults></D:limit>{PROP}"
    seen: list[str] = []
    token, sizes = "", []
    for _ in range(3):
        part = changes(folder, token, rest=rest)
        seen += part.changed
        sizes.append((len(part.changed), part.more))
        token = part.token
    assert sizes == [(2, True), (2, True), (1, False)]
    assert sorted(seen) == [f"f{number}" for number in range(5)]


def test_a_thousand_members_are_an_answer(service: Service, folder: Share) -> None:
    """And one more is another one."""
    session = service.vault.sessions.sign_in("ada", folder.password)
    path = ("ada", folder.url.rstrip("/").rsplit("/", 1)[1])
    for number in range(1001):
        service.vault.files.make_folder(session, (*path, f"{number}"))
    first = changes(folder, rest=f"<D:limit><D:nresults>5000</D:nresults></D:limit>{PROP}")
    assert (len(first.changed), first.more) == (1000, True)
    second = changes(folder, first.token)
    assert (len(second.changed), second.more) == (1, False)


def test_properties_are_those_asked_for(folder: Share) -> None:
    """Live ones, dead ones, locks; what a member lacks is a 404 in its own propstat."""
    folder.put("a", b"1")
    folder.put("b", b"1")
    token = changes(folder).token
    update = b'<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><p xmlns="x:">v</p></D:prop></D:set></D:propertyupdate>'
    assert folder.ask("PROPPATCH", "a", update).status == 207
    lock = (
        b'<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope>'
        b"<D:locktype><D:write/></D:locktype></D:lockinfo>"
    )
    assert folder.ask("LOCK", "b", lock).status == 200
    rest = '<D:prop><D:getcontentlength/><p xmlns="x:"/><D:lockdiscovery/><D:sync-token/></D:prop>'
    root = etree.fromstring(ask(folder, body(token, rest=rest)).body)
    assert len(root.findall("D:response", NAMES)) == 1, "a lock is no change"
    assert root.findtext(".//{x:}p") == "v"
    assert root.findtext(".//D:getcontentlength", namespaces=NAMES) == "1"
    assert len(root.findall(".//D:propstat", NAMES)) == 2
    assert not root.findall(".//D:activelock", NAMES)
    root = etree.fromstring(ask(folder, body(rest=rest)).body)
    assert len(root.findall(".//D:activelock", NAMES)) == 1


@pytest.mark.parametrize(
    ("content", "depth", "status", "condition"),
    [
        (body(), "1", 400, ""),
        (body(), "infinity", 400, ""),
        (body(level="2"), "0", 400, ""),
        (body(level=""), "0", 400, ""),
        (body(rest=""), "0", 400, ""),
        (body(rest=PROP + PROP), "0", 400, ""),
        (body(rest=PROP + "<D:sync-level>1</D:sync-level>"), "0", 400, ""),
        (body(token="<D:x/>"), "0", 400, ""),
        (body(rest=f"<D:limit/>{PROP}"), "0", 400, ""),
        (body(rest=f"<D:limit><D:nresults>-1</D:nresults></D:limit>{PROP}"), "0", 400, ""),
        (body(rest=f"<D:limit><D:nresults>x</D:nresults></D:limit>{PROP}"), "0", 400, ""),
        (body(rest=f"<D:limit><D:nresults>\u0663</D:nresults></D:limit>{PROP}"), "0", 400, ""),
        (
            body(rest=f"<D:limit><D:nresults>0</D:nresults></D:limit>{PROP}"),
            "0",
            507,
            "number-of-matches-within-limits",
        ),
        (body(rest=f"<D:prop>{''.join(f'<D:p{n}/>' for n in range(300))}</D:prop>"), "0", 413, ""),
        (body(token="http://example.org/1"), "0", 403, "valid-sync-token"),
        (body(token=f"urn:docstopd:sync:{'0' * 32}:1:{'0' * 16}"), "0", 403, "valid-sync-token"),
        (b'<D:expand-property xmlns:D="DAV:"/>', "0", 403, "supported-report"),
        (b'<C:calendar-query xmlns:C="urn:ietf:params:xml:ns:caldav"/>', None, 403, "supported-report"),
        (b"<D:sync-collection", "0", 400, ""),
        (b"", "0", 400, ""),
    ],
)
def test_what_makes_no_sense_is_refused(
    folder: Share, content: bytes, depth: str | None, status: int, condition: str
) -> None:
    """With the condition that the standards name."""
    answer = ask(folder, content, depth)
    assert answer.status == status, answer
    if condition:
        assert f"<D:{condition}/>".encode() in answer.body


def test_places_without_a_journal_have_no_report(service: Service, folder: Share) -> None:
    """Files, `/dav/`, `/`; 404 for what is not there, or is another user's."""
    folder.put("file", b"x")
    for share, path in ((folder, "file"), (service.root(), ""), (service.root(), "dav/")):
        answer = share.ask("REPORT", path, body(), {"Depth": "0"})
        assert answer.status == 403, path
        assert b"<D:supported-report/>" in answer.body
        assert prop(share, path, "D:supported-report-set") is None
        assert prop(share, path, "D:sync-token") is None
    assert folder.ask("REPORT", "absent/", body()).status == 404
    assert service.root().ask("REPORT", "dav/bob/", body()).status == 404


def test_a_folder_says_that_it_has_the_report(service: Service, folder: Share) -> None:
    """OPTIONS too; and not every client sends a Depth."""
    assert "sync-collection" in (prop(folder, "", "D:supported-report-set") or "")
    assert "REPORT" in service.root().ask("OPTIONS", "").headers["allow"]
    assert ask(folder, body(), depth=None).status == 207


def test_the_sync_token_is_a_property(folder: Share) -> None:
    """The same as in the report; it begins with what a PROPFIND told."""
    folder.put("a", b"1")
    token = prop(folder, "", "D:sync-token", depth="1")
    assert token == changes(folder).token
    folder.put("b", b"1")
    assert set(changes(folder, token).changed) == {"b"}
    told = etree.fromstring(folder.ask("PROPFIND", "", headers={"Depth": "0"}).body)
    assert not told.findall(".//D:sync-token", NAMES), "allprop leaves it out (section 4)"


def test_getctag_and_etag_move_with_all_below(folder: Share) -> None:
    """Contents, properties, removals; not with locks."""
    sub = folder.make("sub")
    update = b'<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><p xmlns="x:">v</p></D:prop></D:set></D:propertyupdate>'
    steps = [
        lambda: sub.ask("PUT", "f", b"1"),
        lambda: sub.ask("PUT", "f", b"2"),
        lambda: sub.ask("PROPPATCH", "f", update),
        lambda: sub.ask("MOVE", "f", headers={"Destination": sub.url + "g"}),
        lambda: sub.ask("DELETE", "g"),
    ]
    tags = [(prop(folder, "", "CS:getctag"), prop(folder, "", "D:getetag"))]
    for step in steps:
        assert step().status < 300
        tags.append((prop(folder, "", "CS:getctag"), prop(folder, "", "D:getetag")))
    assert len({ctag for ctag, _ in tags}) == len({etag for _, etag in tags}) == len(tags)
