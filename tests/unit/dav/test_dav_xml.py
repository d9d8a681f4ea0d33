"""XML coming in and going out."""

import io
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from docstopd.dav.fragment import serialise
from docstopd.dav.multistatus import Prefixes, escape, multistatus, split_name
from docstopd.dav.refusal import Refusal
from docstopd.dav.request import Request
from docstopd.dav.settings import Settings
from docstopd.dav.url import PublicNames, Target
from docstopd.dav.xml_body import parse, read_body, tag
from docstopd.errors import TooLarge

LIMIT = 10_000_000


def request(body: bytes, **environ: Any) -> Request:
    """Make a request with that body; only `wsgi.input` and the settings are looked at."""
    environ = {"CONTENT_LENGTH": str(len(body)), "wsgi.input": io.BytesIO(body)} | environ
    return Request(environ, "PROPFIND", Target((), False), None, Settings(xml_body=100), PublicNames.of([]))


def test_a_body_is_read_whatever_its_framing() -> None:
    """With a length, or in chunks without one."""
    assert read_body(request(b"<a/>")) == b"<a/>"
    assert read_body(request(b"<a/>", CONTENT_LENGTH="", HTTP_TRANSFER_ENCODING="chunked")) == b"<a/>"
    assert read_body(request(b"", CONTENT_LENGTH="0")) == b""


@pytest.mark.parametrize("environ", [{}, {"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked"}])
def test_a_body_beyond_the_limit_is_413(environ: dict[str, str]) -> None:
    """By its announced length or by what comes."""
    with pytest.raises(Refusal) as caught:
        read_body(request(b"x" * 101, **environ))
    assert caught.value.status == 413


def test_a_coded_body_is_415() -> None:
    """There is no bound on what it would unfold to."""
    with pytest.raises(Refusal) as caught:
        read_body(request(b"x", HTTP_CONTENT_ENCODING="gzip"))
    assert caught.value.status == 415


BOMB = b'<!DOCTYPE a [<!ENTITY x "y"><!ENTITY z "&x;&x;">]><a>&z;</a>'


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<a>",
        b"junk",
        b"<a/><b/>",
        b"<a>&x;</a>",
        b"<x:a/>",
        b"\xff",
        b"<a>\x01</a>",
        BOMB,
        BOMB.decode().encode("utf-16"),
        b'<?xml version="1.0" encoding="utf-16"?>' + BOMB,
        b"<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>",
        b"<a>" * 10_000,
        b"\xff\xfe<",
    ],
)
def test_a_hostile_body_is_400(body: bytes) -> None:
    """Malformed, with a document type in any encoding, or nested beyond reason."""
    with pytest.raises(Refusal) as caught:
        parse(body)
    assert caught.value.status == 400


def test_comments_and_utf_16_are_fine() -> None:
    """XML processors must take both."""
    assert [tag(child) for child in parse(b"<!-- x --><a><!-- y --><b/><?pi z?></a>")] == ["b"]
    assert tag(parse('<?xml version="1.0" encoding="utf-16"?><é/>'.encode("utf-16"))) == "é"


def test_an_element_is_kept_with_its_own_namespaces_and_language() -> None:
    """What the ancestors declared comes along when it is used, and not otherwise."""
    root = parse(
        b'<D:set xmlns:D="DAV:" xmlns:u="unused" xmlns:x="urn:x" xml:lang="de">'
        b'<x:p a="&lt;&quot;">1 &amp; <x:q/><r xmlns="urn:r">&#xe9;</r></x:p>tail</D:set>'
    )
    text = serialise(root[0], LIMIT)
    assert 'xml:lang="de"' in text
    assert "unused" not in text
    assert "tail" not in text
    again = etree.fromstring(text)
    assert again.tag == "{urn:x}p"
    assert again.get("a") == '<"'
    assert [child.tag for child in again] == ["{urn:x}q", "{urn:r}r"]
    assert again[1].text == "é"
    assert "x:p" in text


elements = st.recursive(
    st.builds(
        lambda tag, attributes, text: (tag, attributes, text, []),
        st.sampled_from(["p", "{urn:x}p", "{urn:y}q", "{rel}r"]),
        st.dictionaries(st.sampled_from(["a", "{urn:x}a", "{urn:z}b"]), st.text('x\t\n<>&"é', max_size=5)),
        st.text('x\t\n\r<>&"é', max_size=5),
    ),
    lambda inner: st.builds(lambda node, children: (*node[:3], children), inner, st.lists(inner, max_size=3)),
    max_leaves=8,
)


def build(parent: etree._Element, node: tuple[str, dict[str, str], str, list[object]]) -> etree._Element:
    """Make a tree of lxml's."""
    element = etree.SubElement(parent, node[0], node[1], nsmap={None: "urn:x"} if node[0] == "{urn:x}p" else None)
    element.text = node[2]
    for child in node[3]:
        build(element, child).tail = node[2]
    return element


def shape(element: etree._Element) -> tuple[object, ...]:
    """Return all that an element says, prefixes aside."""
    children = [(shape(child), child.tail or "") for child in element]
    return element.tag, dict(element.attrib), element.text or "", children


@given(elements)
def test_what_is_kept_of_an_element_reads_back_the_same(node: tuple[str, dict[str, str], str, list[object]]) -> None:
    """Names, attributes and text, whatever the namespaces."""
    root = etree.Element("root", nsmap={"x": "urn:x"})
    element = build(root, node)
    again = etree.fromstring(serialise(element, LIMIT).encode())
    assert shape(again) == shape(element)


def steps(work: Callable[[], object]) -> int:
    """Count the functions that are called, Python's and C's: what costs time, on any machine the same."""
    count = 0

    def step(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(step)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def crowded(namespaces: int, elements: int) -> etree._Element:
    """Make an element with an attribute in each of many namespaces, and many elements inside."""
    declared = "".join(f' xmlns:n{n}="urn:{n}" n{n}:a=""' for n in range(namespaces))
    return parse(f"<a><x{declared}>{'<y/>' * elements}</x></a>".encode())[0]


def test_many_namespaces_and_many_elements_do_not_multiply() -> None:
    """A megabyte in stays about a megabyte out, and what an element costs knows nothing of the namespaces around it."""
    declared = "".join(f' xmlns:n{n}="urn:{n}"' for n in range(5000))
    root = parse(f"<a{declared}>{'<n1:p/>' * 200}</a>".encode())
    assert sum(len(serialise(element, LIMIT)) for element in root) < 100_000

    def seconds(namespaces: int, elements: int) -> float:
        element = crowded(namespaces, elements)
        started = time.thread_time()
        serialise(element, LIMIT)
        return time.thread_time() - started

    few = min(seconds(1, 20_000) for _ in range(3))
    many = min(seconds(5_000, 20_000) for _ in range(3))
    assert many < 10 * few, "a copy of the namespaces for each element makes this hundreds"


@pytest.mark.parametrize(
    "element", [crowded(1, 100_000), crowded(5_000, 1), parse(b"<x>" + b"<y><z/>&lt;</y>" * 9999 + b"</x>")]
)
def test_writing_ends_where_the_limit_does(element: etree._Element) -> None:
    """With work by the limit, not by the body."""

    def refused() -> None:
        with pytest.raises(TooLarge):
            serialise(element, 1000)

    assert steps(refused) < 20_000


def test_the_limit_is_exact() -> None:
    """What is just as long as allowed is kept."""
    root = parse(b'<a xmlns:x="urn:x"><x:p b="&lt;">text<q/>tail</x:p></a>')
    text = serialise(root[0], LIMIT)
    assert serialise(root[0], len(text)) == text
    with pytest.raises(TooLarge):
        serialise(root[0], len(text) - 1)


def test_a_prefix_that_an_inner_element_takes_is_not_used_for_the_outer_namespace() -> None:
    """And is the outer one's again behind it."""
    element = etree.fromstring('<p xmlns:a1="urn:1" xmlns="urn:d"><a1:q xmlns:n="urn:n" n:v=""/></p>')
    root = etree.fromstring(
        '<r xmlns:n="urn:1"><e n:v="1"><a1:q xmlns:a1="urn:2" n:v="2"><q xmlns="urn:d" n:w=""/></a1:q>'
        '<f n:v="3" xmlns="urn:e"><g xmlns=""/></f></e></r>'
    )
    for each in (element, root[0]):
        assert shape(etree.fromstring(serialise(each, LIMIT))) == shape(each)


@given(st.text())
def test_any_text_can_be_written_as_xml(text: str) -> None:
    """And reads back as it was, but for what XML cannot hold."""
    body = f'<a b="{escape(text)}">{escape(text)}</a>'
    element = etree.fromstring(body.encode())
    assert len(element.text or "") <= len(text) * 1
    if text.isprintable() and text.isascii():
        assert (element.text or "") == text == element.get("b")


@given(st.binary(max_size=200))
def test_no_body_causes_anything_but_a_refusal(body: bytes) -> None:
    """Whatever bytes arrive."""
    try:
        parse(body)
    except Refusal as refusal:
        assert refusal.status == 400


def test_prefixes_declare_each_namespace_once() -> None:
    """At the top, with text that is escaped."""
    prefixes = Prefixes({"urn:known": "K"})
    elements = [prefixes.empty(name) for name in ("{DAV:}a", "{urn:known}b", "{urn:a&b}c", "{urn:a&b}d", "e")]
    root = etree.fromstring(f"{prefixes.start()}{''.join(elements)}</D:multistatus>".encode())
    assert [child.tag for child in root] == ["{DAV:}a", "{urn:known}b", "{urn:a&b}c", "{urn:a&b}d", "e"]


def test_clark_notation_splits_at_the_last_brace() -> None:
    """A namespace may hold one."""
    assert split_name("{a}b}c") == ("a}b", "c")
    assert split_name("c") == ("", "c")


def test_a_short_answer_has_a_length_and_a_long_one_is_streamed() -> None:
    """With the same bytes in both cases."""
    short = multistatus("<s>", ["a"])
    assert dict(short.headers)["Content-Length"] == str(len(b"".join(short.body)))
    long = multistatus("<s>", ("x" * 1000 for _ in range(1000)))
    assert "Content-Length" not in dict(long.headers)
    assert b"".join(long.body) == b"<s>" + b"x" * 1_000_000 + b"</D:multistatus>"


def test_a_piece_of_an_answer_is_bounded_by_its_length_too() -> None:
    """A response may hold a megabyte of properties, and a hundred of them are not gathered."""
    made = 0

    def responses() -> Iterator[str]:
        nonlocal made
        for made in range(1, 101):  # noqa: B007 - counted from outside
            yield "x" * 1_000_000

    answer = multistatus("<s>", responses())
    assert made <= 3
    assert max(map(len, answer.body)) < 2_000_000
