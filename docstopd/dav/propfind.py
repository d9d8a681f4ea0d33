"""PROPFIND (RFC 4918 section 9.1).

WsgiDAV builds the answer for the whole tree, at any depth, in memory. Here a folder is one listing of the vault, each
member one string, and Depth: infinity is refused as section 9.1 allows. What was listed before is given again, or made
anew from what has changed (`answer.py`).
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from types import MappingProxyType

from docstopd.dav import parents
from docstopd.dav.answer import Answer, Keeping
from docstopd.dav.dead import Dead, dead_properties
from docstopd.dav.multistatus import FOUND, MISSING, OK, escape, multistatus, split_name
from docstopd.dav.properties import Scene
from docstopd.dav.query import LONGEST_KEPT, Kind, Query, read_query
from docstopd.dav.refusal import Refusal
from docstopd.dav.request import Request
from docstopd.dav.response import XML_TYPE, Response, whole
from docstopd.dav.url import escape_name, href
from docstopd.dav.xml_body import read_body
from docstopd.errors import NotFolder
from docstopd.model import Lock, Node, NodeId, SpacePath
from docstopd.vault import Basis

_darwin = re.compile(r"WebDAVFS.*Darwin/([0-9]{1,3})\.([0-9]{1,3})").search
_STALLING_DARWIN = (24, 4)
_NOTHING: Mapping[str, str] = MappingProxyType({})


def propfind(request: Request) -> Response:
    """Answer the properties of a resource and, with Depth: 1, of its members."""
    depth = request.depth()
    body = read_body(request)
    query = read_query(body, request.settings.properties)
    request.check_lists()
    path = request.target.path
    if not path:
        return _virtual(request, query, depth)
    question = (path, depth, body, query.quota and _stalls(request))
    found = request.session.kept.get(question)
    known = found if isinstance(found, Answer) else None
    basis = request.vault.files.basis(request.session, path, known.basis if known else None, locks=query.locks)
    keeping = Keeping(request.session.kept, question, basis if len(body) <= LONGEST_KEPT else None)
    if known is not None and basis is not None:
        again = _again(request, query, path, known, basis, keeping)
        if again is not None:
            return again
    if depth != 0:
        with suppress(NotFolder):
            return _folder(request, query, path, depth, keeping)
    return _single(request, query, path, keeping)


def _again(
    request: Request, query: Query, path: SpacePath, known: Answer, basis: Basis, keeping: Keeping
) -> Response | None:
    """Give an answer again, with what has changed in it; None when it takes a whole new one."""
    if known.holds(basis, query):
        known.basis = basis
        return whole(207, XML_TYPE, known.body())
    if known.can_be_renewed(basis, query):
        renewed = _renewed(request, query, path, known, keeping)
        return whole(207, XML_TYPE, renewed.body()) if renewed else None
    return None


def _single(request: Request, query: Query, path: SpacePath, keeping: Keeping) -> Response:
    token = _token(request, query, path)
    node = request.vault.files.stat(request.session, path)
    covering = request.vault.locks.covering(request.session, path) if query.locks else ()
    query, scene = gather_scene(request, query, path, node, {node.id: covering}, token)
    dead = dead_properties(request, query, [node])
    responses = render_nodes(query, scene, [(href(path, folder=node.folder), node)], dead)
    if covering:  # taken since the basis was looked at
        keeping = replace(keeping, basis=None)
    return multistatus(query.start, keeping.gathering(query.start, [node], responses))


def _folder(request: Request, query: Query, path: SpacePath, depth: int | None, keeping: Keeping) -> Response:
    if depth is None:
        if not request.vault.files.stat(request.session, path).folder:
            raise NotFolder("A file.")
        refuse_infinity()
    token = _token(request, query, path)
    listing = request.vault.files.list(request.session, path)
    locks = request.vault.locks.members(request.session, path) if query.locks else {}
    query, scene = gather_scene(request, query, path, listing.node, locks, token)
    nodes = [listing.node, *listing.members]
    responses = render_nodes(query, scene, _references(path, nodes), dead_properties(request, query, nodes))
    if listing.unreadable or any(locks.values()):
        keeping = replace(keeping, basis=None)
    return multistatus(query.start, keeping.gathering(query.start, nodes, responses))


def _renewed(request: Request, query: Query, path: SpacePath, known: Answer, keeping: Keeping) -> Answer | None:
    """Make a listing that was made before anew, from what has changed in it; None if that is too much."""
    seqs = {node: seq for node, (seq, _) in known.members.items()}
    fresh = request.vault.files.renew(request.session, path, seqs)
    if fresh is None:
        return None
    query, scene = gather_scene(request, query, path, fresh.node, {}, "")
    nodes = [fresh.node, *fresh.changed]
    responses = render_nodes(query, scene, _references(path, nodes), dead_properties(request, query, nodes))
    members, own, left = dict(known.members), "", keeping.kept.most
    for node, text in zip(nodes, responses, strict=True):
        left -= len(text)
        if left < 0:
            return None
        if node is fresh.node:
            own = text
        else:
            members[node.id] = (node.seq, text)
    return keeping.put(query.start, own, {node: members[node] for node in fresh.ids})


def _references(path: SpacePath, nodes: Sequence[Node]) -> Iterator[tuple[str, Node]]:
    """Yield a folder with its href, then its members."""
    base = href(path, folder=True)
    yield base, nodes[0]
    for node in nodes[1:]:
        yield base + escape_name(node.name) + ("/" if node.folder else ""), node


def _virtual(request: Request, query: Query, depth: int | None) -> Response:
    if depth is None:
        refuse_infinity()
    listed = parents.listing(request, members=depth == 1)
    scene = Scene(listed[0][1].id, {})
    return multistatus(query.start, render_nodes(query.without_space(), scene, listed, {}))


def refuse_infinity() -> None:
    """Raise the 403 that tells a client to ask folder by folder."""
    raise Refusal(403, "Ask with Depth 0 or 1.", condition="<D:propfind-finite-depth/>")


def gather_scene(
    request: Request, query: Query, path: SpacePath, node: Node, locks: Mapping[NodeId, Sequence[Lock]], token: str
) -> tuple[Query, Scene]:
    """Gather what the properties asked for need beside the node, and nothing more."""
    if node.past:  # what is past counts for no quota and has no token
        query = query.without_space()
    inherited = [lock for lock in locks.get(node.id, ()) if lock.infinite]
    role = request.vault.files.role(request.session, path) if query.role else None
    quota = None
    if query.quota:
        quota = None if _stalls(request) else request.vault.files.quota(request.session, path)
        if quota is None or quota.available is None:
            query = query.without_quota()
    return query, Scene(node.id, locks, inherited, quota, role, token)


def _token(request: Request, query: Query, path: SpacePath) -> str:
    """Return the sync token, to be read before anything else: what changes from then on is told by the next report."""
    return request.vault.sync.token(request.session, path) if query.token else ""


def _stalls(request: Request) -> bool:
    """Tell whether this is a macOS that stalls for 90 s at mount when it is told a quota."""
    found = _darwin(request.environ.get("HTTP_USER_AGENT", ""))
    return found is not None and (int(found[1]), int(found[2])) >= _STALLING_DARWIN


def render_nodes(query: Query, scene: Scene, nodes: Iterable[tuple[str, Node]], dead: Dead) -> Iterator[str]:
    """Yield the response element of each node; what one without dead properties lacks is the same text for its kind."""
    files, folders = query.files, query.folders
    files_end, folders_end = _ending(files), _ending(folders)
    for reference, node in nodes:
        kind, end = (folders, folders_end) if node.folder else (files, files_end)
        values = "".join([render(node, scene) for render in kind.live])
        own = dead.get(node.id, _NOTHING)
        if own:
            yield f"<D:response><D:href>{reference}</D:href>{_with_dead(query, kind, values, own)}</D:response>"
        else:
            yield f"<D:response><D:href>{reference}</D:href>{FOUND if kind.live else ''}{values}{end}"


def _ending(kind: Kind) -> str:
    """Return all that follows a kind's values: a response never ends without a propstat, be it an empty one."""
    missing = "".join([element for _, element in kind.rest])
    found = OK if kind.live else ""
    absent = f"{FOUND}{missing}{MISSING}" if missing else ""
    return f"{found}{absent or ('' if found else FOUND + OK)}</D:response>"


def _with_dead(query: Query, kind: Kind, live: str, own: Mapping[str, str]) -> str:
    """Return the propstats of a node that has dead properties; `live` are the values of the others."""
    if query.only_names:
        told = live + "".join(map(_bare, own))
    elif query.all_dead:
        told = live + "".join(own.values())
    else:
        told = live + "".join([own[name] for name, _ in kind.rest if name in own])
    missing = "".join([element for name, element in kind.rest if name not in own])
    absent = f"{FOUND}{missing}{MISSING}" if missing else ""
    found = f"{FOUND}{told}{OK}" if kind.live or told or not absent else ""
    return f"{found}{absent}"


def _bare(name: str) -> str:
    """Return an empty element that declares its own namespace, for names that the query could not foresee."""
    namespace, local = split_name(name)
    if namespace == "DAV:":
        return f"<D:{local}/>"
    return f'<x:{local} xmlns:x="{escape(namespace)}"/>' if namespace else f"<{local}/>"
