"""PROPPATCH (RFC 4918 section 9.2): atomic, in the order of the document.

WsgiDAV keeps properties by path, so that a move loses them, and answers Windows' `Win32*` times with an error. Here
they are the node's, those times set the node's own, and each is answered 200 inside the 207, without which Explorer
calls the copy failed.
"""

from docstopd.dav.multistatus import END
from docstopd.dav.property_update import outcome_prefixes, read_update
from docstopd.dav.refusal import bad_request
from docstopd.dav.request import Request
from docstopd.dav.response import XML_TYPE, Response, whole
from docstopd.dav.xml_body import parse, read_body, tag


def proppatch(request: Request) -> Response:
    """Set and remove properties, all or none, and tell the outcome of each."""
    path = request.path
    root = parse(read_body(request))
    if tag(root) != "{DAV:}propertyupdate":
        raise bad_request("The body of PROPPATCH is a DAV:propertyupdate element.")
    request.vault.files.require_editor(request.session, path)
    reference = request.href_of(path)
    update = read_update(root, request.settings)
    guard = request.guard()
    if update.refused:
        request.vault.files.check(request.session, path, guard)
    else:
        request.vault.files.patch(
            request.session, path, guard, update.changes, created=update.created, modified=update.modified
        )
    prefixes = outcome_prefixes()
    propstats = update.propstats(prefixes)
    body = f"{prefixes.start()}<D:response><D:href>{reference}</D:href>{propstats}</D:response>{END}"
    return whole(207, XML_TYPE, body.encode())
