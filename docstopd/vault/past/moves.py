"""Where the nodes of a space were at an entry of its journal, told by what has given them other places since.

Each such entry says where the node was just before, by the names that the folders had then. So a place is followed
back through the moves of the folders above it, as `history` does for sync. Paths are relative to the space.
"""

import json
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field

from docstopd.catalog import journal as store
from docstopd.errors import Damaged, Incompatible, Refused
from docstopd.model import BlobId, Entry, NodeId, SpacePath
from docstopd.vault.journal import BATCH, read_payload
from docstopd.vault.view import View

MOST_MOVES = 100_000
"""Entries that are read for one look at the past."""


@dataclass(frozen=True, slots=True)
class Move:
    """A node's change of place. `deleted`: it came out of the trash, to which this entry had brought it; 0 otherwise.

    `merged`: the node, now gone, whose content `blob` became a version of `node`; 0 for a node that moved itself.
    """

    seq: int
    node: NodeId
    folder: bool
    source: SpacePath
    target: SpacePath
    deleted: int
    merged: NodeId
    blob: BlobId


@dataclass(slots=True)
class Places:
    """What moved after an entry, and where it was then.

    `then`: the path of each node that has moved since, None where it was in the trash. `merged`: what was a file of its
    own then, and the move that made its past another file's. The rest is where it is now.
    """

    seq: int
    then: dict[NodeId, SpacePath | None] = field(default_factory=dict)
    merged: dict[NodeId, Move] = field(default_factory=dict)
    below: dict[SpacePath, list[NodeId]] = field(default_factory=dict)
    _folders: list[Move] = field(default_factory=list)
    _seqs: list[int] = field(default_factory=list)

    def add(self, move: Move) -> None:
        """Take the next move into account."""
        mover = move.merged or move.node
        if mover not in self.then:
            path = self._trace(move.source, move.deleted or move.seq, move.deleted)
            self.then[mover] = path
            if path:
                self.below.setdefault(path[:-1], []).append(mover)
        if move.merged:
            self.merged[move.merged] = move
        if move.folder:
            self._folders.append(move)
            self._seqs.append(move.seq)

    def _trace(self, path: SpacePath, before: int, deleted: int) -> SpacePath | None:
        """Where that was which was at `path` before an entry; None if it was in the trash."""
        if deleted and deleted <= self.seq:
            return None
        index = bisect_left(self._seqs, before)
        while index:
            index -= 1
            move = self._folders[index]
            if path[: len(move.target)] != move.target or len(path) == len(move.target):
                continue
            if move.deleted and move.deleted <= self.seq:
                return None
            path = (*move.source, *path[len(move.target) :])
            if move.deleted:
                index = bisect_left(self._seqs, move.deleted)
        return path

    def holder(self, node: NodeId) -> NodeId:
        """The file that has the content of a merged one by now."""
        seen = {node}
        while node in self.merged:
            node = self.merged[node].node
            if node in seen:  # only a journal that was tampered with says so
                raise Damaged("a file became a version of itself", node)
            seen.add(node)
        return node


def places_at(view: View, seq: int) -> Places:
    """The places at an entry. A move of which the journal cannot tell any more counts as none.

    Raises `Refused` when more has moved since than is read for one answer.
    """
    places = Places(seq)
    for count, entry in enumerate(_entries(view, seq)):
        if count >= MOST_MOVES:
            raise Refused("too much has been moved since then to tell where everything was")
        move = _move(view, entry)
        if move is not None:
            places.add(move)
    return places


def _entries(view: View, after: int) -> Iterator[Entry]:
    while batch := store.moves(view.rows, view.opened.space.id, after, BATCH):
        yield from batch
        after = batch[-1].seq


def _move(view: View, entry: Entry) -> Move | None:
    key = view.opened.keys.get(entry.epoch)
    if key is None:
        return None
    try:
        payload = read_payload(entry, key.journal)
    except (Damaged, Incompatible):
        return None
    facts = json.loads(entry.facts)
    deleted, target = int(facts.get("deleted", 0)), payload.get("path")
    # Where a restored node had been may be unknown, and then it is shown nowhere.
    source = payload.get("was", "") if deleted else payload.get("source")
    if source is None or target is None:
        return None
    return Move(
        seq=entry.seq,
        node=NodeId(entry.node),
        folder=bool(facts.get("folder", False)),
        source=tuple(source.split("/")[1:]),
        target=tuple(target.split("/")[1:]),
        deleted=deleted,
        merged=NodeId(int(facts.get("from", 0))),
        blob=BlobId(bytes.fromhex(facts.get("blob", ""))),
    )
