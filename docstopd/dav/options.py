"""OPTIONS (RFC 9110 section 9.3.7, RFC 4918 section 10.1).

WsgiDAV asks for credentials first and answers by what it finds. Windows and Office ask without any, for every parent up
to `/` and for names that do not exist yet, and give up on a 401. So the answer is one constant, which tells nothing.
"""

from docstopd.dav.response import Response, empty

# As in resolver.py.
METHODS = "OPTIONS, GET, HEAD, PUT, PATCH, DELETE, MKCOL, COPY, MOVE, PROPFIND, PROPPATCH, REPORT, LOCK, UNLOCK"
_HEADERS = (
    ("DAV", "1, 2, 3, extended-mkcol, sabredav-partialupdate"),
    ("MS-Author-Via", "DAV"),
    ("Allow", METHODS),
    ("Accept-Ranges", "bytes"),
    ("Accept-Patch", "application/x-sabredav-partialupdate"),
)


def options() -> Response:
    """Answer what this service can do, the same for every URL."""
    return empty(200, *_HEADERS)
