"""What every adapter of `Database` promises."""

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from docstopd.db import Database, Rows
from docstopd.db.sqlite import GROUP_LIMIT, SqliteDatabase
from docstopd.errors import AlreadyExists, Failed

SCHEMA = (
    "CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, value BLOB) STRICT",
    "CREATE TABLE parts (thing INTEGER NOT NULL REFERENCES things(id)) STRICT",
)

Open = Callable[[], Database]


def sqlite(folder: Path) -> Open:
    return lambda: SqliteDatabase(folder / "contract.db", SCHEMA)


@pytest.fixture(params=[sqlite])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Opens one and the same database, as often as a test asks: each opening is like one process."""
    make, all_opened = request.param(tmp_path), []

    def again() -> Database:
        all_opened.append(make())
        return all_opened[-1]

    yield again
    for database in all_opened:
        database.close()


@pytest.fixture
def database(opened: Open) -> Database:
    return opened()


def add(name: str) -> Callable[[Rows], int]:
    return lambda rows: rows.insert("INSERT INTO things (name) VALUES (?)", name)


def names(database: Database) -> set[object]:
    with database.read() as rows:
        return {row[0] for row in rows.all("SELECT name FROM things")}


def test_a_write_is_seen_by_all_when_it_returns(opened: Open) -> None:
    """By this process and by others."""
    one, two = opened(), opened()
    number = one.write(add("a"))
    assert number == 1
    assert names(one) == names(two) == {"a"}


def test_a_write_outlives_the_database(opened: Open) -> None:
    """It is durable when it returns."""
    one = opened()
    one.write(add("a"))
    one.close()
    assert names(opened()) == {"a"}


def test_all_kinds_of_values_come_back_as_they_were(database: Database) -> None:
    """Bytes, text, integers up to 64 bits, nothing."""
    row = (2**62, "naïve \N{SNOWMAN}", b"\0\xff")
    database.write(lambda rows: rows.run("INSERT INTO things VALUES (?, ?, ?)", *row))
    with database.read() as rows:
        assert rows.one("SELECT * FROM things") == row
        assert rows.one("SELECT value FROM things WHERE id = 5") is None
        assert rows.all("SELECT value FROM things WHERE id = 5") == []
        assert rows.one("SELECT NULL") == (None,)


def test_run_tells_how_many_rows_it_touched(database: Database) -> None:
    """None, one, many."""

    def work(rows: Rows) -> list[int]:
        rows.many("INSERT INTO things (name) VALUES (?)", [("a",), ("b",), ("c",)])
        return [rows.run("UPDATE things SET value = x'00' WHERE name >= ?", name) for name in "dba"]

    assert database.write(work) == [0, 2, 3]


def test_a_work_that_raises_leaves_nothing(database: Database) -> None:
    """Its error comes out as it is."""

    def work(rows: Rows) -> None:
        add("a")(rows)
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        database.write(work)
    assert names(database) == set()
    database.write(add("b"))
    assert names(database) == {"b"}


def test_a_taken_key_is_already_exists(database: Database) -> None:
    """Uniqueness alone has this word; a broken reference or a missing value is a bug, and `Failed`."""
    database.write(add("a"))
    with pytest.raises(AlreadyExists):
        database.write(add("a"))
    for sql in ("INSERT INTO parts VALUES (99)", "INSERT INTO things (name) VALUES (NULL)"):
        with pytest.raises(Failed):
            database.write(lambda rows, sql=sql: rows.run(sql))  # type: ignore[misc]


def test_a_wrong_statement_is_failed(database: Database) -> None:
    """No driver's error crosses the Protocol."""
    with pytest.raises(Failed):
        database.write(lambda rows: rows.run("INSERT INTO nowhere VALUES (1)"))
    with pytest.raises(Failed), database.read() as rows:
        rows.one("SELECT * FROM nowhere")
    assert names(database) == set()


def test_a_work_may_handle_an_error_and_go_on(database: Database) -> None:
    """A refused statement does not end the transaction."""
    database.write(add("a"))

    def work(rows: Rows) -> None:
        with pytest.raises(AlreadyExists):
            add("a")(rows)
        add("b")(rows)

    database.write(work)
    assert names(database) == {"a", "b"}


def test_a_view_does_not_change_under_its_reader(opened: Open) -> None:
    """From its first statement on; writers, here and elsewhere, are not held up."""
    one, two = opened(), opened()
    one.write(add("a"))
    with one.read() as rows:
        assert rows.all("SELECT name FROM things") == [("a",)]
        one.write(add("b"))
        two.write(add("c"))
        assert rows.all("SELECT name FROM things") == [("a",)]
    assert names(one) == {"a", "b", "c"}


def test_a_reader_that_raises_leaves_a_usable_database(database: Database) -> None:
    """Its connection goes back."""
    for _ in range(3):
        with pytest.raises(KeyError), database.read() as rows:
            rows.one("SELECT 1")
            raise KeyError
    database.write(add("a"))
    assert names(database) == {"a"}


def test_works_never_overlap(opened: Open) -> None:
    """Many threads over two processes count one number up: none of it is lost."""
    databases = [opened(), opened()]
    databases[0].write(lambda rows: rows.run("INSERT INTO things (id, name) VALUES (0, 'count')"))

    def count(rows: Rows) -> int:
        row = rows.one("SELECT id FROM things WHERE name = 'count'")
        assert row is not None
        assert isinstance(row[0], int)
        rows.run("UPDATE things SET id = ? WHERE name = 'count'", row[0] + 1)
        return row[0]

    with ThreadPoolExecutor(16) as pool:
        seen = list(pool.map(lambda n: databases[n % 2].write(count), range(300)))
    assert sorted(seen) == list(range(300))


def test_a_work_that_raises_takes_none_of_its_neighbours_along(database: Database) -> None:
    """More of them than one commit holds, every third broken, some after they wrote something."""
    started, entered = threading.Event(), threading.Event()

    def hold(_rows: Rows) -> None:
        entered.set()
        started.wait(10)

    def work(number: int) -> str:
        def body(rows: Rows) -> str:
            add(f"{number}")(rows)
            if number % 3 == 0:
                raise KeyError(number)
            if number % 7 == 0:
                add(f"{number}")(rows)  # AlreadyExists
            return f"{number}"

        return database.write(body)

    total = 2 * GROUP_LIMIT + 10
    with ThreadPoolExecutor(total + 1) as pool:
        pool.submit(database.write, hold)
        assert entered.wait(10)
        futures = [pool.submit(work, number) for number in range(total)]
        started.set()
        outcomes = [future.exception(60) for future in futures]
    for number, error in enumerate(outcomes):
        wanted = KeyError if number % 3 == 0 else AlreadyExists if number % 7 == 0 else type(None)
        assert type(error) is wanted, number
    assert names(database) == {f"{n}" for n in range(total) if n % 3 and n % 7}


def test_an_interrupted_work_fails_alone_or_with_its_commit_but_leaves_the_database_usable(database: Database) -> None:
    """Ctrl-C reaches whoever is running the works."""

    def work(rows: Rows) -> None:
        add("a")(rows)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        database.write(work)
    database.write(add("b"))
    assert names(database) == {"b"}


def test_rows_are_read_as_they_are_asked_for(database: Database) -> None:
    """As many as there are, in the statement's order; the reader may stop early."""
    database.write(lambda rows: rows.many("INSERT INTO things (name) VALUES (?)", [(f"{n:04}",) for n in range(5000)]))
    with database.read() as rows:
        found = rows.each("SELECT name FROM things WHERE name >= ? ORDER BY name", "1000")
        assert next(found) == ("1000",)
        assert sum(1 for _ in found) == 3999
        next(rows.each("SELECT name FROM things"))
    assert len(names(database)) == 5000
    with pytest.raises(Failed), database.read() as rows:
        list(rows.each("SELECT * FROM nowhere"))


def test_a_write_is_viewed_before_any_other(opened: Open) -> None:
    """While others write in both processes, each view has the count that its own write left, to its end."""
    databases, stop = [opened(), opened()], threading.Event()
    databases[0].write(lambda rows: rows.run("INSERT INTO things (id, name) VALUES (0, 'count')"))

    def count(rows: Rows) -> object:
        rows.run("UPDATE things SET id = id + 1 WHERE name = 'count'")
        return rows.one("SELECT id FROM things WHERE name = 'count'")

    def disturb(database: Database) -> None:
        while not stop.is_set():
            database.write(count)

    with ThreadPoolExecutor(4) as pool:
        others = [pool.submit(disturb, databases[n % 2]) for n in range(4)]
        try:
            for number in range(100):
                with databases[number % 2].write_and_view(count) as (left, rows):
                    for _ in range(3):
                        assert rows.one("SELECT id FROM things WHERE name = 'count'") == left
        finally:
            stop.set()
        for other in others:
            other.result()


def test_a_write_that_raises_is_not_viewed(database: Database) -> None:
    """Its error comes out, nothing stays, and the database is usable."""

    def work(rows: Rows) -> None:
        add("a")(rows)
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"), database.write_and_view(work):
        pytest.fail("there is no view")
    with database.write_and_view(add("b")) as (number, rows):
        assert rows.all("SELECT id, name FROM things") == [(number, "b")]
    assert names(database) == {"b"}


def _settled(database: Database) -> None:
    database.write(lambda rows: rows.run("CREATE TABLE secrets (id INTEGER PRIMARY KEY, value BLOB NOT NULL) STRICT"))


def test_what_was_deleted_is_in_no_file_after_a_wipe(database: Database, tmp_path: Path) -> None:
    """Rows come, move between pages, and go; not one byte sequence of theirs is left, and the others are."""
    _settled(database)
    secrets = [os.urandom(200) for _ in range(3000)]
    for number, secret in enumerate(secrets):
        database.write(
            lambda rows, n=number, s=secret: rows.run("INSERT INTO secrets VALUES (?, ?)", n * 7919 % 3000, s)
        )
    gone, kept = secrets[::3], secrets[1::3]
    database.write(lambda rows: rows.many("DELETE FROM secrets WHERE value = ?", [(secret,) for secret in gone]))
    traces = [part for secret in gone for part in (secret[:16], secret[-16:])]
    assert database.wipe(traces) == set()
    stored = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert not [trace for trace in traces if trace in stored]
    assert all(secret[:16] in stored for secret in kept)


def test_a_wipe_says_what_is_still_there(database: Database) -> None:
    """What was not deleted is found, by few traces as by many."""
    _settled(database)
    secrets = [os.urandom(64) for _ in range(1000)]
    database.write(lambda rows: rows.many("INSERT INTO secrets (value) VALUES (?)", [(one,) for one in secrets]))
    assert database.wipe([secrets[7][:16], os.urandom(16)]) == {secrets[7][:16]}
    many = [os.urandom(16) for _ in range(1000)]
    assert database.wipe([*many, secrets[0][3:19], secrets[999][20:36]]) == {secrets[0][3:19], secrets[999][20:36]}


def test_a_view_that_is_open_stands_in_the_way_of_a_wipe(database: Database) -> None:
    """It still shows what was deleted, so nothing is promised; afterwards it goes."""
    _settled(database)
    secret = os.urandom(64)
    database.write(lambda rows: rows.run("INSERT INTO secrets (value) VALUES (?)", secret))
    with database.read() as rows:
        assert rows.one("SELECT count(*) FROM secrets") == (1,)
        database.write(lambda changed: changed.run("DELETE FROM secrets"))
        with pytest.raises(Failed):
            database.wipe([secret[:16]])
    assert database.wipe([secret[:16]]) == set()
