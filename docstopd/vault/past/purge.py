"""Purge: a deleted tree goes for good.

Needs no key of a space. A tree goes from its leaves to its head, in transactions of bounded size: one that is broken
off leaves the rest of it in the trash, and the next purge goes on with that. Keys and ciphertexts go after the
transaction that gave them up; what a crash leaves of them are orphans, which are legal.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from docstopd.catalog import nodes, trash, versions
from docstopd.catalog.nodes import Row
from docstopd.db import Rows
from docstopd.model import BlobId, NodeId
from docstopd.vault.change import Changes
from docstopd.vault.journal import NOBODY, Facts

BATCH = 500
"""Nodes that one transaction removes: other writers wait for it."""


@dataclass(frozen=True, slots=True)
class Purged:
    """What went, and how many deleted trees stayed because something in them is held."""

    files: int = 0
    folders: int = 0
    versions: int = 0
    bytes: int = 0
    held: int = 0

    def __add__(self, more: "Purged") -> "Purged":
        return Purged(
            self.files + more.files,
            self.folders + more.folders,
            self.versions + more.versions,
            self.bytes + more.bytes,
            self.held + more.held,
        )


@dataclass(frozen=True, slots=True)
class _Piece:
    """Some nodes of one deleted tree, members before the folders that hold them. `last`: the head is among them."""

    head: NodeId
    deleted: int
    nodes: Sequence[NodeId]
    last: bool


class Purge:
    """The way out of the trash that leads nowhere."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self._catalog = changes.stores.catalog

    def run(self, heads: Iterable[tuple[NodeId, int]], actor: bytes = NOBODY) -> Purged:
        """Remove deleted trees, each named by its head and the entry of its deletion (`trash.Head.deleted`).

        A head that has been restored meanwhile, or deleted anew, is passed over. A tree in which anything is held
        stays whole. Whether their time has come, and whether their classes let them go, is the caller's to know.
        One entry for each file and folder says that it went; all of it is durable when this returns.
        """
        total = Purged()
        for batch in _batches(self._plan(heads)):
            removed, leftovers = self._catalog.write(partial(self._remove, batch, actor))
            self._changes.destroy(leftovers)
            total += removed
        return total

    def _plan(self, heads: Iterable[tuple[NodeId, int]]) -> Iterator[_Piece]:
        for node, deleted in heads:
            with self._catalog.read() as rows:
                tree = [row.id for row in reversed(nodes.below(rows, node))]
            for start in range(0, len(tree), BATCH):
                piece = tree[start : start + BATCH]
                yield _Piece(node, deleted, piece, start + BATCH >= len(tree))

    def _remove(self, batch: Sequence[_Piece], actor: bytes, rows: Rows) -> tuple[Purged, list[BlobId]]:
        total, leftovers = Purged(), list[BlobId]()
        standing = self._changes.standing(rows)
        for piece in batch:
            head = trash.head(rows, piece.head)
            if head is None or head.deleted != piece.deleted:
                continue
            if standing.covers_tree(piece.head):
                total += Purged(held=piece.last)
                continue
            for row in _still_below(rows, head.row, piece.nodes):
                total += self._drop(rows, row, actor, leftovers)
        return total, leftovers

    def _drop(self, rows: Rows, row: Row, actor: bytes, leftovers: list[BlobId]) -> Purged:
        past = versions.of_node(rows, row.id)
        leftovers += [version.blob for version in past if versions.drop(rows, row.id, version.blob)]
        trash.remove(rows, row.id)
        gone = Purged(int(not row.folder), int(row.folder), len(past), sum(version.size for version in past))
        facts: Facts = {"folder": bool(row.folder), "versions": gone.versions, "bytes": gone.bytes}
        self._changes.journal.append(rows, row.space, "purge", actor=actor, node=row.id, facts=facts)
        return gone


def _still_below(rows: Rows, head: Row, piece: Sequence[NodeId]) -> Iterator[Row]:
    """Those of a piece's nodes that nobody has taken out of the deleted tree since it was looked at."""
    for node in piece:
        row = nodes.get(rows, node)
        if row is not None and (node == head.id or trash.top(rows, node) == head.id):
            yield row


def _batches(pieces: Iterable[_Piece]) -> Iterator[list[_Piece]]:
    """Pieces that fit into one transaction together."""
    batch: list[_Piece] = []
    size = 0
    for piece in pieces:
        if batch and size + len(piece.nodes) > BATCH:
            yield batch
            batch, size = [], 0
        batch.append(piece)
        size += len(piece.nodes)
    if batch:
        yield batch
