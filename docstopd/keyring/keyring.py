"""Every wrapped key, by what it belongs to. All writes are durable when they return."""

import struct
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from docstopd.crypto.keystore import Keystore
from docstopd.crypto.wrap import NONCE, TAG
from docstopd.db import Database, Rows
from docstopd.errors import Damaged, Incompatible, NotFound
from docstopd.keyring import export
from docstopd.keyring import identity as rows_of
from docstopd.keyring.epochs import Epochs
from docstopd.keyring.rewrap import Reseal, Rewrap
from docstopd.model import BlobId, Micros, SlotId, SlotKind, SpaceId, UserId

EARLIER = "earlier"
"""The fact that holds the server keys before the current one (`ServerKey.earlier`)."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A user key wrapped under one credential. `expires` is None for never; `label` is the user's word for it."""

    id: SlotId
    user: UserId
    kind: SlotKind
    created: Micros
    expires: Micros | None
    label: str
    value: bytes


class Keyring:
    """The keyring over one database.

    Everything read raises `Damaged` when the row is not what this keyring wrote, `NotFound` when there is none.
    """

    def __init__(self, database: Database, keystore: Keystore) -> None:
        self._database = database
        self._keystore = keystore

    def _open(self, row: bytes, value: bytes) -> bytes:
        try:
            return self._keystore.open(row, value)
        except Incompatible as error:
            # A newer program's database is refused as a whole when it is opened: this is an edited byte.
            raise Damaged(f"a row of the keyring: {error}") from error

    # -- facts of the keyring itself ----------------------------------------------------------------------------------

    def put_fact(self, name: str, value: bytes) -> None:
        """Keep something of which there is one."""
        closed = self._keystore.close(rows_of.fact_row(name), value)
        self._database.write(
            lambda rows: rows.run(
                "INSERT INTO facts (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                name,
                closed,
            )
        )

    def fact(self, name: str) -> bytes | None:
        """What was kept, None when nothing was."""
        with self._database.read() as rows:
            found: Any = rows.one("SELECT value FROM facts WHERE name = ?", name)
        return self._open(rows_of.fact_row(name), found[0]) if found else None

    # -- slots ------------------------------------------------------------------------------------------------------

    def put_slot(self, slot: Slot, replaces: tuple[SlotId, ...] = ()) -> None:
        """Add a slot and remove others, in one step."""
        row = rows_of.slot_row(slot.id, slot.user, slot.kind, slot.created, slot.expires)
        value = self._keystore.close(row, slot.value)
        label = self._keystore.close(row + b"label", slot.label.encode())

        def work(rows: Rows) -> None:
            for old in replaces:
                rows.run("DELETE FROM slots WHERE id = ?", old)
            rows.run(
                "INSERT INTO slots (id, user, kind, created, expires, label, value) VALUES (?, ?, ?, ?, ?, ?, ?)",
                slot.id,
                slot.user,
                slot.kind.value,
                slot.created,
                slot.expires or 0,
                label,
                value,
            )

        self._database.write(work)

    def slots(self, user: UserId) -> list[Slot]:
        """All slots of a user, oldest first."""
        with self._database.read() as rows:
            found: list[Any] = rows.all(
                "SELECT id, user, kind, created, expires, label, value FROM slots WHERE user = ? ORDER BY created, id",
                user,
            )
        return [self._slot(row) for row in found]

    def _slot(self, row: tuple[Any, ...]) -> Slot:
        try:
            kind, expires = SlotKind(row[2]), row[4] or None
            identity = rows_of.slot_row(row[0], row[1], kind, row[3], expires)
        except (ValueError, struct.error):
            raise Damaged("a slot has a kind or a time that none can have") from None
        label = self._open(identity + b"label", row[5]).decode()
        return Slot(row[0], row[1], kind, row[3], expires, label, self._open(identity, row[6]))

    def renew_slot(self, slot: Slot) -> None:
        """Write the slot's value anew, unless it is gone by now; all else of it stays."""
        value = self._keystore.close(
            rows_of.slot_row(slot.id, slot.user, slot.kind, slot.created, slot.expires), slot.value
        )
        self._database.write(lambda rows: rows.run("UPDATE slots SET value = ? WHERE id = ?", value, slot.id))

    def has_slot(self, slot: SlotId) -> bool:
        """Whether the slot is still there: asked at each request of a session that it opened."""
        return self._database.look("SELECT 1 FROM slots WHERE id = ?", slot) is not None

    def remove_slot(self, user: UserId, slot: SlotId) -> None:
        """Destroy a slot. Raises `NotFound`."""
        if not self._database.write(lambda rows: rows.run("DELETE FROM slots WHERE id = ? AND user = ?", slot, user)):
            raise NotFound("no such credential")

    def expired_slots(self, now: Micros) -> list[tuple[UserId, SlotId]]:
        """The slots whose end has come, with their users; they open nothing any more."""
        with self._database.read() as rows:
            found: list[Any] = rows.all(
                "SELECT user, id FROM slots WHERE expires > 0 AND expires <= ? ORDER BY user, id", now
            )
        return [(UserId(row[0]), SlotId(row[1])) for row in found]

    # -- identities -------------------------------------------------------------------------------------------------

    def put_identity(self, user: UserId, name: str, public: bytes, private: bytes) -> None:
        """Keep a user's public keys and the private ones, wrapped under the user key.

        They are bound to the sign-in name too: who exchanges names in the catalog gets nobody else's keys.
        """
        sealed = (
            self._keystore.close(rows_of.identity_row(user, b"public", name), public),
            self._keystore.close(rows_of.identity_row(user, b"private", name), private),
        )
        self._database.write(
            lambda rows: rows.run("INSERT INTO identities (user, public, private) VALUES (?, ?, ?)", user, *sealed)
        )

    def identity(self, user: UserId, name: str) -> tuple[bytes, bytes]:
        """(public keys, wrapped private keys) of the user of that id and that sign-in name."""
        with self._database.read() as rows:
            found: Any = rows.one("SELECT public, private FROM identities WHERE user = ?", user)
        if not found:
            raise NotFound("no keys of this user")
        return (
            self._open(rows_of.identity_row(user, b"public", name), found[0]),
            self._open(rows_of.identity_row(user, b"private", name), found[1]),
        )

    def remove_user(self, user: UserId) -> None:
        """Destroy everything by which a user could open anything."""

        def work(rows: Rows) -> None:
            rows.run("DELETE FROM slots WHERE user = ?", user)
            rows.run("DELETE FROM identities WHERE user = ?", user)
            rows.run("DELETE FROM space_keys WHERE member = ?", user)

        self._database.write(work)

    # -- space keys -------------------------------------------------------------------------------------------------

    def put_epoch(
        self,
        space: SpaceId,
        epoch: int,
        sealed: dict[bytes, bytes],
        public: bytes,
        private: bytes,
        *,
        drop: bytes = b"",
    ) -> None:
        """Start an epoch: the space key sealed to each member, the space's own key pair; all keys of `drop` go."""
        pair = rows_of.pair_row(space, epoch)
        closed = [
            (space, epoch, member, self._keystore.close(rows_of.space_row(space, epoch, member), value))
            for member, value in sealed.items()
        ]
        halves = self._keystore.close(pair + b"public", public), self._keystore.close(pair + b"private", private)

        def work(rows: Rows) -> None:
            # What an interrupted change left of this epoch was never in use: the catalog did not name it.
            rows.run("DELETE FROM space_keys WHERE space = ? AND epoch = ?", space, epoch)
            rows.run("DELETE FROM space_pairs WHERE space = ? AND epoch = ?", space, epoch)
            if drop:
                rows.run("DELETE FROM space_keys WHERE space = ? AND member = ?", space, drop)
            rows.many("INSERT INTO space_keys (space, epoch, member, value) VALUES (?, ?, ?, ?)", list(closed))
            rows.run(
                "INSERT INTO space_pairs (space, epoch, public, private) VALUES (?, ?, ?, ?)", space, epoch, *halves
            )

        self._database.write(work)

    def put_member(self, space: SpaceId, member: bytes, sealed: dict[int, bytes]) -> None:
        """Give a member the space keys of these epochs, sealed to it."""
        closed = [
            (space, epoch, member, self._keystore.close(rows_of.space_row(space, epoch, member), value))
            for epoch, value in sealed.items()
        ]

        def work(rows: Rows) -> None:
            rows.run("DELETE FROM space_keys WHERE space = ? AND member = ?", space, member)
            rows.many("INSERT INTO space_keys (space, epoch, member, value) VALUES (?, ?, ?, ?)", list(closed))

        self._database.write(work)

    def space_key(self, space: SpaceId, epoch: int, member: bytes) -> bytes:
        """The space key of an epoch as sealed to a member."""
        with self._database.read() as rows:
            found: Any = rows.one(
                "SELECT value FROM space_keys WHERE space = ? AND epoch = ? AND member = ?", space, epoch, member
            )
        if not found:
            raise NotFound("no key of this space for this member")
        return self._open(rows_of.space_row(space, epoch, member), found[0])

    def epochs(self, space: SpaceId, member: bytes) -> list[int]:
        """The epochs whose key a member holds."""
        with self._database.read() as rows:
            found: list[Any] = rows.all(
                "SELECT epoch FROM space_keys WHERE space = ? AND member = ? ORDER BY epoch", space, member
            )
        return [int(row[0]) for row in found]

    def holders(self, space: SpaceId, epoch: int) -> set[bytes]:
        """The members for whom the key of an epoch was sealed; a row that this keyring did not write names nobody."""
        with self._database.read() as rows:
            found: list[Any] = rows.all(
                "SELECT member, value FROM space_keys WHERE space = ? AND epoch = ?", space, epoch
            )
        return {row[0] for row in found if self._is_mine(rows_of.space_row(space, epoch, row[0]), row[1])}

    def _is_mine(self, row: bytes, value: bytes) -> bool:
        try:
            self._open(row, value)
        except Damaged:
            return False
        return True

    def pair(self, space: SpaceId, epoch: int) -> tuple[bytes, bytes]:
        """(public half, wrapped private half) of a space's own key pair."""
        with self._database.read() as rows:
            found: Any = rows.one("SELECT public, private FROM space_pairs WHERE space = ? AND epoch = ?", space, epoch)
        if not found:
            raise NotFound("no key pair of this space")
        row = rows_of.pair_row(space, epoch)
        return self._open(row + b"public", found[0]), self._open(row + b"private", found[1])

    def remove_space(self, space: SpaceId) -> None:
        """Destroy every key of a space: nothing in it can be read again, in any copy."""

        def work(rows: Rows) -> None:
            for table in ("space_keys", "space_pairs", "data_keys"):
                rows.run(f"DELETE FROM {table} WHERE space = ?", space)  # noqa: S608 - constant tables

        self._database.write(work)

    # -- data keys --------------------------------------------------------------------------------------------------

    def put_data_keys(self, space: SpaceId, epoch: int, wrapped: dict[BlobId, bytes]) -> None:
        """Keep data keys, wrapped under the space key of that epoch, in place of older wraps of them."""
        closed = [
            (blob, space, epoch, self._keystore.close(rows_of.data_row(blob, space, epoch), value))
            for blob, value in wrapped.items()
        ]
        self._database.write(
            lambda rows: rows.many(
                "INSERT INTO data_keys (blob, space, epoch, value) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (blob)"
                " DO UPDATE SET space = excluded.space, epoch = excluded.epoch, value = excluded.value",
                list(closed),
            )
        )

    def data_key(self, blob: BlobId, space: SpaceId) -> tuple[int, bytes]:
        """(epoch, wrapped data key) of a blob. A key that is gone is `Damaged`: its blob has a live row."""
        with self._database.read() as rows:
            found: Any = rows.one("SELECT epoch, value FROM data_keys WHERE blob = ?", blob)
        if not found:
            raise Damaged("the data key of a blob is missing")
        return found[0], self._open(rows_of.data_row(blob, space, found[0]), found[1])

    def remove_data_keys(self, blobs: list[BlobId]) -> None:
        """Destroy data keys: no copy of these blobs opens again. Fine when some are gone already."""
        self._database.write(
            lambda rows: rows.many("DELETE FROM data_keys WHERE blob = ?", [(blob,) for blob in blobs])
        )

    def with_keys(self, blobs: Collection[BlobId]) -> set[BlobId]:
        """Those of the blobs that have a data key."""
        with self._database.read() as rows:
            return {blob for blob in blobs if rows.one("SELECT 1 FROM data_keys WHERE blob = ?", blob)}

    def blobs_with_keys(self) -> list[BlobId]:
        """Every blob that has a data key."""
        with self._database.read() as rows:
            found: list[Any] = rows.all("SELECT blob FROM data_keys")
        return [BlobId(row[0]) for row in found]

    @contextmanager
    def exported(self) -> Iterator[Iterator[bytes]]:
        """The whole keyring as it travels (`export`), values wrapped as they are, as of now."""
        with self._database.read() as rows:
            yield export.lines(rows)

    # -- rotation ---------------------------------------------------------------------------------------------------

    def rewrap(self, names: Mapping[bytes, str], reseal: Reseal) -> Rewrap:
        """A pass that closes every row under the current server key."""
        return Rewrap(self._database, self._keystore, names, reseal)

    @property
    def epochs_of(self) -> Epochs:
        """What lies under which epoch of a space's key, and the way to another."""
        return Epochs(self._database, self._keystore)

    # -- erasure ----------------------------------------------------------------------------------------------------

    def traces(self, blobs: Sequence[BlobId], spaces: Sequence[SpaceId], user: UserId | None) -> list[bytes]:
        """What tells the rows of these from all other bytes of the files: the nonce and the tag of each value."""
        with self._database.read() as rows:
            found = [row[0] for blob in blobs for row in rows.all("SELECT value FROM data_keys WHERE blob = ?", blob)]
            for space in spaces:
                for sql in _OF_SPACE:
                    found += [row[0] for row in rows.all(sql, space)]
            for sql in _OF_USER if user is not None else ():
                found += [row[0] for row in rows.all(sql, user)]
        return [part for value in found for part in _telling(value)]  # type: ignore[arg-type]

    def wipe(self, traces: Collection[bytes]) -> set[bytes]:
        """Let what was destroyed be overwritten in every file of the keyring; the traces that are still there.

        Raises `Failed` as `Database.wipe` does.
        """
        return self._database.wipe(traces)

    def holds(self, blobs: Sequence[BlobId], spaces: Sequence[SpaceId], user: UserId | None) -> int:
        """How many rows there are of these."""
        with self._database.read() as rows:
            count = sum(len(rows.all("SELECT 1 FROM data_keys WHERE blob = ?", blob)) for blob in blobs)
            count += sum(len(rows.all(sql, space)) for space in spaces for sql in _OF_SPACE)
            return count + sum(len(rows.all(sql, user)) for sql in _OF_USER if user is not None)

    def close(self) -> None:
        """Close the database."""
        self._database.close()


_OF_SPACE = (
    "SELECT value FROM space_keys WHERE space = ?",
    "SELECT public FROM space_pairs WHERE space = ?",
    "SELECT private FROM space_pairs WHERE space = ?",
    "SELECT value FROM data_keys WHERE space = ?",
)
_OF_USER = (
    "SELECT value FROM slots WHERE user = ?",
    "SELECT label FROM slots WHERE user = ?",
    "SELECT public FROM identities WHERE user = ?",
    "SELECT private FROM identities WHERE user = ?",
    "SELECT value FROM space_keys WHERE member = ?",
)


def _telling(value: bytes) -> tuple[bytes, bytes]:
    return value[1 : 1 + NONCE], value[-TAG:]
