"""Dead properties read for a listing: only what is asked for, and never a whole folder's at a time."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from vaults import PASSWORD, Bench

from docstopd.db import Database, Rows
from docstopd.model import NO_GUARD, MemberRole, Node
from docstopd.vault import Session
from docstopd.vault.properties import PROPERTY_TOTAL, TOGETHER, TOGETHER_BYTES

LARGE = "<v>" + "x" * 60_000 + "</v>"


@dataclass
class Read:
    """What came out of the database: `values` in bytes, `most` in one transaction, and the number of `queries`."""

    values: int = 0
    most: int = 0
    queries: int = 0


@dataclass
class Counting:
    """A real database that counts what is read of properties."""

    database: Database
    read_so_far: Read = field(default_factory=Read)

    @contextlib.contextmanager
    def read(self) -> Iterator[Rows]:
        before = self.read_so_far.values
        with self.database.read() as rows:
            yield CountingRows(rows, self.read_so_far)
        self.read_so_far.most = max(self.read_so_far.most, self.read_so_far.values - before)

    def write(self, work: Any) -> Any:
        return self.database.write(work)

    def close(self) -> None:
        self.database.close()


@dataclass
class CountingRows:
    """One transaction of it."""

    rows: Rows
    read_so_far: Read

    def all(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        found = self.rows.all(sql, *values)
        self._count(sql, found)
        return found

    def one(self, sql: str, *values: Any) -> tuple[Any, ...] | None:
        found = self.rows.one(sql, *values)
        self._count(sql, [] if found is None else [found])
        return found

    def _count(self, sql: str, found: list[tuple[Any, ...]]) -> None:
        if "FROM properties" in sql:
            self.read_so_far.queries += 1
            self.read_so_far.values += sum(len(value) for row in found for value in row if isinstance(value, bytes))


@dataclass
class Folder:
    """A folder whose members have large properties, behind a database that counts."""

    bench: Bench
    ada: Session
    nodes: list[Node]
    read: Read


@pytest.fixture
def folder(bench: Bench, ada: Session) -> Iterator[Folder]:
    """Eight files with 15 properties of 60 KB each, among 250 with none."""
    for number in range(258):
        bench.put(ada, ("ada", f"{number:03}"), b"")
    changes = [(f"{{x}}p{number}", LARGE) for number in range(15)]
    for number in range(0, 256, 32):
        bench.vault.files.patch(ada, ("ada", f"{number:03}"), NO_GUARD, [*changes, ("{x}small", f"<s>{number}</s>")])
    counting = Counting(bench.stores.catalog)
    counted = bench.with_stores(lambda stores: replace(stores, catalog=counting))
    session = counted.vault.sessions.sign_in("ada", PASSWORD)
    members = counted.vault.files.list(session, ("ada",)).members
    yield Folder(counted, session, sorted(members, key=lambda node: node.name), counting.read_so_far)


def test_what_nobody_asked_for_is_not_read(folder: Folder) -> None:
    """An absent property costs a few digests; a small one, its own value."""
    files = folder.bench.vault.files
    absent = list(files.properties_in_turn(folder.ada, folder.nodes, ["{x}absent"]))
    assert absent == [{}] * 258
    assert folder.read.values < 8 * 16 * 100, "digests alone"
    assert folder.read.queries <= 258 // TOGETHER + 1
    found = list(files.properties_in_turn(folder.ada, folder.nodes, ["{x}small", "{x}absent"]))
    expected = [{"{x}small": f"<s>{n}</s>"} if n % 32 == 0 and n < 256 else {} for n in range(258)]
    assert found == expected
    assert folder.read.values < 30_000


def test_a_listing_has_few_in_memory_at_a_time(folder: Folder) -> None:
    """And reads no further than the answer has gone."""
    every = folder.bench.vault.files.properties_in_turn(folder.ada, folder.nodes)
    first = next(every)
    assert len(first) == 16
    assert folder.read.values < 2 * PROPERTY_TOTAL
    assert [len(found) for found in every] == [16 if n % 32 == 0 and n < 256 else 0 for n in range(1, 258)]
    assert folder.read.most <= max(TOGETHER_BYTES, PROPERTY_TOTAL) + 100_000
    assert folder.read.values > 8 * 15 * 60_000


def test_a_session_that_is_locked_meanwhile_is_no_damage(folder: Folder, caplog: pytest.LogCaptureFixture) -> None:
    """An answer that has begun ends as it began."""
    every = folder.bench.vault.files.properties_in_turn(folder.ada, folder.nodes)
    next(every)
    folder.ada.unlocked.drop("ada")
    assert folder.ada.unlocked.keys(folder.nodes[0].space) == {}
    assert sum(map(bool, every)) == 7
    assert "damage" not in caplog.text


def test_a_property_of_an_older_epoch_is_found_by_name(bench: Bench, ada: Session) -> None:
    """Digests are made under the key that a property was written with."""
    files = bench.vault.files
    bench.vault.spaces.add("team", ada.user)
    bob = bench.account("bob")
    for name in ("old", "both"):
        bench.put(ada, ("team", name), b"")
        files.patch(ada, ("team", name), NO_GUARD, [("{x}p", "<old/>")])
    bench.vault.spaces.grant(ada, "team", bob.user, MemberRole.EDITOR)
    bench.vault.spaces.revoke(ada, "team", bob.user)
    files.patch(ada, ("team", "both"), NO_GUARD, [("{x}p", "<new/>"), ("{x}q", "<q/>")])
    nodes = [files.stat(ada, ("team", name)) for name in ("old", "both")]
    assert list(files.properties_in_turn(ada, nodes, ["{x}p"])) == [{"{x}p": "<old/>"}, {"{x}p": "<new/>"}]
