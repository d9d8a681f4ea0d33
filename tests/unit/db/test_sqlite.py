"""The embedded database: versions of its schema, what is no database, what is left on the disk."""

import os
import resource
from pathlib import Path

import apsw
import pytest

from docstopd.db.sqlite import APPLICATION_ID, SqliteDatabase
from docstopd.errors import Damaged, Failed, Incompatible, StateUnknown, StorageFull

ONE = ("CREATE TABLE a (x BLOB) STRICT",)
TWO = (*ONE, "CREATE TABLE b (x INTEGER) STRICT; INSERT INTO b VALUES (2)")
BROKEN = (*ONE, "CREATE TABLE b (x INTEGER) STRICT; INSERT INTO nowhere VALUES (2)")


def test_migrations_are_applied_in_order_and_once(tmp_path: Path) -> None:
    """To a new file all of them, to an older one the rest."""
    SqliteDatabase(tmp_path / "x.db", ONE).close()
    for _ in range(2):
        database = SqliteDatabase(tmp_path / "x.db", TWO)
        with database.read() as rows:
            assert rows.all("SELECT x FROM b") == [(2,)]
            assert rows.one("PRAGMA user_version") == (2,)
            assert rows.one("PRAGMA application_id") == (APPLICATION_ID,)
        database.close()


def test_a_migration_that_fails_changes_nothing(tmp_path: Path) -> None:
    """The old program still opens the file."""
    SqliteDatabase(tmp_path / "x.db", ONE).close()
    with pytest.raises(Failed):
        SqliteDatabase(tmp_path / "x.db", BROKEN)
    database = SqliteDatabase(tmp_path / "x.db", ONE)
    with database.read() as rows:
        assert rows.all("SELECT name FROM sqlite_schema") == [("a",)]
    database.close()


@pytest.mark.parametrize("read_only", [False, True])
def test_a_newer_file_is_refused_and_not_touched(tmp_path: Path, read_only: bool) -> None:
    """With the two numbers in the message."""
    SqliteDatabase(tmp_path / "x.db", TWO).close()
    before = (tmp_path / "x.db").read_bytes()
    with pytest.raises(Incompatible, match=r"schema 2.*up to 1"):
        SqliteDatabase(tmp_path / "x.db", ONE, read_only=read_only)
    assert (tmp_path / "x.db").read_bytes() == before


@pytest.mark.parametrize("read_only", [False, True])
def test_what_is_no_database_is_damage(tmp_path: Path, read_only: bool) -> None:
    """And stays as it is."""
    path = tmp_path / "x.db"
    path.write_bytes(b"this is a letter, and no database at all" * 100)
    before = path.read_bytes()
    with pytest.raises(Damaged):
        SqliteDatabase(path, ONE, read_only=read_only)
    assert path.read_bytes() == before


def test_a_torn_page_is_damage_or_failed_and_never_a_drivers_error(tmp_path: Path) -> None:
    """Pages overwritten with noise under a database that is opened afterwards."""
    path = tmp_path / "x.db"
    database = SqliteDatabase(path, ONE)
    database.write(lambda rows: rows.many("INSERT INTO a VALUES (?)", [(os.urandom(900),) for _ in range(200)]))
    database.close()
    content = bytearray(path.read_bytes())
    content[8192:60_000] = os.urandom(60_000 - 8192)
    path.write_bytes(content)
    database = SqliteDatabase(path, ONE)
    with pytest.raises(Failed), database.read() as rows:
        rows.all("SELECT sum(length(x)) FROM a")
    database.close()


def test_a_folder_that_is_missing_is_failed(tmp_path: Path) -> None:
    """No driver's error crosses the Protocol."""
    with pytest.raises(Failed):
        SqliteDatabase(tmp_path / "nowhere" / "x.db", ONE)


def test_read_only_makes_no_file(tmp_path: Path) -> None:
    """A copy on a read-only medium opens."""
    SqliteDatabase(tmp_path / "x.db", TWO).close()
    (tmp_path / "x.db.lock").unlink()
    for leftover in ("x.db-wal", "x.db-shm"):
        (tmp_path / leftover).unlink(missing_ok=True)
    database = SqliteDatabase(tmp_path / "x.db", TWO, read_only=True)
    with database.read() as rows:
        assert rows.all("SELECT x FROM b") == [(2,)]
    with pytest.raises(Failed), database.read() as rows:
        rows.run("INSERT INTO b VALUES (3)")
    database.close()
    assert [path.name for path in tmp_path.iterdir()] == ["x.db"]


def test_read_only_sees_what_was_not_merged(tmp_path: Path) -> None:
    """A folder that was copied while the daemon ran, or after a crash, has a log."""
    database = SqliteDatabase(tmp_path / "x.db", TWO)
    database.write(lambda rows: rows.run("INSERT INTO b VALUES (3)"))
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("x.db", "x.db-wal"):
        (copy / name).write_bytes((tmp_path / name).read_bytes())
    database.close()
    second = SqliteDatabase(copy / "x.db", TWO, read_only=True)
    with second.read() as rows:
        assert rows.all("SELECT x FROM b") == [(2,), (3,)]
    second.close()


def test_secure_delete_leaves_nothing_of_a_removed_row(tmp_path: Path) -> None:
    """In the database file, once its log is merged; the log itself is overwritten or gone."""
    database = SqliteDatabase(tmp_path / "x.db", ONE, secure_delete=True)
    marks = [os.urandom(32) for _ in range(100)]
    database.write(lambda rows: rows.many("INSERT INTO a VALUES (?)", [(mark,) for mark in marks]))
    database.write(lambda rows: rows.run("DELETE FROM a"))
    database.close()
    left = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert not [mark for mark in marks if mark in left]


def test_a_full_disk_undoes_the_write_and_keeps_the_rest(tmp_path: Path) -> None:
    """SQLite's own limit of pages stands in for the disk."""
    database = SqliteDatabase(tmp_path / "x.db", ONE)
    database.write(lambda rows: rows.run("INSERT INTO a VALUES (?)", b"first"))
    database.write(lambda rows: rows.one("PRAGMA max_page_count = 10"))
    with pytest.raises(StorageFull):
        database.write(lambda rows: rows.run("INSERT INTO a VALUES (zeroblob(100000))"))
    database.write(lambda rows: rows.run("INSERT INTO a VALUES (?)", b"second"))
    with database.read() as rows:
        assert rows.all("SELECT x FROM a") == [(b"first",), (b"second",)]
    database.close()


def test_a_commit_that_the_disk_refuses_is_state_unknown(tmp_path: Path) -> None:
    """The kernel's limit of a file's size makes the log's next page fail; all that came before is there."""
    database = SqliteDatabase(tmp_path / "x.db", ONE)
    database.write(lambda rows: rows.run("INSERT INTO a VALUES (?)", b"first"))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, ((tmp_path / "x.db-wal").stat().st_size, hard))
    try:
        with pytest.raises(StateUnknown):
            database.write(lambda rows: rows.run("INSERT INTO a VALUES (?)", b"lost"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    database.write(lambda rows: rows.run("INSERT INTO a VALUES (?)", b"second"))
    database.close()
    again = SqliteDatabase(tmp_path / "x.db", ONE)
    with again.read() as rows:
        assert rows.all("SELECT x FROM a") == [(b"first",), (b"second",)]
    again.close()


def test_each_commit_is_synced(tmp_path: Path) -> None:
    """WAL with full synchronous commits, checked references, no trust in the schema."""
    database = SqliteDatabase(tmp_path / "x.db", ONE)
    pragmas = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "trusted_schema": 0}
    assert {name: database.write(lambda rows, n=name: rows.one(f"PRAGMA {n}")[0]) for name in pragmas} == pragmas
    database.close()


def test_the_lock_file_and_the_database_are_private(tmp_path: Path) -> None:
    """Nobody else on the machine reads the catalog."""
    database = SqliteDatabase(tmp_path / "x.db", ONE)
    database.write(lambda rows: rows.run("INSERT INTO a VALUES (x'00')"))
    modes = {path.name: path.stat().st_mode & 0o077 for path in tmp_path.iterdir()}
    database.close()
    assert modes["x.db.lock"] == 0
    assert apsw.sqlite_lib_version() >= "3.51"
