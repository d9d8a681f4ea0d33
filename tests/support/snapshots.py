"""Vaults with targets, and what a test does with them."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from vaults import Bench, Clock, open_bench

from docstopd.blobs import BlobReader, BlobStore, BlobWriter
from docstopd.catalog import copies
from docstopd.daemon.compose import open_fresh
from docstopd.model import BlobId
from docstopd.targets import NamedTarget, Target
from docstopd.targets.local import LocalTarget
from docstopd.vault import Policy
from docstopd.vault.progress import SILENT
from docstopd.vault.snapshots import Restore, Restored, choose


def named(name: str, target: Target) -> NamedTarget:
    return NamedTarget(name, target, target)


def with_targets(bench: Bench, *targets: NamedTarget) -> Bench:
    """The vault with these targets."""
    return bench.with_stores(lambda stores: replace(stores, targets=targets, fresh=partial(open_fresh, stores.server)))


def bench_with_target(folder: Path, policy: Policy | None = None, clock: Clock | None = None) -> Bench:
    """A vault in `folder/data` with one target `first` in `folder/target`."""
    (folder / "data").mkdir(exist_ok=True)
    return with_targets(
        open_bench(folder / "data", policy, clock=clock), named("first", LocalTarget(folder / "target"))
    )


def restore_into(bench: Bench, target: Target, folder: Path, number: int | None = None) -> tuple[Bench, Restored]:
    """Restore a snapshot into a new vault in `folder`."""
    folder.mkdir(exist_ok=True)
    (folder / "server.key").write_text(bench.stores.server.encode())
    manifest = choose(target, bench.stores.server, number)
    run = Restore(target, target, bench.stores.server, bench.clock, os.urandom)
    with open_fresh(bench.stores.server, folder) as fresh:
        restored = run.run(manifest, fresh, SILENT)
    return open_bench(folder, clock=bench.clock), restored


def blobs_at(target: Target) -> set[bytes]:
    """The blobs that lie at a target."""
    return {bytes.fromhex(found.name.rpartition("/")[2]) for found in target.list("blobs/")}


def contained(bench: Bench, number: int) -> set[bytes]:
    """The blobs of a snapshot by the catalog."""
    with bench.stores.catalog.read() as rows:
        return {bytes(blob.blob) for blob in copies.contained(rows, number, copies.START, 1 << 40)}


class Counting:
    """A blob store that counts what is opened."""

    def __init__(self, inner: BlobStore) -> None:
        self._inner = inner
        self.opened: list[BlobId] = []

    def create(self, blob: BlobId, *, replace: bool = False) -> BlobWriter:
        return self._inner.create(blob, replace=replace)

    def open(self, blob: BlobId, *, fresh: bool = False) -> BlobReader:
        self.opened.append(blob)
        return self._inner.open(blob, fresh=fresh)

    def delete(self, blob: BlobId) -> None:
        self._inner.delete(blob)

    def ids(self) -> Any:
        return self._inner.ids()

    def received(self, blob: BlobId) -> int | None:
        return self._inner.received(blob)

    def sweep(self, before: int) -> int:
        return self._inner.sweep(before)


class Killed(BaseException):
    """The process dies here."""


class Dying:
    """Something at which the process dies with the call of a number: before it is carried out, or after."""

    def __init__(self, inner: Any, *, after: bool = False) -> None:
        self._inner = inner
        self._after = after
        self.calls = 0
        self.dies_at = 0

    def _call(self, work: Callable[[], Any]) -> Any:
        self.calls += 1
        dies = self.calls == self.dies_at
        if dies and not self._after:
            raise Killed
        result = work()
        if dies:
            raise Killed
        return result


class DyingDatabase(Dying):
    """A database; a call is a write."""

    def read(self) -> Any:
        return self._inner.read()

    def write(self, work: Callable[[Any], Any]) -> Any:
        return self._call(lambda: self._inner.write(work))

    @contextmanager
    def write_and_view(self, work: Callable[[Any], Any]) -> Iterator[Any]:
        with ExitStack() as stack:
            yield self._call(lambda: stack.enter_context(self._inner.write_and_view(work)))

    def wipe(self, traces: Any) -> Any:
        return self._inner.wipe(traces)

    def close(self) -> None:
        self._inner.close()


class DyingTarget(Dying):
    """A target."""

    def put(self, name: str) -> Any:
        return _DyingWriter(self, self._call(lambda: self._inner.put(name)))

    def open(self, name: str, *, fresh: bool = False) -> Any:
        return self._inner.open(name, fresh=fresh)

    def list(self, prefix: str) -> Any:
        return self._inner.list(prefix)

    def delete(self, name: str, *, wipe: bool = False) -> None:
        self._call(lambda: self._inner.delete(name, wipe=wipe))

    def settle(self) -> None:
        self._call(self._inner.settle)

    def sweep(self) -> None:
        self._inner.sweep()


class _DyingWriter:
    def __init__(self, target: DyingTarget, inner: Any) -> None:
        self._target = target
        self._inner = inner

    def write(self, data: Any) -> None:
        self._target._call(lambda: self._inner.write(data))

    def finish(self) -> None:
        self._target._call(self._inner.finish)

    def abort(self) -> None:
        pass  # a process that has died aborts nothing
