"""Something at a path of the past, and what it holds."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from docstopd.catalog.nodes import Row
from docstopd.errors import Damaged
from docstopd.model import Micros, Node, NodeId, SpacePath
from docstopd.vault.tree import etag
from docstopd.vault.view import View


@dataclass(frozen=True, slots=True)
class Members:
    """The members of a folder, and what was left out since it cannot be read."""

    places: "list[Place]"
    damaged: list[Damaged]


NO_MEMBERS = Members([], [])


@dataclass(frozen=True, slots=True)
class Place:
    """A file or folder of the past.

    `row`: the node that it shows, with the content that is shown; None for a folder that is made up, of which no copy
    can be made. `look`: finds its members, inside the same transaction. Ids of what is made up are not positive.
    """

    node: Node
    row: Row | None
    look: Callable[[], Members] = lambda: NO_MEMBERS

    def below(self) -> Iterator[tuple[SpacePath, Row]]:
        """Itself, at (), and all below it, parents first; `parent` of each row is the folder that it is shown in.

        Raises `Damaged` when something cannot be read: a copy would lack it.
        """
        if self.row is None:
            return
        yield (), self.row
        found = self.look()
        if found.damaged:
            raise found.damaged[0]
        for place in found.places:
            for path, row in place.below():
                here = row if path or self.row is None else row._replace(parent=self.row.id)
                yield (place.node.name, *path), here


def shown(view: View, row: Row, name: str) -> Node:
    """A row as the past shows it. A folder's etag moves with whatever happens in the space."""
    node = view.tree.node(row, name)
    tag = f"{row.id:x}-{view.opened.space.seq:x}-past" if row.folder else etag(row)
    return node._replace(etag=tag, past=True)


def made_up(view: View, node: int, name: str, time: Micros) -> Node:
    """A folder that no row is of; `node` sets it apart from its neighbours."""
    space = view.opened.space
    tag = f"{node:x}-{space.seq:x}-past"
    return Node(NodeId(node), space.id, name, True, 0, tag, space.seq, time, time, past=True)


def gather(found: Iterable[Place | Damaged]) -> Members:
    """Members of which some may be damage."""
    members = Members([], [])
    for each in found:
        if isinstance(each, Damaged):
            members.damaged.append(each)
        else:
            members.places.append(each)
    return members
