"""Stores over one folder whose process dies at a chosen step: the k-th change of anything, before it or right after."""

from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from vaults import Bench

from docstopd.crypto.keystore import Keystore
from docstopd.db import Database, Rows
from docstopd.keyring import Keyring
from docstopd.model import BlobId
from docstopd.targets import NamedTarget
from docstopd.vault import Vault

T = TypeVar("T")


class Died(BaseException):
    """Nothing catches it, as nothing catches the end of a process."""


@dataclass
class Fuse:
    """Counts changes; dies at number `at`, counted from 0, before it or `after` it."""

    at: int
    after: bool
    die: Callable[[], None]
    count: int = 0

    def around(self, change: Callable[[], T]) -> T:
        """Carry out a change, if it comes to that."""
        mine, self.count = self.count, self.count + 1
        if mine == self.at and not self.after:
            self.die()
        result = change()
        if mine == self.at:
            self.die()
        return result


def end_of_test() -> None:
    """Dies within the test's own process."""
    raise Died


class DyingDatabase:
    """A database that is under a fuse."""

    def __init__(self, inner: Database, fuse: Fuse) -> None:
        self._inner = inner
        self._fuse = fuse

    def read(self) -> AbstractContextManager[Rows]:
        return self._inner.read()

    def write(self, work: Callable[[Rows], T]) -> T:
        return self._fuse.around(lambda: self._inner.write(work))

    @contextmanager
    def write_and_view(self, work: Callable[[Rows], T]) -> Iterator[tuple[T, Rows]]:
        with self._inner.write_and_view(work) as found:
            yield found

    def wipe(self, traces: Collection[bytes]) -> set[bytes]:
        return self._fuse.around(lambda: self._inner.wipe(traces))

    def close(self) -> None:
        self._inner.close()


class DyingBlobs:
    """Deletions of blobs, or of a target's objects, that are under a fuse; all else is the real one's."""

    def __init__(self, inner: Any, fuse: Fuse) -> None:
        self._inner = inner
        self._fuse = fuse

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def delete(self, blob: BlobId) -> None:
        self._fuse.around(lambda: self._inner.delete(blob))


class DyingTarget(DyingBlobs):
    """What makes something final at a target is under the fuse as well."""

    def delete(self, name: Any, *, wipe: bool = False) -> None:
        self._fuse.around(lambda: self._inner.delete(name, wipe=wipe))

    def settle(self) -> None:
        self._fuse.around(self._inner.settle)


def under(bench: Bench, fuse: Fuse) -> Bench:
    """The same vault with everything that it changes under one fuse."""
    stores, server = bench.stores, bench.stores.server
    keystore = Keystore(server.keystore, [key.keystore for key in server.previous])
    keyring = Keyring(DyingDatabase(stores.keyring._database, fuse), keystore)
    targets = []
    for target in stores.targets:
        objects = DyingTarget(target.objects, fuse)
        targets.append(NamedTarget(target.name, objects, objects))
    stores = replace(
        stores,
        catalog=DyingDatabase(stores.catalog, fuse),
        keyring=keyring,
        blobs=DyingBlobs(stores.blobs, fuse),
        targets=tuple(targets),
    )
    return replace(bench, stores=stores, vault=Vault(stores, bench.policy))
