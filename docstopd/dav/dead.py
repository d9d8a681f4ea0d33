"""Dead properties of a folder and its members (RFC 4918 section 4), from one query when nothing is wrong."""

import logging
from collections.abc import Mapping, Sequence

from docstopd.dav.request import Request
from docstopd.errors import Damaged
from docstopd.model import Node, NodeId

logger = logging.getLogger(__name__)

Dead = Mapping[NodeId, Mapping[str, str]]
"""XML by Clark name, by node."""


def dead_properties(request: Request, node: Node, members: Sequence[Node]) -> Dead:
    """Return what the nodes have. One that cannot be read has none here: it must not hide the others."""
    files = request.vault.files
    try:
        own = files.properties(request.session, [node])
        return own | files.member_properties(request.session, node) if members else own
    except Damaged:
        logger.exception("properties are damaged; they are left out")
    found: dict[NodeId, Mapping[str, str]] = {}
    for each in (node, *members):
        try:
            found.update(files.properties(request.session, [each]))
        except Damaged:
            found[each.id] = {}
    return found
