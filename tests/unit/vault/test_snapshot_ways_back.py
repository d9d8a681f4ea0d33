"""The ways back: one path out of a snapshot, healing, the scrub, the drill, a restore after keys have changed."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from snapshots import bench_with_target, named, restore_into, with_targets
from vaults import PASSWORD, Bench, Clock

from docstopd.daemon import restoring
from docstopd.errors import Busy, Damaged, Failed, Forbidden, IsFolder, NotFound, QuotaExceeded, Refused
from docstopd.model import NO_GUARD, MemberRole
from docstopd.targets.local import LocalTarget
from docstopd.vault.progress import SILENT
from docstopd.vault.session import Session
from docstopd.vault.snapshots import When
from docstopd.vault.snapshots.alone import alone
from docstopd.vault.snapshots.scrub import Scrub
from docstopd.vault.stores import SnapshotPolicy

NOW = 4_000_000_000_000_000
DAY = 86_400
DOCUMENTS = ("ada", "documents")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return bench_with_target(tmp_path, clock=Clock(NOW))


@pytest.fixture
def ada(bench: Bench) -> Session:
    """With a folder, a file in it and one below that; snapshot 1 has all of it."""
    session = bench.account("ada")
    bench.vault.files.make_folder(session, DOCUMENTS)
    bench.vault.files.make_folder(session, (*DOCUMENTS, "letters"))
    bench.put(session, (*DOCUMENTS, "one.txt"), b"one", modified=1_000_000_000_000_000)
    bench.put(session, (*DOCUMENTS, "letters", "two.txt"), os.urandom(600_000))
    bench.vault.files.patch(session, (*DOCUMENTS, "one.txt"), NO_GUARD, [("{urn:x}colour", "<c/>")])
    bench.vault.snapshots.create()
    return session


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.chmod(0o600)
    path.write_bytes(bytes(content))


def blob_of(bench: Bench, name_size: int) -> tuple[int, bytes, bytes]:
    """(node, blob, space) of the file of that size."""
    return bench.rows("SELECT node, blob, space FROM versions WHERE size = ?", name_size)[0]  # type: ignore[return-value]


# -- one path -------------------------------------------------------------------------------------------------------


def test_a_folder_comes_back_as_it_was(bench: Bench, ada: Session) -> None:
    """Contents, dates, properties, all below; what was made since stays, what is the same is left alone."""
    before = bench.get(ada, (*DOCUMENTS, "letters", "two.txt"))
    bench.put(ada, (*DOCUMENTS, "one.txt"), b"spoiled")
    bench.vault.files.delete(ada, (*DOCUMENTS, "letters"))
    bench.put(ada, (*DOCUMENTS, "since.txt"), b"since")
    picked = bench.vault.snapshots.restore(ada, DOCUMENTS, When(), beside=False)
    assert (picked.number, picked.files, picked.folders, picked.unchanged, picked.damaged) == (1, 2, 1, 0, [])
    assert bench.get(ada, (*DOCUMENTS, "one.txt")) == b"one"
    assert bench.get(ada, (*DOCUMENTS, "letters", "two.txt")) == before
    assert bench.get(ada, (*DOCUMENTS, "since.txt")) == b"since"
    node = bench.vault.files.stat(ada, (*DOCUMENTS, "one.txt"))
    assert node.modified == 1_000_000_000_000_000
    assert bench.vault.files.properties(ada, [node])[node.id] == {"{urn:x}colour": "<c/>"}
    again = bench.vault.snapshots.restore(ada, DOCUMENTS, When(), beside=False)
    assert (again.files, again.unchanged) == (2, 0)  # it is a new content, with a key of its own
    assert not list((bench.folder / "run" / "picked").iterdir())


def test_what_is_the_same_is_not_written_again(bench: Bench, ada: Session) -> None:
    """A file that still has the snapshot's very content."""
    etag = bench.vault.files.stat(ada, (*DOCUMENTS, "one.txt")).etag
    picked = bench.vault.snapshots.restore(ada, DOCUMENTS, When(number=1), beside=False)
    assert (picked.files, picked.unchanged) == (0, 2)
    assert bench.vault.files.stat(ada, (*DOCUMENTS, "one.txt")).etag == etag


def test_a_restored_content_is_under_a_key_of_its_own(bench: Bench, ada: Session) -> None:
    """So that erasing one can never touch the other."""
    blobs = bench.blob_ids()
    bench.vault.snapshots.restore(ada, (*DOCUMENTS, "one.txt"), When(), beside=True)
    assert len(bench.blob_ids() - blobs) == 1
    bench.assert_tidy()


def test_beside_touches_nothing_that_is_there(bench: Bench, ada: Session) -> None:
    """A second time takes a second name; a space comes back in a folder of its own."""
    bench.put(ada, (*DOCUMENTS, "one.txt"), b"now")
    targets = [
        bench.vault.snapshots.restore(ada, (*DOCUMENTS, "one.txt"), When(), beside=True).target for _ in range(2)
    ]
    assert len(set(targets)) == 2
    assert all(target[-1].startswith("one (restored 20") for target in targets)
    assert [bench.get(ada, target) for target in targets] == [b"one", b"one"]
    assert bench.get(ada, (*DOCUMENTS, "one.txt")) == b"now"
    whole = bench.vault.snapshots.restore(ada, ("ada",), When(), beside=True).target
    assert bench.get(ada, (*whole, "documents", "one.txt")) == b"one"


def test_the_snapshot_is_the_newest_up_to_a_time(bench: Bench, ada: Session) -> None:
    """Or the one of a number; there may be none."""
    bench.clock.advance(DAY)
    noon = bench.clock()
    bench.put(ada, (*DOCUMENTS, "one.txt"), b"two")
    bench.clock.advance(DAY)
    bench.vault.snapshots.create()
    bench.put(ada, (*DOCUMENTS, "one.txt"), b"three")
    for at, content in ((When(time=noon), b"one"), (When(), b"two"), (When(number=1), b"one")):
        bench.vault.snapshots.restore(ada, (*DOCUMENTS, "one.txt"), at, beside=False)
        assert bench.get(ada, (*DOCUMENTS, "one.txt")) == content
    for at in (When(time=NOW - 1), When(number=9)):
        with pytest.raises(NotFound):
            bench.vault.snapshots.restore(ada, DOCUMENTS, at, beside=False)
    with pytest.raises(NotFound):
        bench.vault.snapshots.restore(ada, ("ada", "never"), When(), beside=False)


def test_a_file_that_only_the_target_has_comes_back(bench: Bench, ada: Session) -> None:
    """It was purged, and its blob has left the data folder."""
    before = bench.get(ada, (*DOCUMENTS, "letters", "two.txt"))
    bench.vault.files.delete(ada, DOCUMENTS)
    bench.vault.past.purge.run(bench.rows("SELECT id, deleted FROM nodes WHERE deleted IS NOT NULL"))  # type: ignore[arg-type]
    bench.vault.snapshots.expire()
    assert bench.blob_ids() == set()
    bench.vault.snapshots.restore(ada, (*DOCUMENTS, "letters", "two.txt"), When(), beside=False)
    assert bench.get(ada, (*DOCUMENTS, "letters", "two.txt")) == before


def test_the_vaults_rules_hold(bench: Bench, ada: Session) -> None:
    """Quota, roles, membership; a folder is never put in a file's place."""
    bob = bench.account("bob")
    with pytest.raises(NotFound):
        bench.vault.snapshots.restore(bob, DOCUMENTS, When(), beside=True)
    bench.vault.spaces.grant(ada, "ada", bob.user, MemberRole.READER)
    with pytest.raises(Forbidden):
        bench.vault.snapshots.restore(bob, DOCUMENTS, When(), beside=True)
    bench.vault.spaces.set_quota("ada", 600_500)
    with pytest.raises(QuotaExceeded):
        bench.vault.snapshots.restore(ada, (*DOCUMENTS, "letters"), When(), beside=True)
    bench.vault.files.delete(ada, (*DOCUMENTS, "one.txt"))
    bench.vault.files.make_folder(ada, (*DOCUMENTS, "one.txt"))
    with pytest.raises(IsFolder):
        bench.vault.snapshots.restore(ada, (*DOCUMENTS, "one.txt"), When(), beside=False)


def test_one_bad_file_hides_no_other(bench: Bench, ada: Session, tmp_path: Path) -> None:
    """It is named, with its path; the rest comes back."""
    _node, blob, _space = blob_of(bench, 3)
    bench.put(ada, (*DOCUMENTS, "one.txt"), b"spoiled")
    damage(bench.blob_file(blob))
    picked = bench.vault.snapshots.restore(ada, DOCUMENTS, When(), beside=True)
    assert picked.files == 1
    assert [path[-1] for path, _why in picked.damaged] == ["one.txt"]


# -- healing and the scrub ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("harm", [damage, Path.unlink, lambda path: path.chmod(0o600) or path.write_bytes(b"")])
def test_a_bad_blob_is_healed(bench: Bench, ada: Session, harm: Callable[[Path], None]) -> None:
    """Changed, gone or empty; both journals say so, and it reads again."""
    node, blob, space = blob_of(bench, 3)
    harm(bench.blob_file(blob))
    assert bench.vault.snapshots.heal(blob) is False  # type: ignore[arg-type]
    assert bench.vault.snapshots.heal(blob) is True  # type: ignore[arg-type]
    assert bench.get(ada, (*DOCUMENTS, "one.txt")) == b"one"
    assert bench.rows("SELECT node FROM journal WHERE stream = ? AND action = 'heal'", space) == [(node,)]
    bench.assert_tidy()


def test_a_copy_that_is_bad_too_heals_nothing(bench: Bench, ada: Session, tmp_path: Path) -> None:
    """What is here stays as it is; the journal of the space names the node."""
    node, blob, space = blob_of(bench, 3)
    damage(bench.blob_file(blob))
    damage(tmp_path / "target" / "blobs" / blob.hex()[:2] / blob.hex())
    bad = bench.blob_file(blob).read_bytes()
    with pytest.raises(Damaged):
        bench.vault.snapshots.heal(blob)  # type: ignore[arg-type]
    assert bench.blob_file(blob).read_bytes() == bad
    assert bench.rows("SELECT node FROM journal WHERE stream = ? AND action = 'damage'", space) == [(node,)]


def test_the_scrub_reads_everything_within_its_days(bench: Bench, ada: Session) -> None:
    """A share in each run, wherever the runs lie; a damage anywhere is found and healed."""
    for number in range(40):
        bench.put(ada, ("ada", f"file-{number:02}"), os.urandom(10_000))
    bench.vault.snapshots.create()
    for blob in bench.blob_ids():
        damage(bench.blob_file(blob))
    shares = []
    for _ in range(30 * 3):
        bench.clock.advance(DAY / 3)
        shares.append(int(bench.vault.snapshots.scrub()["blobs"]))
    assert len(bench.rows("SELECT 1 FROM journal WHERE action = 'heal'")) == 42
    assert max(shares) < 42 / 4
    with bench.stores.catalog.read() as rows:
        assert rows.one("SELECT value FROM marks WHERE name = 'scrub'")


def test_the_scrub_keeps_to_its_rate(bench: Bench, ada: Session) -> None:
    """It waits as long as its bytes are ahead of its time."""
    waited: list[float] = []
    policy = SnapshotPolicy(scrub_rate=100_000, scrub_days=1)
    doors = bench.vault.snapshots
    scrub = Scrub(bench.stores, doors._expire._journal, doors._healer, policy, waited.append)
    bench.clock.advance(30 * DAY)
    scrub.run(SILENT, dry=False)  # the first: an hour's share
    bench.clock.advance(30 * DAY)
    report = scrub.run(SILENT, dry=False)
    assert int(report["bytes"]) > 500_000
    assert 4 < max(waited) < int(report["bytes"]) / 100_000 + 0.1


def test_damage_that_nobody_heals_is_loud_and_does_not_stop_the_scrub(bench: Bench, ada: Session) -> None:
    """All the others are still read."""
    alone_here = with_targets(bench)
    for blob in bench.blob_ids():
        damage(bench.blob_file(blob))
    bench.clock.advance(DAY)
    alone_here.vault.snapshots.scrub(dry=True)
    read = 0
    for _ in range(60):
        bench.clock.advance(DAY)
        try:
            alone_here.vault.snapshots.scrub()
        except Damaged:
            read += 1
    assert read >= 2
    assert len(bench.rows("SELECT DISTINCT node FROM journal WHERE action = 'damage'")) == 2


# -- the drill ------------------------------------------------------------------------------------------------------


def test_the_drill_restores_reads_and_removes(bench: Bench, ada: Session) -> None:
    """And says so in the catalog; nothing is left of it."""
    assert bench.vault.snapshots.drill() == {"first_number": 1, "first_blobs": 2}
    assert bench.vault.snapshots.all()[0].verified is not None
    assert not (bench.folder / "run" / "drill").exists()
    assert bench.vault.snapshots.drill(dry=True) == {"first": 1}


def test_the_drill_finds_what_would_not_restore(bench: Bench, ada: Session, tmp_path: Path) -> None:
    """A bad blob, a missing one, a catalog that does not open, no copy of the keyring."""
    _node, blob, _space = blob_of(bench, 3)
    at_target = tmp_path / "target" / "blobs" / blob.hex()[:2] / blob.hex()
    whole = at_target.read_bytes()
    damage(at_target)
    with pytest.raises(Damaged, match=blob.hex()):
        bench.vault.snapshots.drill()
    at_target.unlink()
    with pytest.raises(Damaged, match=blob.hex()):
        bench.vault.snapshots.drill()
    at_target.write_bytes(whole)
    bench.vault.snapshots.drill()
    damage(tmp_path / "target" / "snapshots" / "00000001.catalog")
    with pytest.raises(Damaged):
        bench.vault.snapshots.drill()
    assert not (bench.folder / "run" / "drill").exists()


def test_a_drill_needs_a_snapshot_and_the_targets_peace(bench: Bench, ada: Session, tmp_path: Path) -> None:
    """It is refused beside a run that writes, and where there is nothing to try."""
    with alone(bench.stores.turnstile), pytest.raises(Busy):
        bench.vault.snapshots.drill()
    (tmp_path / "empty").mkdir()
    with pytest.raises(Refused, match="no snapshot"):
        with_targets(bench, named("second", LocalTarget(tmp_path / "empty"))).vault.snapshots.drill()
    (tmp_path / "target").rename(tmp_path / "away")
    with pytest.raises((Failed, Refused)):
        bench.vault.snapshots.drill()


# -- keys that changed since ----------------------------------------------------------------------------------------


def test_an_older_snapshot_opens_after_its_spaces_key_was_rotated(bench: Bench, ada: Session, tmp_path: Path) -> None:
    """The newest copy of the keyring has its keys under the new epoch; a member removed since stays out."""
    bob = bench.account("bob")
    bench.vault.spaces.grant(ada, "ada", bob.user, MemberRole.EDITOR)
    bench.vault.snapshots.create()
    bench.vault.spaces.revoke(ada, "ada", bob.user)
    bench.vault.rotation.space(ada, "ada")
    bench.put(ada, ("ada", "new"), b"new")
    bench.vault.snapshots.create()
    other, restored = restore_into(bench, LocalTarget(tmp_path / "target"), tmp_path / "other", 2)
    assert restored.damaged == []
    again = other.vault.sessions.sign_in("ada", PASSWORD)
    assert other.get(again, (*DOCUMENTS, "one.txt")) == b"one"
    other.put(again, ("ada", "more"), b"more")
    with pytest.raises(NotFound):
        other.names(other.vault.sessions.sign_in("bob", PASSWORD), ("ada",))


def test_an_erased_file_never_comes_back(bench: Bench, ada: Session, tmp_path: Path) -> None:
    """Restored from a snapshot of before, with the keyring of now; the other files read, the journal verifies."""
    bench.vault.erasure.request_path(ada, (*DOCUMENTS, "one.txt"))
    other, restored = restore_into(bench, LocalTarget(tmp_path / "target"), tmp_path / "other", 1)
    assert restored.erased == 1
    assert restored.damaged == []
    again = other.vault.sessions.sign_in("ada", PASSWORD)
    assert other.names(again, DOCUMENTS) == {"letters"}
    assert len(other.get(again, (*DOCUMENTS, "letters", "two.txt"))) == 600_000
    other.assert_journal()
    assert bench.vault.snapshots.verify(1, data=True)[0].wrong == []


def test_a_key_file_of_several_lines_restores(bench: Bench, tmp_path: Path) -> None:
    """As it is while the server key is being rotated."""
    rotated = bench.stores.server.rotated()
    file = tmp_path / "key"
    file.write_text("".join(f"{key.encode()}\n" for key in rotated.every))
    assert [key.encode() for key in restoring.read_key(file).every] == [key.encode() for key in rotated.every]
