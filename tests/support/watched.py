"""A vault whose files are watched, in this process."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from snapshots import bench_with_target
from vaults import Bench, Clock

from docstopd.vault.stores import wall_clock
from docstopd.watch.blobs import Blobs, Standing
from docstopd.watch.guarded import Guard, Guarded
from docstopd.watch.targets import TargetFiles
from docstopd.watch.watcher import TICK, Watcher

SOON = 60.0
"""Seconds; the machine may be busy with others."""


@dataclass
class RealClock(Clock):
    """The system's: the inodes of files have no other."""

    ahead: int = field(default=0)

    def __call__(self) -> int:
        return wall_clock() + self.ahead

    def advance(self, seconds: float) -> None:
        self.ahead += int(seconds * 1_000_000)


def real_bench(folder: Path) -> Bench:
    """A vault with a target, by the system's clock."""
    return bench_with_target(folder, clock=RealClock())


def blobs_of(bench: Bench, *, clean: bool = True, pause: Callable[[float], None] = lambda _seconds: None) -> Blobs:
    """The watch of a vault's blobs; it rests for nobody."""
    return Blobs(bench.folder / "blobs", bench.vault.storage, Standing(clean, wall_clock, time.monotonic, pause))


@contextlib.contextmanager
def watched(bench: Bench, *, clean: bool = True) -> Iterator[Watcher]:
    """Watched until the block is left, then what is left is judged."""
    guards = [Guard(bench.folder / "catalog.db", "catalog"), Guard(bench.folder / "keyring.db", "keyring")]
    key = Guard(bench.folder / "server.key", "server-key", constant=True)
    storage = bench.vault.storage
    targets = [TargetFiles(lying, bench.folder.parent / "target", storage) for lying in storage.at_targets()]
    watcher = Watcher([blobs_of(bench, clean=clean), Guarded([*guards, key], storage), *targets])
    watcher.step()
    done, failures = threading.Event(), []

    def run() -> None:
        try:
            while not done.wait(TICK):
                watcher.step()
            watcher.finish()
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield watcher
    finally:
        done.set()
        thread.join(SOON)
    assert not failures, failures


def alarms(bench: Bench) -> list[tuple[str, str, str]]:
    """(what, part, blob) of every alarm, oldest first."""
    found = bench.rows(
        "SELECT facts ->> 'what', facts ->> 'part', coalesce(facts ->> 'blob', '') FROM journal"
        " WHERE action = 'storage-alarm' ORDER BY time"
    )
    return [(what, part, blob) for what, part, blob in found]


def wait_for(condition: Callable[[], Any], what: Callable[[], Any] = lambda: "") -> Any:
    """What `condition` gives as soon as it is something."""
    until = time.monotonic() + SOON
    while time.monotonic() < until:
        if found := condition():
            return found
        time.sleep(0.1)
    raise AssertionError(f"it never came: {what()}")
