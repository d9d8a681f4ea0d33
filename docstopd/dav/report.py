"""REPORT (RFC 3253 section 3.6): one method for whatever a server can tell; here that is `sync-collection`.

WsgiDAV does not know the method.
"""

from docstopd.dav.refusal import Refusal, bad_request
from docstopd.dav.request import Request, header
from docstopd.dav.response import Response
from docstopd.dav.sync import sync_collection
from docstopd.dav.xml_body import parse, read_body, tag


def report(request: Request) -> Response:
    """Answer the report that the body asks for. No Depth is 0, unlike elsewhere."""
    if header(request.environ, "HTTP_DEPTH") not in ("", "0"):
        raise bad_request("This report has Depth: 0; how deep it goes is said in its body.")
    body = read_body(request)
    if not body:
        raise bad_request("REPORT needs a body that says which report is asked for.")
    root = parse(body)
    request.check_lists()
    path = request.target.path
    if tag(root) != "{DAV:}sync-collection" or not path:
        raise Refusal(403, "There is no such report here.", condition="<D:supported-report/>")
    return sync_collection(request, root, path)
