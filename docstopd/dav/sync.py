"""The report `sync-collection` (RFC 6578): what is in a folder, or changed in it since a token.

The vault reads it from the space's journal; this file reads the request and writes the answer. A removed member is one
404, a changed one has the properties that were asked for. An answer that was cut short says 507 of the folder itself
(section 3.6) and ends with a token from which the client goes on.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain

from docstopd.dav.dead import dead_properties
from docstopd.dav.multistatus import escape, multistatus, status_response
from docstopd.dav.propfind import gather_scene, render_nodes
from docstopd.dav.query import Query, prop_query
from docstopd.dav.refusal import Refusal, bad_request
from docstopd.dav.request import Request
from docstopd.dav.response import Response
from docstopd.dav.settings import Settings
from docstopd.dav.url import href
from docstopd.dav.xml_body import Element, children
from docstopd.errors import NotFolder
from docstopd.model import SpacePath
from docstopd.vault import SYNC_LIMIT, Report

_LEVELS = {"1": False, "infinite": True}
_WITHIN = "<D:number-of-matches-within-limits/>"
_MOST_DIGITS = 9


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a client asks for. `token` "" begins; `limit` is at least 1."""

    token: str
    deep: bool
    limit: int
    query: Query


def sync_collection(request: Request, root: Element, path: SpacePath) -> Response:
    """Answer the changes of a folder. Raises 403 for anything else than a folder, and for a token that is no good."""
    wanted = read_wanted(root, request.settings)
    query = wanted.query
    # Before the report: a client may begin with it what the report has told.
    space_token = request.vault.sync.token(request.session, path) if query.token else ""
    try:
        report = request.vault.sync.report(request.session, path, wanted.token, deep=wanted.deep, limit=wanted.limit)
    except NotFolder:
        raise Refusal(403, "Only folders have this report.", condition="<D:supported-report/>") from None
    query, scene = gather_scene(request, query, path, report.folder, {}, space_token)
    if query.locks:
        covering = request.vault.locks.covering
        scene = replace(scene, locks={node.id: covering(request.session, at) for at, node in report.changed})
    nodes = ((href(at, folder=node.folder), node) for at, node in report.changed)
    dead = dead_properties(request, query, [node for _, node in report.changed])
    changed = render_nodes(query, scene, nodes, dead)
    return multistatus(query.start, chain(_removed(report), changed, _end(report, path)))


def read_wanted(root: Element, settings: Settings) -> Wanted:
    """Read a DAV:sync-collection element (section 6.1). Raises 400, 413, and 507 for a limit that no answer keeps."""
    level = _text(root, "{DAV:}sync-level")
    if level not in _LEVELS:
        raise bad_request("The sync-level is 1 or infinite.")
    props = list(children(root, "{DAV:}prop"))
    if len(props) != 1:
        raise bad_request("Say in one DAV:prop element which properties are wanted.")
    query = prop_query(props[0], settings.properties)
    return Wanted(_text(root, "{DAV:}sync-token"), _LEVELS[level], _limit(root), query)


def _text(root: Element, name: str) -> str:
    """Return the text of the one child of that name."""
    found = list(children(root, name))
    if len(found) != 1 or len(found[0]):
        raise bad_request(f"A DAV:sync-collection has one DAV:{name[6:]}, which holds text.")
    return (found[0].text or "").strip()


def _limit(root: Element) -> int:
    limits = list(children(root, "{DAV:}limit"))
    if not limits:
        return SYNC_LIMIT
    text = _text(limits[0], "{DAV:}nresults")
    if len(limits) > 1 or not (text.isascii() and text.isdigit()):
        raise bad_request("A DAV:limit has one DAV:nresults, which is a number.")
    asked = int(text) if len(text) <= _MOST_DIGITS else SYNC_LIMIT
    if asked == 0:
        raise Refusal(507, "No answer is that short.", condition=_WITHIN)
    return min(asked, SYNC_LIMIT)


def _removed(report: Report) -> Iterator[str]:
    for path, folder in report.removed:
        yield status_response(href(path, folder=folder), "404 Not Found")


def _end(report: Report, path: SpacePath) -> Iterator[str]:
    if report.more:
        status = f"<D:status>HTTP/1.1 507 Insufficient Storage</D:status><D:error>{_WITHIN}</D:error>"
        yield f"<D:response><D:href>{href(path, folder=True)}</D:href>{status}</D:response>"
    yield f"<D:sync-token>{escape(report.token)}</D:sync-token>"
