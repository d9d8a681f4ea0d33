"""The part of a space's tree that a rollback has to do with, as it is and as each step leaves it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from docstopd.model import NodeId, SpacePath
from docstopd.vault.past.naming import extension


@dataclass(frozen=True, slots=True)
class Spot:
    """A place: a folder and a name in it."""

    parent: NodeId
    name: str


class Forest:
    """`spots`: the nodes, in the tree or in the trash, with all the folders above them; `heads` are deleted.

    `touched` are those of them that something happened to.
    """

    def __init__(
        self, label: str, root: NodeId, spots: Mapping[NodeId, Spot], heads: set[NodeId], touched: set[NodeId]
    ) -> None:
        self.root = root
        self.spots = dict(spots)
        self.heads = set(heads)
        self.touched = touched
        self._label = label
        self._at = {spot: node for node, spot in spots.items() if node not in heads}

    def above(self, node: NodeId, *, itself: bool = False) -> Iterator[NodeId]:
        """The folders that hold a node, up to the root, or to where the tree ends; first the node, if `itself`."""
        if itself:
            yield node
        while node in self.spots:
            node = self.spots[node].parent
            yield node

    def is_live(self, node: NodeId) -> bool:
        """Whether a node is in the tree."""
        last = node
        for last in self.above(node, itself=True):
            if last in self.heads:
                return False
        return last == self.root

    def is_within(self, node: NodeId, folder: NodeId) -> bool:
        """Whether a node is a folder, or below it."""
        return folder in self.above(node, itself=True)

    def depth(self, node: NodeId) -> int:
        """How many folders hold it."""
        return sum(1 for _ in self.above(node))

    def at(self, spot: Spot) -> NodeId | None:
        """What is at a place."""
        return self._at.get(spot)

    def path(self, node: NodeId) -> SpacePath:
        """Where a node is, with the space's label."""
        names = [self.spots[above].name for above in self.above(node, itself=True) if above in self.spots]
        return (self._label, *reversed(names))

    def path_or_nothing(self, node: NodeId) -> SpacePath:
        """The same of a live one."""
        return self.path(node) if self.is_live(node) else ()

    def put(self, node: NodeId, spot: Spot) -> None:
        """A node has come to a free place."""
        before = self.spots.get(node)
        if before is not None and self._at.get(before) == node:
            del self._at[before]
        self.heads.discard(node)
        self.spots[node] = spot
        self._at[spot] = node

    def trash(self, node: NodeId) -> None:
        """A node has gone to the trash."""
        if self._at.get(self.spots[node]) == node:
            del self._at[self.spots[node]]
        self.heads.add(node)

    def beside(self, spot: Spot, node: NodeId) -> Spot:
        """A free place in the same folder, under a name that says why."""
        end = extension(spot.name)
        stem = spot.name[: len(spot.name) - len(end)].encode()[:180].decode(errors="ignore")
        found = Spot(spot.parent, f"{stem} (rollback {node:x}){end}")
        number = 1
        while self.at(found) not in (None, node):
            number += 1
            found = Spot(spot.parent, f"{stem} (rollback {node:x} {number}){end}")
        return found
