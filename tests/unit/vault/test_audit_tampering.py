"""A journal of 10,000 entries, and everything that somebody who can write to the database might do to it."""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from vaults import Clock, open_bench

from docstopd.catalog import MIGRATIONS
from docstopd.catalog import journal as store
from docstopd.db.sqlite import SqliteDatabase, SqliteRows
from docstopd.errors import DocstopdError
from docstopd.model import Entry
from docstopd.vault.audit.checkpoints import BadLine, Checkpoint
from docstopd.vault.audit.verifying import Verification, verify
from docstopd.vault.journal import SYSTEM, Journal, Seal, entry_hash

STREAMS = (b"A" * 16, b"B" * 16, SYSTEM)
EACH = (6000, 3000, 1000)
ANCHORED = {STREAMS[0]: 5400, STREAMS[1]: 2700, STREAMS[2]: 900}
COLUMNS = "stream, seq, time, actor, action, node, facts, epoch, salt, payload, commitment, previous, hash"
AGAIN = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

Edit = Callable[[apsw.Connection], None]


class OneConnection:
    """A database of one connection, so that what a test does to it can be taken back."""

    def __init__(self, connection: apsw.Connection) -> None:
        self.connection = connection

    @contextlib.contextmanager
    def read(self) -> Iterator[SqliteRows]:
        yield SqliteRows(self.connection)


@dataclass(frozen=True)
class Log:
    """The journal and its checkpoints."""

    folder: Path
    connection: apsw.Connection
    checkpoints: list[Checkpoint | BadLine]

    def verify(self) -> Verification:
        return verify(OneConnection(self.connection), self.checkpoints)  # type: ignore[arg-type]

    def after(self, edit: Edit) -> Verification:
        """What is found after an edit, which is taken back."""
        self.connection.execute("SAVEPOINT edit")
        try:
            before = self.connection.total_changes()
            edit(self.connection)
            assert self.connection.total_changes() > before, "the edit touched nothing"
            return self.verify()
        finally:
            self.connection.execute("ROLLBACK TO edit; RELEASE edit")

    def entry(self, stream: bytes, seq: int) -> Entry:
        row: Any = self.connection.execute(
            f"SELECT {COLUMNS} FROM journal WHERE stream = ? AND seq = ?", (stream, seq)
        ).fetchone()
        return Entry(*row)


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Log]:
    """Three streams; every tenth of each was signed, the last one at 9 tenths."""
    folder = tmp_path_factory.mktemp("log")
    clock = Clock()
    bench = open_bench(folder, clock=clock)
    journal, keys = Journal(clock), {stream: os.urandom(32) for stream in STREAMS}
    for tenth in range(10):
        for stream, count in zip(STREAMS, EACH, strict=True):

            def work(rows: Any, stream: bytes = stream, count: int = count) -> None:
                for number in range(count // 10):
                    seal = Seal(keys[stream], 1, {"path": f"ada/{number}"}) if number % 5 else None
                    facts = {"size": number, "folder": bool(number % 2)}
                    journal.append(rows, stream, "update", actor=b"u" * 16, node=number, facts=facts, seal=seal)

            bench.stores.catalog.write(work)
        if tenth < 9:
            bench.vault.checkpoints.sign()
            clock.advance(3600)
    checkpoints = list(bench.vault.checkpoints.all())
    bench.vault.close()
    with contextlib.closing(apsw.Connection(str(folder / "catalog.db"))) as connection:
        connection.pragma("wal_checkpoint(truncate)")
        yield Log(folder, connection, checkpoints)


def places(found: Verification) -> list[tuple[bytes, int]]:
    return [(one.stream, one.seq) for one in found.damaged]


def test_an_untouched_journal_is_whole(log: Log) -> None:
    """And the last tenth is counted as not anchored yet."""
    found = log.verify()
    assert found.whole
    assert (found.entries, found.checkpoints, found.unanchored) == (10_000, 9, 1000)
    assert found.anchored == ANCHORED


entries = st.sampled_from(list(zip(STREAMS, EACH, strict=True))).flatmap(
    lambda one: st.tuples(st.just(one[0]), st.integers(1, one[1]))
)
columns = st.sampled_from(COLUMNS.split(", ")[2:])


def changed(value: Any, salt: int) -> Any:
    """Another value of the same kind."""
    match value:
        case int():
            return value + 1 + salt if salt % 2 else value - 1 - salt
        case str():
            return value + " " if salt % 2 else value[:-1]
        case bytes() if value:
            place = salt % len(value)
            return value[:place] + bytes([value[place] ^ 1]) + value[place + 1 :]
        case _:
            return b"\0" * 16


@given(place=entries, column=columns, salt=st.integers(0, 255))
@AGAIN
def test_every_edit_of_one_entry_is_found_at_its_place(
    log: Log, place: tuple[bytes, int], column: str, salt: int
) -> None:
    """In any column of any entry."""
    value = changed(getattr(log.entry(*place), column), salt)
    found = log.after(
        lambda c: c.execute(f"UPDATE journal SET {column} = ? WHERE stream = ? AND seq = ?", (value, *place))
    )
    assert places(found) == [place]


def test_every_column_of_many_entries_is_covered(log: Log) -> None:
    """Not only where dice fall: each column of the first, the last and entries around the checkpoints."""
    for seq in (1, 600, 601, 6000):
        for column in COLUMNS.split(", ")[2:]:
            for salt in (0, 1):
                value = changed(getattr(log.entry(STREAMS[0], seq), column), salt)
                sql = f"UPDATE journal SET {column} = ? WHERE stream = ? AND seq = ?"
                found = log.after(lambda c, sql=sql, value=value, seq=seq: c.execute(sql, (value, STREAMS[0], seq)))  # type: ignore[misc]
                assert places(found) == [(STREAMS[0], seq)], (seq, column, salt)


@given(place=entries, closed=st.booleans())
@AGAIN
def test_every_removal_is_found_at_its_place(log: Log, place: tuple[bytes, int], closed: bool) -> None:
    """Also when the numbers behind it are closed up, and the head follows."""
    stream = place[0]

    def edit(connection: apsw.Connection) -> None:
        connection.execute("DELETE FROM journal WHERE stream = ? AND seq = ?", place)
        if closed:
            connection.execute("UPDATE journal SET seq = -seq WHERE stream = ? AND seq > ?", place)
            connection.execute("UPDATE journal SET seq = -seq - 1 WHERE stream = ? AND seq < 0", (stream,))
            connection.execute("UPDATE heads SET seq = seq - 1 WHERE stream = ?", (stream,))

    assert places(log.after(edit)) == [place]


@given(first=entries, second=entries)
@AGAIN
def test_every_exchange_of_two_entries_is_found(log: Log, first: tuple[bytes, int], second: tuple[bytes, int]) -> None:
    """Within a stream and between two; the first of them in each stream is named."""
    if first == second:
        return

    def edit(connection: apsw.Connection) -> None:
        one, two = log.entry(*first), log.entry(*second)
        for place, entry in ((first, two), (second, one)):
            values = (entry.time, entry.actor, entry.action, entry.node, entry.facts, entry.epoch, entry.salt,
                      entry.payload, entry.commitment, entry.previous, entry.hash)  # fmt: skip
            connection.execute(
                f"UPDATE journal SET ({COLUMNS[13:]}) = ({', '.join('?' * 11)}) WHERE stream = ? AND seq = ?",
                (*values, *place),
            )

    expected: dict[bytes, int] = {}
    for stream, seq in (first, second):
        expected[stream] = min(seq, expected.get(stream, seq))
    assert dict(places(log.after(edit))) == expected


@given(place=entries, source=entries, where=st.sampled_from(["between", "below", "end", "stream"]))
@AGAIN
def test_every_insertion_is_found(log: Log, place: tuple[bytes, int], source: tuple[bytes, int], where: str) -> None:
    """Between two entries, before the first, behind the last, and as a stream of its own."""
    stream, seq = place
    last = dict(zip(STREAMS, EACH, strict=True))[stream]
    stream, seq, named = {
        "between": (stream, seq, seq),
        "below": (stream, -seq, 1),
        "end": (stream, last + 1, last + 1),
        "stream": (b"C" * 16, 1, 1),
    }[where]

    def edit(connection: apsw.Connection) -> None:
        if where == "between":
            connection.execute("UPDATE journal SET seq = -seq WHERE stream = ? AND seq >= ?", (stream, seq))
            connection.execute("UPDATE journal SET seq = -seq + 1 WHERE stream = ? AND seq < 0", (stream,))
            connection.execute("UPDATE heads SET seq = seq + 1 WHERE stream = ?", (stream,))
        connection.execute(
            f"INSERT INTO journal ({COLUMNS}) SELECT ?, ?, {COLUMNS[13:]} FROM journal WHERE stream = ? AND seq = ?",
            (stream, seq, *source),
        )

    (damaged,) = places(log.after(edit))
    # A copy put before its own original is the one that is right; then the original is one too many.
    assert damaged in {(stream, named), (stream, named + 1)}


@given(place=entries, without_head=st.booleans())
@AGAIN
def test_an_end_that_was_cut_off_is_found_up_to_the_newest_checkpoint(
    log: Log, place: tuple[bytes, int], without_head: bool
) -> None:
    """Also when the head is moved back; what no checkpoint signs yet is all that can go unseen."""
    stream, seq = place

    def edit(connection: apsw.Connection) -> None:
        connection.execute("DELETE FROM journal WHERE stream = ? AND seq >= ?", place)
        if seq == 1 and not without_head:
            connection.execute("DELETE FROM heads WHERE stream = ?", (stream,))
        elif not without_head:
            digest = log.entry(stream, seq - 1).hash
            connection.execute("UPDATE heads SET seq = ?, hash = ? WHERE stream = ?", (seq - 1, digest, stream))

    found = log.after(edit)
    if without_head or seq <= ANCHORED[stream]:
        assert places(found) == [place]
    else:
        assert found.whole and found.unanchored < 1000


@given(place=entries)
@AGAIN
def test_a_chain_that_was_rebuilt_is_found_up_to_the_newest_checkpoint(log: Log, place: tuple[bytes, int]) -> None:
    """Every hash and the head are right again; the checkpoints before and after the change name where it lies."""
    stream, seq = place
    with OneConnection(log.connection).read() as rows:
        rest = store.entries(rows, stream, seq - 1, 10_000)

    def edit(connection: apsw.Connection) -> None:
        previous = rest[0].previous
        forged = []
        for entry in rest:
            before, previous = previous, entry_hash(entry._replace(actor=b"", previous=previous))
            forged.append((before, previous, stream, entry.seq))
        connection.executemany(
            "UPDATE journal SET actor = x'', previous = ?, hash = ? WHERE stream = ? AND seq = ?", forged
        )
        connection.execute("UPDATE heads SET hash = ? WHERE stream = ?", (previous, stream))

    found = log.after(edit)
    if seq > ANCHORED[stream]:
        assert found.whole and found.unanchored == 1000
        return
    (damaged,) = found.damaged
    step = ANCHORED[stream] // 9
    assert damaged.stream == stream
    assert damaged.seq == (seq - 1) // step * step + 1
    assert "written anew" in damaged.what


def test_a_stream_that_is_gone_is_found(log: Log) -> None:
    """With its head, as if it had never been."""

    def edit(connection: apsw.Connection) -> None:
        connection.execute("DELETE FROM journal WHERE stream = ?", (STREAMS[1],))
        connection.execute("DELETE FROM heads WHERE stream = ?", (STREAMS[1],))

    assert places(log.after(edit)) == [(STREAMS[1], 1)]


@pytest.fixture(scope="module")
def pages(log: Log) -> list[int]:
    """The offsets of all pages of the database that hold the journal and the heads."""
    size: Any = log.connection.pragma("page_size")
    found: list[Any] = log.connection.execute("SELECT pageno FROM dbstat WHERE name IN ('journal', 'heads')").fetchall()
    return [(page - 1) * size for (page,) in found]


@given(dice=st.randoms(use_true_random=False), count=st.integers(1, 4), anywhere=st.booleans())
@settings(AGAIN, max_examples=80)
def test_bytes_changed_in_the_file_are_found_unless_they_mean_nothing(
    log: Log, pages: list[int], tmp_path: Path, dice: Any, count: int, anywhere: bool
) -> None:
    """Random bytes of the database: found, or every entry and every head reads as before."""
    path = tmp_path / "catalog.db"
    shutil.copyfile(log.folder / "catalog.db", path)
    content = bytearray(path.read_bytes())
    for _ in range(count):
        place = dice.randrange(len(content)) if anywhere else dice.choice(pages) + dice.randrange(4096)
        content[place] ^= dice.randrange(1, 256)
    path.write_bytes(content)
    try:
        database = SqliteDatabase(path, MIGRATIONS, read_only=True)
    except DocstopdError:
        return  # nobody can open it: found
    try:
        found = verify(database, log.checkpoints)
        if found.whole:
            pairs = zip(logical(path), logical(log.folder / "catalog.db"), strict=True)
            assert [(a, b) for a, b in pairs if a != b] == []
    except DocstopdError:
        pass
    finally:
        database.close()


def logical(path: Path) -> list[Any]:
    """All that the journal and the heads say."""
    with contextlib.closing(apsw.Connection(f"file:{path}?immutable=1", flags=apsw.SQLITE_OPEN_URI | 1)) as connection:
        entries = connection.execute(f"SELECT {COLUMNS} FROM journal ORDER BY stream, seq").fetchall()
        return [*entries, *connection.execute("SELECT stream, seq, hash FROM heads ORDER BY stream").fetchall()]
