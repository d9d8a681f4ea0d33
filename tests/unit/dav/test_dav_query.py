"""What PROPFIND and PROPPATCH bodies ask for."""

import pytest
from lxml import etree

from docstopd.dav.properties import TABLE
from docstopd.dav.property_update import outcome_prefixes, read_update
from docstopd.dav.query import read_query
from docstopd.dav.refusal import Refusal
from docstopd.dav.settings import Settings
from docstopd.dav.xml_body import parse


def query_body(inner: str) -> bytes:
    """Wrap a question."""
    return f'<D:propfind xmlns:D="DAV:" xmlns:x="urn:x">{inner}</D:propfind>'.encode()


def test_no_body_is_allprop() -> None:
    """Quotas and other costly properties are told only by name."""
    query = read_query(b"", 200)
    assert query.all_dead
    assert query.locks
    assert not query.quota
    assert "{DAV:}quota-used-bytes" not in query.folders.names
    assert not query.folders.rest, "what nobody asked for by name is not missed"
    assert query.files.names == read_query(query_body("<D:allprop/>"), 200).files.names


def test_what_a_kind_of_resource_lacks_is_looked_up_or_missing() -> None:
    """A folder has no length, a file no quota."""
    body = query_body("<D:prop><D:getcontentlength/><D:quota-used-bytes/><x:y/><D:getetag/></D:prop>")
    query = read_query(body, 200)
    assert query.files.names == ("{DAV:}getcontentlength", "{DAV:}getetag")
    assert query.folders.names == ("{DAV:}quota-used-bytes", "{DAV:}getetag")
    assert [name for name, _ in query.files.rest] == ["{DAV:}quota-used-bytes", "{urn:x}y"]
    assert query.quota
    assert query.dead
    assert query.dead_names == ("{urn:x}y",)
    withheld = query.without_quota()
    assert withheld.folders.names == ("{DAV:}getetag",)
    assert ("{DAV:}quota-used-bytes", "<D:quota-used-bytes/>") in withheld.folders.rest


def test_the_same_body_is_parsed_once() -> None:
    """Clients send the same few all day."""
    body = query_body("<D:prop><D:getetag/></D:prop>")
    assert read_query(body, 200) is read_query(bytes(body), 200)


def test_include_adds_to_allprop() -> None:
    """RFC 4918 section 9.1, for properties that allprop leaves out."""
    query = read_query(query_body("<D:allprop/><D:include><D:quota-used-bytes/></D:include>"), 200)
    assert query.quota
    assert query.all_dead


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"<x/>", 400),
        (query_body(""), 400),
        (query_body("<D:allprop/><D:propname/>"), 400),
        (query_body("<D:prop>" + "".join(f"<x:p{n}/>" for n in range(201)) + "</D:prop>"), 413),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(body: bytes, status: int) -> None:
    """Each name asked for costs something for each member, so their number is bounded."""
    with pytest.raises(Refusal) as caught:
        read_query(body, 200)
    assert caught.value.status == status


def test_unknown_elements_beside_the_question_are_ignored() -> None:
    """RFC 4918 section 17: extensions must not break a request."""
    assert read_query(query_body("<x:extra/><D:prop><D:getetag/></D:prop>"), 200).files.names == ("{DAV:}getetag",)


def test_propname_tells_names_without_values() -> None:
    """Each element is empty."""
    query = read_query(query_body("<D:propname/>"), 200)
    assert query.only_names
    assert all(render(None, None).endswith("/>") for render in query.files.live)
    assert set(query.files.names) <= set(TABLE)


SETTINGS = Settings(properties=5, property_size=100)


def update_body(inner: str) -> etree._Element:
    """Wrap instructions."""
    return parse(
        f'<D:propertyupdate xmlns:D="DAV:" xmlns:x="urn:x" xmlns:Z="urn:schemas-microsoft-com:">{inner}'
        "</D:propertyupdate>".encode()
    )


def test_instructions_keep_their_order() -> None:
    """Set, remove, set again: the last word counts."""
    inner = (
        "<D:set><D:prop><x:a>1</x:a></D:prop></D:set>"
        "<D:remove><D:prop><x:a/><x:b/></D:prop></D:remove>"
        "<D:set><D:prop><x:a>2</x:a></D:prop></D:set>"
    )
    update = read_update(update_body(inner), SETTINGS)
    assert [(name, value is None) for name, value in update.changes] == [
        ("{urn:x}a", False),
        ("{urn:x}a", True),
        ("{urn:x}b", True),
        ("{urn:x}a", False),
    ]
    assert not update.refused


def test_times_of_windows_and_owncloud_set_the_nodes_own() -> None:
    """They are no dead properties; the file's attributes are."""
    inner = (
        "<D:set><D:prop>"
        "<Z:Win32CreationTime>Thu, 02 Jan 2020 03:04:05 GMT</Z:Win32CreationTime>"
        "<Z:Win32LastModifiedTime>Fri, 03 Jan 2020 03:04:05 GMT</Z:Win32LastModifiedTime>"
        "<Z:Win32FileAttributes>00000020</Z:Win32FileAttributes>"
        "</D:prop></D:set>"
    )
    update = read_update(update_body(inner), SETTINGS)
    assert update.created == 1_577_934_245_000_000
    assert update.modified == 1_578_020_645_000_000
    assert [name for name, _ in update.changes] == ["{urn:schemas-microsoft-com:}Win32FileAttributes"]
    assert "200 OK" in update.propstats(outcome_prefixes())
    update = read_update(update_body("<D:set><D:prop><D:lastmodified>5</D:lastmodified></D:prop></D:set>"), SETTINGS)
    assert update.modified == 5_000_000


@pytest.mark.parametrize(
    ("element", "status"),
    [
        ("<D:getetag>x</D:getetag>", "403 Forbidden"),
        ("<D:resourcetype/>", "403 Forbidden"),
        ("<Z:Win32LastModifiedTime>soon</Z:Win32LastModifiedTime>", "409 Conflict"),
        ("<D:lastmodified>-1</D:lastmodified>", "409 Conflict"),
        ("<x:big>" + "x" * 200 + "</x:big>", "507 Insufficient Storage"),
    ],
)
def test_one_refused_property_makes_the_others_depend_on_it(element: str, status: str) -> None:
    """All or none, and each is told why."""
    update = read_update(update_body(f"<D:set><D:prop><x:fine/>{element}</D:prop></D:set>"), SETTINGS)
    prefixes = outcome_prefixes()
    propstats = update.propstats(prefixes)
    root = etree.fromstring(f"{prefixes.start()}{propstats}</D:multistatus>".encode())
    assert [node.text for node in root.iter("{DAV:}status")] == ["HTTP/1.1 424 Failed Dependency", f"HTTP/1.1 {status}"]


def test_an_empty_remove_is_no_error() -> None:
    """Cyberduck sends one; the answer still has a propstat."""
    update = read_update(update_body("<D:remove><D:prop/></D:remove>"), SETTINGS)
    assert "200 OK" in update.propstats(outcome_prefixes())


def test_too_many_instructions_are_413() -> None:
    """Their number is bounded."""
    inner = "<D:set><D:prop>" + "<x:a/>" * 6 + "</D:prop></D:set>"
    with pytest.raises(Refusal) as caught:
        read_update(update_body(inner), SETTINGS)
    assert caught.value.status == 413
