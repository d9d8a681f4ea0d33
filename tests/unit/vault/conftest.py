"""A whole vault over real stores in a folder of the test's own, and someone signed in."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from vaults import Bench, open_bench

from docstopd.vault import Session


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A fresh vault."""
    opened = open_bench(tmp_path)
    yield opened
    opened.vault.close()


@pytest.fixture
def ada(bench: Bench) -> Session:
    """The first user, whose space is `ada`."""
    return bench.account("ada")
