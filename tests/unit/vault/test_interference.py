"""Another writer comes in between the look and the deed: the deed is done to what is there then."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from vaults import Bench, open_bench

from docstopd.blobs import BlobReader
from docstopd.db import Database, Rows
from docstopd.model import Lock
from docstopd.vault import Session

FILE = ("ada", "f")
PASTLESS = ("ada", ".DS_Store")


class Interrupted:
    """A catalog or blob store before whose first write, or opening of a blob, something else happens."""

    def __init__(self, inner: Any, happening: Callable[[], object]) -> None:
        self._inner = inner
        self._happenings = [happening]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def write(self, work: Callable[[Rows], Any]) -> Any:
        """See `Database.write`."""
        self._happen()
        return self._inner.write(work)

    def open(self, blob: bytes) -> BlobReader:
        """See `BlobStore.open`."""
        self._happen()
        return self._inner.open(blob)

    def read(self) -> AbstractContextManager[Rows]:
        """See `Database.read`."""
        return self._inner.read()

    def _happen(self) -> None:
        while self._happenings:
            self._happenings.pop()()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A vault that nobody disturbs."""
    return open_bench(tmp_path)


@pytest.fixture
def ada(bench: Bench) -> Session:
    """Who writes, here and there."""
    return bench.account("ada")


def lock(bench: Bench, ada: Session) -> tuple[Lock, bool]:
    """Take an exclusive lock on `FILE`."""
    return bench.vault.locks.lock(ada, FILE, exclusive=True, infinite=False, owner="", timeout=600)


def before_a_write(bench: Bench, happening: Callable[[], object]) -> Bench:
    """The same vault, disturbed once before it writes to the catalog."""

    def disturbed(catalog: Database) -> Any:
        return Interrupted(catalog, happening)

    return bench.with_stores(lambda stores: replace(stores, catalog=disturbed(stores.catalog)))


def test_a_lock_of_a_file_that_is_deleted_meanwhile_makes_an_empty_one(bench: Bench, ada: Session) -> None:
    """It is a lock of a free name then, not a 404."""
    bench.put(ada, FILE, b"old")
    disturbed = before_a_write(bench, lambda: bench.vault.files.delete(ada, FILE))
    taken, created = lock(disturbed, ada)
    assert created
    assert bench.get(ada, FILE) == b""
    assert [each.token for each in bench.vault.locks.covering(ada, FILE)] == [taken.token]


@pytest.mark.parametrize("folder", [False, True])
def test_a_lock_of_a_free_name_that_is_taken_meanwhile_locks_what_is_there(
    bench: Bench, ada: Session, folder: bool
) -> None:
    """Its empty file never takes the place of another writer's content."""

    def take() -> None:
        bench.vault.files.make_folder(ada, FILE) if folder else bench.put(ada, FILE, b"new")

    _taken, created = lock(before_a_write(bench, take), ada)
    assert not created
    assert bench.vault.files.stat(ada, FILE).folder == folder
    assert folder or bench.get(ada, FILE) == b"new"


@pytest.mark.parametrize("size", [10, 600_000])
def test_a_copy_of_a_file_without_a_past_that_is_replaced_meanwhile_is_of_the_new_content(
    bench: Bench, ada: Session, size: int
) -> None:
    """Its old blob is gone, which is not damage."""
    bench.put(ada, PASTLESS, b"0" * size)
    disturbed = bench.with_stores(
        lambda stores: replace(stores, blobs=Interrupted(stores.blobs, lambda: bench.put(ada, PASTLESS, b"1" * size)))
    )
    disturbed.vault.files.copy(ada, PASTLESS, FILE, overwrite=False, deep=True)
    assert bench.get(ada, FILE) == b"1" * size
    assert "damage" not in {action for (action,) in bench.rows("SELECT action FROM journal")}
    bench.assert_tidy()
