"""`.versions`: the tree as it is, with a folder for each file that holds what the catalog has of its contents.

A version is named by when the server received it, with the file's own extension. The newest is the file's content now.
"""

from collections.abc import Iterator, Sequence
from functools import partial

from docstopd.catalog import versions
from docstopd.catalog.nodes import Row
from docstopd.catalog.versions import Version
from docstopd.errors import Damaged, NotFound
from docstopd.model import NodeId
from docstopd.vault.past.naming import version_name
from docstopd.vault.past.place import Members, Place, gather, made_up, shown
from docstopd.vault.view import View

AREA = ".versions"
_MARK = 4


def find(view: View, names: Sequence[str]) -> Place:
    """What is at this path below `.versions`. Raises `NotFound`, `Damaged`."""
    chain = view.tree.walk(names)
    if len(chain) == len(names) + 1:
        return _folder(view, chain[-1], names[-1] if names else AREA)
    if len(chain) == len(names) and not chain[-1].folder:
        for name, version in _named(view, chain[-1], names[-2]):
            if names[-1] in (name, _marked(version, names[-2])):
                return _version(view, chain[-1], version, names[-1])
    raise NotFound("nothing of that name")


def _folder(view: View, row: Row, name: str) -> Place:
    look = partial(_members, view, row) if row.folder else partial(_versions, view, row, name)
    return Place(made_up(view, -row.id, name, row.modified), None, look)


def _members(view: View, folder: Row) -> Members:
    return gather(
        Damaged("a member of a folder cannot be read", row.id) if name is None else _folder(view, row, name)
        for row, name in view.tree.members(folder.id)
    )


def _versions(view: View, row: Row, name: str) -> Members:
    return Members([_version(view, row, version, shown_as) for shown_as, version in _named(view, row, name)], [])


def _named(view: View, row: Row, name: str) -> Iterator[tuple[str, Version]]:
    """A file's versions by name. Where two were received in one microsecond, the second has its blob in its name."""
    last = -1
    for version in versions.of_node(view.rows, row.id):
        alone = version.received != last
        yield version_name(version.received, name) if alone else _marked(version, name), version
        last = version.received


def _marked(version: Version, name: str) -> str:
    return version_name(version.received, name, version.blob[:_MARK].hex())


def _version(view: View, file: Row, version: Version, name: str) -> Place:
    content = file._replace(blob=version.blob, size=version.size, created=version.received, modified=version.modified)
    # Its id is its own: dead properties and locks are the file's, and no version's.
    node = shown(view, content, name)._replace(id=NodeId(-int.from_bytes(version.blob[:7])))
    return Place(node, content)
