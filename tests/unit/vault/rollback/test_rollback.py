"""Rollback: whatever was done to a space since a time, afterwards it is what it was then."""

import contextlib
import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from trashed import trashed
from vaults import Bench, open_bench

from docstopd.errors import Forbidden, NotFound, Refused
from docstopd.model import MemberRole, SpacePath
from docstopd.vault import Policy, Session
from docstopd.vault.past.naming import time_name
from docstopd.vault.retention import Protect, RetentionClass, RetentionPolicy, Schedule
from docstopd.vault.rollback.plan import Kind

KEPT = RetentionClass("kept", ("kept/**",), 10 * 86_400.0, protect=Protect.DELETE)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    opened = open_bench(tmp_path, Policy(retention=RetentionPolicy(schedule=Schedule((KEPT,)))))
    yield opened
    opened.vault.close()


@pytest.fixture
def ada(bench: Bench) -> Session:
    return bench.account("ada")


def everything(bench: Bench, session: Session, path: SpacePath = ("ada",)) -> dict[SpacePath, bytes | None]:
    """Every path with its content; None for a folder."""
    found: dict[SpacePath, bytes | None] = {}
    for node in bench.vault.files.list(session, path).members:
        here = (*path, node.name)
        found[here] = None if node.folder else bench.get(session, here)
        if node.folder:
            found |= everything(bench, session, here)
    return found


def now(bench: Bench) -> int:
    """A time behind everything so far, and before all that comes."""
    bench.clock.advance(1)
    time = bench.clock()
    bench.clock.advance(1)
    return time


def assert_back(bench: Bench, ada: Session, time: int, before: dict[SpacePath, bytes | None]) -> None:
    done = bench.vault.rollback.run(ada, "ada", time)
    assert done.left == []
    assert everything(bench, ada) == before
    assert_nothing_is_left_to_do(bench, ada, time)


def assert_as_far_as_known(bench: Bench, ada: Session, time: int, before: dict[SpacePath, bytes | None]) -> None:
    """The same, but for files whose past went on to a third file: nobody knows their older contents any more."""
    top = ("ada", ".snapshots", time_name(time))
    shown = {("ada", *path[len(top) :]): content for path, content in everything(bench, ada, top).items()}
    assert shown.items() <= before.items()
    done = bench.vault.rollback.run(ada, "ada", time)
    assert {left.path for left in done.left} == before.keys() - shown.keys()
    assert everything(bench, ada) == shown
    assert_nothing_is_left_to_do(bench, ada, time)


def assert_nothing_is_left_to_do(bench: Bench, ada: Session, time: int) -> None:
    assert bench.vault.rollback.plan(ada, "ada", time).steps == []
    bench.assert_journal()


def fill(bench: Bench, ada: Session) -> dict[SpacePath, bytes | None]:
    for folder in ("a", "b", "a/c"):
        bench.vault.files.make_folder(ada, ("ada", *folder.split("/")))
    for path in ("one", "a/two", "a/c/three", "b/four", "b/five"):
        bench.put(ada, ("ada", *path.split("/")), path.encode() * 50)
    return everything(bench, ada)


def test_what_a_ransom_program_does_is_taken_back(bench: Bench, ada: Session) -> None:
    """It encrypts in place, renames, leaves its note; and writes some files anew and deletes the old ones."""
    before = fill(bench, ada)
    time = now(bench)
    for path in [path for path, content in before.items() if content is not None]:
        bench.put(ada, path, os.urandom(600))
        bench.vault.files.move(ada, path, (*path[:-1], path[-1] + ".locked"), overwrite=False)
    bench.put(ada, ("ada", "READ ME"), b"pay")
    bench.put(ada, ("ada", "b", "six.locked"), os.urandom(600))
    bench.vault.files.delete(ada, ("ada", "a", "c"))
    counts = bench.vault.rollback.plan(ada, "ada", time).counts()
    assert counts == {"trash": 2, "move": 5, "restore": 1, "content": 5, "create": 0, "left": 0}
    assert_back(bench, ada, time, before)


def test_nothing_that_came_since_is_destroyed(bench: Bench, ada: Session) -> None:
    """It is in the trash, and the contents that were replaced are versions."""
    fill(bench, ada)
    time = now(bench)
    bench.put(ada, ("ada", "new"), b"new")
    bench.put(ada, ("ada", "one"), b"changed")
    blobs = bench.blob_ids()
    bench.vault.rollback.run(ada, "ada", time)
    assert blobs < bench.blob_ids()
    assert bench.get(ada, trashed(bench, ada, "new")) == b"new"
    assert len(bench.vault.files.list(ada, ("ada", ".versions", "one")).members) == 3
    bench.assert_tidy()


def test_places_that_were_exchanged_are_exchanged_again(bench: Bench, ada: Session) -> None:
    """Files, and folders of which each was put into the other."""
    before = fill(bench, ada)
    time = now(bench)
    move = bench.vault.files.move
    move(ada, ("ada", "b", "four"), ("ada", "x"), overwrite=False)
    move(ada, ("ada", "b", "five"), ("ada", "b", "four"), overwrite=False)
    move(ada, ("ada", "x"), ("ada", "b", "five"), overwrite=False)
    move(ada, ("ada", "a", "c"), ("ada", "c"), overwrite=False)
    move(ada, ("ada", "a"), ("ada", "c", "a"), overwrite=False)
    assert_back(bench, ada, time, before)


def test_a_file_that_was_moved_over_another_is_two_again(bench: Bench, ada: Session) -> None:
    """Its past is the other's by now: it is made anew."""
    before = fill(bench, ada)
    time = now(bench)
    bench.vault.files.move(ada, ("ada", "one"), ("ada", "b", "four"), overwrite=True)
    assert_back(bench, ada, time, before)


def test_what_was_in_the_trash_goes_there_again(bench: Bench, ada: Session) -> None:
    """With what was changed in it meanwhile."""
    fill(bench, ada)
    bench.vault.files.delete(ada, ("ada", "a"))
    before = everything(bench, ada)
    time = now(bench)
    bench.vault.past.put_back(ada, "ada", trashed(bench, ada, "a")[-1])
    bench.put(ada, ("ada", "a", "two"), b"changed")
    assert_back(bench, ada, time, before)


def test_folders_that_came_since_give_back_what_is_in_them(bench: Bench, ada: Session) -> None:
    """Also out of the trash."""
    before = fill(bench, ada)
    time = now(bench)
    for name in ("kept", "gone"):
        bench.vault.files.make_folder(ada, ("ada", name))
    bench.vault.files.move(ada, ("ada", "a"), ("ada", "gone", "a"), overwrite=False)
    bench.vault.files.move(ada, ("ada", "one"), ("ada", "kept", "one"), overwrite=False)
    bench.vault.files.delete(ada, ("ada", "gone"))
    assert_back(bench, ada, time, before)


@pytest.mark.parametrize("seed", range(12))
def test_whatever_was_done_a_rollback_takes_it_back(bench: Bench, ada: Session, seed: int) -> None:
    """To any time between, and from there to an earlier one."""
    source = random.Random(seed)
    times = [(now(bench), everything(bench, ada))]
    for step in range(40):
        with contextlib.suppress(Refused):
            _do_something(bench, ada, source, step)
        if step % 8 == 7:
            times.append((now(bench), everything(bench, ada)))
    assert_as_far_as_known(bench, ada, *times[source.randrange(2, len(times))])
    assert_as_far_as_known(bench, ada, *times[source.randrange(0, 2)])
    assert_as_far_as_known(bench, ada, *times[-1])


def _do_something(bench: Bench, ada: Session, source: random.Random, step: int) -> None:
    paths = [("ada",), *sorted(everything(bench, ada))]
    path = source.choice(paths)
    target = (*source.choice(paths), source.choice("abcd"))
    files = bench.vault.files
    match source.randrange(8):
        case 0 | 1 | 2:
            bench.put(ada, target, f"{step}".encode() * 30)
        case 3:
            files.make_folder(ada, target)
        case 4:
            files.delete(ada, path)
        case 5 | 6:
            files.move(ada, path, target, overwrite=source.random() < 0.5)
        case 7:
            deleted = sorted(node.name for node in bench.vault.past.deleted(ada, "ada"))
            if deleted:
                files.move(ada, ("ada", ".trash", source.choice(deleted)), target, overwrite=source.random() < 0.5)


# -- what hinders it, and what does not ------------------------------------------------------------------------------


def test_it_works_in_a_space_that_is_read_only_and_leaves_it_so(bench: Bench, ada: Session) -> None:
    """One that was not is writable again at the end."""
    before = fill(bench, ada)
    time = now(bench)
    bench.vault.files.delete(ada, ("ada", "a"))
    bench.vault.spaces.set_read_only(None, "ada", True)
    assert_back(bench, ada, time, before)
    with pytest.raises(Forbidden, match="read-only"):
        bench.put(ada, ("ada", "new"), b"x")
    bench.vault.spaces.set_read_only(None, "ada", False)
    bench.vault.rollback.run(ada, "ada", time)
    bench.put(ada, ("ada", "new"), b"x")


def test_only_an_owner_can(bench: Bench, ada: Session) -> None:
    """An editor's machine may be the one that did it."""
    fill(bench, ada)
    bob = bench.account("bob")
    bench.vault.spaces.grant(ada, "ada", bob.user, MemberRole.EDITOR)
    for call in (bench.vault.rollback.plan, bench.vault.rollback.run):
        with pytest.raises(Forbidden):
            call(bob, "ada", now(bench))


def test_a_time_before_the_space_was_made_is_refused(bench: Bench, ada: Session) -> None:
    """There is nothing to go back to."""
    with pytest.raises(NotFound):
        bench.vault.rollback.run(ada, "ada", 1)
    bench.put(ada, ("ada", "file"), b"x")


def test_locks_do_not_stop_it(bench: Bench, ada: Session) -> None:
    """They end."""
    before = fill(bench, ada)
    time = now(bench)
    bob = bench.account("bob")
    bench.vault.spaces.grant(ada, "ada", bob.user, MemberRole.EDITOR)
    bench.put(bob, ("ada", "one"), b"changed")
    bench.vault.locks.lock(bob, ("ada",), exclusive=True, infinite=True, owner="", timeout=600)
    assert_back(bench, ada, time, before)


def test_what_a_class_protects_is_left_and_told(bench: Bench, ada: Session) -> None:
    """The rest is taken back all the same."""
    before = fill(bench, ada)
    time = now(bench)
    bench.vault.files.make_folder(ada, ("ada", "kept"))
    bench.put(ada, ("ada", "kept", "file"), b"x")
    bench.put(ada, ("ada", "one"), b"changed")
    done = bench.vault.rollback.run(ada, "ada", time)
    assert [left.path for left in done.left] == [("ada", "kept")]
    assert everything(bench, ada) == before | {("ada", "kept"): None, ("ada", "kept", "file"): b"x"}


def test_what_was_purged_is_told(bench: Bench, ada: Session) -> None:
    """With the path that it had."""
    before = fill(bench, ada)
    time = now(bench)
    bench.vault.files.delete(ada, ("ada", "one"))
    bench.vault.past.purge.run(bench.rows("SELECT id, deleted FROM nodes WHERE deleted IS NOT NULL"))
    done = bench.vault.rollback.run(ada, "ada", time)
    assert [(left.path, left.reason) for left in done.left] == [(("ada", "one"), "it was destroyed")]
    del before["ada", "one"]
    assert everything(bench, ada) == before


def test_a_rollback_is_no_alarm_and_is_in_the_journal(bench: Bench, ada: Session) -> None:
    """Its entries say that they are its own, and where it went."""
    fill(bench, ada)
    time = now(bench)
    bench.vault.files.delete(ada, ("ada", "a"))
    bench.put(ada, ("ada", "one"), b"changed")
    seq = bench.vault.rollback.run(ada, "ada", time).plan.seq
    found = bench.rows("SELECT action FROM journal WHERE instr(facts, ?) ORDER BY seq", f'"rollback":{seq}')
    assert sorted(row[0] for row in found) == ["restore", "update"]
    facts = [row[0] for row in bench.rows("SELECT facts FROM journal WHERE action = 'rollback' ORDER BY seq")]
    assert facts == [
        f'{{"state":"begun","to":{seq}}}',
        f'{{"left":0,"state":"done","steps":2,"to":{seq}}}',
    ]


@pytest.mark.parametrize("fails", range(1, 7))
def test_one_that_dies_goes_on_with_the_next_run(bench: Bench, ada: Session, fails: int) -> None:
    """Between any two of its transactions; meanwhile the space is read-only."""
    before = fill(bench, ada)
    time = now(bench)
    for path in [path for path, content in before.items() if content is not None]:
        bench.put(ada, path, b"changed")
    bench.vault.files.delete(ada, ("ada", "a", "c"))

    class Died(BaseException):
        pass

    def dies(_what: str, done: int, _total: int) -> None:
        if done >= fails:
            raise Died

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("docstopd.vault.rollback.door.BATCH", 1)
        with contextlib.suppress(Died):
            bench.vault.rollback.run(ada, "ada", time, dies)
    done = bench.vault.rollback.run(ada, "ada", time)
    assert everything(bench, ada) == before
    assert done.steps == 6 - min(fails, 6)
    bench.assert_tidy()


def test_a_step_whose_content_is_damaged_is_left_and_the_others_are_done(bench: Bench, ada: Session) -> None:
    """Nothing of it is left over."""
    before = fill(bench, ada)
    etag = bench.vault.files.stat(ada, ("ada", "one")).etag
    time = now(bench)
    for path in [path for path, content in before.items() if content is not None]:
        bench.put(ada, path, b"changed")
    bench.blob_file(bytes.fromhex(etag)).chmod(0o600)
    bench.blob_file(bytes.fromhex(etag)).write_bytes(b"no blob")
    done = bench.vault.rollback.run(ada, "ada", time)
    assert [left.path for left in done.left] == [("ada", "one")]
    assert everything(bench, ada) == before | {("ada", "one"): b"changed"}
    bench.assert_tidy()


def test_the_plan_changes_nothing(bench: Bench, ada: Session) -> None:
    """It says what would be done, in order."""
    fill(bench, ada)
    time = now(bench)
    bench.vault.files.delete(ada, ("ada", "a"))
    bench.put(ada, ("ada", "new"), b"x")
    seen, entries = everything(bench, ada), bench.rows("SELECT sum(seq) FROM heads")
    plan = bench.vault.rollback.plan(ada, "ada", time)
    assert [(step.kind, step.target) for step in plan.steps] == [
        (Kind.TRASH, ("ada", "new")),
        (Kind.RESTORE, ("ada", "a")),
    ]
    assert (everything(bench, ada), bench.rows("SELECT sum(seq) FROM heads")) == (seen, entries)


def test_what_is_refused_says_why(bench: Bench, ada: Session) -> None:
    """Who is no member learns nothing."""
    bob = bench.account("bob")
    with pytest.raises(Refused):
        bench.vault.rollback.plan(bob, "ada", now(bench))
