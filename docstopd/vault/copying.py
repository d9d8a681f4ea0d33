"""COPY: every file becomes a new blob under a new data key, so that erasing one can never touch the other."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass

from docstopd.catalog import nodes, spaces
from docstopd.catalog.nodes import Row
from docstopd.crypto.spacekey import SpaceKey
from docstopd.errors import AlreadyExists, Damaged, Failed, Forbidden, Refused
from docstopd.model import SECOND, BlobId, Guard, Micros, Node, SpacePath, Written
from docstopd.vault import naming, properties
from docstopd.vault.change import Change, Changes
from docstopd.vault.content import Content
from docstopd.vault.journal import Facts
from docstopd.vault.moving import check_overlap
from docstopd.vault.opening import OpenSpace, open_space
from docstopd.vault.past import lookup
from docstopd.vault.session import Session
from docstopd.vault.tree import Tree
from docstopd.vault.upload import BlobSealer, Sealed, keep_data_keys, set_content
from docstopd.vault.view import View

Opener = Callable[[OpenSpace, Row, Node], Content]
"""Opens the content of a file's row."""


@dataclass(frozen=True, slots=True)
class _Source:
    """What is to be copied, as one view of the source's space showed it. `chain` is empty for what is past."""

    path: SpacePath
    opened: OpenSpace
    chain: list[Row]
    rows: list[Row]
    paths: dict[int, SpacePath]


class _Replaced(Failed):
    """A content that keeps no past was replaced while it was being copied, and its blob went with it."""


SOON: Micros = 10 * SECOND
"""For so long a blob waits for its data key while others are copied."""

TRIES = 8
"""Looks at a source that others write to."""


class Copy:
    """One COPY: bodies first, all durable, then a single transaction gives them their places."""

    def __init__(self, changes: Changes, session: Session, open_content: Opener) -> None:
        self._changes = changes
        self._session = session
        self._open_content = open_content

    def run(self, source: SpacePath, target: SpacePath, guard: Guard, *, overwrite: bool, deep: bool) -> Written:
        """Copy a file, or a folder with (`deep`) or without what is below it."""
        for _ in range(TRIES):
            found = self._look(source, deep=deep)
            with contextlib.suppress(_Replaced):
                return self._run(found, source, target, guard, overwrite=overwrite)
        raise Failed("what was to be copied changes faster than it can be read")

    def _run(self, found: _Source, source: SpacePath, target: SpacePath, guard: Guard, *, overwrite: bool) -> Written:
        size = sum(row.size for row in found.rows)

        def check(change: Change) -> SpaceKey:
            change.room(size, self._check(change, found, source, target, guard, overwrite=overwrite))
            return change.opened.key

        key = self._changes.preview(self._session, target[0], check)
        sealed: dict[int, Sealed] = {}
        data_keys: dict[BlobId, bytes] = {}
        try:
            self._reseal_all(found, sealed, data_keys, key)

            def work(change: Change) -> Written:
                if check(change).epoch != key.epoch:
                    keep_data_keys(self._changes, change.opened.key, data_keys)
                return self._place(change, found, sealed, target)

            return self._changes.run(self._session, target[0], work)
        except (Refused, Failed):
            self._changes.destroy(list(data_keys))
            raise

    def _look(self, source: SpacePath, *, deep: bool) -> _Source:
        with self._changes.stores.catalog.read() as rows:
            opened = open_space(rows, self._changes.stores.keyring, self._session, source[0])
            tree = Tree(rows, opened)
            if naming.is_past(source):
                return _past_source(View(rows, opened, tree), source, deep=deep)
            chain = tree.find(source[1:])
            found = tree.below(chain[-1].id) if deep else [chain[-1]]
            paths: dict[int, SpacePath] = {chain[-1].id: ()}
            for row in found[1:]:
                paths[row.id] = (*paths[row.parent], tree.name(row))
            return _Source(source, opened, chain, found, paths)

    def _check(
        self, change: Change, found: _Source, source: SpacePath, target: SpacePath, guard: Guard, *, overwrite: bool
    ) -> int:
        """Raises what stands in the way; the size of a file that the copy replaces."""
        change.guard(source, guard)
        for path in found.paths.values():
            naming.check_length(len(target) + len(path), naming.length(target) + naming.length(path), change.policy)
        parent = change.parent(target)
        occupant = change.tree.child(parent[-1], target[-1])
        if found.chain:
            check_overlap(found.chain[-1], parent if len(found.rows) > 1 else [], occupant, found.chain)
        if occupant is None:
            change.may_add(parent, guard)
        elif not overwrite:
            raise AlreadyExists("there is something of that name")
        elif occupant.folder or found.rows[0].folder:
            change.may_remove([*parent, occupant], guard)
            change.classes.refuse_removal(occupant.id)
        else:
            change.may_write([*parent, occupant], guard)
            change.classes.refuse_overwriting(occupant.id)
        return occupant.size if occupant is not None else 0

    def _reseal_all(
        self, found: _Source, sealed: dict[int, Sealed], data_keys: dict[BlobId, bytes], key: SpaceKey
    ) -> None:
        """Keys follow their blobs soon: a blob that gets none is taken for somebody else's by who watches the files."""
        kept, last = 0, self._changes.stores.clock()
        for row in found.rows:
            if row.folder:
                continue
            sealed[row.id] = self._reseal(found, row, data_keys)
            if self._changes.stores.clock() - last > SOON:
                keep_data_keys(self._changes, key, dict(list(data_keys.items())[kept:]))
                kept, last = len(data_keys), self._changes.stores.clock()
        keep_data_keys(self._changes, key, dict(list(data_keys.items())[kept:]))

    def _reseal(self, found: _Source, row: Row, data_keys: dict[BlobId, bytes]) -> Sealed:
        node = Node(row.id, row.space, "", False, row.size, "", row.seq, row.created, row.modified)
        sealer = BlobSealer(self._changes)
        data_keys[sealer.blob] = sealer.data_key
        try:
            if not row.size:
                return sealer.finish()
            path = (*found.path, *found.paths[row.id])
            self._changes.batches.read(self._session, found.opened, row.id, row.blob, path)
            with self._open_content(found.opened, row, node) as content:
                for block in content.read(0, row.size):
                    sealer.write(block)
            return sealer.finish()
        except BaseException as error:
            sealer.abort()
            if isinstance(error, Damaged) and self._is_past(found, row):
                raise _Replaced("the source was replaced, or its key was, while it was copied") from error
            raise

    def _is_past(self, found: _Source, row: Row) -> bool:
        """Whether a file has another content by now, or its space a newer key. Of the past only the key changes."""
        with self._changes.stores.catalog.read() as rows:
            now, space = nodes.get(rows, row.id), spaces.get(rows, row.space)
        replaced = now is None or now.blob != row.blob
        return (bool(found.chain) and replaced) or space is None or space.epoch != found.opened.space.epoch

    def _place(self, change: Change, found: _Source, sealed: dict[int, Sealed], target: SpacePath) -> Written:
        parent = change.parent(target)
        occupant = change.tree.child(parent[-1], target[-1])
        top = found.rows[0]
        kept = occupant if occupant is not None and not occupant.folder and not top.folder else None
        if occupant is not None and kept is None:
            change.discard([*parent, occupant], target, "delete")
        made: dict[int, Row] = {}
        for row in found.rows:
            path = (*target, *found.paths[row.id])
            above = parent if row is top else [*parent, made[row.parent]]
            copied = self._place_one(change, row, above, path, sealed.get(row.id), kept if row is top else None)
            if copied.id != row.id:  # a file's own version keeps the properties that the file has
                properties.copy(change.rows, found.opened, row.id, change.opened, copied.id)
            made[row.id] = copied
        change.touch_members(parent, made[found.rows[-1].id].seq)
        node = change.tree.node(made[top.id], target[-1])
        return Written(node, occupant is None)

    def _place_one(
        self, change: Change, row: Row, above: list[Row], path: SpacePath, blob: Sealed | None, kept: Row | None
    ) -> Row:
        if blob is not None:
            return set_content(change, above, kept, path, blob, row.modified)[1]
        folder = change.make(above[-1], path[-1], folder=True)
        facts: Facts = {"folder": True, **change.warning(above[-1], path[-1])}
        seq = change.record("create", folder.id, path, facts)
        return change.save(folder._replace(seq=seq, modified=row.modified), path[-1], new=True)


def _past_source(view: View, source: SpacePath, *, deep: bool) -> _Source:
    """What is shown of the past. It holds no place in the tree, so nothing that it is copied to can overlap with it."""
    place = lookup.find(view, source)
    if place.row is None:
        raise Forbidden("this folder is a view of the past: copy what is in it")
    rows: list[Row] = []
    paths: dict[int, SpacePath] = {}
    for path, row in place.below() if deep else [((), place.row)]:
        if row.id not in paths:
            rows.append(row)
            paths[row.id] = path
    return _Source(source, view.opened, [], rows, paths)
