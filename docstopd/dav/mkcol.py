"""MKCOL (RFC 4918 section 9.3), also with properties (RFC 5689)."""

from docstopd.dav.property_update import Update, outcome_prefixes, read_update
from docstopd.dav.refusal import Refusal
from docstopd.dav.request import Request, header
from docstopd.dav.response import XML_TYPE, Response, empty, whole
from docstopd.dav.xml_body import Element, children, parse, read_body, tag
from docstopd.errors import AlreadyExists
from docstopd.model import SpacePath

_ON_MAPPED = "OPTIONS, GET, HEAD, PUT, PATCH, DELETE, COPY, MOVE, PROPFIND, PROPPATCH, LOCK, UNLOCK"
_RESOURCE_TYPE = "{DAV:}resourcetype"
_XML_TYPES = ("application/xml", "text/xml")


def mkcol(request: Request) -> Response:
    """Make a folder: 201, 405 where something is, 409 without a parent, 415 for a body that is no `mkcol`."""
    path = request.path_to_make
    update = _update(request, path)
    if update.refused:
        return _failed(update)
    properties = {name: value for name, value in update.changes if value is not None}
    try:
        request.vault.files.make_folder(request.session, path, request.guard(), properties)
    except AlreadyExists:
        raise Refusal(405, "There is something of that name.", headers=(("Allow", _ON_MAPPED),)) from None
    return empty(201)


def _update(request: Request, path: SpacePath) -> Update:
    body = read_body(request)
    if not body:
        return Update()
    if header(request.environ, "CONTENT_TYPE").partition(";")[0].strip().lower() not in _XML_TYPES:
        raise Refusal(415, "MKCOL takes no body, or an XML one (RFC 5689).")
    root = parse(body)
    if tag(root) != "{DAV:}mkcol":
        raise Refusal(415, "The body of MKCOL is a DAV:mkcol element.")
    request.vault.files.require_editor(request.session, path)
    _take_type(root)
    return read_update(root, request.settings)


def _take_type(root: Element) -> None:
    """Check and take out the one property that says what is to be made. Raises 403 for more than a plain folder."""
    for instruction in children(root, "{DAV:}set"):
        for wrapper in children(instruction, "{DAV:}prop"):
            for element in list(children(wrapper, _RESOURCE_TYPE)):
                if [tag(kind) for kind in element] != ["{DAV:}collection"]:
                    raise Refusal(403, "Only plain collections are made here.", condition="<D:valid-resourcetype/>")
                wrapper.remove(element)


def _failed(update: Update) -> Response:
    """Answer as RFC 5689 section 3 does: nothing is made, and each property has its reason."""
    prefixes = outcome_prefixes()
    propstats = update.propstats(prefixes)
    body = f"{prefixes.start('mkcol-response')}{propstats}</D:mkcol-response>"
    return whole(424, XML_TYPE, body.encode())
