"""Stores that fail when a test says so, and are otherwise the real ones that they wrap."""

from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, TypeVar

from docstopd.blobs import BlobReader, BlobStore, BlobWriter
from docstopd.db import Database, Rows
from docstopd.model import BlobId

T = TypeVar("T")


class FailingDatabase:
    """Fails at a write: before it, as a full disk does, or after it, as a failed fsync may."""

    def __init__(self, inner: Database) -> None:
        self._inner = inner
        self.before: Exception | None = None
        self.after: Exception | None = None
        self.skip = 0

    def read(self) -> AbstractContextManager[Rows]:
        return self._inner.read()

    def look(self, sql: str, *values: Any) -> tuple[Any, ...] | None:
        return self._inner.look(sql, *values)

    def write(self, work: Callable[[Rows], T]) -> T:
        if self.skip:
            self.skip -= 1
            return self._inner.write(work)
        if self.before is not None:
            failure = self.before

            def undone(rows: Rows) -> T:
                work(rows)
                raise failure  # after all of it has run: what stays now was not undone

            return self._inner.write(undone)
        result = self._inner.write(work)
        if self.after is not None:
            raise self.after
        return result

    @contextmanager
    def write_and_view(self, work: Callable[[Rows], T]) -> Iterator[tuple[T, Rows]]:
        result = self.write(work)
        with self._inner.read() as rows:
            yield result, rows

    def wipe(self, traces: Collection[bytes]) -> set[bytes]:
        return self._inner.wipe(traces)

    def close(self) -> None:
        self._inner.close()


class FailingBlobs:
    """Fails at a step of a blob's life."""

    def __init__(self, inner: BlobStore) -> None:
        self._inner = inner
        self.create_fails: Exception | None = None
        self.write_fails: Exception | None = None
        self.finish_fails: Exception | None = None
        self.finished_fails: Exception | None = None
        self.delete_fails: Exception | None = None

    def create(self, blob: BlobId, *, replace: bool = False) -> BlobWriter:
        raise_if(self.create_fails)
        return _FailingWriter(self, self._inner.create(blob, replace=replace))

    def open(self, blob: BlobId, *, fresh: bool = False) -> BlobReader:
        return self._inner.open(blob, fresh=fresh)

    def delete(self, blob: BlobId) -> None:
        raise_if(self.delete_fails)
        self._inner.delete(blob)

    def ids(self) -> Iterator[BlobId]:
        return self._inner.ids()

    def received(self, blob: BlobId) -> int | None:
        return self._inner.received(blob)

    def sweep(self, before: int) -> int:
        return self._inner.sweep(before)


class _FailingWriter:
    def __init__(self, blobs: FailingBlobs, inner: BlobWriter) -> None:
        self._blobs = blobs
        self._inner = inner

    def write(self, data: Any) -> None:
        raise_if(self._blobs.write_fails)
        self._inner.write(data)

    def finish(self) -> bytes:
        raise_if(self._blobs.finish_fails)
        digest = self._inner.finish()
        raise_if(self._blobs.finished_fails)
        return digest

    def abort(self) -> None:
        self._inner.abort()


def raise_if(failure: Exception | None) -> None:
    """Raise it, if there is one."""
    if failure is not None:
        raise failure
