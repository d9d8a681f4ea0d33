"""One space's nodes within one transaction, with their names in clear and every row's proof checked."""

import hashlib
import hmac
import struct
from collections.abc import Iterator, Mapping, Sequence

from docstopd.catalog import nodes
from docstopd.catalog.nodes import Row
from docstopd.crypto.spacekey import SpaceKey
from docstopd.db import Rows
from docstopd.errors import Damaged, NotFound
from docstopd.model import BlobId, Micros, Node, NodeId
from docstopd.vault.opening import OpenSpace

NO_BLOB = BlobId(b"")
NO_PARENT = NodeId(0)
PROOF_SIZE = 16

Chain = Sequence[Row]
"""A node's row with those of its ancestors before it, the root first."""


def proof(key: bytes, row: Row) -> bytes:
    """A keyed BLAKE2b digest over what must not be exchanged: who can only edit the catalog cannot make one."""
    try:
        head = struct.pack(">QQIBBQ", row.id, row.parent, row.epoch, row.folder, len(row.blob), row.size)
    except struct.error:
        raise Damaged(f"the catalog's row of node {row.id} holds impossible numbers", row.id) from None
    return hashlib.blake2b(head + row.space + row.blob + row.name, key=key, digest_size=PROOF_SIZE).digest()


def sealed_row(key: SpaceKey, row: Row, name: str) -> Row:
    """The row with its name and proof sealed under the current epoch."""
    named = row._replace(epoch=key.epoch, name=key.names.seal(name, row.space, row.parent) if name else row.space)
    return named._replace(proof=proof(key.proofs, named))


def is_proven(key: SpaceKey, row: Row) -> bool:
    """Whether a holder of the space's key wrote the row."""
    return hmac.compare_digest(proof(key.proofs, row), row.proof)


def name_of(key: SpaceKey, row: Row) -> str:
    """A row's name in clear, empty for a root. Raises `Damaged`."""
    return "" if row.parent == NO_PARENT else key.names.open(row.name, row.space, row.parent)


def etag(row: Row) -> str:
    """A file's is its blob, new with each content; a folder's moves with everything at or below it."""
    return f"{row.id:x}-{row.seq:x}" if row.folder else row.blob.hex()


class Tree:
    """Walks and reads one space. Raises `Damaged` for a row that was not written by a holder of the space's key."""

    def __init__(self, rows: Rows, opened: OpenSpace) -> None:
        self._rows = rows
        self._opened = opened

    def root(self) -> Row:
        """The top folder of the space."""
        row = nodes.get(self._rows, self._opened.space.root)
        if row is None or row.parent != NO_PARENT:
            raise Damaged("the root of a space is missing", self._opened.space.root)
        return self.checked(row)

    def child(self, parent: Row, name: str) -> Row | None:
        """The member of that (NFC) name."""
        row = nodes.child(self._rows, parent.id, self.sealed_names(parent, name))
        return None if row is None else self.checked(row)

    def sealed_names(self, parent: Row, name: str) -> list[bytes]:
        """What a (NFC) name can be stored as in a folder: one form for each epoch."""
        space = self._opened.space.id
        return [key.names.seal(name, space, parent.id) for key in self._opened.keys.values()]

    def walk(self, names: Sequence[str]) -> list[Row]:
        """The chain from the root as far down as `names` exist: complete when it has len(names) + 1 rows."""
        chain = [self.root()]
        for name in names:
            if not chain[-1].folder:
                break
            row = self.child(chain[-1], name)
            if row is None:
                break
            chain.append(row)
        return chain

    def find(self, names: Sequence[str]) -> list[Row]:
        """The whole chain. Raises `NotFound`."""
        chain = self.walk(names)
        if len(chain) != len(names) + 1:
            raise NotFound("nothing of that name")
        return chain

    def members(self, folder: NodeId) -> Iterator[tuple[Row, str | None]]:
        """Every member of a folder and its name, None for a row that is not sound: one bad row hides no other."""
        return map(self.readable, nodes.children(self._rows, folder))

    def changed_members(
        self, folder: NodeId, known: Mapping[NodeId, int], most: int
    ) -> tuple[list[NodeId], list[tuple[Row, str | None]]] | None:
        """All members' ids, and those whose seq is not the known one as `members` gives them; None beyond `most`."""
        found = nodes.seqs(self._rows, folder)
        changed = [node for node, seq in found if known.get(node) != seq]
        if len(changed) > most:
            return None
        rows = [row for node in changed if (row := nodes.get(self._rows, node)) is not None]
        return [node for node, _ in found], list(map(self.readable, rows))

    def members_from(self, folder: NodeId, first: int, limit: int) -> list[tuple[Row, str | None]]:
        """The next members of a folder as `members` gives them, by id, from the id `first` on."""
        return list(map(self.readable, nodes.children_from(self._rows, folder, first, limit)))

    def readable(self, row: Row) -> tuple[Row, str | None]:
        """The row and its name, None when one of them is not sound."""
        try:
            return self.checked(row), self.name(row)
        except Damaged:
            return row, None

    def below(self, node: NodeId) -> list[Row]:
        """The node and all below it, parents first, each checked."""
        return [self.checked(row) for row in nodes.below(self._rows, node)]

    def name(self, row: Row) -> str:
        """A row's name in clear; the space's label for its root."""
        if row.parent == NO_PARENT:
            return self._opened.space.label
        return self._key(row).names.open(row.name, row.space, row.parent)

    def is_sound(self, row: Row) -> bool:
        """Whether a holder of the space's key wrote the row."""
        return self.readable(row)[1] is not None

    def name_or_number(self, row: Row) -> str:
        """A row's name, or, when that cannot be read, its number after a question mark."""
        try:
            return self.name(row)
        except Damaged:
            return f"?{row.id}"

    def path(self, node: NodeId) -> tuple[str, ...]:
        """The path of a node by its ancestors' names. Raises `NotFound` when one of them is gone."""
        names: list[str] = []
        while True:
            row = nodes.get(self._rows, node)
            if row is None:
                raise NotFound("nothing of that name")
            names.append(self.name(self.checked(row)))
            if row.parent == NO_PARENT:
                return tuple(reversed(names))
            node = row.parent

    def node(self, row: Row, name: str) -> Node:
        """A row as callers see it."""
        return Node(row.id, row.space, name, bool(row.folder), row.size, etag(row), row.seq, row.created, row.modified)

    def _key(self, row: Row) -> SpaceKey:
        key = self._opened.keys.get(row.epoch)
        if key is None or row.space != self._opened.space.id:
            raise Damaged(f"node {row.id} belongs to another space or epoch", row.id)
        return key

    def checked(self, row: Row) -> Row:
        """The row, if a holder of the space's key wrote it. Raises `Damaged`."""
        if not hmac.compare_digest(proof(self._key(row).proofs, row), row.proof):
            raise Damaged(f"the catalog's row of node {row.id} was changed by another program", row.id)
        return row


def new_row(space: OpenSpace, node: NodeId, parent: NodeId, *, folder: bool, now: Micros) -> Row:
    """An empty node that is not sealed yet."""
    return Row(
        id=node,
        space=space.space.id,
        parent=parent,
        name=b"",
        epoch=space.space.epoch,
        folder=folder,
        blob=NO_BLOB,
        size=0,
        seq=0,
        created=now,
        modified=now,
        proof=b"",
    )
