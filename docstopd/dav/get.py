"""GET and HEAD (RFC 9110 section 9.3, RFC 4918 section 9.4).

WsgiDAV answers HEAD with 206, and an error after the first byte cuts its connection. Here the first block is decrypted
before 200 is sent, so a damaged file is an error and not a broken download. A collection gets a sentence and no
listing: WsgiDAV's browser page resolves every member again.
"""

import logging
from collections.abc import Iterator
from contextlib import ExitStack

from docstopd.dav.conditions import if_range_holds, read_status
from docstopd.dav.content_type import browser_headers, content_type
from docstopd.dav.dates import http_date
from docstopd.dav.ranges import parse_range
from docstopd.dav.request import Request
from docstopd.dav.response import Response, text
from docstopd.errors import Failed, IsFolder, PreconditionFailed
from docstopd.model import Node
from docstopd.vault import Content

logger = logging.getLogger(__name__)

_PAGE = "This is a folder of docstopd. Mount it with a WebDAV client."
_AT_ONCE = 256 << 10
_REVALIDATE = ("Cache-Control", "private, no-cache")


def get(request: Request) -> Response:
    """Answer a file's content, all of it or one range."""
    path = request.target.path
    if not path:
        return text(200, _PAGE)
    request.check_lists()
    with ExitStack() as stack:
        try:
            content = stack.enter_context(request.vault.files.open(request.session, path))
        except IsFolder:
            return text(200, _PAGE)
        response = _answer(request, content)
        if isinstance(response.body, Body):
            stack.pop_all()  # the body closes it
        return response


def head(request: Request) -> Response:
    """Answer what GET without a Range would, but for the content."""
    path = request.target.path
    if not path:
        return text(200, _PAGE)
    request.check_lists()
    node = request.vault.files.stat(request.session, path)
    if node.folder:
        return text(200, _PAGE)
    return _unchanged(request, node) or Response(200, [("Content-Length", str(node.size)), *_headers(node)])


def _answer(request: Request, content: Content) -> Response:
    """Return the answer; a long body still reads from `content`."""
    node = content.node
    unchanged = _unchanged(request, node)
    if unchanged is not None:
        return unchanged
    start, length, status, headers = 0, node.size, 200, _headers(node)
    part = _range(request, node)
    if part is not None:
        start, length, status = *part, 206
        headers.append(("Content-Range", f"bytes {start}-{start + length - 1}/{node.size}"))
    headers.append(("Content-Length", str(length)))
    blocks = content.read(start, length)
    if length <= _AT_ONCE:
        # Each block is copied before the next is asked for, which may come in the same buffer.
        return Response(status, headers, (b"".join([bytes(block) for block in blocks]),))
    return Response(status, headers, Body(content, blocks))


class Body:
    """A long body, which lets go of the blob when the server is done with it, however that came."""

    def __init__(self, content: Content, blocks: Iterator[bytes | memoryview]) -> None:
        self._content = content
        self._blocks = blocks

    def __iter__(self) -> Iterator[bytes | memoryview]:
        """Yield the blocks. Damage that shows only now ends the connection: what was sent is right, but short."""
        try:
            yield from self._blocks
        except Failed as error:
            logger.error("GET broke off: %s: %s", type(error).__name__, error)  # noqa: TRY400  # foreseen: no traceback
            raise

    def close(self) -> None:
        """End the reading."""
        self._content.close()


def _unchanged(request: Request, node: Node) -> Response | None:
    status = read_status(request.environ, node)
    if status == 412:
        raise PreconditionFailed("The file is not, or no longer, what the condition says.")
    return None if status is None else Response(304, _validators(node))


def _range(request: Request, node: Node) -> tuple[int, int] | None:
    asked = request.environ.get("HTTP_RANGE")
    if not asked:
        return None
    only_if = request.environ.get("HTTP_IF_RANGE")
    if only_if is not None and not if_range_holds(only_if, node):
        return None
    return parse_range(asked, node.size)


def _validators(node: Node) -> list[tuple[str, str]]:
    return [("ETag", f'"{node.etag}"'), ("Last-Modified", http_date(node.modified)), _REVALIDATE]


def _headers(node: Node) -> list[tuple[str, str]]:
    kind = content_type(node.name)
    return [("Content-Type", kind), ("Accept-Ranges", "bytes"), *_validators(node), *browser_headers(kind)]
