"""Writing a part of a file: PUT with Content-Range (RFC 9110 section 14.5), PATCH with a range (SabreDAV's extension).

WsgiDAV ignores Content-Range, so a resumed upload replaces the file by its tail. Here the part is laid over the old
content and the whole is a new version, committed only if the file is still the one that was read.
PATCH follows https://sabre.io/dav/http-patch/.
"""

from contextlib import ExitStack
from dataclasses import replace

from docstopd.dav.ranges import parse_content_range, parse_update_range, unsatisfiable
from docstopd.dav.refusal import Refusal, bad_request
from docstopd.dav.request import Request, header
from docstopd.dav.response import Response
from docstopd.dav.upload import announced_length, checksums, modification_time, receive, stored
from docstopd.errors import NotFound, TooLarge
from docstopd.model import Guard, Micros, SpacePath, Written
from docstopd.vault import Content, Upload

PATCH_TYPE = "application/x-sabredav-partialupdate"


def put_range(request: Request, path: SpacePath) -> Response:
    """Lay the body over bytes start to end of a file; past its end it grows, and nowhere is a gap made."""
    part = parse_content_range(request.environ["HTTP_CONTENT_RANGE"])
    length = announced_length(request)
    if part is None or (length is not None and length != part[1] - part[0]):
        raise bad_request("The Content-Range makes no sense, or is not as long as the body.")
    start, end, total = part
    with ExitStack() as stack:
        old = _open(request, path, stack)
        size = 0 if old is None else old.node.size
        if start > size:
            raise unsatisfiable(size)
        keep = max(size, end)
        if total is not None and total != keep:
            # A part that starts at 0 and is the whole replaces what was there, as Cyberduck's single-part upload does.
            if start or end != total:
                raise bad_request(f"The file would have {keep} bytes and not the {total} of the Content-Range.")
            keep = total
        modified = modification_time(request)
        written = _splice(request, path, old, start, end, keep, modified)
    return stored(written, accepted=modified is not None)


def patch(request: Request) -> Response:
    """Lay the body over the range that `X-Update-Range` names, or append it."""
    path = request.path_to_make
    request.refuse_encoding()
    if header(request.environ, "CONTENT_TYPE").partition(";")[0].strip().lower() != PATCH_TYPE:
        raise Refusal(415, f"Send {PATCH_TYPE}.", headers=(("Accept-Patch", PATCH_TYPE),))
    length = announced_length(request)
    if length is None:
        raise Refusal(411, "Say how long the part is.")
    with ExitStack() as stack:
        old = _open(request, path, stack)
        if old is None:
            raise NotFound("There is no file to patch.")
        size = old.node.size
        part = parse_update_range(header(request.environ, "HTTP_X_UPDATE_RANGE"), size)
        if part is None:
            raise bad_request("The X-Update-Range makes no sense.")
        start, end = part[0], part[0] + length
        if part[1] not in (None, end) or start > size:
            raise unsatisfiable(size)
        written = _splice(request, path, old, start, end, max(size, end), modification_time(request))
    return stored(written)


def _open(request: Request, path: SpacePath, stack: ExitStack) -> Content | None:
    try:
        return stack.enter_context(request.vault.files.open(request.session, path))
    except NotFound:
        return None


def _splice(
    request: Request, path: SpacePath, old: Content | None, start: int, end: int, total: int, modified: Micros | None
) -> Written:
    """Write old[:start] + body + old[end:total] as a new version of exactly the content in `old`."""
    limit = request.settings.upload
    if limit is not None and total > limit:
        raise TooLarge(f"A file is at most {limit} bytes here.")
    checks = checksums(request)
    with request.vault.files.write(
        request.session, path, _only_this(request, path, old), modified=modified, expected=total
    ) as upload:
        _copy(old, 0, start, upload)
        receive(request, upload, end - start, checks)
        _copy(old, end, total - end, upload)
        return upload.commit()


def _only_this(request: Request, path: SpacePath, old: Content | None) -> Guard:
    """Return the caller's preconditions, checked now, and then that the file is still the one read."""
    guard = request.guard()
    request.vault.files.check(request.session, path, guard)
    if old is None:
        return replace(guard, if_none_match=("*",))
    return replace(guard, if_match=(old.node.etag,), if_none_match=None)


def _copy(old: Content | None, start: int, length: int, upload: Upload) -> None:
    if old is None or length <= 0:
        return
    for block in old.read(start, length):
        upload.write(block)
