"""Retention that dies at any of its writes: the next run ends where an undisturbed one would have."""

import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest
from vaults import START, Bench, Clock, open_bench

from docstopd.db import Database, Rows
from docstopd.model import SECOND, Role
from docstopd.vault import Policy
from docstopd.vault.retention import Keep, Protect, RetentionClass, RetentionPolicy, Schedule, Then

T = TypeVar("T")
DAY = 86_400
CLASSES = (
    RetentionClass("short", ("short/**",), 10 * DAY, then=Then.DELETE),
    RetentionClass("asked", ("asked/**",), 10 * DAY, protect=Protect.DELETE, then=Then.REVIEW),
)
POLICY = Policy(retention=RetentionPolicy(versions=Keep(last=1), schedule=Schedule(CLASSES), brake=100))
LATER = START + 60 * DAY * SECOND


class Died(BaseException):
    """The process is gone: nothing in it goes on."""


class Fate:
    """Dies at the k-th step; counts them all when it never does."""

    def __init__(self, at: int) -> None:
        self._left = at
        self.steps = 0

    def step(self) -> None:
        self.steps += 1
        if self.steps == self._left:
            raise Died


class DyingDatabase:
    """Dies before a write, or when it is durable and nobody knows it yet."""

    def __init__(self, inner: Database, fate: Fate) -> None:
        self._inner, self._fate = inner, fate

    def read(self) -> AbstractContextManager[Rows]:
        return self._inner.read()

    def write_and_view(self, work: Callable[[Rows], T]) -> AbstractContextManager[tuple[T, Rows]]:
        return self._inner.write_and_view(work)

    def write(self, work: Callable[[Rows], T]) -> T:
        self._fate.step()
        result = self._inner.write(work)
        self._fate.step()
        return result

    def close(self) -> None:
        self._inner.close()


class DyingStore:
    """Dies before one of these calls, and after it."""

    def __init__(self, inner: object, fate: Fate, calls: frozenset[str]) -> None:
        self._inner, self._fate, self._calls = inner, fate, calls

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name not in self._calls:
            return found

        def dying(*arguments: Any) -> Any:
            self._fate.step()
            result = found(*arguments)
            self._fate.step()
            return result

        return dying


def dying(bench: Bench, fate: Fate) -> Bench:
    """The same vault over stores that die."""
    return bench.with_stores(
        lambda stores: replace(
            stores,
            catalog=DyingDatabase(stores.catalog, fate),
            keyring=DyingStore(stores.keyring, fate, frozenset({"remove_data_keys"})),  # type: ignore[arg-type]
            blobs=DyingStore(stores.blobs, fate, frozenset({"delete"})),  # type: ignore[arg-type]
        )
    )


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder in which a run has everything to do: versions, trash, a class, and an approved disposition."""
    folder = tmp_path_factory.mktemp("start") / "data"
    folder.mkdir()
    bench = open_bench(folder, POLICY)
    root, ada = bench.account("root", Role.ADMIN), bench.account("ada")
    for name in ("short", "asked", "gone"):
        bench.vault.files.make_folder(ada, ("ada", name))
        for number in range(3):
            bench.put(ada, ("ada", name, f"file-{number}"), b"x" * (number + 1))
    for size in (10, 20, 30):
        bench.put(ada, ("ada", "versions"), b"x" * size)
    bench.vault.holds.on_path(ada, ("ada", "short", "file-0"), "case", confidential=False)
    bench.clock.advance(11 * DAY)
    bench.vault.retention.run(sure=True)
    bench.vault.files.delete(ada, ("ada", "gone"))
    bench.put(ada, ("ada", "short", "file-9"), b"x" * 9)
    for size in (40, 50):
        bench.put(ada, ("ada", "versions"), b"x" * size)
    for question in bench.vault.dispositions.list()[:2]:
        for session in (root, ada):
            bench.vault.dispositions.answer(session, question.asked.id, "destroy")
    bench.vault.close()
    return folder


def copied(start: Path, folder: Path) -> Bench:
    shutil.copytree(start, folder)
    return open_bench(folder, POLICY, clock=Clock(LATER))


def state(bench: Bench) -> list[list[tuple[Any, ...]]]:
    """What the catalog holds, but for what chance named and when it was."""
    return [
        bench.rows("SELECT id, parent, folder, size, deleted IS NULL, class FROM nodes ORDER BY id"),
        bench.rows("SELECT node, size, dead FROM versions ORDER BY node, size"),
        bench.rows("SELECT node, class, outcome, report IS NULL FROM dispositions ORDER BY id"),
        bench.rows("SELECT label, used FROM spaces JOIN heads ON stream = id ORDER BY label"),
    ]


def test_the_next_run_ends_as_an_undisturbed_one(start: Path, tmp_path: Path) -> None:
    """At every step; no row is ever without its blob and key, and the journal verifies."""
    undisturbed = copied(start, tmp_path / "undisturbed")
    before, fate = state(undisturbed), Fate(0)
    dying(undisturbed, fate).vault.retention.run(sure=True)
    expected = state(undisturbed)
    undisturbed.assert_tidy()
    assert expected != before and fate.steps > 10
    for step in range(1, fate.steps + 1):
        bench = copied(start, tmp_path / f"step-{step}")
        with suppress(Died):
            dying(bench, Fate(step)).vault.retention.run(sure=True)
            pytest.fail(f"nothing died at step {step}")
        assert bench.live_ids() <= bench.blob_ids() & bench.key_ids()
        bench.vault.retention.run(sure=True)
        assert state(bench) == expected, f"died at step {step}"
        assert bench.live_ids() <= bench.blob_ids() & bench.key_ids()
        bench.assert_journal()
        bench.vault.close()
        shutil.rmtree(bench.folder)
