"""Under which epoch of its space's key each data key is, and how it comes under another."""

from collections.abc import Sequence
from typing import Any

from docstopd.crypto.keystore import Keystore
from docstopd.db import Database, Rows
from docstopd.db.database import Value
from docstopd.keyring import identity as rows_of
from docstopd.model import BlobId, SpaceId


class Epochs:
    """The keyring's part of the rotation of a space."""

    def __init__(self, database: Database, keystore: Keystore) -> None:
        self._database = database
        self._keystore = keystore

    def before(self, space: SpaceId, epoch: int, after: BlobId, limit: int) -> list[tuple[BlobId, int, bytes]]:
        """The next (blob, epoch, wrapped data key) of a space from before an epoch."""
        with self._database.read() as rows:
            found: list[Any] = rows.all(
                "SELECT blob, epoch, value FROM data_keys WHERE space = ? AND epoch < ? AND blob > ?"
                " ORDER BY blob LIMIT ?",
                space,
                epoch,
                after,
                limit,
            )
        return [(row[0], row[1], self._keystore.open(rows_of.data_row(row[0], space, row[1]), row[2])) for row in found]

    def move(self, space: SpaceId, epoch: int, moved: Sequence[tuple[BlobId, int, bytes]]) -> None:
        """Put data keys under another epoch's wraps: (blob, epoch until now, wrap). What is gone by now stays gone."""
        closed: list[tuple[Value, ...]] = [
            (epoch, self._keystore.close(rows_of.data_row(blob, space, epoch), value), blob, before)
            for blob, before, value in moved
        ]
        self._database.write(
            lambda rows: rows.many("UPDATE data_keys SET epoch = ?, value = ? WHERE blob = ? AND epoch = ?", closed)
        )

    def in_use(self, space: SpaceId) -> set[int]:
        """The epochs under whose keys data keys of a space are wrapped."""
        with self._database.read() as rows:
            found: list[Any] = rows.all("SELECT DISTINCT epoch FROM data_keys WHERE space = ?", space)
        return {int(row[0]) for row in found}

    def held(self, space: SpaceId) -> list[int]:
        """The epochs of which any member holds the key."""
        with self._database.read() as rows:
            found: list[Any] = rows.all("SELECT DISTINCT epoch FROM space_keys WHERE space = ? ORDER BY 1", space)
        return [int(row[0]) for row in found]

    def drop(self, space: SpaceId, epochs: Sequence[int]) -> None:
        """Destroy the keys of epochs that nothing is sealed under any more."""

        def work(rows: Rows) -> None:
            for epoch in epochs:
                rows.run("DELETE FROM space_keys WHERE space = ? AND epoch = ?", space, epoch)
                rows.run("DELETE FROM space_pairs WHERE space = ? AND epoch = ?", space, epoch)

        self._database.write(work)
