"""Drop folders: what is finished is taken whole, and is away only once it is durable."""

import errno
import os
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from arriving import waiting
from dropping import SETTLE, Desk, open_desk
from failing import FailingBlobs, FailingDatabase
from vaults import PASSWORD, Bench

from docstopd.errors import Failed, StateUnknown, StorageFull
from docstopd.vault import Policy
from docstopd.watch import drop as drops
from docstopd.watch import dropfolder
from docstopd.watch.complaint import SUFFIX
from docstopd.watch.drop import RETRY
from docstopd.watch.settling import EMPTY_LONGER

WHEN = 1_500_000_000


def test_a_finished_file_is_taken_with_its_date_and_is_away(desk: Desk) -> None:
    (desk.folder / "scan.pdf").write_bytes(b"a page")
    os.utime(desk.folder / "scan.pdf", (WHEN, WHEN))
    desk.dropping.step()
    desk.ticks.now += SETTLE - 0.1
    desk.dropping.step()
    assert (desk.left(), waiting(desk.bench)) == ({"scan.pdf"}, 0)
    desk.ticks.now += 0.1
    desk.dropping.step()
    assert (desk.left(), waiting(desk.bench)) == (set(), 1)
    session = desk.bench.vault.sessions.sign_in("ada", PASSWORD)
    (one,) = desk.bench.vault.arrivals.list(session, "ada")
    assert (one.path, one.modified) == (("Inbox", "scan.pdf"), WHEN * 1_000_000)
    assert desk.inbox() == {"scan.pdf": b"a page"}
    assert desk.bench.rows("SELECT * FROM taken") == []


def test_folders_are_kept_and_stay_where_they_are(desk: Desk) -> None:
    (desk.folder / "a" / "b").mkdir(parents=True)
    (desk.folder / "a" / "b" / "deep.txt").write_bytes(b"deep")
    (desk.folder / "a" / "flat.txt").write_bytes(b"flat")
    desk.settle()
    assert desk.inbox() == {"a/b/deep.txt": b"deep", "a/flat.txt": b"flat"}
    assert (desk.folder / "a" / "b").is_dir()


def test_a_file_that_is_written_for_minutes_is_left_until_it_is_finished(desk: Desk) -> None:
    with (desk.folder / "huge").open("wb", buffering=0) as writer:
        for number in range(60):
            writer.write(b"%04d" % number)
            os.utime(desk.folder / "huge", (WHEN + number, WHEN + number))
            desk.ticks.now += SETTLE - 1
            desk.dropping.step()
            assert waiting(desk.bench) == 0
    desk.settle()
    assert len(desk.inbox()["huge"]) == 240


def test_a_file_that_somebody_has_open_for_writing_is_not_taken_though_it_is_stable(desk: Desk) -> None:
    with (desk.folder / "open").open("wb", buffering=0) as writer:
        writer.write(b"first")
        for _ in range(20):
            desk.settle()
        assert (desk.left(), waiting(desk.bench)) == ({"open"}, 0)
        writer.write(b" last")
    desk.settle()
    desk.settle()
    assert desk.inbox() == {"open": b"first last"}


@pytest.mark.parametrize(
    "name", ["scan.part", ".hidden", "~$doc.docx", "x.tmp", "y.crdownload", ".scan.pdf.Xy1", f"a{SUFFIX}"]
)
def test_partial_names_are_left_alone(desk: Desk, name: str) -> None:
    (desk.folder / name).write_bytes(b"x")
    (desk.folder / ".folder").mkdir()
    (desk.folder / ".folder" / "inside").write_bytes(b"x")
    desk.settle()
    assert (desk.left(), waiting(desk.bench)) == ({name, ".folder/inside"}, 0)


def test_an_empty_file_waits_longer_since_it_may_be_filled(desk: Desk) -> None:
    (desk.folder / "empty").write_bytes(b"")
    desk.settle()
    assert waiting(desk.bench) == 0
    desk.ticks.now += SETTLE * EMPTY_LONGER
    desk.dropping.step()
    assert desk.inbox() == {"empty": b""}


def test_links_and_what_is_no_file_are_left_alone(desk: Desk, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"secret")
    (desk.folder / "link").symlink_to(outside / "secret")
    (desk.folder / "linked").symlink_to(outside)
    os.mkfifo(desk.folder / "pipe")
    desk.settle()
    assert waiting(desk.bench) == 0
    assert (outside / "secret").read_bytes() == b"secret"


def test_a_hard_link_to_another_file_is_refused_with_the_reason(desk: Desk, tmp_path: Path) -> None:
    """Who may write to the folder must not get at what the daemon may read elsewhere, as the server key."""
    os.link(desk.bench.folder / "server.key", desk.folder / "key.txt")
    desk.settle()
    assert waiting(desk.bench) == 0
    assert "several names" in (desk.folder / f"key.txt{SUFFIX}").read_text()


def test_a_file_exchanged_for_a_link_while_it_is_opened_is_not_followed(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret")
    (desk.folder / "scan").write_bytes(b"page")
    real = dropfolder.opened

    def exchanged(parent: int, name: str) -> int:
        (desk.folder / "scan").unlink()
        (desk.folder / "scan").symlink_to(secret)
        monkeypatch.setattr(drops, "opened", real)
        return real(parent, name)

    monkeypatch.setattr(drops, "opened", exchanged)
    desk.settle()
    assert waiting(desk.bench) == 0
    assert secret.exists()


def test_a_file_that_cannot_be_read_stays_with_the_reason_until_it_can(desk: Desk) -> None:
    bad = desk.folder / "bad.pdf"
    bad.write_bytes(b"x")
    (desk.folder / "good.pdf").write_bytes(b"y")
    bad.chmod(0)
    if os.access(bad, os.R_OK):
        pytest.skip("whoever runs this may read everything")
    desk.settle()
    assert desk.left() == {"bad.pdf", f"bad.pdf{SUFFIX}"}
    bad.chmod(0o600)
    desk.settle()
    assert desk.left() == set()
    assert desk.inbox() == {"bad.pdf": b"x", "good.pdf": b"y"}


def test_a_file_that_is_too_large_stays_with_the_reason(tmp_path: Path) -> None:
    desk = open_desk(tmp_path, Policy(upload=10))
    (desk.folder / "large").write_bytes(b"x" * 11)
    desk.settle()
    note = desk.folder / f"large{SUFFIX}"
    assert "at most 10 bytes" in note.read_text()
    written = note.stat().st_mtime_ns
    desk.ticks.now += RETRY
    desk.dropping.step()
    assert note.stat().st_mtime_ns == written
    (desk.folder / "large").unlink()
    desk.dropping.step()
    assert desk.left() == set()
    assert desk.bench.blob_ids() == set()


@pytest.mark.parametrize("name", [b"bell\x07.txt", b"latin-\xe4.txt"])
def test_a_name_that_no_file_can_have_stays_with_the_reason(desk: Desk, name: bytes) -> None:
    path = Path(os.fsdecode(os.fsencode(desk.folder) + b"/" + name))
    path.write_bytes(b"x")
    desk.settle()
    assert len(desk.left()) == 2
    assert waiting(desk.bench) == 0


def test_the_note_beside_the_longest_name_fits(desk: Desk) -> None:
    name = "ü" * 127
    (desk.folder / name).write_bytes(b"x")
    os.link(desk.folder / name, desk.folder / "other")
    desk.settle()
    assert len(desk.left()) == 4


def test_a_note_is_never_written_through_a_link(desk: Desk, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_bytes(b"precious")
    (desk.folder / "a").write_bytes(b"x")
    os.link(desk.folder / "a", desk.folder / "b")
    (desk.folder / f"a{SUFFIX}").symlink_to(precious)
    desk.settle()
    assert precious.read_bytes() == b"precious"
    assert not (desk.folder / f"a{SUFFIX}").is_symlink()


def test_a_text_of_somebody_elses_that_looks_like_a_note_stays(desk: Desk) -> None:
    (desk.folder / f"gone{SUFFIX}").write_bytes(b"mine")
    desk.settle()
    assert desk.left() == {f"gone{SUFFIX}"}


def test_a_folder_that_vanishes_and_returns_is_followed(desk: Desk) -> None:
    desk.dropping.step()
    desk.folder.rename(desk.folder.with_name("away"))
    assert desk.dropping.step() > 0
    desk.folder.mkdir()
    (desk.folder / "scan").write_bytes(b"x")
    desk.settle()
    assert desk.inbox() == {"scan": b"x"}


def test_a_folder_of_which_nothing_can_be_removed_gives_nothing(desk: Desk) -> None:
    (desk.folder / "scan").write_bytes(b"x")
    desk.folder.chmod(0o500)
    try:
        if os.access(desk.folder, os.W_OK):
            pytest.skip("whoever runs this may write everywhere")
        desk.settle()
        assert waiting(desk.bench) == 0
    finally:
        desk.folder.chmod(0o700)
    desk.settle()
    assert desk.inbox() == {"scan": b"x"}


def test_a_space_that_is_not_there_leaves_all_files_and_says_so_beside_one(desk: Desk) -> None:
    for number in range(5):
        (desk.folder / f"{number}").write_bytes(b"x")
    dropping = desk.watcher(desk.bench, space="nobody")
    assert desk.settle(dropping) == RETRY
    notes = [name for name in desk.left() if name.endswith(SUFFIX)]
    assert 1 <= len(notes) <= drops.THREADS
    assert "no space 'nobody'" in (desk.folder / notes[0]).read_text()
    assert len(desk.left()) == 5 + len(notes)


# -- changes on the way ---------------------------------------------------------------------------------------------


def meanwhile(monkeypatch: pytest.MonkeyPatch, dropping: Any, method: str, work: Any) -> None:
    """Run `work` once, just before the next call of a step of the taking."""
    real = getattr(dropping, method)
    fresh = [True]

    def wrapped(*arguments: Any) -> Any:
        if fresh:
            fresh.clear()
            work()
        return real(*arguments)

    monkeypatch.setattr(dropping, method, wrapped)


@pytest.mark.parametrize("step", ["_bring", "_content", "_remove", "_require_same_name"])
def test_a_file_that_changes_at_any_step_is_taken_again_and_never_lost(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    path = desk.folder / "scan"
    path.write_bytes(b"old")

    def change() -> None:
        path.unlink()
        path.write_bytes(b"newer")

    meanwhile(monkeypatch, desk.dropping, step, change)
    desk.settle()
    desk.settle()
    desk.settle()
    assert desk.left() == set()
    contents = set(desk.inbox().values())
    assert b"newer" in contents
    assert contents <= {b"old", b"newer"}


def test_a_file_that_somebody_else_removes_meanwhile_is_no_error(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    (desk.folder / "scan").write_bytes(b"x")
    meanwhile(monkeypatch, desk.dropping, "_bring", (desk.folder / "scan").unlink)
    desk.settle()
    assert (desk.left(), waiting(desk.bench)) == (set(), 0)


# -- what goes wrong ------------------------------------------------------------------------------------------------


def failing(bench: Bench) -> tuple[Bench, FailingBlobs, FailingDatabase]:
    blobs, catalog = FailingBlobs(bench.stores.blobs), FailingDatabase(bench.stores.catalog)
    return bench.with_stores(lambda stores: replace(stores, blobs=blobs, catalog=catalog)), blobs, catalog


@pytest.mark.parametrize("step", ["create_fails", "write_fails", "finish_fails", "finished_fails", "before"])
@pytest.mark.parametrize("wrong", [Failed("it failed"), StorageFull("the disk is full")])
def test_when_a_store_fails_the_file_stays_with_the_reason_and_goes_later(
    desk: Desk, step: str, wrong: Exception
) -> None:
    (desk.folder / "scan").write_bytes(b"x" * 100_000)
    bench, blobs, catalog = failing(desk.bench)
    setattr(catalog if step == "before" else blobs, step, wrong)
    dropping = desk.watcher(bench)
    desk.settle(dropping)
    assert desk.left() == {"scan", f"scan{SUFFIX}"}
    assert str(wrong) in (desk.folder / f"scan{SUFFIX}").read_text()
    assert waiting(desk.bench) == 0
    setattr(catalog if step == "before" else blobs, step, None)
    desk.ticks.now += RETRY
    dropping.step()
    assert desk.left() == set()
    assert desk.inbox() == {"scan": b"x" * 100_000}
    desk.bench.assert_tidy()


def test_an_unknown_outcome_stops_and_the_next_run_takes_the_file_once(desk: Desk) -> None:
    (desk.folder / "scan").write_bytes(b"x")
    bench, _blobs, catalog = failing(desk.bench)
    catalog.after = StateUnknown("fsync failed")
    with pytest.raises(StateUnknown):
        desk.settle(desk.watcher(bench))
    assert (desk.left(), waiting(desk.bench)) == ({"scan"}, 1)
    desk.settle(desk.watcher(desk.bench))
    assert (desk.left(), waiting(desk.bench)) == (set(), 1)
    assert desk.inbox() == {"scan": b"x"}


def test_a_run_that_dies_before_the_file_is_away_gives_no_second_arrival_even_after_filing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    (desk.folder / "scan").write_bytes(b"x")

    def die(*_arguments: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(desk.dropping, "_remove", die)
    with pytest.raises(KeyboardInterrupt):
        desk.settle()
    assert desk.left() == {"scan"}
    assert desk.inbox() == {"scan": b"x"}
    desk.settle(desk.watcher(desk.bench))
    assert desk.left() == set()
    assert desk.inbox() == {"scan": b"x"}
    assert desk.bench.rows("SELECT * FROM taken") == []


def test_a_file_that_cannot_be_removed_is_stored_once_and_says_so(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    (desk.folder / "scan").write_bytes(b"x")
    real, refusing = os.unlink, [True]

    def unlink(name: Any, **more: Any) -> None:
        if refusing and name == "scan":
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
        real(name, **more)

    monkeypatch.setattr(drops.os, "unlink", unlink)
    for _ in range(3):
        desk.settle()
        desk.ticks.now += RETRY
    assert "is stored" in (desk.folder / f"scan{SUFFIX}").read_text()
    assert waiting(desk.bench) == 1
    refusing.clear()
    desk.settle()
    desk.ticks.now += RETRY
    desk.settle()
    assert (desk.left(), waiting(desk.bench)) == (set(), 1)


def test_two_runs_over_one_folder_take_each_file_once(desk: Desk) -> None:
    """Marks and the last look tell them apart, should the lock of the keepers ever fail."""
    for number in range(40):
        (desk.folder / f"{number}").write_bytes(b"%d" % number)
    second = desk.watcher(desk.bench)
    desk.dropping.step()
    second.step()
    desk.ticks.now += SETTLE
    threads = [threading.Thread(target=one.step) for one in (desk.dropping, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    desk.settle()
    assert desk.left() == set()
    assert set(desk.inbox().values()) == {b"%d" % number for number in range(40)}


def test_a_stop_leaves_the_file_that_is_being_read(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    (desk.folder / "huge").write_bytes(b"x" * (3 << 20))
    meanwhile(monkeypatch, desk.dropping, "_content", desk.dropping.stop)
    desk.settle()
    assert (desk.left(), waiting(desk.bench), desk.bench.blob_ids()) == ({"huge"}, 0, set())
