"""Giving arrivals their places in the tree, a few in one transaction each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from docstopd.catalog import arrivals as store
from docstopd.catalog.nodes import Row
from docstopd.crypto.spacekey import SpaceKey
from docstopd.errors import Forbidden, InvalidName, Locked, QuotaExceeded
from docstopd.model import NO_GUARD, BlobId, NodeId, SpacePath
from docstopd.vault import naming
from docstopd.vault.arrivals.note import Opened
from docstopd.vault.change import Change, Changes
from docstopd.vault.journal import Facts
from docstopd.vault.upload import Sealed, keep_data_keys, set_content

INBOX = "Inbox"
"""The folder at the top of each space under which arrivals are filed."""

REASONS = (
    (QuotaExceeded, "quota"),
    (Locked, "lock"),
    (InvalidName, "name"),
    (Forbidden, "name"),
)
"""Why an arrival is not filed, as the journal and the list of arrivals say it."""


@dataclass
class Placed:
    """What became of some arrivals: how many were filed, and why others were not, by their blobs."""

    filed: int = 0
    bytes: int = 0
    waits: dict[BlobId, str] = field(default_factory=dict)


class Placing:
    """One run through a space's arrivals. It remembers which numbers are taken beside a name."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self._numbers: dict[tuple[NodeId, str], int] = {}

    def run(self, found: Sequence[Opened], change: Change) -> Placed:
        """File them, inside the transaction of `change`. What another process has filed meanwhile is passed over."""
        placed = Placed()
        keys: dict[BlobId, bytes] = {}
        for one in found:
            blob = one.arrival.blob
            if (arrival := store.get(change.rows, blob)) is None:
                continue
            try:
                self._place(change, replace(one, arrival=arrival), placed.bytes)
            except tuple(kind for kind, _reason in REASONS) as error:
                placed.waits[blob] = next(reason for kind, reason in REASONS if isinstance(error, kind))
                continue
            keys[blob] = one.data_key
            placed.filed += 1
            placed.bytes += one.note.size
        self.note(change, placed.waits)
        if keys:  # before the rows are durable; what is under the space's key already stays good if they never are
            key: SpaceKey = change.opened.key
            keep_data_keys(self._changes, key, keys)
        return placed

    def note(self, change: Change, waits: dict[BlobId, str]) -> None:
        """Write down why arrivals wait, where that is news."""
        for blob, reason in waits.items():
            known = store.get(change.rows, blob)
            if known is None or known.waits == reason:
                continue
            store.set_waits(change.rows, blob, reason)
            facts: Facts = {"blob": blob.hex(), "reason": reason}
            space = change.opened.space.id
            self._changes.journal.append(change.rows, space, "arrival-waits", actor=change.session.user.id, facts=facts)

    def _place(self, change: Change, one: Opened, before: int) -> None:
        """File one, when `before` bytes were filed in this transaction. Whatever is refused is so before any change."""
        label = change.opened.space.label
        check(one.note.path, label, self._changes)
        change.room(one.note.size + before)
        chain, path, missing = self._way(change, (INBOX, *one.note.path[:-1]))
        change.may_add(chain, NO_GUARD)
        name = one.note.path[-1] if missing else self._free(change, chain[-1], one.note.path[-1])
        naming.check((*path, *missing, name), self._changes.policy)
        for folder in missing:
            path = (*path, folder)
            chain = [*chain, _make(change, chain, path)]
        arrival = one.arrival
        sealed = Sealed(
            arrival.blob, one.note.size, arrival.stored, arrival.digest, received=arrival.received, born=arrival.born
        )
        set_content(change, chain, None, (*path, name), sealed, one.note.modified)
        store.remove(change.rows, arrival.blob)

    def _way(self, change: Change, names: SpacePath) -> tuple[list[Row], SpacePath, SpacePath]:
        """The folders on the way that are there, their path, and those that are missing.

        Where a file has the name of a folder, the folder gets a number.
        """
        chain = [change.tree.root()]
        path: SpacePath = (change.opened.space.label,)
        for done, name in enumerate(names):
            for candidate in numbered(name, 1, self._changes.policy.name):
                row = change.tree.child(chain[-1], candidate)
                if row is None:
                    return chain, path, (candidate, *names[done + 1 :])
                if row.folder:
                    chain, path = [*chain, row], (*path, candidate)
                    break
        return chain, path, ()

    def _free(self, change: Change, parent: Row, name: str) -> str:
        """The name, or the first one with a number that nothing in the folder has."""
        first = self._numbers.get((parent.id, name), 1)
        for number, candidate in enumerate(numbered(name, first, self._changes.policy.name), first):
            if change.tree.child(parent, candidate) is None:
                self._numbers[parent.id, name] = number + 1
                return candidate
        raise AssertionError("there are more numbers than names")


def check(path: SpacePath, label: str, changes: Changes) -> None:
    """Whether a file may be at this path below the folder for arrivals. Raises `InvalidName`, `Forbidden`."""
    for depth in range(1, len(path) + 1):
        naming.check((label, INBOX, *path[:depth]), changes.policy)


def numbered(name: str, first: int, limit: int) -> Iterator[str]:
    """`scan.pdf`, `scan (2).pdf`, `scan (3).pdf` …, each at most `limit` bytes."""
    stem, dot, ending = name.rpartition(".")
    if not stem:
        stem, dot, ending = name, "", ""
    number = first
    while True:
        if number == 1:
            yield name
        else:
            tail = f" ({number}){dot}{ending}"
            yield stem.encode()[: max(1, limit - len(tail.encode()))].decode(errors="ignore") + tail
        number += 1


def _make(change: Change, parent: list[Row], path: SpacePath) -> Row:
    row = change.make(parent[-1], path[-1], folder=True)
    facts: Facts = {"folder": True, **change.warning(parent[-1], path[-1])}
    seq = change.record("create", row.id, path, facts)
    row = change.save(row._replace(seq=seq), path[-1], new=True)
    change.touch_members(parent, seq)
    return row
