"""XML request bodies (RFC 4918 section 8.2), parsed within bounds.

WsgiDAV answers 500 to a comment in a body and ignores a chunked one. Here a body is read whole up to its limit whatever
its framing; a document type is refused before the parser sees it, so that no entity exists to be expanded.
"""

from collections.abc import Iterator
from typing import Any

from lxml import etree  # type: ignore[import-untyped]  # lxml comes without types

from docstopd.dav.refusal import Refusal, bad_request
from docstopd.dav.request import Request

Element = Any
"""An element of lxml's tree."""
_UTF16 = (b"\xfe\xff", b"\xff\xfe")


def read_body(request: Request) -> bytes:
    """Read the body, b"" when there is none. Raises a 413 past the configured limit, without reading on."""
    environ = request.environ
    length = environ.get("CONTENT_LENGTH") or ""
    if length in ("", "0") and "HTTP_TRANSFER_ENCODING" not in environ:
        return b""
    request.refuse_encoding()
    limit = request.settings.xml_body
    body: bytes = b"" if length and int(length) > limit else environ["wsgi.input"].read(limit + 1)
    if len(body) > limit or (length and int(length) > limit):
        raise Refusal(413, f"An XML body is at most {limit} bytes.")
    return body


def parse(body: bytes) -> Element:
    """Parse one document and return its root element. Raises a 400 for what is not well-formed, or has a DTD."""
    body = _utf8(body)
    if b"<!DOCTYPE" in body:
        raise bad_request("The XML body has a document type, which is not allowed.")
    # A parser of its own for each body: they keep the last error. The encoding is given, so none can be declared
    # under which the check above would have read other characters than the parser does.
    parser = etree.XMLParser(
        encoding="utf-8", resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True
    )
    try:
        return etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError):
        raise bad_request("The XML body is not well-formed.") from None


def tag(element: Element) -> str:
    """Return the element's name in Clark notation."""
    name = element.tag
    return name if isinstance(name, str) else ""


def children(element: Element, name: str) -> Iterator[Element]:
    """Yield the direct children of that name; unknown siblings are ignored, as section 17 asks."""
    return (child for child in element if child.tag == name)


def _utf8(body: bytes) -> bytes:
    if not body.startswith(_UTF16):
        return body
    try:
        return body.decode("utf-16").encode()
    except UnicodeError:
        raise bad_request("The XML body is not valid UTF-16.") from None
