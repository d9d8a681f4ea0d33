"""Files and folders: what a signed-in user can see and change in the spaces of which he is a member.

Paths begin with the space's label. `NotFound` never tells whether a space exists that the caller may not see. Each
write is durable when it returns, and undone when it raises anything but `StateUnknown`.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from docstopd.catalog.nodes import Row
from docstopd.crypto.spacekey import SpaceKey
from docstopd.errors import AlreadyExists, Damaged, Forbidden, IsFolder, NotFolder, TooLarge
from docstopd.model import NO_GUARD, Guard, MemberRole, Micros, Node, NodeId, Quota, SpacePath, Written
from docstopd.vault import guards, moving, naming, properties
from docstopd.vault.ahead import ReadAhead
from docstopd.vault.basis import Basis, look
from docstopd.vault.change import Change, Changes, checked_path
from docstopd.vault.content import Content, open_content
from docstopd.vault.copying import Copy
from docstopd.vault.journal import Facts
from docstopd.vault.opening import OpenSpace, reopened_keys
from docstopd.vault.past import lookup, restore
from docstopd.vault.properties import PropertyChanges
from docstopd.vault.session import Session
from docstopd.vault.tree import etag
from docstopd.vault.upload import Upload


@dataclass(frozen=True, slots=True)
class Listing:
    """A folder and its members; those that cannot be read are left out, and `unreadable` counts them."""

    node: Node
    members: list[Node]
    unreadable: int


@dataclass(frozen=True, slots=True)
class Renewed:
    """A folder whose members were known before: the ids of all, in the order of a listing, and those that changed."""

    node: Node
    ids: list[NodeId]
    changed: list[Node]


MOST_RENEWED = 100
"""Changed members up to which the others are not read again."""


class Files:
    """The door to the trees of all spaces."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self._stores = changes.stores
        self._ahead = ReadAhead()

    # -- reading ----------------------------------------------------------------------------------------------------

    def stat(self, session: Session, path: SpacePath) -> Node:
        """The node at `path`. Raises `NotFound`, `Damaged`."""
        return self._look_up(session, path)[2]

    def role(self, session: Session, path: SpacePath) -> MemberRole:
        """What the caller may do in the space that holds `path`. Raises `NotFound`."""
        with self._changes.view(session, path[0]) as view:
            return MemberRole.READER if naming.is_past(path) else view.opened.acting

    def require_editor(self, session: Session, path: SpacePath) -> None:
        """Raises `Forbidden` for readers, and for all where a space is read-only; `NotFound`.

        What no change gets past, before work goes into preparing one.
        """
        with self._changes.view(session, path[0]) as view:
            view.opened.require_writable()

    def list(self, session: Session, path: SpacePath) -> Listing:
        """A folder and its members. Raises `NotFound`, `NotFolder`."""
        if naming.is_past(path):
            return self._list_past(session, path)
        with self._changes.view(session, path[0]) as view:
            tree = view.tree
            folder = tree.find(naming.normal_path(path)[1:])[-1]
            if not folder.folder:
                raise NotFolder("this is a file")
            found = list(tree.members(folder.id))
            members = [tree.node(row, name) for row, name in found if name is not None]
            listing = Listing(tree.node(folder, tree.name(folder)), members, len(found) - len(members))
        for row, name in found:
            if name is None:
                error = Damaged("a member of a folder cannot be read", row.id)
                self._changes.damage.report(listing.node.space, session.user.id, error)
        return listing

    def _list_past(self, session: Session, path: SpacePath) -> Listing:
        with self._changes.view(session, path[0]) as view:
            place = lookup.find(view, naming.normal_path(path))
            if not place.node.folder:
                raise NotFolder("this is a file")
            found = place.look()
        for error in found.damaged:
            self._changes.damage.report(place.node.space, session.user.id, error)
        return Listing(place.node, [member.node for member in found.places], len(found.damaged))

    def renew(self, session: Session, path: SpacePath, known: Mapping[NodeId, int]) -> Renewed | None:
        """A folder and its members but those whose `seq` is the known one; None when it takes a whole listing.

        Raises `NotFound`, `NotFolder`.
        """
        with self._changes.view(session, path[0]) as view:
            tree = view.tree
            folder = tree.find(naming.normal_path(path)[1:])[-1]
            if not folder.folder:
                raise NotFolder("this is a file")
            found = tree.changed_members(folder.id, known, MOST_RENEWED)
            if found is None or any(name is None for _, name in found[1]):
                return None
            changed = [tree.node(row, name) for row, name in found[1] if name is not None]
            return Renewed(tree.node(folder, tree.name(folder)), found[0], changed)

    def basis(self, session: Session, path: SpacePath, known: Basis | None, *, locks: bool) -> Basis | None:
        """What an answer about the node at `path` rests on, as `basis.look` says; to be read before the answer's parts.

        What changes between is then told newer than its basis says, and made anew the next time. Raises `NotFound`.
        None for the past, which rests on more than that.
        """
        if naming.is_past(path):
            return None
        with self._changes.view(session, path[0]) as view:
            return look(view, naming.normal_path(path), known, locks=locks, now=self._stores.clock())

    def open(self, session: Session, path: SpacePath) -> Content:
        """A file's content, to be closed by the caller. Raises `NotFound`, `IsFolder`, `Damaged`."""
        seen = None
        while True:
            opened, row, node = self._look_up(session, path)
            if row is None or row.folder:
                raise IsFolder("this is a folder")
            try:
                noted = partial(self._changes.batches.read, session, opened, row.id, row.blob, path)
                return self._content(opened, row, node, partial(self._report, session, row), noted)
            except Damaged as error:
                if row.blob == seen:
                    self._report(session, row, error)
                    raise
                # A placeholder's blob goes with its next content: what was looked up may be the past by now.
                seen = row.blob

    def _look_up(self, session: Session, path: SpacePath) -> tuple[OpenSpace, Row | None, Node]:
        with self._changes.view(session, path[0]) as view:
            if naming.is_past(path):
                place = lookup.find(view, naming.normal_path(path))
                return view.opened, place.row, place.node
            row = view.tree.find(naming.normal_path(path)[1:])[-1]
            return view.opened, row, view.tree.node(row, view.tree.name(row))

    def _content(
        self,
        opened: OpenSpace,
        row: Row,
        node: Node,
        report: Callable[[Damaged], None] = lambda _error: None,
        noted: Callable[[], None] = lambda: None,
    ) -> Content:
        return open_content(self._stores, opened, row, node, report, noted, self._ahead)

    def properties(self, session: Session, nodes: Sequence[Node]) -> dict[NodeId, Mapping[str, str]]:
        """The dead properties of nodes of one space, as XML by Clark name. Raises `Damaged`."""
        result = {}
        for node, found in self._properties(session, nodes, None):
            if isinstance(found, Damaged):
                raise found
            if found:
                result[node.id] = found
        return result

    def properties_in_turn(
        self, session: Session, nodes: Sequence[Node], names: Collection[str] | None = None
    ) -> Iterator[Mapping[str, str]]:
        """Each node's dead properties, or those of these `names`, read as they are asked for: for answers that stream.

        A node whose own cannot be read has none here: it must not hide the others.
        """
        return ({} if isinstance(found, Damaged) else found for _, found in self._properties(session, nodes, names))

    def _properties(
        self, session: Session, nodes: Sequence[Node], names: Collection[str] | None
    ) -> Iterator[tuple[Node, Mapping[str, str] | Damaged]]:
        if not nodes:
            return
        # Kept: a session that is locked while the answer streams must not look like damage.
        known, space = session.unlocked.keys(nodes[0].space), nodes[0].space

        def keys(epochs: Collection[int]) -> Mapping[int, SpaceKey]:
            nonlocal known
            if not known.keys() >= set(epochs):  # the space's key was rotated meanwhile
                known = {**known, **reopened_keys(self._stores.keyring, session, space)}
            return known

        every = properties.in_turn(self._stores.catalog, keys, [node.id for node in nodes], names)
        for node, found in zip(nodes, every, strict=True):
            if isinstance(found, Damaged):
                self._changes.damage.report(node.space, session.user.id, found)
            yield node, found

    def quota(self, session: Session, path: SpacePath) -> Quota:
        """Used and available bytes of the space that holds `path`."""
        with self._changes.view(session, path[0]) as view:
            space = view.opened.space
        return Quota(space.used, None if space.quota is None else max(0, space.quota - space.used))

    def check(self, session: Session, path: SpacePath, guard: Guard) -> None:
        """Raises `PreconditionFailed` unless the conditions hold now (for requests that change nothing)."""
        with self._changes.damage.watch(session.user.id), self._stores.catalog.read() as rows:
            guards.check(rows, self._stores.keyring, session, naming.normal_path(path), guard, self._stores.clock())

    # -- writing ----------------------------------------------------------------------------------------------------

    def write(
        self,
        session: Session,
        path: SpacePath,
        guard: Guard = NO_GUARD,
        *,
        modified: Micros | None = None,
        expected: int | None = None,
    ) -> Upload:
        """Begin to write a file; what needs no body is checked now, unless the body is small, and again at the end.

        Raises `IsFolder`, `ParentMissing`, `Locked`, `PreconditionFailed`, `QuotaExceeded`, `Forbidden`,
        `InvalidName`, `TooLarge`, `NotFound` for the space.
        """
        path = self._place(path)
        if self._changes.policy.upload is not None and (expected or 0) > self._changes.policy.upload:
            raise TooLarge(f"a file may have at most {self._changes.policy.upload} bytes")
        return Upload(self._changes, session, path, guard, modified, expected or 0)

    def make_folder(
        self,
        session: Session,
        path: SpacePath,
        guard: Guard = NO_GUARD,
        wanted: Mapping[str, str] | None = None,
    ) -> Node:
        """Make a folder with these dead properties. Raises `AlreadyExists`, `ParentMissing`, and as `write` does."""
        path = self._place(path)

        def work(change: Change) -> Node:
            parent = change.parent(path)
            if change.tree.child(parent[-1], path[-1]) is not None:
                raise AlreadyExists("there is something of that name")
            change.guard(path, guard)
            change.may_add(parent, guard)
            row = change.make(parent[-1], path[-1], folder=True)
            facts: Facts = {"folder": True, **change.warning(parent[-1], path[-1])}
            seq = change.record("create", row.id, path, facts)
            row = change.save(row._replace(seq=seq), path[-1], new=True)
            properties.apply(change.rows, change.opened, row.id, list((wanted or {}).items()), self._changes.policy)
            change.touch_members(parent, seq)
            return change.tree.node(row, path[-1])

        return self._changes.run(session, path[0], work)

    def delete(self, session: Session, path: SpacePath, guard: Guard = NO_GUARD) -> None:
        """Move a node, with all below it, to the trash. Raises `NotFound`, `Locked`, `PreconditionFailed`."""
        path = naming.normal_path(path)
        naming.refuse_past(path)

        def work(change: Change) -> None:
            change.guard(path, guard)
            chain = change.removable(path)
            if len(chain) == 1:
                raise Forbidden("a space cannot be deleted here")
            change.may_remove(chain, guard)
            change.discard(chain, path, "delete")

        self._changes.run(session, path[0], work)

    def move(
        self, session: Session, source: SpacePath, target: SpacePath, guard: Guard = NO_GUARD, *, overwrite: bool
    ) -> Written:
        """Move a node. A file over a file adds a version to the target, which keeps its identity and its past.

        Out of the trash, this restores: the node is again what it was, with its versions and properties. Raises
        `NotFound`, `AlreadyExists` without `overwrite`, `ParentMissing`, `Overlap`, `Locked`, `Forbidden`; out of the
        trash `QuotaExceeded`.
        """
        source, target = naming.normal_path(source), self._place(target)
        if naming.is_past(source):
            restore.check_source(source, target)
            return self._changes.run(
                session, source[0], lambda change: restore.restore(change, source, target, guard, overwrite=overwrite)
            )
        if source[0] != target[0]:
            return self._move_across(session, source, target, guard, overwrite=overwrite)
        return self._changes.run(
            session, source[0], lambda change: moving.move(change, source, target, guard, overwrite=overwrite)
        )

    def _move_across(
        self, session: Session, source: SpacePath, target: SpacePath, guard: Guard, *, overwrite: bool
    ) -> Written:
        """One space's keys open nothing in another: the copy is durable before the source goes to the trash."""

        def check(change: Change) -> str:
            chain = change.existing(source)
            if len(chain) == 1:
                raise Forbidden("a space cannot be moved")
            change.may_remove(chain, guard)
            change.classes.refuse_removal(chain[-1].id)  # before the copy: it would be all that came of the move
            return etag(chain[-1])

        copied = self._changes.preview(session, source[0], check)
        written = self.copy(session, source, target, guard, overwrite=overwrite, deep=True)
        # What was changed after it was copied stays where it is: then there are two, and nothing is lost.
        self.delete(session, source, Guard(tokens=guard.tokens, if_match=(copied,)))
        return written

    def copy(
        self,
        session: Session,
        source: SpacePath,
        target: SpacePath,
        guard: Guard = NO_GUARD,
        *,
        overwrite: bool,
        deep: bool,
    ) -> Written:
        """Copy a file or a folder, with what is below it if `deep`. Raises as `move` and `QuotaExceeded`, `Damaged`."""
        source, target = naming.normal_path(source), self._place(target)
        with self._changes.damage.watch(session.user.id, source[0]):
            return Copy(self._changes, session, self._content).run(
                source, target, guard, overwrite=overwrite, deep=deep
            )

    def patch(
        self,
        session: Session,
        path: SpacePath,
        guard: Guard,
        changes: PropertyChanges,
        *,
        created: Micros | None = None,
        modified: Micros | None = None,
    ) -> None:
        """Change dead properties, in order and all or none, and the two times that clients may set."""
        path = naming.normal_path(path)
        naming.refuse_past(path)

        def work(change: Change) -> None:
            change.guard(path, guard)
            chain = change.existing(path)
            change.may_write(chain, guard)
            row = chain[-1]
            properties.apply(change.rows, change.opened, row.id, changes, self._changes.policy)
            seq = change.record("properties", row.id, path, {"count": len(changes)})
            if created is not None or modified is not None:
                times = row._replace(
                    created=row.created if created is None else created,
                    modified=row.modified if modified is None else modified,
                )
                change.save(times, path[-1] if len(path) > 1 else "", new=False)
            change.touch(chain, seq)

        self._changes.run(session, path[0], work)

    # -- inside -----------------------------------------------------------------------------------------------------

    def _place(self, path: SpacePath) -> SpacePath:
        if len(path) < 2:
            raise Forbidden("spaces are made by their admin, not here")
        return checked_path(path, self._changes.policy)

    def _report(self, session: Session, row: Row, error: Damaged) -> None:
        self._changes.damage.report(row.space, session.user.id, Damaged(str(error), row.id))
