"""One change of a space: everything that happens to it inside a single catalog transaction."""

import contextlib
import logging
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from docstopd.catalog import locks as lock_store
from docstopd.catalog import nodes, properties, spaces, users, versions
from docstopd.catalog.nodes import Row
from docstopd.db import Rows
from docstopd.errors import Failed, Forbidden, NotFound, ParentMissing, QuotaExceeded
from docstopd.model import SECOND, BlobId, Guard, Micros, NodeId, SpacePath
from docstopd.vault import guards, locking, naming, windows
from docstopd.vault.batches import Batches
from docstopd.vault.damage import DamageReports
from docstopd.vault.journal import Facts, Journal, Seal
from docstopd.vault.opening import OpenSpace, open_space
from docstopd.vault.retention import Cover
from docstopd.vault.retention.classes import Classes
from docstopd.vault.retention.standing import Standing
from docstopd.vault.session import Session
from docstopd.vault.stores import Policy, Stores
from docstopd.vault.tree import Chain, Tree, new_row, sealed_row
from docstopd.vault.view import View

T = TypeVar("T")

FRESH = SECOND
"""Microseconds for which what the sign-in found holds: a short request is not looked at twice."""

log = logging.getLogger(__name__)


class Change:
    """Opened once per transaction; membership, role, conditions and locks are all looked at inside it.

    `leftovers` are blobs that nothing refers to any more once the transaction is durable. `also` are facts of every
    entry of it. `read_only`: it is made though the space may be read-only.
    """

    def __init__(
        self, changes: "Changes", rows: Rows, session: Session, label: str, *, read_only: bool = False
    ) -> None:
        self._changes = changes
        self.rows = rows
        self.session = session
        self.opened: OpenSpace = open_space(rows, changes.stores.keyring, session, label)
        if read_only:
            self.opened.require_editor()
        else:
            self.opened.require_writable()
        self.tree = Tree(rows, self.opened)
        self.now: Micros = changes.stores.clock()
        self.policy = changes.policy
        self.leftovers: list[BlobId] = []
        self.also: Facts = {}
        self.classes = Classes(rows, changes.policy.retention.schedule, self.now)

    @property
    def cover(self) -> Cover:
        """What the standing holds cover."""
        return Cover(self.rows)

    def still_allowed(self) -> None:
        """An upload can take hours: the account and the credential must be good at its end, too.

        A request that was signed in a moment ago is one that came before whatever takes them back now.
        """
        if 0 <= self.now - self.session.known < FRESH:
            return
        user = users.get(self.rows, self.session.user.id)
        if user is None or not user.enabled or not self._changes.stores.keyring.has_slot(self.session.unlocked.slot):
            raise Forbidden("this account or this credential was taken back")

    # -- before anything is changed ---------------------------------------------------------------------------------

    def guard(self, path: SpacePath, guard: Guard) -> None:
        """Raises `PreconditionFailed` unless the request's conditions hold."""
        guards.check(self.rows, self._changes.stores.keyring, self.session, path, guard, self.now)

    def parent(self, path: SpacePath) -> list[Row]:
        """The chain to the folder that holds `path`. Raises `ParentMissing`."""
        chain = self.tree.walk(path[1:-1])
        if len(chain) != len(path) - 1 or not chain[-1].folder:
            raise ParentMissing("the folder that should hold this does not exist")
        return chain

    def existing(self, path: SpacePath) -> list[Row]:
        """The chain to the node at `path`. Raises `NotFound`."""
        return self.tree.find(path[1:])

    def removable(self, path: SpacePath) -> list[Row]:
        """The same, though the row of the node itself may be damaged: what is only taken away need not be sound."""
        if len(path) == 1:
            return self.existing(path)
        chain = self.tree.find(path[1:-1])
        row = nodes.child(self.rows, chain[-1].id, self.tree.sealed_names(chain[-1], path[-1]))
        if row is None:
            raise NotFound("nothing of that name")
        return [*chain, row]

    def room(self, size: int, instead_of: int = 0) -> None:
        """Raises `QuotaExceeded` when the space has no room for `size` bytes in place of others."""
        space = self.opened.space
        if space.quota is not None and size > instead_of and space.used + size - instead_of > space.quota:
            raise QuotaExceeded("the space's quota is used up")

    def may_write(self, chain: Chain, guard: Guard) -> None:
        """Raises `Locked` unless the caller holds the locks on the chain's last node."""
        self._require(locking.covering(self.rows, chain, self.now), guard)

    def may_add(self, parent: Chain, guard: Guard) -> None:
        """Raises `Locked` unless the caller may add members to, or take them from, the chain's last folder."""
        self._require(locking.covering(self.rows, parent, self.now), guard)

    def may_remove(self, chain: Chain, guard: Guard) -> None:
        """Raises `Locked` unless the caller may take the chain's last node, and all below it, away."""
        found = locking.covering(self.rows, chain, self.now) + locking.below(self.rows, chain[-1], self.now)
        self._require(found, guard)
        self.may_add(chain[:-1], guard)

    def _require(self, found: Sequence[lock_store.Row], guard: Guard) -> None:
        if found:
            locking.require(self.tree, found, guard, self.session.user.id)

    def paths(self, found: Sequence[Row], top: SpacePath) -> list[tuple[Row, SpacePath]]:
        """The nodes of a tree, parents first, with their paths when the first of them is at `top`.

        What cannot be read has its number for a name.
        """
        paths = {row.id: top for row in found[:1]}
        for row in found[1:]:
            paths[row.id] = (*paths.get(row.parent, top), self.tree.name_or_number(row))
        return [(row, paths[row.id]) for row in found]

    # -- the changes ------------------------------------------------------------------------------------------------

    def make(self, parent: Row, name: str, *, folder: bool) -> Row:
        """An unsaved node under `parent` with an id of its own."""
        return new_row(self.opened, nodes.reserve_in(self.rows, parent.space), parent.id, folder=folder, now=self.now)

    def save(self, row: Row, name: str, *, new: bool) -> Row:
        """Seal and write a node's row."""
        sealed = sealed_row(self.opened.key, row, name)
        folded = naming.folded(name)
        other = self.opened.key.names.seal(folded, row.space, row.parent) if folded != name else None
        (nodes.add if new else nodes.replace)(self.rows, sealed, other)
        return sealed

    def warning(self, parent: Row, name: str, moved: NodeId | None = None) -> Facts:
        """What an entry says of a name that Windows cannot open; a node that is `moved` is not in its own way."""
        reason = windows.reason(name)
        if reason is None and self._clashes(parent, name, moved):
            reason = windows.CLASH
        return {"windows": reason} if reason else {}

    def _clashes(self, parent: Row, name: str, moved: NodeId | None) -> bool:
        """Whether another member has the same name for who does not tell `A` from `a`."""
        folded = naming.folded(name)
        sealed = [key.names.seal(folded, parent.space, parent.id) for key in self.opened.keys.values()]
        found = {*nodes.folded_to(self.rows, parent.id, sealed)}
        if folded != name and (lower := nodes.child(self.rows, parent.id, sealed)) is not None:
            found.add(lower.id)
        return bool(found - {moved})

    def count_quietly(self) -> None:
        """Note that something changed of which the journal does not speak."""
        spaces.change_quietly(self.rows, self.opened.space.id)

    def use(self, change: int) -> None:
        """Count bytes that the space holds more, or fewer."""
        spaces.use(self.rows, self.opened.space.id, change)

    def drop_version(self, node: NodeId, blob: BlobId) -> None:
        """Remove a version that is not worth keeping; its blob is a leftover if no snapshot has it.

        It stays if it is held, or has content that a class protects: else a new name would be a way to lose it.
        """
        found = versions.get(self.rows, node, blob)
        if found is None or self.cover.covers_version(found.author, node):
            return
        if found.size and self.classes.protects(node):
            return
        if versions.drop(self.rows, node, blob):
            self.leftovers.append(blob)

    def drop_node(self, row: Row) -> None:
        """Remove a file that has no versions left, or never had one worth keeping."""
        properties.remove_all(self.rows, row.id)
        lock_store.remove_on(self.rows, [row.id])
        nodes.remove(self.rows, row.id)

    def _newest_size(self, row: Row) -> int:
        """The size of a file whose own row cannot be trusted."""
        past = versions.of_node(self.rows, row.id)
        return past[-1].size if past else 0

    def _leaves_nothing(self, row: Row, path: SpacePath) -> bool:
        """Whether a node that is deleted goes at once: a file that macOS left, of which nothing is held."""
        if row.folder or not naming.ephemeral(path[-1]) or self.cover.covers_tree(row.id):
            return False
        return [version.blob for version in versions.of_node(self.rows, row.id)] == [row.blob]

    def discard(self, chain: Chain, path: SpacePath, action: str) -> int:
        """Take a node and all below it out of the tree, into the trash; one entry for each. The last entry's number.

        Rows that are damaged go as well: nobody could get rid of them otherwise. Raises `Protected` where a class
        forbids it.
        """
        self.classes.refuse_removal(chain[-1].id)
        seq = size = 0
        removed = nodes.below(self.rows, chain[-1].id)
        for row, place in self.paths(removed, path):
            sound = self.tree.is_sound(row)
            own = row.size if sound else self._newest_size(row)
            facts: Facts = {"size": own, "folder": bool(row.folder), **({} if sound else {"damaged": True})}
            seq = self.record(action, row.id, place, facts)
            size += own
        lock_store.remove_on(self.rows, [row.id for row in removed])
        self.use(-size)
        top = chain[-1]
        if self.tree.is_sound(top) and self._leaves_nothing(top, path):
            self.drop_version(top.id, top.blob)  # the one that the row's proof names, whatever other tables say
            self.drop_node(top)
        else:
            nodes.to_trash(self.rows, chain[-1].id, seq)
        self.touch_members(chain[:-1], seq)
        return seq

    def record(self, action: str, node: NodeId, path: SpacePath, facts: Facts, **more: SpacePath) -> int:
        """Append to the space's journal; paths and where the request came from are sealed."""
        payload = {
            "path": "/".join(path),
            **{key: "/".join(value) for key, value in more.items()},
            "address": self.session.address,
            "agent": self.session.agent,
        }
        key = self.opened.key
        return self._changes.journal.append(
            self.rows,
            self.opened.space.id,
            action,
            actor=self.session.user.id,
            node=node,
            facts={**facts, **self.also} if self.also else facts,
            seal=Seal(key.journal, key.epoch, payload),
        )

    def touch(self, chain: Chain, seq: int) -> None:
        """Note the entry on these nodes: their etags move."""
        nodes.touch(self.rows, [row.id for row in chain], seq)

    def touch_members(self, chain: Chain, seq: int) -> None:
        """The same, when the chain's last folder has one member more, or one less."""
        self.touch(chain[:-1], seq)
        nodes.members_changed(self.rows, chain[-1].id, seq, self.now)


class Changes:
    """Runs changes, one transaction each, and clears away what they leave behind."""

    def __init__(
        self, stores: Stores, journal: Journal, policy: Policy, damage: DamageReports, batches: Batches
    ) -> None:
        self.stores = stores
        self.journal = journal
        self.policy = policy
        self.damage = damage
        self.batches = batches

    def run(self, session: Session, label: str, work: Callable[[Change], T], *, read_only: bool = False) -> T:
        """Carry out `work`; durable when this returns, undone when it raises. `read_only`: in a space that is, too."""

        def transaction(rows: Rows) -> tuple[T, list[BlobId]]:
            change = Change(self, rows, session, label, read_only=read_only)
            change.still_allowed()
            return work(change), change.leftovers

        with self.damage.watch(session.user.id, label):
            result, leftovers = self.stores.catalog.write(transaction)
        self.destroy(leftovers)
        return result

    def standing(self, rows: Rows) -> Standing:
        """What stands in the way of removals, for one transaction."""
        return Standing(rows, self.policy.retention.schedule, self.stores.clock())

    @contextlib.contextmanager
    def view(self, session: Session, label: str) -> Iterator[View]:
        """A space as one transaction sees it, for reading. Raises `NotFound`; damage is reported and comes out."""
        with self.damage.watch(session.user.id, label), self.stores.catalog.read() as rows:
            opened = open_space(rows, self.stores.keyring, session, label)
            yield View(rows, opened, Tree(rows, opened))

    def preview(self, session: Session, label: str, look: Callable[[Change], T]) -> T:
        """Run the checks of a change on a read-only view, before any work goes into it."""
        with self.damage.watch(session.user.id, label), self.stores.catalog.read() as rows:
            return look(Change(self, rows, session, label))

    def destroy(self, blobs: list[BlobId]) -> None:
        """Destroy blobs that no row names, keys first; what a crash or an error leaves over is an orphan, and legal.

        On a full disk no key can be removed; the blob goes all the same, since it may be what fills the disk.
        """
        if not blobs:
            return
        try:
            self.stores.keyring.remove_data_keys(blobs)
        except Failed as error:
            log.warning("%d keys that are no longer needed stay until the next sweep: %s", len(blobs), error)
        for blob in blobs:
            try:
                self.stores.blobs.delete(blob)
            except Failed as error:
                log.warning("blob %s is no longer needed and stays until the next sweep: %s", blob.hex(), error)


def checked_path(path: SpacePath, policy: Policy) -> SpacePath:
    """A path at which a node can be made, in NFC. Raises `InvalidName`, `Forbidden` for the spaces' own level."""
    normal = naming.normal_path(path)
    naming.check(normal, policy)
    return normal
