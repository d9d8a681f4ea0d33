"""The If header and its siblings."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docstopd.dav.conditions import (
    if_range_holds,
    lists_guard,
    parse_if,
    read_guard,
    read_status,
    strong_etags,
    submitted,
    weak_etags,
)
from docstopd.dav.refusal import Refusal
from docstopd.model import NO_GUARD, Node, NodeId, SpaceId, StateList, StateTest

PATH = ("ada", "x")
T1, T2 = "urn:uuid:1", "urn:uuid:2"
MODIFIED = 1_577_934_245_000_001
DATE = "Thu, 02 Jan 2020 03:04:05 GMT"
NODE = Node(NodeId(1), SpaceId(b""), "x", False, 10, "abc", 1, 0, MODIFIED)


def resolve(tag: str) -> tuple[str, ...] | None:
    """Take tags below /dav/ for ours."""
    return tuple(tag[5:].split("/")) if tag.startswith("/dav/") else None


@pytest.mark.parametrize(
    ("value", "lists"),
    [
        (f"(<{T1}>)", (StateList(PATH, (StateTest(token=T1),)),)),
        (f"( <{T1}> )", (StateList(PATH, (StateTest(token=T1),)),)),
        (f'(<{T1}> ["e"])', (StateList(PATH, (StateTest(token=T1), StateTest(etag="e"))),)),
        (f"(<{T1}>)(<{T2}>)", (StateList(PATH, (StateTest(token=T1),)), StateList(PATH, (StateTest(token=T2),)))),
        (f"(Not <{T1}>)", (StateList(PATH, (StateTest(token=T1, negated=True),)),)),
        (f"(NOT<{T1}>)", (StateList(PATH, (StateTest(token=T1, negated=True),)),)),
        ('(["a)b"])', (StateList(PATH, (StateTest(etag="a)b"),)),)),
        ('([W/"e"])', (StateList(PATH, (StateTest(etag='W/"e"'),)),)),
        (f"</dav/b/y> (<{T1}>)", (StateList(("b", "y"), (StateTest(token=T1),)),)),
        (
            f"</dav/b> (<{T1}>)(<{T2}>) <http://other/> (<{T2}>)",
            (
                StateList(("b",), (StateTest(token=T1),)),
                StateList(("b",), (StateTest(token=T2),)),
                StateList(None, (StateTest(token=T2),)),
            ),
        ),
    ],
)
def test_an_if_header_becomes_its_lists(value: str, lists: tuple[StateList, ...]) -> None:
    """Untagged lists speak of the request's URL alone."""
    assert parse_if(value, PATH, resolve) == lists


@pytest.mark.parametrize(
    "value",
    [
        "",
        "x",
        "()",
        "(",
        ")",
        "(<>)",
        f"<{T1}>",
        f"(<{T1}>",
        f"(<{T1}>))",
        f"((<{T1}>))",
        f"(Not Not <{T1}>)",
        "(Not)",
        f"(<{T1}> Not)",
        f"(<{T1}>) </dav/x> (<{T1}>)",
        f"</dav/x> </dav/y> (<{T1}>)",
        f"</dav/x> (<{T1}>) </dav/y>",
        '("e")',
        "([e])",
        "(<a b>)",
        f"(<{T1}>) junk",
        "(Notx <a>)",
    ],
)
def test_a_malformed_if_header_is_refused(value: str) -> None:
    """400, never taken for absent: the client meant to protect something."""
    with pytest.raises(Refusal) as caught:
        parse_if(value, PATH, resolve)
    assert caught.value.status == 400


@given(st.text(alphabet='()<>[]"NotW/ax:\t ', max_size=80))
def test_no_if_header_causes_anything_but_a_refusal(value: str) -> None:
    """Lists that come back are never empty."""
    try:
        lists = parse_if(value, PATH, resolve)
    except Refusal:
        return
    assert lists
    assert all(each.tests for each in lists)


@pytest.mark.parametrize("piece", ["(", "<", "[", '["', "Not ", " ", "(<a>)", '(["', "<a", "\t(", '"', "W/"])
def test_long_headers_are_read_in_linear_time(piece: str) -> None:
    """60 KB of anything takes no longer than a moment."""
    value = (piece * 60_000)[:60_000]
    started = time.perf_counter()
    with pytest.raises(Refusal):
        parse_if(value, PATH, resolve)
    strong_etags(value)
    assert time.perf_counter() - started < 1


def test_every_token_of_an_if_header_counts_as_submitted() -> None:
    """Even a negated one, and one of a list about something else."""
    lists = parse_if(f"</dav/x> (Not <{T1}>) <http://other/> (<{T2}>)", PATH, resolve)
    assert submitted(lists) == {T1, T2}


@pytest.mark.parametrize(
    ("value", "strong", "weak"),
    [
        ("*", ("*",), ("*",)),
        (' "a" ', ("a",), ("a",)),
        ('"a", "b"', ("a", "b"), ("a", "b")),
        ('W/"a"', ("W/a",), ("a",)),
        ('"*"', ('"*"',), ('"*"',)),
        ("JoplinIgnore-123", ("JoplinIgnore-123",), ("JoplinIgnore-123",)),
        ('"a,b"', ("a,b",), ("a,b",)),
        ('""', ("",), ("",)),
        (",", (), ()),
    ],
)
def test_etag_lists_are_read_leniently(value: str, strong: tuple[str, ...], weak: tuple[str, ...]) -> None:
    """Weak ones match in If-None-Match alone, and an etag of a star is not any."""
    assert strong_etags(value) == strong
    assert weak_etags(value) == weak


def test_a_request_without_conditions_has_the_one_empty_guard() -> None:
    """Nothing is built for the common case."""
    assert read_guard({}, PATH, resolve) is NO_GUARD
    assert lists_guard({"HTTP_IF_NONE_MATCH": "junk"}, PATH, resolve) is NO_GUARD


def test_a_guard_holds_all_that_was_asked() -> None:
    """If-Unmodified-Since gives way to If-Match."""
    environ = {
        "HTTP_IF": f"(<{T1}>)",
        "HTTP_IF_MATCH": '"a"',
        "HTTP_IF_NONE_MATCH": "*",
        "HTTP_IF_UNMODIFIED_SINCE": DATE,
    }
    guard = read_guard(environ, PATH, resolve)
    assert guard.tokens == {T1}
    assert (guard.if_match, guard.if_none_match, guard.if_unmodified_since) == (("a",), ("*",), None)
    del environ["HTTP_IF_MATCH"]
    assert read_guard(environ, PATH, resolve).if_unmodified_since == 1_577_934_245_000_000
    environ["HTTP_IF_UNMODIFIED_SINCE"] = "yesterday"
    assert read_guard(environ, PATH, resolve).if_unmodified_since is None


@pytest.mark.parametrize(
    ("environ", "status"),
    [
        ({}, None),
        ({"HTTP_IF_MATCH": '"abc"'}, None),
        ({"HTTP_IF_MATCH": "*"}, None),
        ({"HTTP_IF_MATCH": 'W/"abc"'}, 412),
        ({"HTTP_IF_MATCH": '"other"'}, 412),
        ({"HTTP_IF_NONE_MATCH": '"abc"'}, 304),
        ({"HTTP_IF_NONE_MATCH": 'W/"abc"'}, 304),
        ({"HTTP_IF_NONE_MATCH": "*"}, 304),
        ({"HTTP_IF_NONE_MATCH": '"other"', "HTTP_IF_MODIFIED_SINCE": DATE}, None),
        ({"HTTP_IF_MODIFIED_SINCE": DATE}, 304),
        ({"HTTP_IF_MODIFIED_SINCE": "Thursday, 02-Jan-20 03:04:05 GMT"}, 304),
        ({"HTTP_IF_MODIFIED_SINCE": "Thu Jan  2 03:04:05 2020"}, 304),
        ({"HTTP_IF_MODIFIED_SINCE": "Thu, 02 Jan 2020 03:04:04 GMT"}, None),
        ({"HTTP_IF_MODIFIED_SINCE": "garbage"}, None),
        ({"HTTP_IF_MODIFIED_SINCE": "Thu, 32 Jan 2020 03:04:05 GMT"}, None),
        ({"HTTP_IF_UNMODIFIED_SINCE": DATE}, None),
        ({"HTTP_IF_UNMODIFIED_SINCE": "Thu, 02 Jan 2020 03:04:04 GMT"}, 412),
        ({"HTTP_IF_UNMODIFIED_SINCE": "garbage"}, None),
        ({"HTTP_IF_MATCH": '"abc"', "HTTP_IF_UNMODIFIED_SINCE": "Thu, 02 Jan 2020 03:04:04 GMT"}, None),
    ],
)
def test_conditions_on_reading_follow_the_order_of_rfc_9110(environ: dict[str, str], status: int | None) -> None:
    """An equal date is not newer; a date that cannot be read is no condition."""
    assert read_status(environ, NODE) == status


@pytest.mark.parametrize(
    ("value", "holds"),
    [
        ('"abc"', True),
        ('"x"', False),
        ('W/"abc"', False),
        (DATE, True),
        ("Thu, 02 Jan 2020 03:04:06 GMT", False),
        ("", False),
    ],
)
def test_if_range_takes_a_strong_etag_or_the_exact_date(value: str, holds: bool) -> None:
    """Anything else means the whole file."""
    assert if_range_holds(value, NODE) is holds
