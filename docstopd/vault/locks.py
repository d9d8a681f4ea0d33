"""WebDAV write locks as their owners see them: take, refresh, give back, look up (RFC 4918 sections 6, 9.10, 9.11)."""

import contextlib
import struct
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from docstopd.catalog import locks as store
from docstopd.catalog.nodes import Row
from docstopd.crypto.spacekey import SpaceKey
from docstopd.crypto.wrap import unwrap, wrap
from docstopd.db import Rows
from docstopd.errors import Damaged, Forbidden, Incompatible, LockConflict, NoSuchLock
from docstopd.model import NO_GUARD, Guard, Lock, NodeId, SpacePath
from docstopd.vault import locking, naming
from docstopd.vault.change import Change, Changes, checked_path
from docstopd.vault.journal import Facts
from docstopd.vault.opening import OpenSpace, open_space
from docstopd.vault.session import Session
from docstopd.vault.tree import Chain, Tree
from docstopd.vault.upload import Upload

SECOND = 1_000_000
OWNER_LIMIT = 4096
"""Characters of a lock's owner that are kept."""


@dataclass(frozen=True, slots=True)
class _Wish:
    """What a client asks for."""

    exclusive: bool
    infinite: bool
    owner: str
    timeout: int


class Locks:
    """The door to the locks of all spaces; they outlast a restart."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self._stores = changes.stores

    def lock(
        self,
        session: Session,
        path: SpacePath,
        guard: Guard = NO_GUARD,
        *,
        exclusive: bool,
        infinite: bool,
        owner: str,
        timeout: int,
    ) -> tuple[Lock, bool]:
        """Take a lock for `timeout` seconds; True when an empty file was made to carry it (section 7.3).

        Raises `LockConflict`, `ParentMissing`, `PreconditionFailed`, `Locked` when a locked folder refuses the new
        file, `Forbidden` for readers.
        """
        path = tuple(naming.normal(name) for name in path)
        wish = _Wish(exclusive, infinite, owner[:OWNER_LIMIT], timeout)
        if self._exists(session, path):

            def work(change: Change) -> Lock:
                chain = change.existing(path)
                change.guard(path, guard)
                return self._take(change, chain, path, wish)

            return self._changes.run(session, path[0], work), False
        return self._lock_new(session, path, guard, wish), True

    def _exists(self, session: Session, path: SpacePath) -> bool:
        with self._reading(session, path[0]) as rows:
            tree = Tree(rows, open_space(rows, self._stores.keyring, session, path[0]))
            return len(tree.walk(path[1:])) == len(path)

    def _lock_new(self, session: Session, path: SpacePath, guard: Guard, wish: _Wish) -> Lock:
        path = checked_path(path, self._changes.policy)
        taken: list[Lock] = []

        def also(change: Change, row: Row) -> None:
            chain = [*change.parent(path), row]
            taken.append(self._take(change, chain, path, wish))

        with Upload(self._changes, session, path, guard, None, 0) as upload:
            upload.commit(also)
        return taken[-1]

    def _take(self, change: Change, chain: Chain, path: SpacePath, wish: _Wish) -> Lock:
        others = locking.covering(change.rows, chain, change.now)
        if wish.infinite:
            others += locking.below(change.rows, chain[-1], change.now)
        conflicts = [lock for lock in others if wish.exclusive or lock.exclusive]
        if conflicts:
            raise LockConflict(sorted({change.tree.path(lock.node) for lock in conflicts}))
        token = f"urn:uuid:{uuid.UUID(bytes=self._stores.random(16), version=4)}"
        key, node = change.opened.key, chain[-1]
        plain = store.Row(
            token=token,
            space=node.space,
            node=node.id,
            user=change.session.user.id,
            exclusive=wish.exclusive,
            infinite=wish.infinite,
            epoch=key.epoch,
            owner=b"",
            timeout=wish.timeout,
            expires=change.now + wish.timeout * SECOND,
        )
        row = replace(plain, owner=wrap(key.properties, wish.owner.encode(), _place(plain), self._stores.random))
        store.add(change.rows, row, change.now)
        facts: Facts = {"exclusive": wish.exclusive, "infinite": wish.infinite, "timeout": wish.timeout}
        change.record("lock", node.id, path, facts)
        return _lock(change.tree, change.opened, row)

    def refresh(self, session: Session, path: SpacePath, tokens: frozenset[str], timeout: int) -> Lock:
        """Give the lock on `path` that one of the tokens names a new end. Raises `NoSuchLock`, `NotFound`."""
        path = tuple(naming.normal(name) for name in path)

        def work(change: Change) -> Lock:
            chain = change.existing(path)
            found = locking.covering(change.rows, chain, change.now)
            mine = [lock for lock in found if lock.token in tokens and lock.user == session.user.id]
            if not mine:
                raise NoSuchLock("no lock of yours with this token covers this")
            expires = change.now + timeout * SECOND
            store.extend(change.rows, mine[0].token, timeout, expires)
            return replace(_lock(change.tree, change.opened, mine[0]), timeout=timeout, expires=expires)

        return self._changes.run(session, path[0], work)

    def unlock(self, session: Session, path: SpacePath, token: str) -> None:
        """Give a lock back. Raises `NoSuchLock`, `Forbidden` for another user's lock."""
        path = tuple(naming.normal(name) for name in path)

        def work(change: Change) -> None:
            chain = change.existing(path)
            found = [lock for lock in locking.covering(change.rows, chain, change.now) if lock.token == token]
            if not found:
                raise NoSuchLock("no lock with this token covers this")
            if found[0].user != session.user.id:
                raise Forbidden("this lock is another user's")
            store.remove(change.rows, token)
            change.record("unlock", found[0].node, path, {})

        self._changes.run(session, path[0], work)

    def covering(self, session: Session, path: SpacePath) -> Sequence[Lock]:
        """The locks on the node at `path`, inherited ones included."""
        with self._reading(session, path[0]) as rows:
            opened = open_space(rows, self._stores.keyring, session, path[0])
            tree = Tree(rows, opened)
            chain = tree.walk(tuple(naming.normal(name) for name in path[1:]))
            found = locking.covering if len(chain) == len(path) else locking.covering_member
            return [_lock(tree, opened, lock) for lock in found(rows, chain, self._stores.clock())]

    def members(self, session: Session, path: SpacePath) -> dict[NodeId, list[Lock]]:
        """For a listing: each member's own locks, and under the folder's own id those that cover the folder.

        A member's lock that cannot be read is left out: it must not hide the folder. It stands in the way all the same.
        """
        now = self._stores.clock()
        damaged: list[Damaged] = []
        with self._reading(session, path[0]) as rows:
            opened = open_space(rows, self._stores.keyring, session, path[0])
            tree = Tree(rows, opened)
            chain = tree.find(tuple(naming.normal(name) for name in path[1:]))
            found = {chain[-1].id: [_lock(tree, opened, lock) for lock in locking.covering(rows, chain, now)]}
            for row in store.on_members(rows, chain[-1].id, now):
                try:
                    found.setdefault(row.node, []).append(_lock(tree, opened, row))
                except Damaged as error:
                    damaged.append(error)
        for found_bad in damaged:
            self._changes.damage.report(opened.space.id, session.user.id, found_bad)
        return found

    @contextlib.contextmanager
    def _reading(self, session: Session, label: str) -> Iterator[Rows]:
        with self._changes.damage.watch(session.user.id, label), self._stores.catalog.read() as rows:
            yield rows


def _lock(tree: Tree, opened: OpenSpace, row: store.Row) -> Lock:
    key: SpaceKey | None = opened.keys.get(row.epoch)
    if key is None:
        raise Damaged(f"a lock on node {row.node} belongs to another epoch", row.node)
    try:
        owner = unwrap(key.properties, row.owner, _place(row)).decode()
    except (Damaged, Incompatible) as error:
        raise Damaged(f"a lock on node {row.node}: {error}", row.node) from error
    return Lock(
        row.token,
        row.node,
        tree.path(row.node),
        row.user,
        bool(row.exclusive),
        bool(row.infinite),
        owner,
        row.timeout,
        row.expires,
    )


def _place(row: store.Row) -> bytes:
    """All of a lock that a refresh leaves as it is."""
    kind = struct.pack(">Q??", row.node, row.exclusive, row.infinite)
    return b"docstopd/lock/v1" + row.space + kind + row.user + row.token.encode()
