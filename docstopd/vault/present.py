"""What is at a path now, for many paths of one space: each folder on the way is looked up once.

Paths are relative to the space. What cannot be read is gathered in `damaged`, for whoever holds no transaction open to
report it, and is at no path.
"""

from collections.abc import Iterator

from docstopd.catalog.nodes import Row
from docstopd.errors import Damaged, NotFound
from docstopd.model import NodeId, SpacePath
from docstopd.vault.tree import Tree

BATCH = 1000


class Present:
    """The tree of a space within one transaction."""

    def __init__(self, tree: Tree, damaged: list[Damaged]) -> None:
        self._tree = tree
        self._known: dict[SpacePath, Row | None] = {(): tree.root()}
        self._damaged = damaged
        self._unreadable: set[SpacePath] = set()

    def at(self, path: SpacePath) -> Row | None:
        """The node at `path`, None where nothing is."""
        if path in self._known:
            return self._known[path]
        parent = self.at(path[:-1])
        row = None
        if parent is not None and parent.folder:
            try:
                row = self._tree.child(parent, path[-1])
            except Damaged as error:
                self._damaged.append(error)
                self._unreadable.add(path)
        self._known[path] = row
        return row

    def readable(self, path: SpacePath) -> bool:
        """Whether what `at` says of this path is true; damage on the way hides what is there."""
        return all(path[:length] not in self._unreadable for length in range(1, len(path) + 1))

    def place(self, node: NodeId) -> SpacePath | None:
        """The path of a node, None for one that is not in the tree any more."""
        try:
            path = self._tree.path(node)[1:]
        except (NotFound, Damaged):  # damage shows where the path itself is looked at
            return None
        row = self.at(path)
        return path if row is not None and row.id == node else None

    def below(self, path: SpacePath) -> Iterator[tuple[SpacePath, Row]]:
        """Everything below the folder at `path`, parents first."""
        waiting = [path]
        while waiting:
            folder = waiting.pop()
            row = self._known[folder]
            for name, member in self.members(row, 0) if row is not None else ():
                place = (*folder, name)
                self._known[place] = member
                yield place, member
                if member.folder:
                    waiting.append(place)

    def members(self, folder: Row, first: int) -> Iterator[tuple[str, Row]]:
        """The members of a folder by id, from an id on."""
        while found := self._tree.members_from(folder.id, first, BATCH):
            for row, name in found:
                if name is None:
                    self._damaged.append(Damaged("a member of a folder cannot be read", row.id))
                else:
                    yield name, row
            first = found[-1][0].id + 1
