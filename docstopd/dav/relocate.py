"""COPY and MOVE (RFC 4918 sections 9.8 and 9.9).

WsgiDAV deletes the target first and then walks the tree; a child moved onto its own ancestor deletes both, and an
untagged `If` that names the source's lock fails when the target exists, which breaks Office's safe save. Here each is
one transaction of the vault, overlap is refused both ways, and a file moved over a file becomes its newest version.
"""

from docstopd.dav.refusal import Refusal, bad_request
from docstopd.dav.request import Request
from docstopd.dav.response import Response, empty
from docstopd.errors import AlreadyExists
from docstopd.model import SpacePath, Written


def copy(request: Request) -> Response:
    """Copy a file, a folder with all below it, or with Depth: 0 the folder alone."""
    depth = request.depth()
    if depth == 1:
        raise bad_request("COPY has Depth 0 or infinity.")
    source, target, overwrite = request.path, _target(request), request.overwrite()
    try:
        written = request.vault.files.copy(
            request.session, source, target, request.guard(), overwrite=overwrite, deep=depth is None
        )
    except AlreadyExists:
        raise _taken() from None
    return _answer(written)


def move(request: Request) -> Response:
    """Move a file or folder; its locks don't follow it (section 7.5)."""
    if request.depth() is not None:
        _only_infinity(request)
    source, target, overwrite = request.path_to_remove, _target(request), request.overwrite()
    try:
        written = request.vault.files.move(request.session, source, target, request.guard(), overwrite=overwrite)
    except AlreadyExists:
        raise _taken() from None
    return _answer(written)


def _only_infinity(request: Request) -> None:
    """Raise a 400 for a folder; on a file any depth is the same."""
    if request.vault.files.stat(request.session, request.path_to_remove).folder:
        raise bad_request("A folder is moved with Depth: infinity.")


def _target(request: Request) -> SpacePath:
    path = request.destination().path
    if path is None or len(path) < 2:
        raise Refusal(403, "The Destination is not inside a space.")
    return path


def _taken() -> Refusal:
    return Refusal(412, "The Destination exists, and Overwrite is F.")


def _answer(written: Written) -> Response:
    return empty(201 if written.created else 204)
