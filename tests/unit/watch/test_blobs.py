"""Real files, watched through the kernel: what others do to them is said and mended, what the vault does is not."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from vaults import Bench
from watched import alarms, blobs_of, real_bench, wait_for, watched

from docstopd.vault import Session
from docstopd.watch.inotify import Notices


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return real_bench(tmp_path)


@pytest.fixture
def ada(bench: Bench) -> Session:
    return bench.account("ada")


def stored_file(bench: Bench, ada: Session, content: bytes = b"records " * 100) -> Path:
    """A file whose blob lies in a snapshot as well; where the blob is."""
    before = bench.blob_ids()
    bench.put(ada, ("ada", f"file-{len(before)}"), content)
    (blob,) = bench.blob_ids() - before
    bench.vault.snapshots.create()
    return bench.blob_file(blob)


def overwrite(path: Path) -> None:
    path.chmod(0o600)
    content = path.read_bytes()
    path.write_bytes(bytes(len(content)))
    path.chmod(0o400)


def append(path: Path) -> None:
    path.chmod(0o600)
    with path.open("ab") as file:
        file.write(b"more")
    path.chmod(0o400)


def exchange(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(path.read_bytes()[::-1])
    other.chmod(0o400)
    other.replace(path)


def rename(path: Path) -> None:
    path.rename(path.with_name("renamed"))


TAMPERING: dict[str, tuple[Callable[[Path], None], str]] = {
    "overwritten": (overwrite, "changed"),
    "appended to": (append, "changed"),
    "exchanged": (exchange, "changed"),
    "removed": (Path.unlink, "deleted"),
    "renamed": (rename, "deleted"),
    "made writable": (lambda path: path.chmod(0o600), "accessible"),
    "opened to all": (lambda path: path.chmod(0o444), "accessible"),
}


@pytest.mark.parametrize("name", TAMPERING)
def test_what_others_do_to_a_blob_is_said_and_mended(bench: Bench, ada: Session, name: str) -> None:
    """While the watcher looks on."""
    tamper, what = TAMPERING[name]
    path = stored_file(bench, ada)
    content = path.read_bytes()
    with watched(bench):
        tamper(path)
        wait_for(lambda: (what, "blobs", path.name) in alarms(bench), lambda: alarms(bench))
        wait_for(lambda: path.exists() and path.read_bytes() == content and path.stat().st_mode & 0o777 == 0o400)
    assert bench.vault.storage.alarms() == len(alarms(bench))
    bench.assert_journal()


@pytest.mark.parametrize("name", TAMPERING)
def test_what_happened_while_nobody_looked_is_found_at_the_beginning(bench: Bench, ada: Session, name: str) -> None:
    """By presence, size, mode, and the inode's change."""
    tamper, what = TAMPERING[name]
    path = stored_file(bench, ada)
    content = path.read_bytes()
    with watched(bench):
        pass
    tamper(path)
    with watched(bench):
        wait_for(lambda: (what, "blobs", path.name) in alarms(bench), lambda: alarms(bench))
        wait_for(lambda: path.exists() and path.read_bytes() == content and path.stat().st_mode & 0o777 == 0o400)


@pytest.mark.parametrize("place", ["3f/evil.txt", "3f/" + "0" * 32, "stranger", "3f/" + "3f" * 16])
def test_a_file_that_somebody_has_put_there_is_an_alarm(bench: Bench, place: str) -> None:
    """At once, when it is not named and made as blobs are."""
    with watched(bench):
        (bench.folder / "blobs" / place).write_bytes(b"not ours")
        wait_for(lambda: [found[:2] for found in alarms(bench)] == [("added", "blobs")], lambda: alarms(bench))


def test_a_folder_that_is_gone_is_made_again_and_its_blobs_are_brought_back(bench: Bench, ada: Session) -> None:
    """And what happens in the new one is seen."""
    path = stored_file(bench, ada)
    content = path.read_bytes()
    with watched(bench):
        path.parent.rename(bench.folder / "stolen")
        wait_for(lambda: path.exists() and path.read_bytes() == content, lambda: alarms(bench))
        assert {found[0] for found in alarms(bench)} == {"deleted"}
        wait_for(bench.vault.storage.watched)
        before = len(alarms(bench))
        path.unlink()
        wait_for(lambda: len(alarms(bench)) > before and path.exists(), lambda: alarms(bench))


def test_a_blob_that_nobody_can_heal_is_damage(bench: Bench, ada: Session) -> None:
    """Said in the journal of its space."""
    bench.put(ada, ("ada", "file"), b"alone")
    (blob,) = bench.blob_ids()
    with watched(bench):
        bench.blob_file(blob).unlink()
        wait_for(lambda: bench.rows("SELECT 1 FROM journal WHERE action = 'damage'"), lambda: alarms(bench))
    assert alarms(bench) == [("deleted", "blobs", blob.hex())]


def test_what_the_vault_does_is_no_alarm(bench: Bench, ada: Session) -> None:
    """Small and large files, new contents, moves, copies, deletions, purges, snapshots, erasure, healing."""
    with watched(bench):
        bench.vault.files.make_folder(ada, ("ada", "folder"))
        for number in range(60):
            bench.put(ada, ("ada", f"file-{number}"), os.urandom(100 + number))
            bench.put(ada, ("ada", f"file-{number}"), os.urandom(200 + number))
        bench.put(ada, ("ada", "empty"), b"")
        bench.put(ada, ("ada", "empty"), os.urandom(4 << 20))
        bench.vault.snapshots.create()
        bench.vault.files.copy(ada, ("ada", "empty"), ("ada", "copy"), overwrite=False, deep=True)
        for number in range(30):
            bench.vault.files.move(ada, ("ada", f"file-{number}"), ("ada", "folder", f"file-{number}"), overwrite=False)
        bench.vault.files.delete(ada, ("ada", "folder"))
        bench.vault.snapshots.create()
        (blob,) = bench.rows("SELECT blob FROM nodes WHERE size = 4194304 LIMIT 1")[:1]
        assert bench.vault.snapshots.heal(blob[0])
        bench.vault.snapshots.expire()
        bench.vault.snapshots.scrub()
    blobs = blobs_of(bench)
    blobs.compare()
    blobs.tick()
    assert alarms(bench) == []


def test_lost_notices_are_made_up_for(bench: Bench, ada: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel keeps so many and says that it lost the others."""
    path = stored_file(bench, ada)
    deaf = []
    monkeypatch.setattr(Notices, "on_event", lambda self, _event: deaf.append(self))
    with watched(bench):
        path.unlink()
        wait_for(lambda: deaf)
        assert alarms(bench) == []
        deaf[0].on_queue_overflow()
        wait_for(lambda: alarms(bench) and path.exists())


def test_what_a_killed_run_has_left_is_no_alarm(bench: Bench, ada: Session) -> None:
    """A blob without key and row is legal: its writer died."""
    bench.put(ada, ("ada", "file"), b"content")
    with watched(bench):
        pass
    writer = bench.stores.blobs.create(bytes(16))  # type: ignore[arg-type]
    writer.write(b"half")
    writer.finish()
    blobs = blobs_of(bench, clean=False)
    blobs.compare()
    assert not blobs.tick()
    assert not blobs._waiting
    blobs = blobs_of(bench, clean=True)
    blobs.compare()
    assert not blobs._waiting, "it was judged before"


def test_keys_and_databases_are_watched(bench: Bench) -> None:
    """Replaced, removed, opened to others."""
    key = bench.folder / "server.key"
    key.chmod(0o600)
    with watched(bench):
        (bench.folder / "catalog.db").chmod(0o666)
        wait_for(lambda: ("accessible", "catalog", "") in alarms(bench), lambda: alarms(bench))
        wait_for(lambda: not (bench.folder / "catalog.db").stat().st_mode & 0o022)
        text = key.read_text()
        key.write_text(text + "\n")
        wait_for(lambda: ("changed", "server-key", "") in alarms(bench), lambda: alarms(bench))
        key.rename(bench.folder / "away")
        wait_for(lambda: ("deleted", "server-key", "") in alarms(bench), lambda: alarms(bench))


def test_what_others_do_at_a_target_is_said(bench: Bench, ada: Session) -> None:
    """Manifests, catalogs and blobs that a snapshot holds; runs come and go meanwhile."""
    with watched(bench) as watcher:
        stored_file(bench, ada)
        path = stored_file(bench, ada)
        there = bench.folder.parent / "target"
        blob = there / "blobs" / path.parent.name / path.name
        wait_for(lambda: str(blob.parent) in watcher.folders)
        overwrite(blob)
        wait_for(lambda: ("changed", "target first", path.name) in alarms(bench), lambda: alarms(bench))
        manifest, catalog = (there / "snapshots" / f"00000001.{end}" for end in ("json", "catalog"))
        manifest.rename(there / "away")
        wait_for(lambda: ("deleted", "target first", "") in alarms(bench), lambda: alarms(bench))
        catalog.chmod(0o600)
        wait_for(lambda: ("accessible", "target first", "") in alarms(bench), lambda: alarms(bench))
        assert {found[0] for found in alarms(bench)} == {"changed", "deleted", "accessible"}
    bench.assert_journal()
