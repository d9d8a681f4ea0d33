"""Where the parts of time meet: what one of them does while, or before, another one does its own."""

import contextlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from snapshots import bench_with_target, named, restore_into, with_targets
from vaults import PASSWORD, Bench

from docstopd.errors import Failed, Protected
from docstopd.model import SECOND, MemberRole
from docstopd.targets.local import LocalTarget
from docstopd.vault import Policy, Session
from docstopd.vault.progress import SILENT
from docstopd.vault.retention import CountedFrom, Protect, RetentionClass, RetentionPolicy, Schedule, Then
from docstopd.vault.snapshots import When

FILE = ("ada", "report.txt")
DAY = 86_400


class Meanwhile:
    """A database; before the view of a number, counted from `arm`, something else happens."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self._left = 0
        self._work: Callable[[], object] = tuple

    def arm(self, views: int, work: Callable[[], object]) -> None:
        self._left, self._work = views, work

    @contextmanager
    def read(self) -> Iterator[Any]:
        self._left -= 1
        if not self._left:
            self._work()
        with self._inner.read() as rows:
            yield rows

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


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


def test_a_restore_passes_over_a_keyring_copy_whose_time_is_to_come(bench: Bench, ada: Session, tmp_path: Path) -> None:
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
    bench.clock.advance(1 * DAY)
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
    bench.clock.advance(1 * DAY)
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


# -- what happens while a snapshot is made ----------------------------------------------------------------------------


@pytest.mark.parametrize("back", [True, False])
def test_a_file_moved_over_another_is_in_the_snapshot_that_is_being_made(
    bench: Bench, ada: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, back: bool
) -> None:
    """Its versions are the other file's by then, whose turn is over, or is still to come."""
    monkeypatch.setattr("docstopd.vault.snapshots.create.PAGE", 1)
    for number in range(6):
        bench.put(ada, ("ada", f"file-{number}"), f"content {number}".encode())
    catalog = Meanwhile(bench.stores.catalog)
    racing = bench.with_stores(lambda stores: replace(stores, catalog=catalog))
    source, target = (("ada", "file-5"), ("ada", "file-0")) if back else (("ada", "file-0"), ("ada", "file-5"))

    def begun(what: str, done: int, _total: int) -> None:
        if what == "catalog" and done:  # from now on the blobs are looked through, one at each view
            catalog.arm(6, lambda: bench.vault.files.move(ada, source, target, overwrite=True))

    report = racing.vault.snapshots.create(begun)
    assert len(bench.names(ada, ("ada",))) == 5, "nothing was moved meanwhile"
    assert report["blobs"] == 6
    assert [found.wrong for found in bench.vault.snapshots.verify(1, SILENT, data=True)] == [[]]
    other, restored = restore_into(bench, bench.stores.targets[0].objects, tmp_path / "other")
    assert restored.damaged == []
    again = other.vault.sessions.sign_in("ada", PASSWORD)
    for number in range(6):
        assert other.get(again, ("ada", f"file-{number}")) == f"content {number}".encode()


def test_a_snapshot_during_which_something_is_erased_is_whole(
    bench: Bench, ada: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its manifest counts what its catalog names."""
    monkeypatch.setattr("docstopd.vault.snapshots.create.PAGE", 1)
    for number in range(6):
        bench.put(ada, ("ada", f"file-{number}"), f"content {number}".encode())
    catalog = Meanwhile(bench.stores.catalog)
    racing = bench.with_stores(lambda stores: replace(stores, catalog=catalog))

    def begun(what: str, done: int, _total: int) -> None:
        if what == "catalog" and done:
            catalog.arm(3, lambda: bench.vault.erasure.request_path(ada, ("ada", "file-5")))

    racing.vault.snapshots.create(begun)
    assert len(bench.names(ada, ("ada",))) == 5, "nothing was erased meanwhile"
    assert [found.wrong for found in bench.vault.snapshots.verify(1, SILENT, data=True)] == [[]]


def test_what_a_drill_left_that_died_goes_before_an_erasure_is_final(bench: Bench, ada: Session) -> None:
    """It has a keyring with the key that was destroyed."""
    bench.put(ada, FILE, b"content")
    bench.vault.snapshots.create()
    left = bench.stores.turnstile / "drill"
    left.mkdir()
    (left / "keyring.db").write_bytes((bench.folder / "keyring.db").read_bytes())
    bench.vault.erasure.request_path(ada, FILE)
    bench.vault.snapshots.create()
    assert not left.exists()
    left.mkdir()
    (left / "keyring.db").write_bytes(b"a drill that is under way")
    assert bench.vault.erasure.expire() == {"erasures_provisional": 1}
    bench.vault.snapshots.expire()
    assert bench.vault.erasure.expire() == {"erasures_final": 1}


# -- older states, and other people's files at a target ---------------------------------------------------------------


def test_a_target_with_snapshots_that_an_older_state_never_made_is_not_touched(
    bench: Bench, ada: Session, tmp_path: Path
) -> None:
    """Restored from one disk: the next snapshot must not take the numbers of those on another, nor their keyring."""
    both = with_targets(bench, *bench.stores.targets, named("second", LocalTarget(tmp_path / "second")))
    bench.put(ada, FILE, b"first")
    both.vault.snapshots.create()
    bench.put(ada, FILE, b"second")
    with_targets(bench, both.stores.targets[1]).vault.snapshots.create()
    before = {path: path.read_bytes() for path in (tmp_path / "second").rglob("*") if path.is_file()}
    restored, _done = restore_into(bench, both.stores.targets[0].objects, tmp_path / "other")
    after = with_targets(restored, *both.stores.targets)
    for _run in range(2):
        with pytest.raises(Failed, match="not known here"):
            after.vault.snapshots.create()
    restored.clock.advance(10 * DAY)
    with pytest.raises(Failed, match="not known here"):
        after.vault.snapshots.expire()
    assert {path: path.read_bytes() for path in (tmp_path / "second").rglob("*") if path.is_file()} == before
    assert [copy.target for copy in after.vault.snapshots.all()].count("first") == 3


def test_the_copy_at_another_target_of_the_snapshot_that_was_restored_is_known_again(
    bench: Bench, ada: Session, tmp_path: Path
) -> None:
    """Its catalog was sealed before it could name it."""
    both = with_targets(bench, *bench.stores.targets, named("second", LocalTarget(tmp_path / "second")))
    bench.put(ada, FILE, b"first")
    both.vault.snapshots.create()
    restored, _done = restore_into(bench, both.stores.targets[0].objects, tmp_path / "other")
    after = with_targets(restored, *both.stores.targets)
    after.vault.snapshots.create()
    known = {(copy.number, copy.target) for copy in after.vault.snapshots.all()}
    assert known == {(1, "first"), (1, "second"), (2, "first"), (2, "second")}


def test_the_snapshot_that_was_restored_goes_on_to_hold_what_is_in_it(
    bench: Bench, ada: Session, tmp_path: Path
) -> None:
    """A file that is purged after the restore can be had from it."""
    bench.put(ada, FILE, b"content")
    bench.vault.snapshots.create()
    restored, _done = restore_into(bench, bench.stores.targets[0].objects, tmp_path / "other")
    after = with_targets(restored, *bench.stores.targets)
    again = after.vault.sessions.sign_in("ada", PASSWORD)
    after.vault.files.delete(again, FILE)
    after.clock.advance(40 * DAY)
    assert after.vault.retention.run(sure=True)["purged"] == 1
    after.vault.snapshots.expire()
    assert after.vault.snapshots.restore(again, FILE, When(number=1), beside=False).files == 1
    assert after.get(again, FILE) == b"content"


def test_files_of_other_programs_do_not_hinder_a_restore(bench: Bench, ada: Session, tmp_path: Path) -> None:
    """macOS and Windows leave theirs in every folder that they look at."""
    bench.put(ada, FILE, b"content")
    bench.put(ada, ("ada", "secret"), b"secret")
    bench.vault.snapshots.create()
    bench.vault.erasure.request_path(ada, ("ada", "secret"))
    for folder in ("erasures", "snapshots", "keyring", "blobs"):
        for name in (".DS_Store", "Thumbs.db", "._x.json", "99999999999999999999.json"):
            (tmp_path / "target" / folder / name).write_bytes(b"\0\0\0\1Bud1")
    other, restored = restore_into(bench, bench.stores.targets[0].objects, tmp_path / "other")
    assert restored.erased == 1
    assert other.names(other.vault.sessions.sign_in("ada", PASSWORD), ("ada",)) == {"report.txt"}
    bench.vault.snapshots.create()
    bench.vault.snapshots.expire()


def test_files_of_other_programs_do_not_hinder_the_sweep(bench: Bench, ada: Session) -> None:
    """What has no name of a blob is none."""
    bench.put(ada, FILE, b"content")
    (bench.folder / "blobs" / "00" / ".DS_Store").write_bytes(b"x")
    assert bench.vault.snapshots.expire()["orphans"] == 0


# -- what people decided, and what came after -------------------------------------------------------------------------


def test_an_approval_is_not_of_a_content_that_came_after_the_question(tmp_path: Path) -> None:
    """Two people have seen the old one; the next run asks anew."""
    one = RetentionClass("reviewed", ("k/**",), 10.0 * DAY, then=Then.REVIEW)
    bench = bench_with_target(tmp_path, Policy(retention=RetentionPolicy(schedule=Schedule((one,)))))
    ada, ben = bench.account("ada"), bench.account("ben")
    bench.vault.spaces.grant(ada, "ada", ben.user, MemberRole.OWNER)
    bench.vault.files.make_folder(ada, ("ada", "k"))
    bench.put(ada, ("ada", "k", "file"), b"old")
    bench.clock.advance(11 * DAY)
    bench.vault.retention.run(sure=True)
    (question,) = bench.vault.dispositions.list()
    for person in (ada, ben):
        bench.vault.dispositions.answer(person, question.asked.id, "destroy")
    bench.put(ada, ("ada", "k", "file"), b"new, and wanted")
    assert bench.vault.retention.run(sure=True)["void"] == 1
    assert bench.get(ada, ("ada", "k", "file")) == b"new, and wanted"
    assert bench.vault.retention.run(sure=True)["reviews"] == 1


def test_a_hold_on_a_user_covers_what_only_snapshots_have(bench: Bench, ada: Session) -> None:
    """An erasure would destroy the keys of these, too."""
    ben = bench.account("ben")
    bench.vault.spaces.grant(ada, "ada", ben.user, MemberRole.EDITOR)
    bench.put(ben, FILE, b"by ben")
    bench.vault.snapshots.create()
    bench.put(ada, FILE, b"by ada")
    bench.edit("UPDATE versions SET dead = 1 WHERE author = ?", ben.user.id)  # as a run of retention does
    bench.vault.holds.on_user(bench.vault.accounts.find("ben"), "a case", confidential=False)
    assert bench.vault.erasure.request_path(ada, FILE).state == "held"
    assert bench.vault.erasure.request_space(ada, "ada").state == "held"


def test_an_event_at_the_end_of_all_dates_hinders_nobody(tmp_path: Path) -> None:
    """Owners write the year 9999 for "never"; what is to be kept for years after that has no date."""
    bench = bench_with_target(tmp_path, kept(CountedFrom.EVENT))
    ada = bench.account("ada")
    bench.vault.files.make_folder(ada, ("ada", "k"))
    for content in (b"one", b"two"):
        bench.put(ada, ("ada", "k", "file"), content)
    bench.vault.filing.set_event(ada, ("ada", "k", "file"), 253_402_214_400 * SECOND)
    with pytest.raises(Protected, match="9999-12-31"):
        bench.vault.files.delete(ada, ("ada", "k", "file"))
    assert bench.vault.retention.run(sure=True)["files"] == 0


@pytest.mark.parametrize(
    "edit",
    [f"UPDATE erasures SET {c} = '{v}' WHERE kind = 'folder'" for c in ("subject", "report") for v in ("", "[]", "{}")],
)
def test_an_erasure_whose_row_is_damaged_does_not_stop_the_others(bench: Bench, ada: Session, edit: str) -> None:
    """It is damage, and said; the other one becomes final."""
    bench.vault.files.make_folder(ada, ("ada", "folder"))
    bench.put(ada, FILE, b"content")
    bench.vault.snapshots.create()
    for path in (("ada", "folder"), FILE):
        bench.vault.erasure.request_path(ada, path)
    bench.edit(edit)
    bench.vault.snapshots.create()
    with contextlib.suppress(Failed):  # a step that is missing is done again, or is damage
        bench.vault.erasure.expire()
    assert {one.kind: one.state for one in bench.vault.erasure.all()}["file"] == "final"


@pytest.mark.parametrize("value", ["", "{}", "null", '["x", 1, 2]'])
def test_a_scrub_whose_mark_is_damaged_begins_anew(bench: Bench, ada: Session, value: str) -> None:
    """Where it was is lost, and nothing else."""
    bench.put(ada, FILE, b"content")
    bench.vault.snapshots.scrub()
    bench.edit("UPDATE marks SET value = ? WHERE name = 'scrub'", value)
    assert bench.vault.snapshots.scrub()["blobs"] == 1
