"""Arrivals: sealed to a space that nobody has open, filed once when a member opens it."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest
from arriving import THEN, arrive, waiting
from failing import FailingBlobs, FailingDatabase
from snapshots import bench_with_target, contained, restore_into
from vaults import Bench, Clock, open_bench

from docstopd.crypto.arrival import is_sealed, open_data_key
from docstopd.errors import Damaged, Failed, Forbidden, InvalidName, NotFound, StateUnknown
from docstopd.keyring import Keyring
from docstopd.model import Custody, MemberRole
from docstopd.vault import Policy, Session
from docstopd.vault.arrivals import door

MARK = b"cAnArY-scanned"


def two(bench: Bench, role: MemberRole = MemberRole.EDITOR) -> tuple[Session, Session]:
    """ada, who owns the space `shared`, and bob, its member."""
    ada, bob = bench.account("ada"), bench.account("bob")
    bench.vault.spaces.add("shared", ada.user)
    bench.vault.spaces.grant(ada, "shared", bob.user, role)
    bench.clock.advance(2000)  # nobody has it open any more
    return ada, bench.vault.sessions.sign_in("bob", "correct horse battery")


def test_an_arrival_becomes_a_file_with_its_own_blob_its_date_and_its_time_of_receipt(
    bench: Bench, ada: Session
) -> None:
    received = bench.clock.now
    arrive(bench, "ada", ("2026", "scan.pdf"), b"a page")
    (blob,) = bench.rows("SELECT blob FROM arrivals")[0]
    bench.clock.advance(3600)
    assert bench.vault.arrivals.file(ada, "ada").filed == 1
    node = bench.vault.files.stat(ada, ("ada", "Inbox", "2026", "scan.pdf"))
    assert bench.get(ada, ("ada", "Inbox", "2026", "scan.pdf")) == b"a page"
    assert (node.modified, node.etag) == (THEN, blob.hex())
    ((kept, of_version),) = bench.rows("SELECT received, blob FROM versions")
    assert of_version == blob
    assert 0 <= kept - received < 1_000_000
    assert waiting(bench) == 0
    bench.assert_tidy()


def test_an_arrival_counts_from_its_receipt_in_the_journal_which_has_no_name_in_clear(
    bench: Bench, ada: Session
) -> None:
    arrive(bench, "ada", (f"{MARK.decode()}.pdf",), MARK)
    bench.vault.arrivals.file(ada, "ada")
    space = next(one.id for one in bench.vault.spaces.all())
    assert bench.actions(space)[-3:] == ["arrival", "create", "create"]
    arrived, _folder, created = bench.rows("SELECT time, facts FROM journal WHERE stream = ? ORDER BY seq", space)[-3:]
    assert "arrived" in created[1]
    assert abs(int(created[1].split('"arrived":')[1].split(",")[0]) - arrived[0]) < 1_000_000
    assert MARK.decode() not in "".join(row[1] for row in (arrived, created))


def test_nothing_of_an_arrival_can_be_read_on_the_disk(bench: Bench, ada: Session, tmp_path: Path) -> None:
    arrive(bench, "ada", (f"{MARK.decode()}-name.pdf",), MARK * 100_000)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path for path in files if MARK in path.read_bytes() or MARK.hex().encode() in path.read_bytes()] == []
    bench.vault.arrivals.file(ada, "ada")
    assert [path for path in files if MARK in path.read_bytes()] == []


def test_the_stores_with_the_server_key_alone_do_not_open_an_arrival(bench: Bench, ada: Session) -> None:
    """All that the daemon has: the sealed key comes out of the keystore wrap, and no key at hand opens it."""
    arrive(bench, "ada", ("scan.pdf",), MARK)
    space = next(one.id for one in bench.vault.spaces.all())
    (blob,) = bench.rows("SELECT blob FROM arrivals")[0]
    epoch, stored = bench.stores.keyring.data_key(blob, space)
    assert is_sealed(stored)
    for server in bench.stores.server.every:
        with pytest.raises(Damaged):
            open_data_key(server.hpke, stored, space, epoch, blob)
    private = bench.stores.keyring.pair(space, epoch)[1]
    key = ada.unlocked.keys(space) or _opened(bench, ada, space)
    assert open_data_key(key[epoch].unwrap_private(private), stored, space, epoch, blob)


def _opened(bench: Bench, session: Session, space: bytes) -> dict:  # type: ignore[type-arg]
    bench.vault.files.list(session, ("ada",))
    return session.unlocked.keys(space)  # type: ignore[arg-type, return-value]


def test_a_name_that_is_taken_gets_a_number_and_a_file_in_a_folders_place_is_passed(bench: Bench, ada: Session) -> None:
    for number in range(3):
        arrive(bench, "ada", ("scan.pdf",), b"%d" % number, identity=b"%d" % number)
    arrive(bench, "ada", ("scan.pdf", "below.txt"), b"below a file", identity=b"x")
    bench.vault.arrivals.file(ada, "ada")
    arrive(bench, "ada", ("scan.pdf",), b"later", identity=b"later")
    bench.vault.arrivals.file(ada, "ada")
    names = {"scan.pdf", "scan (2).pdf", "scan (3).pdf", "scan (4).pdf", "scan (5).pdf"}
    assert bench.names(ada, ("ada", "Inbox")) == names
    inside = [name for name in names if bench.vault.files.stat(ada, ("ada", "Inbox", name)).folder]
    assert bench.names(ada, ("ada", "Inbox", inside[0])) == {"below.txt"}
    contents = {bench.get(ada, ("ada", "Inbox", name)) for name in names - set(inside)}
    assert contents == {b"0", b"1", b"2", b"later"}


def test_the_longest_name_is_cut_when_it_gets_a_number(bench: Bench, ada: Session) -> None:
    name = "ü" * 125 + ".pdf"
    for number in range(2):
        arrive(bench, "ada", (name,), b"%d" % number, identity=b"%d" % number)
    assert bench.vault.arrivals.file(ada, "ada").filed == 2
    assert [len(one.encode()) <= 255 for one in bench.names(ada, ("ada", "Inbox"))] == [True, True]


def test_what_came_before_is_no_second_arrival_until_it_is_gone_from_its_source(bench: Bench, ada: Session) -> None:
    mark = arrive(bench, "ada", ("scan.pdf",), b"a page", identity=b"inode 7")
    assert arrive(bench, "ada", ("scan.pdf",), b"a page", identity=b"inode 7") == mark
    assert waiting(bench) == 1
    bench.vault.arrivals.file(ada, "ada")
    assert arrive(bench, "ada", ("scan.pdf",), b"a page", identity=b"inode 7") == mark
    assert waiting(bench) == 0
    bench.vault.arrivals.gone([mark])
    arrive(bench, "ada", ("scan.pdf",), b"a page", identity=b"inode 7")
    assert waiting(bench) == 1
    bench.vault.arrivals.file(ada, "ada")
    bench.assert_tidy()


def test_what_is_over_the_quota_waits_and_says_so_once_until_there_is_room(bench: Bench, ada: Session) -> None:
    bench.vault.spaces.set_quota("ada", 10)
    arrive(bench, "ada", ("a",), b"12345678")
    arrive(bench, "ada", ("b",), b"12345678")
    assert bench.vault.arrivals.file(ada, "ada").waits == {"quota": 1}
    assert bench.vault.arrivals.file(ada, "ada").waits == {"quota": 1}
    space = next(one.id for one in bench.vault.spaces.all())
    assert bench.actions(space).count("arrival-waits") == 1
    assert [one.waits for one in bench.vault.arrivals.list(ada, "ada")] == ["quota"]
    bench.vault.spaces.set_quota("ada", None)
    assert bench.vault.arrivals.file(ada, "ada").filed == 1
    assert bench.names(ada, ("ada", "Inbox")) == {"a", "b"}


def test_a_locked_folder_keeps_arrivals_waiting(bench: Bench, ada: Session) -> None:
    bench.vault.files.make_folder(ada, ("ada", "Inbox"))
    lock = bench.vault.locks.lock(ada, ("ada", "Inbox"), exclusive=True, infinite=True, owner="", timeout=600)[0]
    arrive(bench, "ada", ("a",), b"a")
    assert bench.vault.arrivals.file(ada, "ada").waits == {"lock": 1}
    bench.vault.locks.unlock(ada, ("ada", "Inbox"), lock.token)
    assert bench.vault.arrivals.file(ada, "ada").filed == 1


@pytest.mark.parametrize("path", [("a\x07b",), ("..",), ("x" * 256,), ("ok", ""), ("\udc80",)])
def test_a_name_that_no_file_can_have_is_refused_before_anything_is_stored(
    bench: Bench, ada: Session, path: tuple[str, ...]
) -> None:
    with pytest.raises(InvalidName):
        bench.vault.arrivals.begin("ada", path, THEN, "scanner")
    with pytest.raises(NotFound):
        bench.vault.arrivals.begin("nobody", ("a",), THEN, "scanner")
    assert bench.blob_ids() == set()


def test_readers_do_not_file(bench: Bench) -> None:
    _ada, bob = two(bench, MemberRole.READER)
    arrive(bench, "shared", ("a",), b"a")
    assert [one.path for one in bench.vault.arrivals.list(bob, "shared")] == [("Inbox", "a")]
    with pytest.raises(Forbidden):
        bench.vault.arrivals.file(bob, "shared")
    assert bench.vault.arrivals.file_open() == 0
    assert waiting(bench) == 1


def test_a_worker_files_what_waits_where_an_editor_has_the_space_open(bench: Bench) -> None:
    _ada, session = two(bench)
    arrive(bench, "shared", ("a",), b"a")
    assert bench.vault.arrivals.file_open() == 0  # signed in, but nobody has opened the space
    bench.vault.files.list(session, ("shared",))
    assert bench.vault.arrivals.file_open() == 1
    assert bench.get(session, ("shared", "Inbox", "a")) == b"a"
    arrive(bench, "shared", ("b",), b"b")
    assert bench.vault.arrivals.file_open() == 1
    bench.clock.advance(2000)  # his keys are idle, and forgotten
    arrive(bench, "shared", ("c",), b"c")
    assert bench.vault.arrivals.file_open() == 0


def test_after_a_run_that_could_file_nothing_there_is_a_pause(bench: Bench, ada: Session) -> None:
    bench.vault.spaces.set_quota("ada", 1)
    arrive(bench, "ada", ("a",), b"12")
    bench.vault.files.list(ada, ("ada",))
    assert bench.vault.arrivals.file_open() == 0
    bench.vault.spaces.set_quota("ada", None)
    assert bench.vault.arrivals.file_open() == 0
    bench.clock.advance(61)
    assert bench.vault.arrivals.file_open() == 1


def test_two_processes_file_each_arrival_exactly_once(bench: Bench, ada: Session, tmp_path: Path) -> None:
    count = 160
    for number in range(count):
        arrive(bench, "ada", ("scan.pdf",), b"%d" % number, identity=b"%d" % number)
    other = open_bench(tmp_path, clock=bench.clock)
    second = other.vault.sessions.sign_in("ada", "correct horse battery")
    filed: list[int] = []
    sides = [(bench, ada), (other, second)]
    threads = [
        threading.Thread(target=lambda b=b, s=s: filed.append(b.vault.arrivals.file(s, "ada").filed))  # type: ignore[misc]
        for b, s in sides
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(filed) == count
    names = bench.names(ada, ("ada", "Inbox"))
    assert len(names) == count
    assert {bench.get(ada, ("ada", "Inbox", name)) for name in names} == {b"%d" % n for n in range(count)}
    bench.assert_tidy()
    other.vault.close()


def test_an_arrival_is_sealed_to_the_epoch_that_is_current_when_it_becomes_one(bench: Bench) -> None:
    """A member who is removed while a content comes in holds no key that opens it."""
    ada, bob = two(bench)
    with bench.vault.arrivals.begin("shared", ("a",), THEN, "scanner") as intake:
        intake.write(b"a")
        bench.vault.spaces.revoke(ada, "shared", bob.user)
        intake.commit(b"1")
    ((_blob, epoch),) = bench.rows("SELECT blob, epoch FROM data_keys", store="keyring")
    assert epoch == 2
    assert bench.vault.arrivals.file(ada, "shared").filed == 1
    assert bench.get(ada, ("shared", "Inbox", "a")) == b"a"


def test_a_rotation_leaves_arrivals_openable_and_finishes_once_they_are_filed(bench: Bench, ada: Session) -> None:
    arrive(bench, "ada", ("a",), b"a")
    bench.vault.rotation.space(ada, "ada")
    bench.vault.rotation.space(ada, "ada")
    assert bench.vault.arrivals.file(ada, "ada").filed == 1
    bench.vault.rotation.space(ada, "ada", finish=True)
    assert bench.get(ada, ("ada", "Inbox", "a")) == b"a"


def test_a_managed_space_takes_arrivals_as_a_sealed_one_does(bench: Bench, ada: Session) -> None:
    bench.vault.spaces.set_custody(ada, "ada", Custody.MANAGED)
    arrive(bench, "ada", ("a",), b"a")
    assert bench.vault.arrivals.file(ada, "ada").filed == 1


def test_a_row_that_was_changed_is_not_filed_and_is_reported(bench: Bench, ada: Session) -> None:
    arrive(bench, "ada", ("a",), b"aa")
    arrive(bench, "ada", ("b",), b"bb")
    bench.edit("UPDATE arrivals SET size = 1 WHERE blob = (SELECT min(blob) FROM arrivals)")
    done = bench.vault.arrivals.file(ada, "ada")
    assert (done.filed, done.waits) == (1, {"damaged": 1})
    space = next(one.id for one in bench.vault.spaces.all())
    assert {"damage", "arrival-waits"} <= set(bench.actions(space))


# -- snapshots, erasure, scrub --------------------------------------------------------------------------------------


def test_snapshots_hold_arrivals_and_restore_them_filed_or_not(tmp_path: Path) -> None:
    clock = Clock()
    bench = bench_with_target(tmp_path, clock=clock)
    ada = bench.account("ada")
    arrive(bench, "ada", ("a",), b"content a")
    (blob,) = bench.rows("SELECT blob FROM arrivals")[0]
    bench.vault.snapshots.create()
    assert contained(bench, 1) == {blob}
    bench.vault.arrivals.file(ada, "ada")
    assert bench.rows("SELECT born FROM versions") == [(1,)]
    bench.vault.snapshots.create()
    assert [one.wrong for one in bench.vault.snapshots.verify(1, data=True)] == [[]]
    target = bench.stores.targets[0].objects
    again, restored = restore_into(bench, target, tmp_path / "again", 1)
    assert restored.damaged == []
    session = again.vault.sessions.sign_in("ada", "correct horse battery")
    assert again.vault.arrivals.file(session, "ada").filed == 1  # its key is the file's by now
    assert again.get(session, ("ada", "Inbox", "a")) == b"content a"


def test_a_filed_arrival_that_a_snapshot_has_keeps_its_key_until_the_snapshot_goes(tmp_path: Path) -> None:
    """The blob is in the snapshot as an arrival's: dropping the version must not make the snapshot unreadable."""
    bench = bench_with_target(tmp_path)
    ada = bench.account("ada")
    arrive(bench, "ada", ("._a",), b"content a")
    (blob,) = bench.rows("SELECT blob FROM arrivals")[0]
    bench.vault.snapshots.create()
    bench.vault.arrivals.file(ada, "ada")
    bench.vault.files.delete(ada, ("ada", "Inbox", "._a"))
    assert bench.rows("SELECT born, dead FROM versions") == [(1, 1)]
    assert bench.key_ids() == {blob}


def test_the_sweep_and_the_scrub_know_arrivals(tmp_path: Path) -> None:
    clock = Clock()
    bench = bench_with_target(tmp_path, clock=clock)
    ada = bench.account("ada")
    arrive(bench, "ada", ("a",), b"content a")
    bench.vault.snapshots.create()
    clock.advance(30 * 86_400)
    bench.vault.snapshots.expire()
    (blob,) = bench.rows("SELECT blob FROM arrivals")[0]
    assert bench.blob_ids() == {blob} == bench.key_ids()
    place = bench.blob_file(blob)
    place.chmod(0o600)
    place.write_bytes(b"something else")
    assert bench.vault.snapshots.scrub()["healed"] == 1
    bench.vault.arrivals.file(ada, "ada")
    assert bench.get(ada, ("ada", "Inbox", "a")) == b"content a"


def test_erasing_a_space_erases_its_arrivals(bench: Bench, ada: Session) -> None:
    arrive(bench, "ada", ("a",), b"a")
    done = bench.vault.erasure.request_space(None, "ada")
    assert done.state == "final"
    assert (waiting(bench), bench.blob_ids(), bench.key_ids()) == (0, set(), set())


def test_what_was_erased_after_it_was_filed_comes_back_from_no_snapshot(tmp_path: Path) -> None:
    bench = bench_with_target(tmp_path)
    ada = bench.account("ada")
    arrive(bench, "ada", ("a",), b"content a")
    bench.vault.snapshots.create()
    bench.vault.arrivals.file(ada, "ada")
    bench.vault.erasure.request_path(ada, ("ada", "Inbox", "a"))
    again, _restored = restore_into(bench, bench.stores.targets[0].objects, tmp_path / "again", 1)
    assert (waiting(again), again.key_ids()) == (0, set())


# -- what goes wrong ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", ["create", "write", "finish", "finished", "key", "row"])
def test_an_intake_that_fails_at_any_step_leaves_nothing_and_can_be_tried_again(
    bench: Bench, ada: Session, step: str
) -> None:
    blobs, catalog = FailingBlobs(bench.stores.blobs), FailingDatabase(bench.stores.catalog)
    database = FailingDatabase(bench.stores.keyring._database)
    keyring = Keyring(database, bench.stores.keyring._keystore)
    failing = bench.with_stores(lambda stores: replace(stores, blobs=blobs, catalog=catalog, keyring=keyring))
    wrong = Failed("no")
    if step in {"create", "write", "finish", "finished"}:
        setattr(blobs, f"{step}_fails", wrong)
    elif step == "key":
        database.before = wrong
    else:
        catalog.before = wrong
    with pytest.raises(Failed):
        arrive(failing, "ada", ("a",), b"a" * 100_000)
    database.before = catalog.before = None
    assert waiting(bench) == 0
    assert bench.blob_ids() == bench.key_ids() == set()
    arrive(bench, "ada", ("a",), b"a" * 100_000)
    bench.vault.arrivals.file(ada, "ada")
    bench.assert_tidy()


def test_an_intake_of_unknown_outcome_keeps_the_blob_and_is_known_when_it_comes_again(
    bench: Bench, ada: Session
) -> None:
    catalog = FailingDatabase(bench.stores.catalog)
    failing = bench.with_stores(lambda stores: replace(stores, catalog=catalog))
    catalog.after = StateUnknown("fsync")
    with pytest.raises(StateUnknown):
        arrive(failing, "ada", ("a",), b"a", identity=b"same")
    arrive(bench, "ada", ("a",), b"a", identity=b"same")
    assert waiting(bench) == 1
    bench.vault.arrivals.file(ada, "ada")
    bench.assert_tidy()


def test_filing_that_fails_is_undone_and_done_later(bench: Bench, ada: Session) -> None:
    """The key may be under the space's key by then, which opens it as well."""
    for number in range(3):
        arrive(bench, "ada", (f"{number}",), b"%d" % number)
    catalog = FailingDatabase(bench.stores.catalog)
    failing = bench.with_stores(lambda stores: replace(stores, catalog=catalog))
    session = failing.vault.sessions.sign_in("ada", "correct horse battery")
    catalog.before = Failed("no")
    with pytest.raises(Failed):
        failing.vault.arrivals.file(session, "ada")
    assert waiting(bench) == 3
    bench.vault.arrivals.file(ada, "ada")
    assert {bench.get(ada, ("ada", "Inbox", f"{n}")) for n in range(3)} == {b"0", b"1", b"2"}
    bench.assert_tidy()


def test_a_limit_on_files_holds_for_arrivals(tmp_path: Path) -> None:
    bench = open_bench(tmp_path, Policy(upload=10))
    bench.account("ada")
    with pytest.raises(Exception, match="at most 10 bytes"):
        arrive(bench, "ada", ("a",), b"a" * 11)
    assert bench.blob_ids() == set()
    assert door.BATCH > 1
