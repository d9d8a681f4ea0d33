"""The tree of a space as it was at a time, as far as the catalog still holds it.

Everything is in it that had been made by then and had not been deleted, under the name and in the folder that it had
(`moves`), each file with the newest content received by then that is still kept. What has been purged since is gone
from it; so is a file of which no version of then is left. Properties are those of now: they have no past.
"""

import json
from collections.abc import Iterator, Sequence
from functools import cached_property, partial

from docstopd.catalog import journal, nodes, trash, versions
from docstopd.catalog.nodes import Row
from docstopd.catalog.versions import Version
from docstopd.errors import Damaged, NotFound
from docstopd.model import BlobId, Micros, NodeId, SpacePath
from docstopd.vault.past.moves import Places, places_at
from docstopd.vault.past.place import Members, Place, gather, shown
from docstopd.vault.view import View


class Point:
    """One point in time. Raises `NotFound` for a time before the space was made.

    `seq`: the last entry that was there. `newest`: the node that was made last.
    """

    def __init__(self, view: View, time: Micros) -> None:
        self._view = view
        self._time = time
        self.seq = journal.last_at(view.rows, view.opened.space.id, time)
        if not self.seq:
            raise NotFound("the space was not there yet")
        self.newest = journal.newest_node(view.rows, view.opened.space.id, self.seq)
        self._folders: dict[SpacePath, NodeId] = {}

    @cached_property
    def _places(self) -> Places:
        return places_at(self._view, self.seq)

    def find(self, names: Sequence[str], label: str) -> Place:
        """What was at this path; `label` is shown for the space's own folder. Raises `NotFound`, `Damaged`."""
        row, path = self._found(names)
        return self._place(row, path, names[-1] if names else label)

    def _found(self, names: Sequence[str]) -> tuple[Row, SpacePath]:
        row = self._view.tree.root()
        path: SpacePath = ()
        for name in names:
            child = self._child(row, path, name) if row.folder else None
            if child is None:
                raise NotFound("nothing of that name was there")
            row, path = child, (*path, name)
        return row, path

    def was_deleted(self, node: NodeId) -> bool:
        """Whether a node that has moved since was in the trash."""
        return node in self._places.then and self._places.then[node] is None

    def place(self, node: NodeId) -> tuple[NodeId, str] | None:
        """The folder that held a node, and its name; None for what was in the trash, came later, or is gone.

        Raises `NotFound` where the folder cannot be told, `Damaged`.
        """
        if node > self.newest:
            return None
        if node in self._places.then:
            path = self._places.then[node]
            return (self._folder(path[:-1]), path[-1]) if path else None
        row = nodes.get(self._view.rows, node)
        if row is None or self._lay_in_trash(row):
            return None
        return row.parent, self._view.tree.name(self._view.tree.checked(row))

    def _lay_in_trash(self, row: Row | None) -> bool:
        """Whether something that has not moved since lay in a folder that came out of the trash since."""
        while row is not None and row.id not in self._places.then:
            row = nodes.get(self._view.rows, row.parent)
        return row is not None and self.was_deleted(row.id)

    def content_of(self, node: NodeId) -> Row | None:
        """A node that was there, a file with its content of then; None when nothing of that is left."""
        return self._arrived(node)

    def _folder(self, path: SpacePath) -> NodeId:
        known = self._folders.get(path)
        if known is None:
            known = self._folders[path] = self._found(path)[0].id
        return known

    def _place(self, row: Row, path: SpacePath, name: str) -> Place:
        return Place(shown(self._view, row, name), row, partial(self._members, row, path))

    def _members(self, folder: Row, path: SpacePath) -> Members:
        return gather(self._each(folder, path))

    def _each(self, folder: Row, path: SpacePath) -> Iterator[Place | Damaged]:
        if not folder.folder:
            return
        for row in self._stayed(folder):
            if self._view.tree.readable(row)[1] is None:
                yield Damaged("a member of a folder cannot be read", row.id)
            elif (then := self._content(row)) is not None:
                name = self._view.tree.name(row)
                yield self._place(then, (*path, name), name)
        for node in self._places.below.get(path, ()):
            name = self._name_then(node)
            try:
                then = self._arrived(node)
            except Damaged as error:
                yield error
                continue
            if then is not None:
                yield self._place(then, (*path, name), name)

    def _child(self, folder: Row, path: SpacePath, name: str) -> Row | None:
        for node in self._places.below.get(path, ()):
            if self._name_then(node) == name and (then := self._arrived(node)) is not None:
                return then
        sealed = set(self._view.tree.sealed_names(folder, name))
        for row in self._stayed(folder, sealed):
            if (then := self._content(self._view.tree.checked(row))) is not None:
                return then
        return None

    def _stayed(self, folder: Row, sealed: set[bytes] | None = None) -> Iterator[Row]:
        """What was in this folder then and has not been moved since; of these names alone, if some are given."""
        rows = self._view.rows
        if sealed is None:
            live = nodes.children(rows, folder.id)
        else:
            found = nodes.child(rows, folder.id, sorted(sealed))
            live = [found] if found else []
        deleted = [head.row for head in trash.members(rows, folder.space, folder.id, self.seq)]
        for row in (*live, *deleted):
            if row.id <= self.newest and row.id not in self._places.then and (sealed is None or row.name in sealed):
                yield row

    def _name_then(self, node: NodeId) -> str:
        path = self._places.then[node]
        return path[-1] if path else ""

    def _arrived(self, node: NodeId) -> Row | None:
        """A node that is somewhere else now; None if it is gone, or came later."""
        if node > self.newest:
            return None
        if node not in self._places.merged:
            row = nodes.get(self._view.rows, node)
            return None if row is None else self._content(self._view.tree.checked(row))
        row = nodes.get(self._view.rows, self._places.holder(node))
        version = None if row is None else self._version_of_merged(node, row.id)
        return None if row is None else _with(self._view.tree.checked(row)._replace(id=node), version)

    def _content(self, row: Row) -> Row | None:
        """A file with the content that it had; None when nothing of it is left. Folders as they are."""
        if row.folder:
            return row
        found: list[tuple[Micros, Version]] = []
        for version in self._received(row.id):
            if version.taken is None:
                found.append((version.received, version))
            elif version.taken <= self.seq:
                # Of what came with another file's past, one was ever this file's content: from that entry on.
                time, blob = self._taken(version.taken)
                if blob == version.blob:
                    found.append((time, version))
        return _with(row, max(found, key=lambda each: each[0], default=(0, None))[1])

    def _version_of_merged(self, node: NodeId, holder: NodeId) -> Version | None:
        """The content that a file had whose past is another's now."""
        move = self._places.merged[node]
        others = {each.blob for each in self._places.merged.values() if each.node == node}
        known = [version for version in self._received(holder) if version.blob not in others]
        # Its versions came with it. If they went on to a third file, only the last is known to be its own.
        own = [version for version in known if version.taken == move.seq or version.blob == move.blob]
        return own[-1] if own else None

    def _received(self, node: NodeId) -> list[Version]:
        return [version for version in versions.of_node(self._view.rows, node) if version.received <= self._time]

    def _taken(self, seq: int) -> tuple[Micros, BlobId]:
        """When an entry made which content a file's."""
        for entry in journal.entries(self._view.rows, self._view.opened.space.id, seq - 1, 1):
            if entry.seq == seq:
                return entry.time, BlobId(bytes.fromhex(json.loads(entry.facts).get("blob", "")))
        return 0, BlobId(b"")


def _with(row: Row, version: Version | None) -> Row | None:
    """A file with this content."""
    if version is None:
        return None
    return row._replace(blob=version.blob, size=version.size, modified=version.modified)
