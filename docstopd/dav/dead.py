"""Dead properties of a folder and its members (RFC 4918 section 4), read while the answer goes out.

WsgiDAV reads one shelf of all properties of all resources. Here at most a few members' are in memory at a time.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from docstopd.dav.deletion import deletion_properties
from docstopd.dav.query import Query
from docstopd.dav.request import Request
from docstopd.model import Node, NodeId


class Dead(Protocol):
    """XML by Clark name, by node; asked for once for each node, in the answer's order."""

    def get(self, node: NodeId, nothing: Mapping[str, str], /) -> Mapping[str, str]:
        """Return what the node has, or `nothing`."""


class InTurn:
    """What nodes have, from an iterator that has it in their order."""

    def __init__(self, nodes: Sequence[Node], every: Iterator[Mapping[str, str]]) -> None:
        self._left = zip(nodes, every, strict=True)

    def get(self, node: NodeId, nothing: Mapping[str, str], /) -> Mapping[str, str]:
        """See `Dead`; a node that was passed over has nothing any more."""
        found = next(((known, own) for known, own in self._left if known.id == node), None)
        if found is None:
            return nothing
        known, own = found
        return own if known.deletion is None else {**own, **deletion_properties(known.deletion)}


def dead_properties(request: Request, query: Query, nodes: Sequence[Node]) -> Dead:
    """Return what the query needs of the nodes. One that cannot be read has none here: it must not hide the others."""
    if not query.dead:
        return {}
    names = None if query.all_dead else query.dead_names
    return InTurn(nodes, request.vault.files.properties_in_turn(request.session, nodes, names))
