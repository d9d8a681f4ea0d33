"""Carrying out the steps of a rollback, inside a transaction; contents are copied before it."""

from collections.abc import Sequence

from docstopd.catalog import nodes
from docstopd.catalog import trash as trash_store
from docstopd.catalog.nodes import Row
from docstopd.errors import NotFound
from docstopd.model import NO_GUARD, BlobId, Node, SpacePath
from docstopd.vault import moving
from docstopd.vault.change import Change, Changes
from docstopd.vault.content import open_content
from docstopd.vault.past import restore, trash
from docstopd.vault.past.naming import deleted_name
from docstopd.vault.rollback.plan import Kind, Step
from docstopd.vault.rollback.reading import AS, FOR, path_in_trash
from docstopd.vault.session import Session
from docstopd.vault.upload import BlobSealer, Sealed, keep_data_keys, set_content
from docstopd.vault.view import View


class Contents:
    """The contents of some steps, each copied into a blob of its own under a key of its own."""

    def __init__(self, changes: Changes, session: Session, label: str) -> None:
        self._changes = changes
        self._session = session
        self._label = label
        self._keys: dict[BlobId, bytes] = {}
        self._epoch = 0
        self.sealed: dict[BlobId, Sealed] = {}

    def copy(self, steps: Sequence[Step]) -> None:
        """Copy them; durable when this returns. Raises `Damaged`, `StorageFull`."""
        if not steps:
            return
        with self._changes.view(self._session, self._label) as view:
            opened = view.opened
        for step in steps:
            assert step.row is not None
            self._changes.batches.read(self._session, opened, step.row.id, step.row.blob, step.target)
            with open_content(self._changes.stores, opened, step.row, _node(step.row)) as content:
                sealer = BlobSealer(self._changes)
                self._keys[sealer.blob] = sealer.data_key
                try:
                    for block in content.read(0, step.row.size):
                        sealer.write(block)
                    self.sealed[step.row.blob] = sealer.finish()
                except BaseException:
                    sealer.abort()
                    raise
        keep_data_keys(self._changes, opened.key, self._keys)
        self._epoch = opened.key.epoch

    def check_epoch(self, change: Change) -> None:
        """Wrap the keys anew when the space's key was replaced meanwhile."""
        if self._keys and change.opened.key.epoch != self._epoch:
            keep_data_keys(self._changes, change.opened.key, self._keys)

    def drop(self) -> None:
        """Destroy what was copied; for when it got no place."""
        self._changes.destroy(list(self._keys))


def _node(row: Row) -> Node:
    return Node(row.id, row.space, "", False, row.size, "", row.seq, row.created, row.modified)


def carry_out(change: Change, step: Step, contents: Contents) -> None:
    """One step. Raises `NotFound` where it does not find what the plan found, and as the change that it is."""
    match step.kind:
        case Kind.TRASH:
            change.discard(_chain(change, step), step.source, "delete")
        case Kind.MOVE:
            _chain(change, step)
            moving.move(change, step.source, step.target, NO_GUARD, overwrite=False)
        case Kind.RESTORE:
            restore.restore(change, _place_in_trash(change, step), step.target, NO_GUARD, overwrite=False)
        case Kind.CONTENT:
            chain = _chain(change, step)
            change.classes.refuse_overwriting(step.node)
            _fill(change, step, chain[:-1], chain[-1], contents)
        case Kind.CREATE:
            _fill(change, step, change.parent(step.target), None, contents)


def _chain(change: Change, step: Step) -> list[Row]:
    chain = change.removable(step.source) if step.kind is Kind.TRASH else change.existing(step.source)
    if chain[-1].id != step.node:
        raise NotFound("something else is there by now")
    return chain


def _place_in_trash(change: Change, step: Step) -> SpacePath:
    view = View(change.rows, change.opened, change.tree)
    row = nodes.get(change.rows, step.node)
    top = trash_store.top(change.rows, step.node)
    head = trash_store.head(change.rows, top) if top is not None else None
    if row is None or head is None:
        raise NotFound("it is not in the trash any more")
    name = change.tree.name(change.tree.checked(head.row))
    shown = deleted_name(name, head.row.id, head.time, trash.LONGEST_NAME)
    return (step.target[0], trash.AREA, shown, *path_in_trash(view, row))


def _fill(change: Change, step: Step, parent: list[Row], target: Row | None, contents: Contents) -> None:
    assert step.row is not None
    sealed = contents.sealed[step.row.blob]
    facts = {AS: step.row.blob.hex()}
    if target is None:
        facts[FOR] = str(step.node)
    set_content(change, parent, target, step.target, sealed, step.row.modified, facts=facts)
