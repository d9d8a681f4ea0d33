"""The tree of a space as it was at a time, as far as the catalog still holds it.

Everything is in it that had been made by then and had not been deleted, under the name and in the folder that it had
(`moves`), each file with the newest content received by then that is still kept. What has been purged since is gone
from it; so is a file of which no version of then is left. Properties are those of now: they have no past.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial

from docstopd.catalog import journal, nodes, trash, versions
from docstopd.catalog.nodes import Row
from docstopd.errors import Damaged, NotFound
from docstopd.model import BlobId, Micros, NodeId, SpacePath
from docstopd.vault.past.moves import Places, places_at
from docstopd.vault.past.place import Members, Place, gather, shown
from docstopd.vault.view import View


class Point:
    """One point in time. Raises `NotFound` for a time before the space was made."""

    def __init__(self, view: View, time: Micros) -> None:
        self._view = view
        self._time = time
        self._seq = journal.last_at(view.rows, view.opened.space.id, time)
        if not self._seq:
            raise NotFound("the space was not there yet")
        self._newest = journal.newest_node(view.rows, view.opened.space.id, self._seq)

    @cached_property
    def _places(self) -> Places:
        return places_at(self._view, self._seq)

    @cached_property
    def _foreign(self) -> Mapping[NodeId, Collection[BlobId]]:
        return self._places.foreign()

    def find(self, names: Sequence[str], label: str) -> Place:
        """What was at this path; `label` is shown for the space's own folder. Raises `NotFound`, `Damaged`."""
        row = self._view.tree.root()
        path: SpacePath = ()
        for name in names:
            child = self._child(row, path, name) if row.folder else None
            if child is None:
                raise NotFound("nothing of that name was there")
            row, path = child, (*path, name)
        return self._place(row, path, names[-1] if names else label)

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
        deleted = [head.row for head in trash.members(rows, folder.space, folder.id, self._seq)]
        for row in (*live, *deleted):
            if row.id <= self._newest and row.id not in self._places.then and (sealed is None or row.name in sealed):
                yield row

    def _name_then(self, node: NodeId) -> str:
        path = self._places.then[node]
        return path[-1] if path else ""

    def _arrived(self, node: NodeId) -> Row | None:
        """A node that is somewhere else now; None if it is gone, or came later."""
        if node > self._newest:
            return None
        if node not in self._places.merged:
            row = nodes.get(self._view.rows, node)
            return None if row is None else self._content(self._view.tree.checked(row))
        holder = nodes.get(self._view.rows, self._places.holder(node))
        if holder is None:
            return None
        found = replace(self._view.tree.checked(holder), id=node)
        return self._with_version(found, holder.id, self._places.merged[node][1])

    def _content(self, row: Row) -> Row | None:
        """A file with the content that it had; None when nothing of it is left. Folders as they are."""
        if row.folder:
            return row
        return self._with_version(row, row.id)

    def _with_version(self, row: Row, node: NodeId, only: BlobId | None = None) -> Row | None:
        foreign = self._foreign.get(node, ())
        for version in reversed(versions.of_node(self._view.rows, node)):
            wanted = version.blob not in foreign if only is None else version.blob == only
            if version.received <= self._time and wanted:
                return replace(row, blob=version.blob, size=version.size, modified=version.modified)
        return None
