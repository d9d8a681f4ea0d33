"""Which paths a stretch of a space's journal changed.

Most entries say it themselves. A folder's move says only where the folder was and where it went; what lay below it
changed its path too. That is found from what came after: whatever was below the folder then either is below it now,
or left it by an entry of its own, and each such path is followed back through the moves of the folders above it. So
the paths found are all those at which anything changed, and perhaps a few at which something never was.

Paths in this file are relative to the space.
"""

import json
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from docstopd.catalog import journal as store
from docstopd.crypto.spacekey import SpaceKey
from docstopd.db import Rows
from docstopd.errors import Damaged, Incompatible, InvalidSyncToken
from docstopd.model import Entry, NodeId, SpaceId, SpacePath
from docstopd.vault.journal import BATCH, read_payload

QUIET = frozenset(
    {
        "lock",
        "unlock",
        "read",
        "damage",
        "heal",
        "space-add",
        "space-destroyed",
        "grant",
        "revoke",
        "custody",
        "quota",
        "rotate",
        "space-read-only",
        "space-writable",
        "tripwire",
        "rollback",
        "purge",
        "version-drop",
        "hold-place",
        "hold-release",
        "review-open",
        "review-void",
        "review-answer",
        "retention-event",
        "classify",
        "arrival",
        "arrival-waits",
    }
)
"""What changes no file or folder in the tree (what is purged has left it before). Any other action counts, so that a
new one cannot be forgotten here."""


@dataclass(frozen=True, slots=True)
class Step:
    """One change. `source`: where a moved node was before."""

    seq: int
    action: str
    node: NodeId
    folder: bool
    path: SpacePath
    source: SpacePath | None


def steps(rows: Rows, space: SpaceId, keys: Mapping[int, SpaceKey], after: int, most: int) -> Iterator[Step]:
    """The changes after an entry, in order.

    Raises `InvalidSyncToken` where a path cannot be read (its payload was erased, or is damaged: then from `Damaged`)
    or more than `most` entries follow. What was removed there is not known, so only a new beginning loses nothing.
    """
    seen = 0
    while batch := store.entries_but(rows, space, after, BATCH, QUIET):
        seen += len(batch)
        if seen > most:
            raise InvalidSyncToken("too much has changed since this sync token")
        for entry in batch:
            yield _step(entry, keys)
        after = batch[-1].seq


def _step(entry: Entry, keys: Mapping[int, SpaceKey]) -> Step:
    key = keys.get(entry.epoch)
    try:
        payload = read_payload(entry, key.journal) if key is not None else {}
    except (Damaged, Incompatible) as error:
        damage = Damaged(f"journal entry {entry.seq}: {error}", entry.node)
        raise InvalidSyncToken("the journal since this sync token is damaged") from damage
    if "path" not in payload:
        raise InvalidSyncToken("what happened since this sync token was erased")
    source = _relative(payload["source"]) if "source" in payload else None
    folder = bool(json.loads(entry.facts).get("folder", False))
    return Step(entry.seq, entry.action, NodeId(entry.node), folder, _relative(payload["path"]), source)


def _relative(text: str) -> SpacePath:
    return tuple(text.split("/")[1:])


class FolderMoves:
    """The moves of folders, to be added in their order; a restored folder comes from nowhere."""

    def __init__(self) -> None:
        self._seqs: list[int] = []
        self._places: list[tuple[SpacePath | None, SpacePath]] = []
        self._trails: dict[tuple[SpacePath, int], list[tuple[int, SpacePath]]] = {}

    def __bool__(self) -> bool:
        return bool(self._seqs)

    def add(self, seq: int, source: SpacePath | None, target: SpacePath) -> None:
        """Entry `seq` moved a folder."""
        self._seqs.append(seq)
        self._places.append((source, target))

    def trail(self, folder: SpacePath, before: int | None = None) -> list[tuple[int, SpacePath]]:
        """Where `folder` was before entry `before` (or is now), back to the first move: each path, with the entries

        that brought it there and took it away. What is made of it holds for each member of the folder.
        """
        count = len(self._seqs) if before is None else bisect_left(self._seqs, before)
        known = self._trails.get((folder, count))
        if known is None:
            known = self._trails[folder, count] = self._follow(folder, count)
        return known

    def _follow(self, folder: SpacePath, count: int) -> list[tuple[int, SpacePath]]:
        found: list[tuple[int, SpacePath]] = []
        for index in range(count - 1, -1, -1):
            source, target = self._places[index]
            if folder[: len(target)] != target:
                continue
            found.append((self._seqs[index], folder))
            if source is None:
                break
            folder = (*source, *folder[len(target) :])
            found.append((self._seqs[index], folder))
        return found


@dataclass(slots=True)
class Mention:
    """The first and the last entry that touched a path, and whether it was a folder's then.

    `holds`: something below it changed as well.
    """

    first: int
    last: int
    folder: bool
    holds: bool


class Mentions:
    """The paths touched below one folder; with `deep` all the way down, else its direct members."""

    def __init__(self, scope: SpacePath, *, deep: bool) -> None:
        self._scope = scope
        self._deep = deep
        self.found: dict[SpacePath, Mention] = {}

    def near(self, path: SpacePath) -> bool:
        """Whether members of a folder at `path` can be below the scope's folder, or show in its members."""
        if len(path) > len(self._scope):
            return self._deep and path[: len(self._scope)] == self._scope
        return self._scope[: len(path)] == path

    def step(self, path: SpacePath, seq: int, *, folder: bool) -> None:
        """An entry changed this path: the folders above it have new etags, and must be told before it."""
        for length in range(len(self._scope) + 1, len(path)):
            self.note(path[:length], seq, folder=True, holds=True)
        self.note(path, seq, folder=folder)

    def note(self, path: SpacePath, seq: int, *, folder: bool, holds: bool = False) -> None:
        """What is at `path` changed, or came, or went."""
        depth = len(self._scope)
        if len(path) <= depth or path[:depth] != self._scope:
            return
        if len(path) > depth + 1 and not self._deep:
            path, folder, holds = path[: depth + 1], True, True
        known = self.found.get(path)
        if known is None:
            self.found[path] = Mention(seq, seq, folder, holds)
            return
        if seq >= known.last:
            known.last, known.folder = seq, folder
        known.first = min(known.first, seq)
        known.holds = known.holds or holds
