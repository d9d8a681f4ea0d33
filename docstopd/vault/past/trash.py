"""`.trash`: what was deleted, each deleted tree under its name with the day and its id, to be looked into.

Name and proof of a deleted node open with the id of its folder, whether that folder is still there or not.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

from docstopd.catalog import journal, trash, users
from docstopd.catalog.nodes import Row
from docstopd.catalog.trash import Head
from docstopd.errors import Damaged, Incompatible, NotFound
from docstopd.model import Deletion, NodeId, SpacePath
from docstopd.vault.journal import read_payload
from docstopd.vault.past.naming import deleted_name, deleted_node
from docstopd.vault.past.place import Members, Place, gather, made_up, shown
from docstopd.vault.view import View

AREA = ".trash"
LONGEST_NAME = 255
"""Bytes of a name here: a longer one would find no way through a URL."""


def find(view: View, names: Sequence[str]) -> Place:
    """What is at this path below `.trash`. Raises `NotFound`, `Damaged`."""
    if not names:
        root = view.tree.root()
        return Place(made_up(view, -root.id, AREA, root.modified), None, partial(_heads, view))
    head = found_head(view, names[0])
    if len(names) == 1:
        return _head(view, head)
    row = head.row
    for name in names[1:]:
        below = view.tree.child(row, name) if row.folder else None
        if below is None:
            raise NotFound("nothing of that name")
        row = below
    return _place(view, row, names[-1])


def found_head(view: View, name: str) -> Head:
    """The head of the deleted tree of that name. Raises `NotFound`, `Damaged`."""
    node = deleted_node(name)
    head = trash.head(view.rows, node) if node is not None else None
    if head is None or head.row.space != view.opened.space.id or _name(view, head) != name:
        raise NotFound("nothing of that name")
    return head


def place_then(view: View, node: NodeId, deleted: int) -> SpacePath | None:
    """Where a node was when entry `deleted` took it, or what it lay in, out of the tree: from the space's label down.

    None when the journal cannot tell.
    """
    entry = journal.last_about(view.rows, view.opened.space.id, node, deleted)
    key = view.opened.keys.get(entry.epoch) if entry else None
    if entry is None or key is None:
        return None
    try:
        path = read_payload(entry, key.journal).get("path")
    except (Damaged, Incompatible):
        return None
    return tuple(path.split("/")) if path else None


def _heads(view: View) -> Members:
    def each() -> Iterator[Place | Damaged]:
        for head in trash.heads(view.rows, view.opened.space.id):
            try:
                yield _head(view, head)
            except Damaged as error:
                yield error

    return gather(each())


def _head(view: View, head: Head) -> Place:
    name = _name(view, head)
    place = place_then(view, head.row.id, head.deleted)
    user = None if head.actor is None else users.get(view.rows, head.actor)
    deletion = Deletion(
        name=view.tree.name(head.row),
        place=place[:-1] if place else None,
        time=head.time,
        user=user.name if user else None,
    )
    found = _place(view, head.row, name)
    return replace(found, node=found.node._replace(deletion=deletion))


def _name(view: View, head: Head) -> str:
    name = view.tree.name(view.tree.checked(head.row))
    return deleted_name(name, head.row.id, head.time, LONGEST_NAME)


def _place(view: View, row: Row, name: str) -> Place:
    return Place(shown(view, row, name), row, partial(_members, view, row))


def _members(view: View, folder: Row) -> Members:
    return gather(
        Damaged("a member of a folder cannot be read", row.id) if name is None else _place(view, row, name)
        for row, name in (view.tree.members(folder.id) if folder.folder else ())
    )
