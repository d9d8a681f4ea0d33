"""The two collections above the spaces, `/` and `/dav/`: read-only, and made up for each caller.

Windows walks from `/` down with PROPFIND and gives up at the first parent that is not a collection.
"""

from collections.abc import Sequence
from contextlib import suppress

from docstopd.dav.request import Request
from docstopd.dav.url import href
from docstopd.errors import Failed, NotFound
from docstopd.model import Micros, Node, NodeId, Space, SpaceId

_ROOT, _SPACES = NodeId(0), NodeId(-1)


def listing(request: Request, *, members: bool) -> list[tuple[str, Node]]:
    """Return href and node of `/` or `/dav/`, and of its members when they are asked for."""
    spaces = request.vault.spaces.mine(request.session)
    shelf = (href((), folder=True), _collection(request, _SPACES, "dav", spaces))
    if request.target.path is None:
        root = ("/", _collection(request, _ROOT, "", spaces))
        return [root, shelf] if members else [root]
    if not members:
        return [shelf]
    found = [shelf]
    for space in spaces:
        # One that was taken away a moment ago, or is damaged (the vault has reported it), must not hide the others.
        with suppress(NotFound, Failed):
            path = (space.label,)
            found.append((href(path, folder=True), request.vault.files.stat(request.session, path)))
    return found


def _collection(request: Request, node: NodeId, name: str, spaces: Sequence[Space]) -> Node:
    """Make the node of a collection that is the caller's own view, and changes when one of the spaces does."""
    changes = sum(space.seq for space in spaces)
    created: Micros = request.session.user.created
    return Node(
        id=node,
        space=SpaceId(b""),
        name=name,
        folder=True,
        size=0,
        etag=f"{len(spaces)}-{changes}",
        seq=changes,
        created=created,
        modified=max([created, *(space.created for space in spaces)]),
    )
