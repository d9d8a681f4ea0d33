"""A whole vault over real stores in a folder of the test's own, and someone signed in."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from vaults import Bench, open_bench

from docstopd.catalog import MIGRATIONS
from docstopd.db.sqlite import SqliteDatabase
from docstopd.vault import Session
from docstopd.vault.audit.verifying import verify


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A fresh vault."""
    opened = open_bench(tmp_path)
    yield opened
    opened.vault.close()
    if not opened.edits:  # a journal that nobody touched never alarms
        again = SqliteDatabase(tmp_path / "catalog.db", MIGRATIONS)
        assert verify(again).damaged == []
        again.close()


@pytest.fixture
def ada(bench: Bench) -> Session:
    """The first user, whose space is `ada`."""
    return bench.account("ada")
