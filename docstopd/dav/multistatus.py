"""Multi-Status answers as text (RFC 4918 section 13).

WsgiDAV builds the whole tree in memory with an XML library; a control character in one name is its 500. Here XML is
joined from templates, each namespace declared once at the top, without white space between tags, and streamed: a
listing that fits one piece gets a Content-Length, a longer one goes out as it is made.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from types import MappingProxyType

from docstopd.dav.response import XML_TYPE, Response, whole

PROLOGUE = '<?xml version="1.0" encoding="utf-8"?>'
END = "</D:multistatus>"
FOUND = "<D:propstat><D:prop>"
OK = "</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat>"
MISSING = "</D:prop><D:status>HTTP/1.1 404 Not Found</D:status></D:propstat>"
_TOGETHER = 128
"""Responses that go out as one piece, unless they are longer than `_LONGEST` before."""
_LONGEST = 1 << 18
"""Characters after which a piece goes out; it has one response more at most, and what that can hold is bounded."""

_special = re.compile(r"[&<>\"]").search
_not_xml = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]").sub


def escape(text: str) -> str:
    """Return text for an element or a quoted attribute; what XML 1.0 cannot hold becomes U+FFFD."""
    if not text.isascii() or not text.isprintable():
        text = _not_xml("\ufffd", text)
    if _special(text) is None:
        return text
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def split_name(name: str) -> tuple[str, str]:
    """Split Clark notation into namespace and local name."""
    if name[:1] != "{":
        return "", name
    namespace, _, local = name[1:].rpartition("}")
    return namespace, local


class Prefixes:
    """The prefixes of one document: `D` for DAV:, fixed ones for namespaces we know, numbered ones for the rest."""

    def __init__(self, known: Mapping[str, str] = MappingProxyType({})) -> None:
        self._known = known
        self._prefixes = {"DAV:": "D"}

    def empty(self, name: str) -> str:
        """Return an empty element of that name; one in no namespace needs no prefix, since there is no default one."""
        namespace, local = split_name(name)
        return f"<{self.of(namespace)}:{local}/>" if namespace else f"<{local}/>"

    def of(self, namespace: str) -> str:
        """Return the prefix, making one at first sight."""
        prefix = self._known.get(namespace) or f"n{len(self._prefixes)}"
        return self._prefixes.setdefault(namespace, prefix)

    def start(self, element: str = "multistatus") -> str:
        """Return the prologue and the root's start tag, with every namespace seen so far."""
        declared = "".join([f' xmlns:{prefix}="{escape(name)}"' for name, prefix in self._prefixes.items()])
        return f"{PROLOGUE}<D:{element}{declared}>"


def propstat(properties: str, status: str) -> str:
    """Return one propstat; `status` is a status line without the version."""
    return f"<D:propstat><D:prop>{properties}</D:prop><D:status>HTTP/1.1 {status}</D:status></D:propstat>"


def status_response(reference: str, status: str) -> str:
    """Return a response that speaks of a resource as a whole."""
    return f"<D:response><D:href>{reference}</D:href><D:status>HTTP/1.1 {status}</D:status></D:response>"


def error_body(condition: str) -> bytes:
    """Return the body of RFC 4918 section 16: what exactly was not fulfilled."""
    return f'{PROLOGUE}<D:error xmlns:D="DAV:">{condition}</D:error>'.encode()


def multistatus(start: str, responses: Iterable[str]) -> Response:
    """Answer 207 with `responses`, of which at most one piece is in memory."""
    pieces = _pieces(chain((start,), responses, (END,)))
    first = next(pieces)
    second = next(pieces, None)
    if second is None:
        return whole(207, XML_TYPE, first)
    return Response(207, [XML_TYPE], chain((first, second), pieces))


def _pieces(texts: Iterator[str]) -> Iterator[bytes]:
    gathered: list[str] = []
    length = 0
    for text in texts:
        gathered.append(text)
        length += len(text)
        if length >= _LONGEST or len(gathered) >= _TOGETHER:
            yield "".join(gathered).encode()
            gathered, length = [], 0
    if gathered:
        yield "".join(gathered).encode()
