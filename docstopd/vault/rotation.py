"""Rotation: a space gets a new key and all that it holds goes under it; the keyring goes under a new server key.

Both go in batches beside readers and writers, and can be broken off anywhere: each row is under one key or the other
and says which, and the next run takes up what is left.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from docstopd.catalog import epochs, holds, users
from docstopd.catalog.nodes import Row
from docstopd.crypto.arrival import is_sealed
from docstopd.crypto.spacekey import SpaceKey
from docstopd.crypto.wrap import unwrap, unwrap_any, wrap
from docstopd.db import Rows
from docstopd.errors import Damaged, Incompatible
from docstopd.keyring import EARLIER
from docstopd.model import BlobId, NodeId, Space, SpaceId
from docstopd.vault import locks, naming, properties
from docstopd.vault.change import Changes
from docstopd.vault.journal import SYSTEM
from docstopd.vault.progress import SILENT, Progress, Report
from docstopd.vault.session import Session
from docstopd.vault.spaces import SERVER, Spaces
from docstopd.vault.tree import is_proven, name_of, sealed_row

BATCH = 500
"""Rows that one transaction moves: other writers wait for it."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Move:
    """All keys of a space that are at hand, and the one under which everything is to be."""

    space: Space
    keys: Mapping[int, SpaceKey]

    @property
    def key(self) -> SpaceKey:
        return self.keys[self.space.epoch]


class Rotation:
    """The door to rotation."""

    def __init__(self, changes: Changes, spaces: Spaces) -> None:
        self._changes = changes
        self._stores = changes.stores
        self._spaces = spaces

    # -- a space ----------------------------------------------------------------------------------------------------

    def space(
        self, session: Session | None, label: str, progress: Progress = SILENT, *, finish: bool = False
    ) -> Report:
        """Begin an epoch and bring everything under its key; with `finish`, only what is left under earlier ones.

        `session` is an owner's, by password; without one the server must hold the keys. Raises `Forbidden`,
        `NotFound`.
        """
        label = naming.normal(label)
        if not finish:
            self._spaces.keys(session, label)  # who cannot open it begins nothing
            self._stores.catalog.write(lambda rows: self._spaces.new_epoch(rows, session, label))
        move = _Move(*self._spaces.keys(session, label))
        counts = {
            "epoch": move.space.epoch,
            "data_keys": self._data_keys(move, progress),
            "nodes": self._nodes(move, progress),
            "properties": self._properties(move, progress),
            "locks": self._stores.catalog.write(lambda rows: _locks(rows, move)),
        }
        return {**counts, "epochs_dropped": self._drop(move)}

    def _data_keys(self, move: _Move, progress: Progress) -> int:
        done, after = 0, BlobId(b"")
        keys, space, epoch = self._stores.keyring.epochs_of, move.space.id, move.space.epoch
        while found := keys.before(space, epoch, after, BATCH):
            moved = []
            for blob, before, value in found:
                if is_sealed(value):
                    continue  # an arrival's: it comes under the space's key when it is filed
                try:
                    data_key = move.keys[before].unwrap_data_key(blob, value)
                except (Damaged, Incompatible, KeyError) as error:
                    _log.error("the data key of blob %s cannot be moved: %s", blob.hex(), error)
                    continue
                moved.append((blob, before, move.key.wrap_data_key(blob, data_key, self._stores.random)))
            keys.move(space, epoch, moved)
            done, after = done + len(moved), found[-1][0]
            progress("data keys", done, 0)
        return done

    def _nodes(self, move: _Move, progress: Progress) -> int:
        done, after = 0, NodeId(0)

        def work(rows: Rows) -> tuple[int, NodeId | None]:
            found = epochs.nodes_before(rows, move.space.id, move.space.epoch, after, BATCH)
            moved = [anew for row in found if (anew := _resealed(move, row)) is not None]
            for one in moved:
                epochs.move_node(rows, one, move.space.epoch)
            return len(moved), found[-1].id if found else None

        while True:
            count, last = self._stores.catalog.write(work)
            if last is None:
                return done
            done, after = done + count, last
            progress("files and folders", done, 0)

    def _properties(self, move: _Move, progress: Progress) -> int:
        done, after = 0, NodeId(0)

        def work(rows: Rows) -> tuple[int, NodeId | None]:
            found = epochs.properties_before(rows, move.space.id, move.space.epoch, after, BATCH)
            count = sum(properties.reseal(rows, move.keys, move.key, entry) for entry in found)
            return count, found[-1].node if found else None

        while True:
            count, last = self._stores.catalog.write(work)
            if last is None:
                return done
            done, after = done + count, last
            progress("properties", done, 0)

    def _drop(self, move: _Move) -> int:
        """Keys of earlier epochs go when nothing needs them; the journal's payloads cannot be sealed anew, so theirs

        stay while there are any.
        """
        keys, space = self._stores.keyring.epochs_of, move.space.id

        def work(rows: Rows) -> int:
            used = epochs.in_use(rows, space) | keys.in_use(space)
            free = [epoch for epoch in keys.held(space) if epoch < move.space.epoch and epoch not in used]
            keys.drop(space, free)
            return len(free)

        return self._stores.catalog.write(work)

    # -- the server -------------------------------------------------------------------------------------------------

    def server(self, progress: Progress = SILENT) -> Report:
        """Close the keyring anew under the current server key, and profiles; the keys before it are kept in there.

        Nobody may use the stores with the earlier key alone meanwhile.
        """
        server, keyring = self._stores.server, self._stores.keyring
        with self._stores.catalog.read() as rows:
            names = {bytes(account.user.id): account.user.name for account in users.all_accounts(rows)}
        rewrapped = keyring.rewrap(names, self._reseal).run(lambda seen: progress("keys", seen, 0))
        profiles = self._stores.catalog.write(self._profiles)
        keyring.put_fact(EARLIER, server.earlier())
        keyring.wipe(())
        report = {"generation": server.generation, "rows": rewrapped.done, "unreadable": rewrapped.unreadable}
        self._stores.catalog.write(
            lambda rows: self._changes.journal.append(rows, SYSTEM, "server-key", facts=dict(report))
        )
        return {**report, "profiles": profiles}

    def left(self) -> int:
        """For how many things the file of the server key must still name earlier keys: none may be retired before."""
        kept = self._stores.keyring.fact(EARLIER) or b""
        with self._stores.catalog.read() as rows:
            names = {bytes(account.user.id): account.user.name for account in users.all_accounts(rows)}
        rows_left = self._stores.keyring.rewrap(names, self._reseal).run(lambda _seen: None, dry=True).done
        return rows_left + int(kept != self._stores.server.earlier())

    def _reseal(self, space: SpaceId, epoch: int, sealed: bytes) -> bytes:
        key = self._spaces.open_as_server(space, epoch, sealed)
        return key.seal_to(self._stores.server.hpke.public, SERVER)

    def _profiles(self, rows: Rows) -> int:
        """Profiles and the reasons of holds, in one transaction: there are few of either."""
        changed = 0
        for account in users.all_accounts(rows):
            if (sealed := self._anew(account.profile, account.user.id)) is not None:
                users.set_profile(rows, account.user.id, sealed)
                changed += 1
        for hold in holds.all_holds(rows):
            if (sealed := self._anew(hold.reason, hold.id)) is not None:
                holds.set_reason(rows, hold.id, sealed)
                changed += 1
        return changed

    def _anew(self, sealed: bytes, bound: bytes) -> bytes | None:
        """What is sealed under an earlier profile key, under the current one; None where nothing is to be done."""
        server = self._stores.server
        if _opens(server.profile, sealed, bound):
            return None
        try:
            return wrap(server.profile, unwrap_any(server.profiles, sealed, bound), bound, self._stores.random)
        except Damaged:
            return None


def _resealed(move: _Move, row: Row) -> epochs.Moved | None:
    """A node's name and proof under the new key; None for one that nobody with the space's key wrote: it stays so."""
    key = move.keys.get(row.epoch)
    if key is None or not is_proven(key, row):
        return None
    try:
        anew = sealed_row(move.key, row, name_of(key, row))
    except (Damaged, Incompatible):
        return None
    return epochs.Moved(row.id, anew.name, anew.proof)


def _locks(rows: Rows, move: _Move) -> int:
    found = epochs.locks_before(rows, move.space.id, move.space.epoch)
    for row in found:
        owner = locks.reseal(move.keys, move.key, row)
        if owner is not None:
            epochs.move_lock(rows, row.token, owner, move.space.epoch)
    return len(found)


def _opens(key: bytes, sealed: bytes, bound: bytes) -> bool:
    try:
        unwrap(key, sealed, bound)
    except Damaged:
        return False
    return True
