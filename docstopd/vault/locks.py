"""WebDAV write locks as their owners see them: take, refresh, give back, look up (RFC 4918 sections 6, 9.10, 9.11)."""

import contextlib
import struct
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from docstopd.catalog import locks as store
from docstopd.catalog.nodes import Row
from docstopd.crypto.spacekey import SpaceKey
from docstopd.crypto.wrap import unwrap, wrap
from docstopd.errors import (
    AlreadyExists,
    Damaged,
    Forbidden,
    Incompatible,
    IsFolder,
    LockConflict,
    NoSuchLock,
    NotFound,
)
from docstopd.model import NO_GUARD, SECOND, Guard, Lock, MemberRole, NodeId, SpacePath, Written
from docstopd.vault import locking, naming
from docstopd.vault.change import Change, Changes, checked_path
from docstopd.vault.journal import Facts
from docstopd.vault.session import Session
from docstopd.vault.tree import Chain
from docstopd.vault.upload import Upload
from docstopd.vault.view import View

OWNER_LIMIT = 4096
"""Characters of a lock's owner that are kept."""

MOST_SHARED = 32
"""Shared locks that one node has at a time: each is shown with the node and looked at by each change of it.

One more conflicts with those that are there (423, RFC 4918 section 9.10.6), which end by themselves or are given back.
507 would say that the disk lacks room, and forbids the client to try again (section 11.5).
"""


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
        path = naming.normal_path(path)
        naming.refuse_past(path)
        wish = _Wish(exclusive, infinite, owner[:OWNER_LIMIT], timeout)

        def work(change: Change) -> Lock:
            chain = change.existing(path)
            change.guard(path, guard)
            return self._take(change, chain, path, wish)

        while True:  # until nobody makes or removes it between the look and the lock
            if self._exists(session, path):
                with contextlib.suppress(NotFound):
                    return self._changes.run(session, path[0], work), False
            else:
                with contextlib.suppress(AlreadyExists, IsFolder):
                    return self._lock_new(session, path, guard, wish), True

    def _exists(self, session: Session, path: SpacePath) -> bool:
        with self._changes.view(session, path[0]) as view:
            return len(view.tree.walk(path[1:])) == len(path)

    def _lock_new(self, session: Session, path: SpacePath, guard: Guard, wish: _Wish) -> Lock:
        path = checked_path(path, self._changes.policy)
        taken: list[Lock] = []

        def also(change: Change, row: Row, written: Written) -> None:
            if not written.created:
                raise AlreadyExists("there is a file of that name")
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
        if sum(lock.node == chain[-1].id for lock in others) >= MOST_SHARED:
            raise LockConflict([path])
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
        if not _is_ephemeral(node, path):
            facts: Facts = {"exclusive": wish.exclusive, "infinite": wish.infinite, "timeout": wish.timeout}
            change.record("lock", node.id, path, facts)
        return _lock(change, row)

    def refresh(self, session: Session, path: SpacePath, tokens: frozenset[str], timeout: int) -> Lock:
        """Give the lock on `path` that one of the tokens names a new end. Raises `NoSuchLock`, `NotFound`."""
        path = naming.normal_path(path)

        def work(change: Change) -> Lock:
            chain = change.existing(path)
            found = locking.covering(change.rows, chain, change.now)
            mine = [lock for lock in found if lock.token in tokens and lock.user == session.user.id]
            if not mine:
                raise NoSuchLock("no lock of yours with this token covers this")
            expires = change.now + timeout * SECOND
            store.extend(change.rows, mine[0].token, timeout, expires)
            return replace(_lock(change, mine[0]), timeout=timeout, expires=expires)

        return self._changes.run(session, path[0], work)

    def unlock(self, session: Session, path: SpacePath, token: str) -> None:
        """Give a lock back. Raises `NoSuchLock`, `Forbidden` for another user's lock, which only an
        owner of the space may break."""
        path = naming.normal_path(path)

        def work(change: Change) -> None:
            chain = change.existing(path)
            found = [lock for lock in locking.covering(change.rows, chain, change.now) if lock.token == token]
            if not found:
                raise NoSuchLock("no lock with this token covers this")
            if found[0].user != session.user.id and change.opened.role is not MemberRole.OWNER:
                raise Forbidden("this lock is another user's")
            store.remove(change.rows, token)
            if found[0].node != chain[-1].id or not _is_ephemeral(chain[-1], path):
                change.record("unlock", found[0].node, path, {})

        self._changes.run(session, path[0], work, read_only=True)

    def covering(self, session: Session, path: SpacePath) -> Sequence[Lock]:
        """The locks on the node at `path`, inherited ones included."""
        if naming.is_past(path):
            return ()
        with self._changes.view(session, path[0]) as view:
            chain = view.tree.walk(naming.normal_path(path)[1:])
            found = locking.covering if len(chain) == len(path) else locking.covering_member
            return [_lock(view, lock) for lock in found(view.rows, chain, self._stores.clock())]

    def members(self, session: Session, path: SpacePath) -> dict[NodeId, list[Lock]]:
        """For a listing: each member's own locks, and under the folder's own id those that cover the folder.

        A member's lock that cannot be read is left out: it must not hide the folder. It stands in the way all the same.
        """
        if naming.is_past(path):
            return {}
        now = self._stores.clock()
        damaged: list[Damaged] = []
        with self._changes.view(session, path[0]) as view:
            chain = view.tree.find(naming.normal_path(path)[1:])
            found = {chain[-1].id: [_lock(view, lock) for lock in locking.covering(view.rows, chain, now)]}
            for row in store.on_members(view.rows, chain[-1].id, now):
                try:
                    found.setdefault(row.node, []).append(_lock(view, row))
                except Damaged as error:
                    damaged.append(error)
        for found_bad in damaged:
            self._changes.damage.report(view.opened.space.id, session.user.id, found_bad)
        return found


def _is_ephemeral(node: Row, path: SpacePath) -> bool:
    return not node.folder and naming.ephemeral(path[-1])


def _lock(at: View | Change, row: store.Row) -> Lock:
    key = at.opened.keys.get(row.epoch)
    if key is None:
        raise Damaged(f"a lock on node {row.node} belongs to another epoch", row.node)
    try:
        owner = unwrap(key.properties, row.owner, _place(row)).decode()
    except (Damaged, Incompatible) as error:
        raise Damaged(f"a lock on node {row.node}: {error}", row.node) from error
    return Lock(
        row.token,
        row.node,
        at.tree.path(row.node),
        row.user,
        bool(row.exclusive),
        bool(row.infinite),
        owner,
        row.timeout,
        row.expires,
    )


def reseal(keys: Mapping[int, SpaceKey], key: SpaceKey, row: store.Row) -> bytes | None:
    """A lock's owner sealed under another epoch's key; None for one that cannot be read."""
    try:
        return wrap(key.properties, unwrap(keys[row.epoch].properties, row.owner, _place(row)), _place(row))
    except (Damaged, Incompatible, KeyError):
        return None


def _place(row: store.Row) -> bytes:
    """All of a lock that a refresh leaves as it is."""
    kind = struct.pack(">Q??", row.node, row.exclusive, row.infinite)
    return b"docstopd/lock/v1" + row.space + kind + row.user + row.token.encode()
