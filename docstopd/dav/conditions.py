"""Conditional requests (RFC 9110 section 13) and the `If` header (RFC 4918 section 10.4).

WsgiDAV never evaluates tagged absolute URLs, passes over garbage, takes seconds for 30 KB of parentheses, lets
`If-Match` create a file, and answers 200 to an `If-Modified-Since` that equals the date. Here each header is read once
from left to right: what `If` does not allow is 400, the rest becomes a `Guard` that the vault checks with the write.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from docstopd.dav.dates import parse_http_date
from docstopd.dav.refusal import bad_request
from docstopd.model import NO_GUARD, SECOND, Guard, Node, SpacePath, StateList, StateTest

Resolve = Callable[[str], SpacePath | None]
"""Turns a resource tag into a path, None for what is not ours."""

MOST_TESTS = 1000
_MALFORMED = "The If header is malformed."
_HEADERS = ("HTTP_IF", "HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH", "HTTP_IF_UNMODIFIED_SINCE")

_etag = re.compile(r'[ \t,]*(?:(W/)?"([^"]*)"|([^ \t,]+))').match
_lexeme = re.compile(
    r'[ \t]*(?:(?P<open>\()|(?P<close>\))|<(?P<url>[^<>\x00-\x20]+)>|\[(?P<etag>(?:W/)?"[^"]*")\]'
    r"|(?P<negated>Not)(?=[ \t<\[])|(?P<end>\Z))",
    re.IGNORECASE,
).match


def read_guard(environ: Mapping[str, str], path: SpacePath | None, resolve: Resolve) -> Guard:
    """Collect the preconditions of a write on `path`.

    A date that cannot be read is no condition, and none beside `If-Match` (RFC 9110 sections 13.1.4 and 13.2.2).
    """
    if not any(map(environ.get, _HEADERS)):
        return NO_GUARD
    match = environ.get("HTTP_IF_MATCH")
    none_match = environ.get("HTTP_IF_NONE_MATCH")
    since = environ.get("HTTP_IF_UNMODIFIED_SINCE")
    seconds = parse_http_date(since) if since and not match else None
    return replace(
        lists_guard(environ, path, resolve),
        if_match=strong_etags(match) if match else None,
        if_none_match=weak_etags(none_match) if none_match else None,
        if_unmodified_since=None if seconds is None else seconds * SECOND,
    )


def lists_guard(environ: Mapping[str, str], path: SpacePath | None, resolve: Resolve) -> Guard:
    """Collect what `If` alone says, for methods that the rest doesn't concern (Joplin sends junk with PROPFIND)."""
    header = environ.get("HTTP_IF")
    if not header:
        return NO_GUARD
    lists = parse_if(header, path, resolve)
    return Guard(tokens=submitted(lists), lists=lists)


def submitted(lists: tuple[StateList, ...]) -> frozenset[str]:
    """Return every token of an `If` header: to appear in it, even negated, is to be submitted (section 10.4.1)."""
    return frozenset(test.token for each in lists for test in each.tests if test.token is not None)


def parse_if(header: str, path: SpacePath | None, resolve: Resolve) -> tuple[StateList, ...]:
    """Parse `If`: lists without a tag are about `path`, tagged ones about their resource; the two never mix."""
    lists: list[StateList] = []
    tests: list[StateTest] | None = None
    about, tagged, awaiting, negated, count, position = path, False, False, False, 0, 0
    while True:
        found = _lexeme(header, position)
        if found is None or found.lastgroup is None:
            raise bad_request(_MALFORMED)
        position, kind, value = found.end(), found.lastgroup, found[found.lastgroup]
        if tests is None:
            if kind == "open":
                tests = []
            elif kind == "url" and not awaiting and (tagged or not lists):
                about, tagged, awaiting = resolve(value), True, True
            elif kind == "end" and not awaiting and lists:
                return tuple(lists)
            else:
                raise bad_request(_MALFORMED)
        elif kind in ("url", "etag"):
            tests.append(_test(kind, value, negated=negated))
            negated, count = False, count + 1
            if count > MOST_TESTS:
                raise bad_request(f"The If header holds more than {MOST_TESTS} conditions.")
        elif kind == "negated" and not negated:
            negated = True
        elif kind == "close" and tests and not negated:
            lists.append(StateList(about, tuple(tests)))
            tests, awaiting = None, False
        else:
            raise bad_request(_MALFORMED)


def _test(kind: str, value: str, *, negated: bool) -> StateTest:
    """Compare etags strongly (section 10.4.4): a weak one keeps its W/ and so equals none of ours."""
    if kind == "url":
        return StateTest(token=value, negated=negated)
    return StateTest(etag=value[1:-1] if value.startswith('"') else value, negated=negated)


def strong_etags(value: str) -> tuple[str, ...]:
    """Read `If-Match`. A weak etag keeps its W/, since it must not match (RFC 9110 section 13.1.1)."""
    return _etags(value, weak="W/")


def weak_etags(value: str) -> tuple[str, ...]:
    """Read `If-None-Match`, where weak and strong are the same (RFC 9110 section 13.1.2)."""
    return _etags(value, weak="")


def _etags(value: str, *, weak: str) -> tuple[str, ...]:
    """Split a list of etags; Joplin's unquoted ones count as they stand."""
    if value.strip(" \t") == "*":
        return ("*",)
    etags, position = [], 0
    while (found := _etag(value, position)) is not None:
        position = found.end()
        etag = found[2] if found[3] is None else found[3]
        # "*" is any only when it is the whole header; as an etag it keeps its quotes, so that it means nothing else.
        etags.append(f'"{etag}"' if etag == "*" else (weak + etag if found[1] else etag))
    return tuple(etags)


def read_status(environ: Mapping[str, str], node: Node) -> int | None:
    """Return 412 or 304 when GET or HEAD must not answer with the content, in RFC 9110 section 13.2.2's order."""
    match = environ.get("HTTP_IF_MATCH")
    if match:
        if not _matches(strong_etags(match), node):
            return 412
    elif (since := environ.get("HTTP_IF_UNMODIFIED_SINCE")) and _newer(node, since):
        return 412
    none_match = environ.get("HTTP_IF_NONE_MATCH")
    if none_match:
        return 304 if _matches(weak_etags(none_match), node) else None
    since = environ.get("HTTP_IF_MODIFIED_SINCE")
    if since and parse_http_date(since) is not None and not _newer(node, since):
        return 304
    return None


def if_range_holds(value: str, node: Node) -> bool:
    """Tell whether a range may be answered: by a strong etag, or a date that equals ours (RFC 9110 section 13.1.5)."""
    value = value.strip(" \t")
    if value.startswith(('"', "W/")):
        return value == f'"{node.etag}"'
    return parse_http_date(value) == node.modified // SECOND


def _matches(etags: tuple[str, ...], node: Node) -> bool:
    return etags == ("*",) or node.etag in etags


def _newer(node: Node, date: str) -> bool:
    """Compare whole seconds, which is all that a date holds: an equal date is not newer."""
    seconds = parse_http_date(date)
    return seconds is not None and node.modified // SECOND > seconds
