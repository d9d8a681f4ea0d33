"""DELETE (RFC 4918 section 9.6).

WsgiDAV deletes member by member and answers 207 when some are left. Here a tree of any size goes to the trash in one
transaction: 204, or an error and nothing was removed.
"""

from docstopd.dav.refusal import bad_request
from docstopd.dav.request import Request
from docstopd.dav.response import Response, empty


def delete(request: Request) -> Response:
    """Move a file or a whole folder to the trash."""
    path = request.path_to_remove
    if request.depth() is not None and request.vault.files.stat(request.session, path).folder:
        raise bad_request("A folder is deleted with Depth: infinity.")
    request.vault.files.delete(request.session, path, request.guard())
    return empty(204)
