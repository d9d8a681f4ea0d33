"""The door to the records schedule: what it says, which files have which class, and from when their time counts."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from docstopd.catalog import classes as store
from docstopd.catalog import nodes, trash
from docstopd.errors import Damaged, NotFound, Refused
from docstopd.model import Micros, NodeId, SpacePath
from docstopd.vault import naming
from docstopd.vault.change import Change, Changes
from docstopd.vault.retention.items import batched
from docstopd.vault.retention.schedule import CountedFrom, RetentionClass
from docstopd.vault.session import Session


@dataclass(frozen=True, slots=True)
class ClassCount:
    """A class, None for one that files have and the configuration has no more; how many files, and their bytes."""

    name: str
    klass: RetentionClass | None
    files: int
    bytes: int


class Filing:
    """What is done about classes beside the writing and moving of files, where `Classes` does it."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self._stores = changes.stores
        self._schedule = changes.policy.retention.schedule

    def counts(self) -> list[ClassCount]:
        """The schedule in its order, then what files have of classes that are in it no more."""
        with self._stores.catalog.read() as rows:
            found = {name: (files, size) for name, files, size in store.counts(rows)}
        known = [ClassCount(one.name, one, *found.pop(one.name, (0, 0))) for one in self._schedule.classes]
        return known + [ClassCount(name, None, *counts) for name, counts in found.items()]

    def set_event(self, session: Session, path: SpacePath, when: Micros) -> None:
        """Set the day that a file's class counts from. Takes an owner of the space, by password.

        A date once set moves only to later ones where the class protects the file: to bring it forward would shorten
        what the class promises. Raises `Refused` where the file's class counts from no event, `Forbidden`.
        """
        path = naming.normal_path(path)

        def work(change: Change) -> None:
            change.opened.require_owner()
            session.require_password()
            row = change.existing(path)[-1]
            state = store.of(change.rows, row.id)
            klass = self._schedule.named(state.name) if state is not None else None
            if state is None or klass is None or klass.counted_from is not CountedFrom.EVENT:
                raise Refused("this file is of no class that waits for an event")
            if state.event is not None and when < state.event:
                change.classes.refuse_removal(row.id)
            store.set_event(change.rows, row.id, when)
            change.record("retention-event", row.id, path, {"date": when})

        self._changes.run(session, path[0], work)

    def classify(self, session: Session, label: str) -> int:
        """Give every file of a space the class that fits its path now; how many changed theirs.

        For a schedule that is new, or was changed: else a file gets its class when it is written or moved. What a
        class protects keeps it. Takes an owner.
        """
        if not self._schedule:
            raise NotFound("the configuration has no classes")
        with self._changes.view(session, label) as view:
            found = nodes.below(view.rows, view.opened.space.root)
        files = [row.id for row in found if not row.folder]
        return sum(self._changes.run(session, label, partial(self._classify_some, some)) for some in batched(files))

    def _classify_some(self, files: Sequence[NodeId], change: Change) -> int:
        change.opened.require_owner()
        before = store.names_of(change.rows, files)
        for node in files:
            with suppress(NotFound, Damaged):  # gone meanwhile, or without a name that could be read
                if trash.top(change.rows, node) is None:
                    change.classes.assign(node, change.tree.path(node))
        after = store.names_of(change.rows, files)
        count = sum(before.get(node) != after.get(node) for node in files)
        if count:
            label = (change.opened.space.label,)
            change.record("classify", change.opened.space.root, label, {"files": count})
        return count
