"""Closing every row of the keyring anew, under the current server key's keystore key."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from docstopd.crypto.keystore import Keystore
from docstopd.db import Database, Rows
from docstopd.errors import Damaged, Incompatible
from docstopd.keyring import identity as rows_of
from docstopd.model import SlotKind, SpaceId

BATCH = 500
"""Rows in one transaction: other writers wait for it."""

SERVER = b"server"
"""The member name under which the server has keys of spaces."""

Reseal = Callable[[SpaceId, int, bytes], bytes]
"""A space key as the server has it (space, epoch, sealed key), sealed to the current server key."""


@dataclass(frozen=True, slots=True)
class Rewrapped:
    """Rows that were closed anew, rows that were current already, and rows that no key opens."""

    done: int = 0
    current: int = 0
    unreadable: int = 0

    def __add__(self, more: "Rewrapped") -> "Rewrapped":
        return Rewrapped(self.done + more.done, self.current + more.current, self.unreadable + more.unreadable)


@dataclass(frozen=True, slots=True)
class _Table:
    """A table: its key, what else its rows' identity needs, and each closed column with the identity that it has."""

    name: str
    key: tuple[str, ...]
    more: tuple[str, ...]
    closed: Mapping[str, Callable[[tuple[Any, ...]], bytes]]


class Rewrap:
    """One pass over the keyring; a pass that was broken off is taken up by another from the beginning.

    `names`: the sign-in name of each user, which identities are bound to.
    """

    def __init__(self, database: Database, keystore: Keystore, names: Mapping[bytes, str], reseal: Reseal) -> None:
        self._database = database
        self._keystore = keystore
        self._reseal = reseal
        self._tables = _tables(names)

    def run(self, told: Callable[[int], None], *, dry: bool = False) -> Rewrapped:
        """Close what is not closed under the current key; `told` how many rows were looked at, between transactions.

        With `dry` nothing is written.
        """
        total = Rewrapped()
        for table in self._tables:
            after: tuple[Any, ...] | None = None
            while (found := self._page(table, after)) is not None:
                changes, seen = self._look(table, found)
                if changes and not dry:
                    self._database.write(lambda rows, t=table, c=changes: _store(rows, t, c))  # type: ignore[misc]
                total += seen
                after = found[-1][: len(table.key)]
                told(total.done + total.current + total.unreadable)
        return total

    def _page(self, table: _Table, after: tuple[Any, ...] | None) -> list[tuple[Any, ...]] | None:
        columns, key = ", ".join((*table.key, *table.more, *table.closed)), ", ".join(table.key)
        sql = f"SELECT {columns} FROM {table.name}"  # noqa: S608 - constant names
        if after is not None:
            sql += f" WHERE ({key}) > ({', '.join('?' * len(after))})"
        with self._database.read() as rows:
            found = rows.all(f"{sql} ORDER BY {key} LIMIT ?", *(after or ()), BATCH)
        return found or None

    def _look(
        self, table: _Table, found: list[tuple[Any, ...]]
    ) -> tuple[list[tuple[tuple[Any, ...], tuple[bytes, ...]]], Rewrapped]:
        changes = []
        done = current = unreadable = 0
        for row in found:
            values = row[len(table.key) + len(table.more) :]
            try:
                identities = [make(row) for make in table.closed.values()]
                if all(self._keystore.is_current(one, held) for one, held in zip(identities, values, strict=True)):
                    current += 1
                    continue
                anew = tuple(self._anew(table, row, one, held) for one, held in zip(identities, values, strict=True))
            except (Damaged, Incompatible, KeyError, ValueError):
                unreadable += 1
            else:
                changes.append((row, anew))
                done += 1
        return changes, Rewrapped(done, current, unreadable)

    def _anew(self, table: _Table, row: tuple[Any, ...], identity: bytes, held: bytes) -> bytes:
        value = self._keystore.open(identity, held)
        if table.name == "space_keys" and row[2] == SERVER:
            value = self._reseal(row[0], row[1], value)
        return self._keystore.close(identity, value)


def _store(rows: Rows, table: _Table, changes: list[tuple[tuple[Any, ...], tuple[bytes, ...]]]) -> None:
    """What has been changed or removed since it was read stays as it is: it is current, or gone."""
    sets = ", ".join(f"{column} = ?" for column in table.closed)
    where = " AND ".join(f"{column} = ?" for column in (*table.key, *table.closed))
    for row, anew in changes:
        values = row[len(table.key) + len(table.more) :]
        rows.run(f"UPDATE {table.name} SET {sets} WHERE {where}", *anew, *row[: len(table.key)], *values)  # noqa: S608


def _tables(names: Mapping[bytes, str]) -> tuple[_Table, ...]:
    def slot(row: tuple[Any, ...]) -> bytes:
        return rows_of.slot_row(row[0], row[1], SlotKind(row[2]), row[3], row[4])

    def pair(row: tuple[Any, ...]) -> bytes:
        return rows_of.pair_row(row[0], row[1])

    return (
        _Table("facts", ("name",), (), {"value": lambda row: rows_of.fact_row(row[0])}),
        _Table(
            "slots",
            ("id",),
            ("user", "kind", "created", "expires"),
            {"label": lambda row: slot(row) + b"label", "value": slot},
        ),
        _Table(
            "identities",
            ("user",),
            (),
            {
                "public": lambda row: rows_of.identity_row(row[0], b"public", names[row[0]]),
                "private": lambda row: rows_of.identity_row(row[0], b"private", names[row[0]]),
            },
        ),
        _Table(
            "space_keys",
            ("space", "epoch", "member"),
            (),
            {"value": lambda row: rows_of.space_row(row[0], row[1], row[2])},
        ),
        _Table(
            "space_pairs",
            ("space", "epoch"),
            (),
            {"public": lambda row: pair(row) + b"public", "private": lambda row: pair(row) + b"private"},
        ),
        _Table("data_keys", ("blob",), ("space", "epoch"), {"value": lambda row: rows_of.data_row(*row[:3])}),
    )
