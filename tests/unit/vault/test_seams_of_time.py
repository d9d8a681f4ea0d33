"""Where the parts of time meet: what one of them does while, or before, another one does its own."""

from pathlib import Path

import pytest
from snapshots import bench_with_target, restore_into
from vaults import PASSWORD, Bench

from docstopd.vault import Session

FILE = ("ada", "report.txt")
DAY = 86_400


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return bench_with_target(tmp_path)


@pytest.fixture
def ada(bench: Bench) -> Session:
    return bench.account("ada")


# -- a clock that was wrong -------------------------------------------------------------------------------------------


def test_a_keyring_copy_from_a_clock_that_ran_ahead_does_not_stay(bench: Bench, ada: Session) -> None:
    """The next snapshot ends it, though its name says that it is newer."""
    bench.put(ada, FILE, b"content")
    bench.clock.advance(3650 * DAY)
    bench.vault.snapshots.create()
    bench.clock.advance(-3650 * DAY)
    bench.vault.snapshots.create()
    (copy,) = bench.vault.snapshots.keyring_copies(bench.stores.targets[0])
    assert copy <= bench.stores.clock()


def test_expiry_replaces_a_keyring_copy_whose_time_is_to_come(bench: Bench, ada: Session) -> None:
    """Nobody knows how old it is."""
    bench.put(ada, FILE, b"content")
    bench.clock.advance(3650 * DAY)
    bench.vault.snapshots.create()
    bench.clock.advance(-3650 * DAY)
    bench.vault.snapshots.expire()
    (copy,) = bench.vault.snapshots.keyring_copies(bench.stores.targets[0])
    assert copy <= bench.stores.clock()


def test_an_erasure_is_not_final_beside_a_keyring_copy_whose_time_is_to_come(bench: Bench, ada: Session) -> None:
    """It holds the key that was destroyed, whatever its name says."""
    bench.put(ada, FILE, b"content")
    bench.clock.advance(3650 * DAY)
    bench.vault.snapshots.create()
    bench.clock.advance(-3650 * DAY)
    bench.vault.erasure.request_path(ada, FILE)
    assert bench.vault.erasure.expire() == {"erasures_provisional": 1}
    bench.vault.snapshots.expire()
    assert bench.vault.erasure.expire() == {"erasures_final": 1}


def test_a_restore_passes_over_a_keyring_copy_whose_time_is_to_come(
    bench: Bench, ada: Session, tmp_path: Path
) -> None:
    """A run that died has left it beside the right one; it lacks the keys of what was written since."""
    bench.clock.advance(3650 * DAY)
    bench.vault.snapshots.create()
    bench.clock.advance(-3650 * DAY)
    (stale,) = (tmp_path / "target" / "keyring").iterdir()
    content = stale.read_bytes()
    bench.put(ada, FILE, b"content")
    bench.vault.snapshots.create()
    stale.write_bytes(content)
    other, _restored = restore_into(bench, bench.stores.targets[0].objects, tmp_path / "other")
    assert other.get(other.vault.sessions.sign_in("ada", PASSWORD), FILE) == b"content"
