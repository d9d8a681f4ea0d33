"""Snapshots: made, restored, verified."""

import json
import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from memory_target import MemoryTarget
from snapshots import Counting, bench_with_target, blobs_at, contained, named, restore_into, with_targets
from vaults import Bench, open_bench

from docstopd.errors import Busy, Damaged, Failed, NotFound, Refused
from docstopd.model import NO_GUARD
from docstopd.targets import NamedTarget
from docstopd.targets.local import LocalTarget
from docstopd.vault.snapshots.alone import alone


def fill(bench: Bench, count: int = 8) -> dict[str, bytes]:
    """Some files in ada's space, of many sizes; their contents."""
    ada = bench.account("ada")
    contents = {f"file-{n}": os.urandom([0, 1, 5000, 262_112, 300_000][n % 5]) for n in range(count)}
    bench.vault.files.make_folder(ada, ("ada", "folder"))
    for name, content in contents.items():
        bench.put(ada, ("ada", "folder", name), content)
    return contents


def read_all(bench: Bench) -> dict[str, bytes]:
    ada = bench.vault.sessions.sign_in("ada", "correct horse battery")
    return {name: bench.get(ada, ("ada", "folder", name)) for name in bench.names(ada, ("ada", "folder"))}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return bench_with_target(tmp_path)


def target_of(bench: Bench, index: int = 0) -> LocalTarget:
    found = bench.stores.targets[index].objects
    assert isinstance(found, LocalTarget)
    return found


def test_everything_comes_back_in_an_empty_folder(bench: Bench, tmp_path: Path) -> None:
    """Contents, names, properties, old versions, the journal, the accounts; on another machine, with the server key."""
    contents = fill(bench)
    ada = bench.vault.sessions.sign_in("ada", "correct horse battery")
    bench.put(ada, ("ada", "folder", "file-1"), b"a second version")
    bench.vault.files.patch(ada, ("ada", "folder"), NO_GUARD, [("{urn:x}colour", "<c/>")])
    report = bench.vault.snapshots.create()
    assert report["blobs"] == report["copied"] == len(contents) + 1
    other, restored = restore_into(bench, target_of(bench), tmp_path / "other")
    assert restored.damaged == []
    assert restored.blobs == len(contents) + 1
    assert read_all(other) == {**contents, "file-1": b"a second version"}
    node = other.vault.files.stat(other.vault.sessions.sign_in("ada", "correct horse battery"), ("ada", "folder"))
    assert other.vault.files.properties(ada, [node])[node.id] == {"{urn:x}colour": "<c/>"}
    assert other.blob_ids() == other.live_ids() == other.key_ids()
    other.assert_journal()
    entry = other.rows("SELECT facts FROM journal WHERE action = 'restore'")
    assert json.loads(entry[0][0])["number"] == 1


def test_the_restored_service_goes_on_with_the_target(bench: Bench, tmp_path: Path) -> None:
    """Numbers continue, nothing is copied twice, no id of a node is given out again."""
    fill(bench)
    bench.vault.snapshots.create()
    last = max(row[0] for row in bench.rows("SELECT id FROM nodes"))
    other, _ = restore_into(bench, target_of(bench), tmp_path / "other")
    other = with_targets(other, named("first", LocalTarget(tmp_path / "target")))
    assert [copy.number for copy in other.vault.snapshots.all() if copy.finished] == [1]
    report = other.vault.snapshots.create()
    assert (report["number"], report["copied"]) == (2, 0)
    ada = other.vault.sessions.sign_in("ada", "correct horse battery")
    other.put(ada, ("ada", "new"), b"new")
    assert max(row[0] for row in other.rows("SELECT id FROM nodes")) > last + 1000


def test_an_unchanged_snapshot_reads_no_blob(bench: Bench) -> None:
    """Only its catalog and the keyring's copy are written."""
    fill(bench)
    bench.vault.snapshots.create()
    counting = Counting(bench.stores.blobs)
    again = bench.with_stores(lambda stores: replace(stores, blobs=counting))
    report = again.vault.snapshots.create()
    assert (report["number"], report["copied"]) == (2, 0)
    assert counting.opened == []


def test_only_what_is_new_travels(bench: Bench) -> None:
    """One file more, one blob more."""
    fill(bench)
    bench.vault.snapshots.create()
    ada = bench.vault.sessions.sign_in("ada", "correct horse battery")
    bench.put(ada, ("ada", "new"), b"new")
    dry = bench.vault.snapshots.create(dry=True)
    assert (dry["number"], dry["first_copied"]) == (2, 1)
    assert bench.vault.snapshots.create()["copied"] == 1
    assert blobs_at(target_of(bench)) == bench.blob_ids()


def test_an_older_snapshot_restores_as_it_was(bench: Bench, tmp_path: Path) -> None:
    """Files that were deleted and purged since are in it, and open: with the newest copy of the keyring."""
    contents = fill(bench)
    bench.vault.snapshots.create()
    ada = bench.vault.sessions.sign_in("ada", "correct horse battery")
    bench.vault.files.delete(ada, ("ada", "folder"))
    heads = bench.rows("SELECT id, deleted FROM nodes WHERE deleted IS NOT NULL")
    bench.vault.past.purge.run(heads)  # type: ignore[arg-type]
    bench.put(ada, ("ada", "new"), b"new")
    bench.vault.snapshots.create()
    other, restored = restore_into(bench, target_of(bench), tmp_path / "other", 1)
    assert restored.damaged == []
    assert read_all(other) == contents
    newest, _ = restore_into(bench, target_of(bench), tmp_path / "newest")
    assert newest.names(ada, ("ada",)) == {"new"}


def test_a_restore_of_an_older_one_leaves_the_newer_ones_whole(bench: Bench, tmp_path: Path) -> None:
    """The next number is none of theirs, and their blobs, which the older catalog does not know, are not swept."""
    fill(bench)
    bench.vault.snapshots.create()
    ada = bench.vault.sessions.sign_in("ada", "correct horse battery")
    bench.put(ada, ("ada", "later"), b"later")
    bench.vault.snapshots.create()
    other, _ = restore_into(bench, target_of(bench), tmp_path / "other", 1)
    other = with_targets(other, named("first", LocalTarget(tmp_path / "target")))
    bench.clock.advance(100 * 366 * 86_400)
    other.vault.snapshots.expire()
    assert other.vault.snapshots.create()["number"] == 3
    again, restored = restore_into(bench, target_of(bench), tmp_path / "again", 2)
    assert restored.damaged == []
    assert again.get(again.vault.sessions.sign_in("ada", "correct horse battery"), ("ada", "later")) == b"later"


def test_a_target_learns_sizes_and_times_alone(bench: Bench, tmp_path: Path) -> None:
    """No name of a file, a space or a person is in any of its bytes, and no key of the keyring as it is stored."""
    fill(bench)
    bench.vault.snapshots.create()
    everything = b"".join(path.read_bytes() for path in (tmp_path / "target").rglob("*") if path.is_file())
    for secret in (b"ada", b"file-1", b"folder", b"example.org"):
        assert secret not in everything.lower() or secret == b"ada"  # three letters may come by chance
    for (value,) in bench.rows("SELECT value FROM data_keys", store="keyring"):
        assert value[10:40] not in everything


def test_the_keyrings_copy_is_replaced_and_the_old_one_is_gone(bench: Bench, tmp_path: Path) -> None:
    """There is one at a time, where it was told to be."""
    bench = with_targets(
        bench, NamedTarget("first", LocalTarget(tmp_path / "target"), LocalTarget(tmp_path / "keyrings"))
    )
    fill(bench)
    for _ in range(3):
        bench.vault.snapshots.create()
        assert len(list((tmp_path / "keyrings" / "keyring").iterdir())) == 1
    assert not (tmp_path / "target" / "keyring").exists()


def test_each_target_gets_what_it_lacks(bench: Bench, tmp_path: Path) -> None:
    """One that comes later gets everything; one that cannot be reached keeps no other from its own, and is told of."""
    fill(bench)
    bench.vault.snapshots.create()
    second = LocalTarget(tmp_path / "second")
    both = with_targets(bench, bench.stores.targets[0], named("second", second))
    report = both.vault.snapshots.create()
    assert report["targets"] == 2
    assert blobs_at(second) == bench.blob_ids()
    (tmp_path / "target").rename(tmp_path / "detached")
    ada = bench.vault.sessions.sign_in("ada", "correct horse battery")
    bench.put(ada, ("ada", "new"), b"new")
    with pytest.raises(Failed, match=r"first.*attached"):
        both.vault.snapshots.create()
    assert blobs_at(second) == bench.blob_ids()
    assert [(c.number, c.target) for c in both.vault.snapshots.all()] == [
        (1, "first"),
        (2, "first"),
        (2, "second"),
        (3, "second"),
    ]
    assert not (tmp_path / "target").exists()


def test_a_target_serves_one_service(bench: Bench, tmp_path: Path) -> None:
    """Neither another service's target nor any other folder is written to."""
    fill(bench)
    bench.vault.snapshots.create()
    (tmp_path / "b").mkdir()
    other = with_targets(open_bench(tmp_path / "b"), bench.stores.targets[0])
    before = sorted(target_of(bench).list(""), key=lambda found: found.name)
    with pytest.raises(Failed, match="another service"):
        other.vault.snapshots.create()
    assert sorted(target_of(bench).list(""), key=lambda found: found.name) == before
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_bytes(b"meow")
    other = with_targets(other, named("first", LocalTarget(tmp_path / "photos")))
    with pytest.raises(Failed, match="empty folder"):
        other.vault.snapshots.create()
    assert [path.name for path in (tmp_path / "photos").iterdir()] == ["cat.jpg"]


def test_two_at_once_are_refused(bench: Bench) -> None:
    """Whoever comes second hears of it; afterwards it works again."""
    fill(bench)
    held, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with alone(bench.stores.turnstile):
            held.set()
            leave.wait(30)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(10)
    try:
        for run in (bench.vault.snapshots.create, bench.vault.snapshots.expire):
            with pytest.raises(Busy):
                run()
    finally:
        leave.set()
        holder.join()
    assert bench.vault.snapshots.create()["number"] == 1


def test_without_a_target_there_is_no_snapshot(tmp_path: Path) -> None:
    """And it is said what to do."""
    with pytest.raises(Refused, match=r"snapshots\.targets"):
        open_bench(tmp_path).vault.snapshots.create()


# -- damage ---------------------------------------------------------------------------------------------------------


def damage(path: Path) -> None:
    """Change one byte of a file that nobody may write to."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.chmod(0o600)
    path.write_bytes(bytes(content))
    path.chmod(0o400)


def test_a_damaged_blob_is_never_passed_on(bench: Bench, tmp_path: Path) -> None:
    """It is left out, loudly, with its node in the journal; the rest goes on, and restores."""
    contents = fill(bench)
    row = bench.rows("SELECT node, blob, space FROM versions ORDER BY node")[2]
    damage(bench.blob_file(row[1]))
    with pytest.raises(Damaged, match="1 blobs"):
        bench.vault.snapshots.create()
    assert blobs_at(target_of(bench)) == bench.blob_ids() - {row[1]}
    assert bench.rows("SELECT node FROM journal WHERE stream = ? AND action = 'damage'", row[2]) == [(row[0],)]
    other, restored = restore_into(bench, target_of(bench), tmp_path / "other")
    assert [blob.blob for blob, _why in restored.damaged] == [row[1]]
    ada = other.vault.sessions.sign_in("ada", "correct horse battery")
    for name, content in contents.items():
        if name == "file-2":
            with pytest.raises(Damaged):
                other.get(ada, ("ada", "folder", name))
        else:
            assert other.get(ada, ("ada", "folder", name)) == content


@pytest.mark.parametrize("gone", [False, True])
def test_a_damaged_blob_is_healed_from_another_target(bench: Bench, tmp_path: Path, gone: bool) -> None:
    """Before it is copied; the journal of its space says so."""
    contents = fill(bench)
    bench.vault.snapshots.create()
    node, blob, space = bench.rows("SELECT node, blob, space FROM versions WHERE size > 0")[0]
    bench.blob_file(blob).unlink() if gone else damage(bench.blob_file(blob))
    second = LocalTarget(tmp_path / "second")
    both = with_targets(bench, bench.stores.targets[0], named("second", second))
    assert both.vault.snapshots.create()["damaged"] == 0
    assert blobs_at(second) == bench.blob_ids()
    assert read_all(bench) == contents
    assert bench.rows("SELECT node, stream FROM journal WHERE action = 'heal'") == [(node, space)]


def test_a_medium_that_loses_what_is_written_gets_no_manifest(bench: Bench) -> None:
    """Each blob is read back before anything says that it is there; one more try is all that it gets."""

    class Losing(MemoryTarget):
        def settle(self) -> None:
            super().settle()
            for name in self.objects:
                if name.startswith("blobs/") and len(self.objects[name]) > 5000:
                    self.objects[name] = bytes(len(self.objects[name]))

    fill(bench)
    losing = Losing()
    broken = with_targets(bench, named("losing", losing))
    with pytest.raises(Failed, match="does not keep"):
        broken.vault.snapshots.create()
    assert not [name for name in losing.objects if name.endswith(".json") and name != "service.json"]
    assert [copy for copy in broken.vault.snapshots.all() if copy.finished] == []


def test_every_changed_object_is_found(bench: Bench, tmp_path: Path) -> None:
    """Manifest, catalog and blobs, changed, cut or gone: `verify` names it, and so does a restore."""
    fill(bench)
    bench.vault.snapshots.create()
    root = tmp_path / "target"
    assert bench.vault.snapshots.verify(None, data=True)[0].wrong == []
    objects = [p for p in root.rglob("*") if p.is_file() and p.parent.name != "keyring" and p.name != "service.json"]
    assert len(objects) == 10
    for path in objects:
        whole = path.read_bytes()
        for changed in (None, whole[:-1], whole + b"x", _flipped(whole)):
            path.unlink()
            if changed is not None:
                path.write_bytes(changed)
            assert bench.vault.snapshots.verify(1, data=True)[0].wrong, path
            if changed is None or len(changed) != len(whole):
                assert bench.vault.snapshots.verify(1)[0].wrong, path
            path.unlink(missing_ok=True)
            path.write_bytes(whole)
    assert bench.vault.snapshots.verify(1, data=True)[0].wrong == []


def _flipped(data: bytes) -> bytes:
    changed = bytearray(data)
    changed[len(data) // 2] ^= 0x10
    return bytes(changed)


def test_one_snapshots_catalog_is_none_of_another(bench: Bench, tmp_path: Path) -> None:
    """Nor is its manifest, though both are signed."""
    fill(bench)
    bench.vault.snapshots.create()
    bench.vault.snapshots.create()
    folder = tmp_path / "target" / "snapshots"
    for ending in ("json", "catalog"):
        whole = (folder / f"00000002.{ending}").read_bytes()
        (folder / f"00000002.{ending}").unlink()
        (folder / f"00000002.{ending}").write_bytes((folder / f"00000001.{ending}").read_bytes())
        assert bench.vault.snapshots.verify(2)[0].wrong
        (folder / f"00000002.{ending}").write_bytes(whole)
    assert bench.vault.snapshots.verify(2)[0].wrong == []


def test_another_server_key_restores_nothing(bench: Bench, tmp_path: Path) -> None:
    """The message says which key is missing."""
    fill(bench)
    bench.vault.snapshots.create()
    (tmp_path / "strange").mkdir()
    with pytest.raises(Refused, match="server key"):
        restore_into(open_bench(tmp_path / "strange"), target_of(bench), tmp_path / "other")
    with pytest.raises(NotFound):
        restore_into(bench, MemoryTarget(), tmp_path / "other")


def test_what_is_written_while_a_snapshot_is_made_is_in_it_whole_or_not_at_all(bench: Bench, tmp_path: Path) -> None:
    """The catalog's view and the snapshot's number are one moment."""
    ada = bench.account("ada")
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            bench.put(ada, ("ada", f"file-{number % 7}"), os.urandom(3000))
            number += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(6):
            bench.vault.snapshots.create()
    finally:
        stop.set()
        writer.join()
    for number in range(1, 7):
        other, restored = restore_into(bench, target_of(bench), tmp_path / f"other-{number}", number)
        assert restored.damaged == []
        assert other.live_ids() == contained(bench, number) == other.blob_ids()
        session = other.vault.sessions.sign_in("ada", "correct horse battery")
        for name in other.names(session, ("ada",)):
            other.get(session, ("ada", name))
        other.assert_journal()
