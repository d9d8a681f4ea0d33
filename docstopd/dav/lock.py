"""LOCK and UNLOCK (RFC 4918 sections 9.10 and 9.11).

WsgiDAV keeps locks in memory under the URL, so that a restart loses them and a MOVE leaves a phantom; it makes an
unmapped child in a locked folder and then says 423. Here the vault keeps them on the node and decides; this file reads
the request: no Depth is infinity (Windows), an empty body is a refresh (Office, Finder), a token may lack its brackets.
"""

import re

from docstopd.dav import locks
from docstopd.dav.errors import error_response, root_href
from docstopd.dav.fragment import serialise
from docstopd.dav.multistatus import END, PROLOGUE, Prefixes, status_response
from docstopd.dav.refusal import Refusal, bad_request
from docstopd.dav.request import Request, header
from docstopd.dav.response import XML_TYPE, Response, empty, whole
from docstopd.dav.settings import Settings
from docstopd.dav.url import href
from docstopd.dav.xml_body import Element, children, parse, read_body, tag
from docstopd.errors import LockConflict, NoSuchLock, NotFound, ParentMissing, PreconditionFailed, TooLarge
from docstopd.model import Lock, SpacePath

_seconds = re.compile(r"Second-([0-9]+)", re.IGNORECASE).fullmatch
_MOST_DIGITS = 9


def lock(request: Request) -> Response:
    """Take a lock, which makes an empty file of a name that is free, or refresh one."""
    path = request.path
    depth = request.depth()
    if depth == 1:
        raise bad_request("LOCK has Depth 0 or infinity.")
    timeout = granted(header(request.environ, "HTTP_TIMEOUT"), request.settings)
    body = read_body(request)
    if not body:
        return _refresh(request, path, timeout)
    exclusive, element = _read(body)
    _require_place(request, path)
    owner = _owner(element, request.settings)
    try:
        taken, created = request.vault.locks.lock(
            request.session,
            path,
            request.guard(),
            exclusive=exclusive,
            infinite=depth is None,
            owner=owner,
            timeout=timeout,
        )
    except LockConflict as conflict:
        return _conflict(request, path, conflict)
    folder = not created and request.vault.files.stat(request.session, path).folder
    return _answer(201 if created else 200, taken, folder, ("Lock-Token", f"<{taken.token}>"))


def unlock(request: Request) -> Response:
    """Release the lock that `Lock-Token` names."""
    path = request.path
    token = header(request.environ, "HTTP_LOCK_TOKEN")
    if token.startswith("<") and token.endswith(">"):
        token = token[1:-1]
    if not token:
        raise bad_request("The Lock-Token header is missing.")
    try:
        request.vault.locks.unlock(request.session, path, token)
    except NoSuchLock:
        raise Refusal(409, "No such lock covers this URL.", condition="<D:lock-token-matches-request-uri/>") from None
    return empty(204)


def granted(value: str, settings: Settings) -> int:
    """Return the seconds to grant for a Timeout header (section 10.7): the first kind that is known, within bounds.

    Below three minutes, LibreOffice and Office refresh in a storm.
    """
    for item in value.split(","):
        if item.strip(" \t").lower() == "infinite":
            return settings.lock_longest
        found = _seconds(item.strip(" \t"))
        if found is not None:
            asked = int(found[1]) if len(found[1]) <= _MOST_DIGITS else settings.lock_longest
            return min(max(asked, settings.lock_shortest), settings.lock_longest)
    return settings.lock_default


def _refresh(request: Request, path: SpacePath, timeout: int) -> Response:
    """Refresh the lock that `If` names (section 9.10.2)."""
    tokens = request.guard().tokens
    if not tokens:
        raise bad_request("LOCK without a body refreshes the lock that the If header names; it names none.")
    request.check_lists()
    try:
        fresh = request.vault.locks.refresh(request.session, path, tokens, timeout)
    except NoSuchLock:
        raise PreconditionFailed("No lock of that token covers this URL.") from None
    folder = fresh.root != path or request.vault.files.stat(request.session, path).folder
    return _answer(200, fresh, folder)


def _read(body: bytes) -> tuple[bool, Element | None]:
    """Return whether the lock is exclusive, and its owner."""
    root = parse(body)
    if tag(root) != "{DAV:}lockinfo":
        raise bad_request("The body of LOCK is a DAV:lockinfo element.")
    scopes = [tag(kind) for scope in children(root, "{DAV:}lockscope") for kind in scope]
    kinds = [tag(kind) for locktype in children(root, "{DAV:}locktype") for kind in locktype]
    if scopes not in (["{DAV:}exclusive"], ["{DAV:}shared"]) or kinds != ["{DAV:}write"]:
        raise bad_request("A lock is exclusive or shared, and a write lock.")
    return scopes == ["{DAV:}exclusive"], next(children(root, "{DAV:}owner"), None)


def _require_place(request: Request, path: SpacePath) -> None:
    """Raise what no lock here gets past, before an owner is written out for nothing."""
    request.vault.files.require_editor(request.session, path)
    try:
        request.vault.files.stat(request.session, path)
    except NotFound:
        _require_parent(request, path)


def _require_parent(request: Request, path: SpacePath) -> None:
    try:
        folder = request.vault.files.stat(request.session, path[:-1]).folder
    except NotFound:
        folder = False
    if not folder:
        raise ParentMissing("the folder that should hold this does not exist")


def _owner(element: Element | None, settings: Settings) -> str:
    """Return a lock's owner as XML."""
    try:
        return "" if element is None else serialise(element, settings.lock_owner)
    except TooLarge:
        raise Refusal(413, f"A lock's owner is at most {settings.lock_owner} characters.") from None


def _conflict(request: Request, path: SpacePath, conflict: LockConflict) -> Response:
    """Answer 423, or 207 when what stands in the way is below the folder to be locked (section 9.10.3)."""
    below = [root for root in conflict.roots if len(root) > len(path) and root[: len(path)] == path]
    if not below:
        return error_response(conflict, request)
    responses = [status_response(root_href(root, request), "423 Locked") for root in below]
    responses.append(status_response(href(path, folder=True), "424 Failed Dependency"))
    return whole(207, XML_TYPE, f"{Prefixes().start()}{''.join(responses)}{END}".encode())


def _answer(status: int, taken: Lock, folder: bool, *headers: tuple[str, str]) -> Response:
    found = locks.discovery([locks.active_lock(taken, folder=folder)])
    return whole(status, XML_TYPE, f'{PROLOGUE}<D:prop xmlns:D="DAV:">{found}</D:prop>'.encode(), *headers)
