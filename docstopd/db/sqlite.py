"""SQLite by apsw: WAL, full synchronous commits, one writer at a time; writes that arrive together commit together.

SQLite's own busy handler sleeps between tries. Writers here take turns on a lock file beside the database instead, so
the next one starts the moment the last one is done, whichever process it is in.
"""

import contextlib
import fcntl
import os
import threading
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

import apsw

from docstopd.db import durable, owner
from docstopd.db import traces as marks
from docstopd.db.database import Value
from docstopd.errors import AlreadyExists, Damaged, DocstopdError, Failed, Incompatible, StateUnknown, StorageFull

T = TypeVar("T")

APPLICATION_ID = 0x646F6373
"""`docs`: what `file` and SQLite's own tools show for these databases."""

GROUP_LIMIT = 64
"""Works in one commit at most, so that the first of a burst does not wait for all of it."""

TAKEN = (apsw.SQLITE_CONSTRAINT_PRIMARYKEY, apsw.SQLITE_CONSTRAINT_ROWID, apsw.SQLITE_CONSTRAINT_UNIQUE)
"""The broken rules of uniqueness; any other is a bug in a statement."""

DRIVERS = (apsw.Error, UnicodeDecodeError)
"""What a statement can raise. What runs often catches them itself: a block that raises nothing costs nothing then."""

BUSY_MILLISECONDS = 10_000

PATIENCE_MILLISECONDS = 2_000
"""How long the emptying of the log waits for who reads; nobody writes meanwhile."""

CHECKPOINT_PAGES = 4000
"""Pages of log (16 MiB) before they are merged: the merging is paid by whoever commits then, so not too often."""


class SqliteRows:
    """One connection inside a transaction (`Rows`)."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def all(self, sql: str, *values: Value) -> list[tuple[Value, ...]]:
        try:
            found: list[tuple[Value, ...]] = self._connection.execute(sql, values).fetchall()
        except DRIVERS as error:
            raise _translation(error) from error
        return found

    def one(self, sql: str, *values: Value) -> tuple[Value, ...] | None:
        try:
            found: tuple[Value, ...] | None = self._connection.execute(sql, values).fetchone()
        except DRIVERS as error:
            raise _translation(error) from error
        return found

    def each(self, sql: str, *values: Value) -> Iterator[tuple[Value, ...]]:
        with _translated:
            yield from cast(Iterator[tuple[Value, ...]], self._connection.execute(sql, values))

    def run(self, sql: str, *values: Value) -> int:
        try:
            self._connection.execute(sql, values)
        except DRIVERS as error:
            raise _translation(error) from error
        return self._connection.changes()

    def insert(self, sql: str, *values: Value) -> int:
        try:
            self._connection.execute(sql, values)
        except DRIVERS as error:
            raise _translation(error) from error
        return self._connection.last_insert_rowid()

    def many(self, sql: str, values: list[tuple[Value, ...]]) -> None:
        with _translated:
            self._connection.executemany(sql, values)


class SqliteDatabase:
    """The embedded adapter of `Database`.

    `migrations[n]` takes the schema from version n to n+1; they are applied in one transaction when the database is
    opened. `secure_delete` overwrites deleted content with zeros; `read_only` is for a database that no
    process writes. Raises `Incompatible` when the file is newer than the program, `Damaged` when it is no database.
    """

    def __init__(
        self, path: Path, migrations: Sequence[str], *, secure_delete: bool = False, read_only: bool = False
    ) -> None:
        self._path = path
        self._secure_delete = secure_delete
        self._read_only = read_only
        self._idle: deque[apsw.Connection] = deque()
        self._waiting: deque[_Work[Any]] = deque()
        self._turn = threading.Lock()
        self._lock_file = -1
        with _translated:
            self._writer = self._connect()
            try:
                self._open(migrations)
            except BaseException:
                self.close()
                raise

    def _open(self, migrations: Sequence[str]) -> None:
        self._check_version(len(migrations))
        if not self._read_only:
            fresh = not self._path.exists()
            self._lock_file = durable.open_lock(f"{self._path}.lock")
            self.write(lambda _rows: self._migrate(migrations))
            if fresh:
                owner.adopt_path(self._path)

    def _connect(self) -> apsw.Connection:
        flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE | apsw.SQLITE_OPEN_NOMUTEX
        name = str(self._path)
        if self._read_only:
            flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_NOMUTEX | apsw.SQLITE_OPEN_URI
            # A log that was not merged must be read, for which SQLite needs files beside it; without one, a copy on a
            # read-only medium opens too.
            merged = not self._path.with_name(self._path.name + "-wal").exists()
            name = self._path.absolute().as_uri() + ("?immutable=1" if merged else "?mode=ro")
        connection = apsw.Connection(name, flags=flags, statementcachesize=200)
        connection.set_busy_timeout(BUSY_MILLISECONDS)
        if not self._read_only:
            connection.pragma("journal_mode", "wal")
            connection.pragma("synchronous", "full")
            connection.pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
            connection.pragma("secure_delete", 1 if self._secure_delete else 0)
        # Plans that hold for any bound value: without this, SQLite plans some statements anew for each set of values.
        connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
        connection.pragma("foreign_keys", True)
        connection.pragma("trusted_schema", False)
        connection.pragma("cell_size_check", True)
        connection.pragma("temp_store", "memory")  # an index built for one query never reaches the disk
        return connection

    def _check_version(self, newest: int) -> int:
        found = cast(int, self._writer.pragma("user_version"))
        if found > newest:
            raise Incompatible(
                f"{self._path.name} has schema {found}, this docstopd knows up to {newest}; install the newer docstopd"
            )
        return found

    def _migrate(self, migrations: Sequence[str]) -> None:
        found = self._check_version(len(migrations))
        for script in migrations[found:]:
            self._writer.execute(script)
        if found < len(migrations):
            self._writer.pragma("application_id", APPLICATION_ID)
            self._writer.pragma("user_version", len(migrations))

    @contextlib.contextmanager
    def read(self) -> Iterator[SqliteRows]:
        """See `Database.read`."""
        connection = self._reader()
        with _translated:
            connection.execute("BEGIN")
        try:
            yield SqliteRows(connection)
        finally:
            self._end(connection)

    def look(self, sql: str, *values: Value) -> tuple[Value, ...] | None:
        """See `Database.look`. SQLite gives a statement outside of a transaction one of its own."""
        connection = self._reader()
        try:
            with _translated:
                found = connection.execute(sql, values).fetchall()
        finally:
            self._idle.append(connection)
        return found[0] if found else None

    @contextlib.contextmanager
    def write_and_view(self, work: Callable[[SqliteRows], T]) -> Iterator[tuple[T, SqliteRows]]:
        """See `Database.write_and_view`."""
        mine, connection = _Work(work), self._reader()
        try:
            with self._turn:
                self._commit([mine], partial(_look, connection))
            yield mine.outcome(), SqliteRows(connection)
        finally:
            self._end(connection)

    def _reader(self) -> apsw.Connection:
        try:
            return self._idle.pop()
        except IndexError:
            with _translated:
                return self._connect()

    def _end(self, connection: apsw.Connection) -> None:
        if connection.in_transaction:
            with _translated:
                connection.execute("COMMIT")
        self._idle.append(connection)

    def write(self, work: Callable[[SqliteRows], T]) -> T:
        """See `Database.write`. Whoever gets the turn first commits for all who wait."""
        mine = _Work(work)
        self._waiting.append(mine)
        with self._turn:
            if not mine.done:
                group = [self._waiting.popleft() for _ in range(min(len(self._waiting), GROUP_LIMIT))]
                while mine not in group:  # more than a group was ahead of us
                    self._commit(group)
                    group = [self._waiting.popleft() for _ in range(min(len(self._waiting), GROUP_LIMIT))]
                self._commit(group)
        return mine.outcome()

    def _commit(self, group: "list[_Work[Any]]", then: Callable[[], None] | None = None) -> None:
        """Carry out the works; `then` before any other process writes."""
        try:
            fcntl.flock(self._lock_file, fcntl.LOCK_EX)
            try:
                with _translated:
                    self._writer.execute("BEGIN IMMEDIATE")
                    self._run(group)
                    if then is not None:
                        then()
            finally:
                fcntl.flock(self._lock_file, fcntl.LOCK_UN)
        except BaseException as error:
            for work in group:
                work.fail(error)
            if not isinstance(error, Exception):
                raise

    def _run(self, group: "list[_Work[Any]]") -> None:
        rows = SqliteRows(self._writer)
        try:
            if len(group) > 1:
                self._run_apart(group, rows)
            elif not group[0].attempt(rows):
                return  # it is undone with its transaction
            try:
                self._writer.execute("COMMIT")
            except apsw.IOError as error:
                raise StateUnknown(f"commit to {self._path.name} failed: {error}") from error
        finally:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")

    def _run_apart(self, group: "list[_Work[Any]]", rows: SqliteRows) -> None:
        """Run works so that one which raises takes none of the others along."""
        for work in group:
            self._writer.execute("SAVEPOINT work")
            if work.attempt(rows):
                self._writer.execute("RELEASE work")
            elif self._writer.in_transaction:
                self._writer.execute("ROLLBACK TO work; RELEASE work")
            else:  # SQLite gave up the whole transaction: the disk is full
                raise StorageFull("the disk that holds the data folder is full")

    def wipe(self, traces: Collection[bytes]) -> set[bytes]:
        """See `Database.wipe`. What is left of older days in unused parts of pages goes when the file is rebuilt."""
        self._alone(self._merge)
        found = marks.search(self._files(), traces)
        if found:
            self._alone(self._rebuild)
            found = marks.search(self._files(), found)
        return found

    def _files(self) -> list[Path]:
        return [self._path.with_name(self._path.name + end) for end in ("", "-wal", "-shm")]

    def _merge(self) -> None:
        """Move the log into the database and leave nothing in it."""
        self._writer.set_busy_timeout(PATIENCE_MILLISECONDS)
        try:
            busy = self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()[0][0]
        finally:
            self._writer.set_busy_timeout(BUSY_MILLISECONDS)
        if busy:
            raise Failed(f"{self._path.name} is being read for long: its log cannot be emptied now")

    def _rebuild(self) -> None:
        self._writer.execute("VACUUM")
        self._merge()

    def _alone(self, work: Callable[[], None]) -> None:
        """Outside of any transaction, while no process writes."""
        with self._turn:
            fcntl.flock(self._lock_file, fcntl.LOCK_EX)
            try:
                with _translated:
                    work()
            finally:
                fcntl.flock(self._lock_file, fcntl.LOCK_UN)

    def close(self) -> None:
        """See `Database.close`."""
        with self._turn:
            for connection in (*self._idle, self._writer):
                connection.close()
            self._idle.clear()
            if self._lock_file >= 0:
                os.close(self._lock_file)
                self._lock_file = -1


def _look(connection: apsw.Connection) -> None:
    """Begin a view now: SQLite alone would begin it with its first statement."""
    connection.execute("BEGIN")
    connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchall()


class _Work(Generic[T]):
    """One caller's share of a group commit."""

    def __init__(self, work: Callable[[SqliteRows], T]) -> None:
        self._work = work
        self._result: T | None = None
        self._error: BaseException | None = None
        self.done = False

    def attempt(self, rows: SqliteRows) -> bool:
        """Run it; False when it raised, which `outcome` then raises in its own thread."""
        self.done = True
        try:
            self._result = self._work(rows)
        except Exception as error:  # noqa: BLE001 - handed to the caller whose work it is, by `outcome`
            self._error = error
            return False
        return True

    def fail(self, error: BaseException) -> None:
        """The commit as a whole failed; an error of its own stays."""
        self.done = True
        if self._error is None:
            self._error = error

    def outcome(self) -> T:
        """What the work returned, or what it raised."""
        if self._error is not None:
            raise self._error
        return cast(T, self._result)


def _translation(error: apsw.Error | UnicodeDecodeError) -> DocstopdError:
    """A driver's error in the words of the error tree."""
    if isinstance(error, UnicodeDecodeError):
        return Damaged("a database is damaged: it holds a text that is none")
    if isinstance(error, apsw.ConstraintError) and cast(Any, error).extendedresult in TAKEN:
        return AlreadyExists("a row of that key exists")
    if isinstance(error, apsw.FullError):
        return StorageFull("the disk that holds the data folder is full")
    if isinstance(error, (apsw.CorruptError, apsw.NotADBError)):
        return Damaged(f"a database is damaged: {error}")
    return Failed(f"the database refused: {error}")


class _Translation:
    """No driver's error crosses the Protocol. A class, since a generator costs as much as the statement it guards."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: type[BaseException] | None, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, DRIVERS):
            raise _translation(error) from error


_translated = _Translation()
