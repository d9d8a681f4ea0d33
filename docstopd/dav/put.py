"""PUT (RFC 9110 section 9.3.4, RFC 4918 section 9.7).

WsgiDAV makes the file and truncates it before it has read the body, and commits what a client cut short. Here the
vault shows nothing until `commit`, and `commit` comes after the body, its announced length and its checksums.
"""

from docstopd.dav.partial import put_range
from docstopd.dav.refusal import Refusal
from docstopd.dav.request import ON_FOLDER, Request
from docstopd.dav.response import Response
from docstopd.dav.upload import announced_length, checksums, modification_time, receive, stored
from docstopd.errors import IsFolder


def put(request: Request) -> Response:
    """Store a body as a file's new content."""
    path = request.path_to_make
    if request.target.slash:
        raise Refusal(405, "A URL that ends in a slash is a folder's.", headers=(("Allow", ON_FOLDER),))
    request.refuse_encoding()
    try:
        if "HTTP_CONTENT_RANGE" in request.environ:
            return put_range(request, path)
        modified = modification_time(request)
        expected = announced_length(request)
        checks = checksums(request)
        with request.vault.files.write(
            request.session, path, request.guard(), modified=modified, expected=expected
        ) as upload:
            receive(request, upload, expected, checks)
            written = upload.commit()
    except IsFolder:
        raise Refusal(405, "A folder is there.", headers=(("Allow", ON_FOLDER),)) from None
    return stored(written, accepted=modified is not None)
