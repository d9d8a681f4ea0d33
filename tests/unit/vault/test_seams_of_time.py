"""Where the parts of time meet: what one of them does while, or before, another one does its own."""

from pathlib import Path

import pytest
from snapshots import bench_with_target, restore_into
from vaults import PASSWORD, Bench

from docstopd.errors import Protected
from docstopd.model import SECOND
from docstopd.vault import Policy, Session
from docstopd.vault.retention import CountedFrom, Protect, RetentionClass, RetentionPolicy, Schedule, Then

FILE = ("ada", "report.txt")
DAY = 86_400


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return bench_with_target(tmp_path)


def kept(counted_from: CountedFrom) -> Policy:
    """What lies in `k/` must not be deleted for a hundred days."""
    one = RetentionClass("kept", ("k/**",), 100.0 * DAY, counted_from, Protect.DELETE, Then.KEEP)
    return Policy(retention=RetentionPolicy(schedule=Schedule((one,))))


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


# -- a file over a file, and what protects both -----------------------------------------------------------------------


def test_a_file_moved_over_an_older_one_is_protected_as_long_as_it_was(tmp_path: Path) -> None:
    """Else an old file of the same class would be a way to delete a new one."""
    bench = bench_with_target(tmp_path, kept(CountedFrom.RECEIPT))
    ada = bench.account("ada")
    bench.vault.files.make_folder(ada, ("ada", "k"))
    bench.put(ada, ("ada", "k", "old"), b"old")
    bench.clock.advance(90 * DAY)
    bench.put(ada, ("ada", "k", "new"), b"new")
    bench.vault.files.move(ada, ("ada", "k", "new"), ("ada", "k", "old"), overwrite=True)
    bench.clock.advance(20 * DAY)
    with pytest.raises(Protected):
        bench.vault.files.delete(ada, ("ada", "k", "old"))


@pytest.mark.parametrize("dated", ["new", "old"])
def test_an_event_that_has_no_date_yet_outlasts_one_that_has(tmp_path: Path, dated: str) -> None:
    """The file over which another is moved waits for its event if either did."""
    bench = bench_with_target(tmp_path, kept(CountedFrom.EVENT))
    ada = bench.account("ada")
    bench.vault.files.make_folder(ada, ("ada", "k"))
    for name in ("old", "new"):
        bench.put(ada, ("ada", "k", name), name.encode())
    bench.vault.filing.set_event(ada, ("ada", "k", dated), bench.clock() - 99 * DAY * SECOND)
    bench.vault.files.move(ada, ("ada", "k", "new"), ("ada", "k", "old"), overwrite=True)
    bench.clock.advance(20 * DAY)
    with pytest.raises(Protected):
        bench.vault.files.delete(ada, ("ada", "k", "old"))


def test_a_file_received_long_ago_does_not_make_the_last_change_older(tmp_path: Path) -> None:
    """Moved over a file whose class counts from its last change, it brings its own date; the file keeps the later."""
    bench = bench_with_target(tmp_path, kept(CountedFrom.CHANGE))
    ada = bench.account("ada")
    bench.vault.files.make_folder(ada, ("ada", "k"))
    bench.put(ada, ("ada", "long-ago"), b"long ago")
    bench.clock.advance(200 * DAY)
    bench.put(ada, ("ada", "k", "file"), b"now")
    bench.vault.files.move(ada, ("ada", "long-ago"), ("ada", "k", "file"), overwrite=True)
    with pytest.raises(Protected):
        bench.vault.files.delete(ada, ("ada", "k", "file"))
    assert bench.vault.retention.run(sure=True)["versions"] == 0
