"""What a store needs of a database: a consistent view to read, and durable, grouped writes."""

from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager
from typing import Protocol, TypeVar

Value = bytes | str | int | float | None

T = TypeVar("T")


class Rows(Protocol):
    """One transaction. Statements use `?` for parameters; rows are tuples.

    Raises `AlreadyExists` for a broken uniqueness rule, `StorageFull` when the disk is full, `Damaged` when the file is
    not a sound database.
    """

    def all(self, sql: str, *values: Value) -> list[tuple[Value, ...]]:
        """Every row."""

    def one(self, sql: str, *values: Value) -> tuple[Value, ...] | None:
        """The first row, or None."""

    def each(self, sql: str, *values: Value) -> Iterator[tuple[Value, ...]]:
        """Every row, read as it is asked for: for what does not fit in memory. Write nothing before its end."""

    def run(self, sql: str, *values: Value) -> int:
        """Carry out a change; how many rows it touched."""

    def insert(self, sql: str, *values: Value) -> int:
        """Insert one row; its integer key."""

    def many(self, sql: str, values: list[tuple[Value, ...]]) -> None:
        """Carry out one change for each tuple of values."""


class Database(Protocol):
    """A transactional store shared by threads and processes."""

    def read(self) -> AbstractContextManager[Rows]:
        """A view as of its first statement that no writer changes and that blocks no writer.

        Do not nest, do not write.
        """

    def look(self, sql: str, *values: Value) -> tuple[Value, ...] | None:
        """The first row of one statement, in a view of its own: `read` for what every request looks up."""

    def write(self, work: Callable[[Rows], T]) -> T:
        """Run `work` alone among all writers of all processes; what it returns is returned once it is durable.

        Nothing of it is kept when it raises; the error comes out here. `work` may run in another thread, together
        with the work of other callers in one commit. Raises `StateUnknown` when the commit's fsync fails.
        """

    def write_and_view(self, work: Callable[[Rows], T]) -> AbstractContextManager[tuple[T, Rows]]:
        """`write`, and a view (`read`) of exactly what it left: no other write of any process lies between."""

    def wipe(self, traces: Collection[bytes]) -> set[bytes]:
        """Let what was deleted be overwritten in every file of the database; those of the traces that are still there.

        `traces` are parts of deleted values, of at least 8 random bytes each. Raises `Failed` while a view is open
        that is as old as what was deleted; nothing is known then, and it may be tried again.
        """

    def close(self) -> None:
        """Close every connection; the database is unusable afterwards."""
