"""Snapshots expire; what no snapshot holds any more goes, unless it is held."""

import os
import random
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from snapshots import bench_with_target, blobs_at, contained, named, restore_into, with_targets
from vaults import Bench, Clock

from docstopd.catalog import holds, versions
from docstopd.catalog.holds import Hold
from docstopd.errors import Refused
from docstopd.model import Micros
from docstopd.targets.local import LocalTarget
from docstopd.vault import Policy
from docstopd.vault.retention import Keep
from docstopd.vault.session import Session
from docstopd.vault.stores import SnapshotPolicy

DAY = 86_400
NOW: Micros = 4_000_000_000_000_000
"""After all that the file system's own clock says: what lies there is old."""

FILE = ("ada", "file")


def policy(**rules: int) -> Policy:
    return replace(Policy(), snapshots=SnapshotPolicy(keep=Keep(**rules)))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Keeps the last two snapshots."""
    return bench_with_target(tmp_path, policy(last=2), Clock(NOW))


@pytest.fixture
def ada(bench: Bench) -> Session:
    return bench.account("ada")


def target_of(bench: Bench) -> LocalTarget:
    found = bench.stores.targets[0].objects
    assert isinstance(found, LocalTarget)
    return found


def purge(bench: Bench, session: Session, *path: str) -> None:
    """Delete for good."""
    bench.vault.files.delete(session, path)
    heads = bench.rows("SELECT id, deleted FROM nodes WHERE deleted IS NOT NULL")
    bench.vault.past.purge.run(heads)  # type: ignore[arg-type]


def day(bench: Bench) -> None:
    """A day with its jobs."""
    bench.clock.advance(DAY)
    bench.vault.snapshots.create()
    bench.vault.snapshots.expire()


def test_what_only_expired_snapshots_held_is_gone_everywhere(bench: Bench, ada: Session) -> None:
    """Row, key, blob here and blob at the target; until then all of it opens."""
    bench.put(ada, FILE, b"content")
    blob = next(iter(bench.blob_ids()))
    day(bench)
    purge(bench, ada, *FILE)
    for left in (1, 0):
        bench.put(ada, ("ada", f"other-{left}"), os.urandom(100))
        day(bench)
        assert (
            (blob in bench.live_ids())
            is (blob in bench.key_ids())
            is (blob in blobs_at(target_of(bench)))
            is bool(left)
        )
    assert blob not in bench.blob_ids()
    assert [copy.number for copy in bench.vault.snapshots.all()] == [2, 3]
    assert bench.rows("SELECT number FROM snapshots WHERE expired IS NOT NULL") == [(1,)]


def test_what_is_in_snapshots_alone_need_not_lie_here(bench: Bench, ada: Session, tmp_path: Path) -> None:
    """Its blob leaves the data folder when every snapshot that has it is at its target; its key stays."""
    bench.put(ada, FILE, b"content")
    blob = next(iter(bench.blob_ids()))
    bench.vault.snapshots.create()
    purge(bench, ada, *FILE)
    assert blob in bench.blob_ids()
    bench.vault.snapshots.expire()
    assert blob not in bench.blob_ids()
    assert blob in bench.key_ids()
    other, restored = restore_into(bench, target_of(bench), tmp_path / "other", 1)
    assert restored.damaged == []
    assert other.get(other.vault.sessions.sign_in("ada", "correct horse battery"), FILE) == b"content"


def test_a_blob_stays_here_while_a_target_lacks_it(bench: Bench, ada: Session, tmp_path: Path) -> None:
    """A run that died at one of two targets has copied it to the other only."""
    bench.put(ada, FILE, b"content")
    blob = next(iter(bench.blob_ids()))
    bench.vault.snapshots.create()
    bench.edit("INSERT INTO copies (number, target, blobs, bytes) VALUES (1, 'second', 0, 0)")
    purge(bench, ada, *FILE)
    bench.vault.snapshots.expire()
    assert blob in bench.blob_ids()


@pytest.mark.parametrize("kind", ["node", "space", "user"])
def test_nothing_that_is_held_loses_its_last_copy(bench: Bench, ada: Session, kind: str) -> None:
    """An old version, given up before the hold came, outlives the last snapshot that has it; released, it goes."""
    bench.put(ada, FILE, b"first")
    node, first, space = bench.rows("SELECT node, blob, space FROM versions")[0]
    bench.vault.snapshots.create()
    bench.put(ada, FILE, b"second")
    bench.edit("UPDATE versions SET dead = 1 WHERE blob = ?", first)
    subject = {"node": space, "space": space, "user": ada.user.id}[kind]
    hold = Hold(bytes(16), kind, subject, bench.clock(), b"", False, b"reason", None)

    def place(rows: object) -> None:
        holds.add(rows, hold)  # type: ignore[arg-type]
        if kind == "node":
            holds.cover(rows, hold.id, node)  # type: ignore[arg-type]

    bench.stores.catalog.write(place)
    for _ in range(4):
        day(bench)
    assert [copy.number for copy in bench.vault.snapshots.all()] == [4, 5]
    assert first in bench.live_ids() & bench.key_ids() & blobs_at(target_of(bench))
    bench.stores.catalog.write(lambda rows: holds.release(rows, hold.id, bench.clock()))
    bench.vault.snapshots.expire()
    assert first not in bench.live_ids() | bench.key_ids() | blobs_at(target_of(bench))


def test_the_newest_snapshot_always_stays(tmp_path: Path) -> None:
    """Whatever the rules say and however old it is; nothing is removed by saying nothing."""
    bench = bench_with_target(tmp_path, policy(hourly=1), Clock(NOW))
    bench.put(bench.account("ada"), FILE, b"content")
    bench.vault.snapshots.create()
    bench.clock.advance(50 * 366 * DAY)
    assert bench.vault.snapshots.expire(dry=True) == {"snapshots": 0}
    bench.vault.snapshots.expire()
    assert len(bench.vault.snapshots.all()) == 1


def test_a_dry_run_removes_nothing(bench: Bench, ada: Session) -> None:
    """It says how many snapshots would go."""
    for _ in range(4):
        bench.put(ada, FILE, os.urandom(10))
        bench.vault.snapshots.create()
    before = sorted(found.name for found in target_of(bench).list(""))
    assert bench.vault.snapshots.expire(dry=True) == {"snapshots": 2}
    assert sorted(found.name for found in target_of(bench).list("")) == before


def test_orphans_are_swept_when_their_lease_is_over(bench: Bench, ada: Session) -> None:
    """Blobs and keys that a crash has left, here and at the target; what is referred to stays."""
    bench.put(ada, FILE, b"content")
    bench.vault.snapshots.create()
    kept = bench.blob_ids()
    orphan, key_alone = os.urandom(16), os.urandom(16)
    writer = bench.stores.blobs.create(orphan)  # type: ignore[arg-type]
    writer.write(b"orphan")
    writer.finish()
    space = bench.vault.spaces.mine(ada)[0].id
    bench.stores.keyring.put_data_keys(space, 1, {orphan: bytes(61), key_alone: bytes(61)})  # type: ignore[dict-item]
    there = target_of(bench).put(f"blobs/{orphan.hex()[:2]}/{orphan.hex()}")
    there.write(b"orphan")
    there.finish()
    target_of(bench).settle()
    young = replace(bench.clock, now=int(os.stat(bench.blob_file(orphan)).st_mtime * 1_000_000) + 6 * DAY * 1_000_000)
    early = bench.with_stores(lambda stores: replace(stores, clock=young))
    early.vault.snapshots.expire()
    assert orphan in bench.blob_ids() & blobs_at(target_of(bench))
    assert orphan in bench.key_ids()
    bench.clock.advance(2 * DAY)
    bench.vault.snapshots.expire()
    assert bench.blob_ids() == bench.key_ids() == blobs_at(target_of(bench)) == kept


def test_an_old_catalog_put_back_is_no_reason_to_sweep(bench: Bench, ada: Session) -> None:
    """When most of what is stored has no row, the sweep refuses, and says why."""
    for number in range(110):
        bench.put(ada, ("ada", f"file-{number}"), b"x")
    bench.edit("DELETE FROM versions WHERE node > (SELECT min(node) + 2 FROM versions)")
    with pytest.raises(Refused, match="older catalog"):
        near = max(path.stat().st_mtime for path in bench.folder.glob("blobs/*/*"))
        clock = Clock(int((near + 8 * DAY) * 1_000_000))
        bench.with_stores(lambda stores: replace(stores, clock=clock)).vault.snapshots.expire()
    assert len(bench.blob_ids()) == 110


def test_a_keyring_copy_never_grows_old(bench: Bench, ada: Session) -> None:
    """Where no snapshot replaces it, expiry does; where that fails, it is removed."""
    bench.put(ada, FILE, b"content")
    bench.vault.snapshots.create()
    target = bench.stores.targets[0]
    first = bench.vault.snapshots.keyring_copies(target)
    bench.clock.advance(6.5 * DAY)
    bench.vault.snapshots.expire()
    assert bench.vault.snapshots.keyring_copies(target) == first
    bench.clock.advance(1 * DAY)
    bench.vault.snapshots.expire()
    renewed = bench.vault.snapshots.keyring_copies(target)
    assert len(renewed) == 1
    assert renewed[0] > first[0]


def test_snapshots_at_a_target_that_is_no_longer_named_expire_too(bench: Bench, ada: Session, tmp_path: Path) -> None:
    """Unseen: what only they hold loses its key, and cannot be read there."""
    bench.put(ada, FILE, b"content")
    blob = next(iter(bench.blob_ids()))
    bench.vault.snapshots.create()
    moved = with_targets(bench, named("second", LocalTarget(tmp_path / "second")))
    purge(bench, ada, *FILE)
    for _ in range(3):
        day(moved)
    assert {copy.target for copy in moved.vault.snapshots.all()} == {"first", "second"}  # its newest stays
    assert blob in bench.key_ids()
    bench.edit("DELETE FROM copies WHERE target = 'first'")
    day(moved)
    assert blob not in bench.key_ids()


# -- which blob is in which snapshot --------------------------------------------------------------------------------

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(0, 3)),
        st.tuples(st.just("empty"), st.integers(0, 3)),
        st.tuples(st.just("move"), st.integers(0, 3)),
        st.tuples(st.just("delete"), st.integers(0, 3)),
        st.tuples(st.just("drop"), st.integers(0, 3)),
        st.tuples(st.just("purge"), st.just(0)),
        st.tuples(st.just("snapshot"), st.just(0)),
        st.tuples(st.just("snapshot"), st.just(0)),
        st.tuples(st.just("expire"), st.just(0)),
    ),
    max_size=25,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_born_and_dead_say_what_each_snapshot_has(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]
) -> None:
    """Over random histories: exactly what files had at its moment; all of it is at the target and has its key."""
    bench = bench_with_target(tmp_path_factory.mktemp("history"), policy(last=2), Clock(NOW))
    ada = bench.account("ada")
    had: dict[int, set[bytes]] = {}
    for what, number in steps:
        _step(bench, ada, what, number, had)
        there = {copy.number for copy in bench.vault.snapshots.all()}
        keys, target = bench.key_ids(), blobs_at(target_of(bench)) if there else set()
        for snapshot in there:
            assert contained(bench, snapshot) == had[snapshot]
            assert had[snapshot] <= keys
            assert had[snapshot] <= target
        live = {row[0] for row in bench.rows("SELECT blob FROM versions WHERE dead IS NULL")}
        assert live <= bench.blob_ids()
    bench.vault.snapshots.expire()
    wanted = {row[0] for row in bench.rows("SELECT blob FROM versions WHERE dead IS NULL")}
    for copy in bench.vault.snapshots.all():
        wanted |= had[copy.number]
    assert bench.key_ids() == bench.live_ids() == wanted
    bench.assert_journal()


def _step(bench: Bench, ada: Session, what: str, number: int, had: dict[int, set[bytes]]) -> None:
    bench.clock.advance(3600)
    names = sorted(bench.names(ada, ("ada",)))
    name = f"file-{number}"
    if what in {"put", "empty"}:
        bench.put(ada, ("ada", name), b"" if what == "empty" else random.Random(len(had)).randbytes(50))
    elif what == "move" and name in names:
        bench.vault.files.move(ada, ("ada", name), ("ada", f"file-{(number + 1) % 4}"), overwrite=True)
    elif what == "delete" and name in names:
        bench.vault.files.delete(ada, ("ada", name))
    elif what == "purge":
        heads = bench.rows("SELECT id, deleted FROM nodes WHERE deleted IS NOT NULL")
        bench.vault.past.purge.run(heads)  # type: ignore[arg-type]
    elif what == "snapshot":
        found = int(bench.vault.snapshots.create()["number"])
        had[found] = {row[0] for row in bench.rows("SELECT blob FROM versions WHERE dead IS NULL")}
    elif what == "expire":
        bench.vault.snapshots.expire()
    elif what == "drop":
        _drop_an_old_version(bench)


def _drop_an_old_version(bench: Bench) -> None:
    """As retention does."""
    old = bench.rows(
        "SELECT v.node, v.blob FROM versions v JOIN nodes n ON n.id = v.node WHERE v.blob != n.blob AND v.dead IS NULL"
    )
    if old and bench.stores.catalog.write(lambda rows: versions.drop(rows, *old[0])):
        bench.stores.keyring.remove_data_keys([old[0][1]])
        bench.stores.blobs.delete(old[0][1])
