"""Nodes: the trees of all spaces. Names and proofs are sealed; places are looked up by the sealed name."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from docstopd.db import Rows
from docstopd.model import BlobId, Micros, NodeId, SpaceId

COLUMNS = "id, space, parent, name, epoch, folder, blob, size, seq, created, modified, proof"

_BELOW = """WITH RECURSIVE below(id) AS (
    SELECT ? UNION ALL SELECT n.id FROM nodes n JOIN below b ON n.parent = b.id WHERE n.deleted IS NULL)"""


class Row(NamedTuple):
    """A node as it is stored."""

    id: NodeId
    space: SpaceId
    parent: NodeId
    name: bytes
    epoch: int
    folder: bool
    blob: BlobId
    size: int
    seq: int
    created: Micros
    modified: Micros
    proof: bytes


def _row(row: tuple[Any, ...]) -> Row:
    return Row(*row)


def get(rows: Rows, node: NodeId) -> Row | None:
    """The node of that id, in the trash or not."""
    row = rows.one(f"SELECT {COLUMNS} FROM nodes WHERE id = ?", node)
    return _row(row) if row else None


def existing(rows: Rows, nodes: Sequence[NodeId]) -> set[NodeId]:
    """Those of these that there are, in the tree or in the trash."""
    found: list[Any] = rows.all(
        "SELECT id FROM nodes WHERE id IN (SELECT value FROM json_each(?))", json.dumps(list(nodes))
    )
    return {row[0] for row in found}


def child(rows: Rows, parent: NodeId, names: Sequence[bytes]) -> Row | None:
    """The member of a folder under one of the sealed forms of its name (one for each epoch in use)."""
    if len(names) == 1:
        row = rows.one(
            f"SELECT {COLUMNS} FROM nodes WHERE parent = ? AND name = ? AND deleted IS NULL",
            parent,
            names[0],
        )
    else:
        marks = ", ".join("?" * len(names))
        row = rows.one(
            f"SELECT {COLUMNS} FROM nodes WHERE parent = ? AND name IN ({marks}) AND deleted IS NULL",
            parent,
            *names,
        )
    return _row(row) if row else None


def folded_to(rows: Rows, parent: NodeId, names: Sequence[bytes]) -> list[NodeId]:
    """The members of a folder whose names are one of these sealed ones in lower case, and not as they are."""
    found: list[Any] = []
    for name in names:
        found += rows.all(
            "SELECT id FROM nodes WHERE parent = ? AND folded = ? AND folded IS NOT NULL AND deleted IS NULL",
            parent,
            name,
        )
    return [NodeId(row[0]) for row in found]


def children(rows: Rows, parent: NodeId) -> list[Row]:
    """The members of a folder, in no order that means anything."""
    found = rows.all(f"SELECT {COLUMNS} FROM nodes WHERE parent = ? AND deleted IS NULL", parent)
    return [_row(row) for row in found]


def seqs(rows: Rows, parent: NodeId) -> list[tuple[NodeId, int]]:
    """The members of a folder by id, each with the last entry that touched it."""
    found: list[Any] = rows.all("SELECT id, seq FROM nodes WHERE parent = ? AND deleted IS NULL", parent)
    return found


def children_from(rows: Rows, parent: NodeId, first: int, limit: int) -> list[Row]:
    """The next members of a folder, by id, from the id `first` on."""
    found = rows.all(
        # The plus signs keep the query on the index of places: by id it would read every node of every space.
        f"SELECT {COLUMNS} FROM nodes WHERE parent = ? AND deleted IS NULL AND +id >= ? ORDER BY +id LIMIT ?",
        parent,
        first,
        limit,
    )
    return [_row(row) for row in found]


def below(rows: Rows, node: NodeId) -> list[Row]:
    """The node and everything below it that is not in the trash, parents before members."""
    found = rows.all(
        f"{_BELOW} SELECT {COLUMNS} FROM nodes WHERE id IN below ORDER BY id",
        node,
    )
    by_parent: dict[NodeId, list[Row]] = {}
    top: Row | None = None
    for row in map(_row, found):
        if row.id == node:
            top = row
        else:
            by_parent.setdefault(row.parent, []).append(row)
    ordered = [top] if top else []
    for row in ordered:
        ordered.extend(by_parent.get(row.id, ()))
    return ordered


def reserve(rows: Rows) -> NodeId:
    """An id for the next `add`, so that its name and proof can be sealed with it; never given out twice."""
    row: Any = rows.one("SELECT seq FROM sqlite_sequence WHERE name = 'nodes'")
    return NodeId((row[0] if row else 0) + 1)


BLOCK = 64
"""Ids that a space gets at once, so that not every new node writes the count of all, a page of its own."""


def reserve_in(rows: Rows, space: SpaceId) -> NodeId:
    """The same for a node of a space that has a head. Within a space ids grow with time, whoever asks."""
    row: Any = rows.one("UPDATE heads SET given = given + 1 WHERE stream = ? AND given < until RETURNING given", space)
    if row is None:
        first = reserve(rows)
        rows.run("UPDATE sqlite_sequence SET seq = ? WHERE name = 'nodes'", first + BLOCK - 1)
        rows.run("UPDATE heads SET given = ?, until = ? WHERE stream = ?", first, first + BLOCK - 1, space)
        return first
    return NodeId(row[0])


def pass_over(rows: Rows, count: int) -> None:
    """Leave out so many ids: some of them were given out in a future that was lost."""
    rows.run("UPDATE sqlite_sequence SET seq = seq + ? WHERE name = 'nodes'", count)
    _end_blocks(rows)


def pass_beyond(rows: Rows, node: int) -> None:
    """Leave out every id up to this one."""
    rows.run("UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = 'nodes'", node)
    _end_blocks(rows)


def _end_blocks(rows: Rows) -> None:
    rows.run("UPDATE heads SET given = 0, until = 0")


def add(rows: Rows, node: Row, folded: bytes | None) -> None:
    """`folded`: the sealed name in lower case, where that is another. Raises `AlreadyExists` for a taken place."""
    rows.run(
        f"INSERT INTO nodes ({COLUMNS}, folded) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        node.id,
        node.space,
        node.parent,
        node.name,
        node.epoch,
        int(node.folder),
        node.blob,
        node.size,
        node.seq,
        node.created,
        node.modified,
        node.proof,
        folded,
    )


def replace(rows: Rows, node: Row, folded: bytes | None) -> None:
    """Write every field but id and space. Raises `AlreadyExists` when its new place is taken."""
    rows.run(
        "UPDATE nodes SET parent = ?, name = ?, epoch = ?, blob = ?, size = ?, seq = ?, created = ?,"
        " modified = ?, proof = ?, folded = ? WHERE id = ?",
        node.parent,
        node.name,
        node.epoch,
        node.blob,
        node.size,
        node.seq,
        node.created,
        node.modified,
        node.proof,
        folded,
        node.id,
    )


def touch(rows: Rows, nodes: Sequence[NodeId], seq: int) -> None:
    """Note on these nodes (a node and its ancestors) the journal entry that touched them."""
    rows.many("UPDATE nodes SET seq = ? WHERE id = ?", [(seq, node) for node in nodes])


def members_changed(rows: Rows, folder: NodeId, seq: int, now: Micros) -> None:
    """`touch` for a folder whose member list changed: that moves its modification time, as on people's own disks."""
    rows.run("UPDATE nodes SET seq = ?, modified = ? WHERE id = ?", seq, now, folder)


def to_trash(rows: Rows, node: NodeId, seq: int) -> None:
    """Take a node, and with it all below, out of the tree; the place is free at once."""
    rows.run("UPDATE nodes SET deleted = ?, seq = ? WHERE id = ?", seq, seq, node)


def remove(rows: Rows, node: NodeId) -> None:
    """Remove a node for good; its versions, properties and locks must be gone already."""
    rows.run("DELETE FROM nodes WHERE id = ?", node)


def remove_all(rows: Rows, space: SpaceId) -> None:
    """Remove every node of a space, with properties and locks; its versions are `versions.forget`'s."""
    for table in ("properties", "locks"):
        rows.run(f"DELETE FROM {table} WHERE node IN (SELECT id FROM nodes WHERE space = ?)", space)
    rows.run("DELETE FROM nodes WHERE space = ?", space)


def epochs(rows: Rows, space: SpaceId) -> list[int]:
    """The epochs under which names of this space are sealed."""
    found: list[Any] = rows.all("SELECT DISTINCT epoch FROM nodes WHERE space = ?", space)
    return [int(row[0]) for row in found]
