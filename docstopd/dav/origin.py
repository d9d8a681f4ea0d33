"""Pages of other sites (Fetch Metadata, RFC 6454).

A browser that once asked for the password sends it along with whatever any page makes it send. WebDAV clients are not
pages and send neither header; so a changing request that a foreign page made is refused.
"""

from docstopd.dav.refusal import Refusal
from docstopd.dav.request import Request

_READING = frozenset({"OPTIONS", "GET", "HEAD", "PROPFIND", "REPORT"})
_FOREIGN = frozenset({"cross-site", "same-site"})


def refuse_foreign(request: Request) -> None:
    """Raise a 403 for a write that a page of another origin made."""
    environ = request.environ
    if request.method in _READING:
        return
    if environ.get("HTTP_SEC_FETCH_SITE") in _FOREIGN:
        raise Refusal(403, "Pages of other sites cannot write here.")
    origin = environ.get("HTTP_ORIGIN")
    host = environ.get("HTTP_HOST", "")
    if origin and not request.names.are_origin(origin, environ["wsgi.url_scheme"], host):
        raise Refusal(403, "Pages of other sites cannot write here.")
