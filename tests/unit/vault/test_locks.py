"""Locks and conditions, by RFC 4918 sections 6, 7, 9.10, 9.11 and 10.4 and RFC 9110 section 13."""

from collections.abc import Callable
from typing import Any

import pytest
from vaults import Bench, open_bench

from docstopd.errors import Forbidden, LockConflict, Locked, NoSuchLock, NotFound, PreconditionFailed
from docstopd.model import NO_GUARD, Guard, Lock, MemberRole, SpacePath, StateList, StateTest
from docstopd.vault import Session
from docstopd.vault.locks import MOST_SHARED

FOLDER: SpacePath = ("shared", "folder")
FILE: SpacePath = (*FOLDER, "file")
DEEP: SpacePath = (*FOLDER, "sub", "deep")
OUTSIDE: SpacePath = ("shared", "outside")


class Two:
    """Two editors of one space."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.ada, self.bob = bench.account("ada"), bench.account("bob")
        bench.vault.spaces.add("shared", self.ada.user)
        bench.vault.spaces.grant(self.ada, "shared", self.bob.user, MemberRole.EDITOR)
        for path in (FOLDER, DEEP[:-1]):
            bench.vault.files.make_folder(self.ada, path)
        for path in (FILE, DEEP, OUTSIDE):
            bench.put(self.ada, path, b"content")

    def lock(
        self, path: SpacePath, session: Session | None = None, *, exclusive: bool = True, infinite: bool = True,
        timeout: int = 600, guard: Guard = NO_GUARD,
    ) -> Lock:  # fmt: skip
        return self.bench.vault.locks.lock(
            session or self.ada, path, guard, exclusive=exclusive, infinite=infinite, owner="<o/>", timeout=timeout
        )[0]

    def changes(self, session: Session, guard: Guard = NO_GUARD) -> dict[str, Callable[[], Any]]:
        """Every kind of change around `FILE`."""
        files, bench = self.bench.vault.files, self.bench
        return {
            "write": lambda: bench.put(session, FILE, b"new", guard=guard),
            "properties": lambda: files.patch(session, FILE, guard, [("{x}y", "<y/>")]),
            "delete": lambda: files.delete(session, FILE, guard),
            "move away": lambda: files.move(session, FILE, ("shared", "moved"), guard, overwrite=False),
            "move over": lambda: files.move(session, OUTSIDE, FILE, guard, overwrite=True),
            "copy over": lambda: files.copy(session, OUTSIDE, FILE, guard, overwrite=True, deep=True),
            "new beside": lambda: bench.put(session, (*FOLDER, "new"), b"x", guard=guard),
            "new folder": lambda: files.make_folder(session, (*FOLDER, "new"), guard),
            "copy beside": lambda: files.copy(session, OUTSIDE, (*FOLDER, "n"), guard, overwrite=False, deep=True),
            "move in": lambda: files.move(session, OUTSIDE, (*FOLDER, "n"), guard, overwrite=False),
            "delete parent": lambda: files.delete(session, FOLDER, guard),
            "move parent": lambda: files.move(session, FOLDER, ("shared", "moved"), guard, overwrite=False),
            "write below": lambda: bench.put(session, DEEP, b"new", guard=guard),
            "properties of parent": lambda: files.patch(session, FOLDER, guard, [("{x}y", "<y/>")]),
        }


@pytest.fixture
def two(bench: Bench) -> Two:
    return Two(bench)


OF_A_FILE = {"write", "properties", "delete", "move away", "move over", "copy over", "delete parent", "move parent"}
MEMBERS = {"new beside", "new folder", "copy beside", "move in", "delete", "move away", "delete parent", "move parent",
           "move over"}  # fmt: skip
CASES: list[tuple[SpacePath, bool, set[str] | None]] = [  # a lock, and what it refuses; None for everything
    (FILE, True, OF_A_FILE),
    (FOLDER, False, MEMBERS | {"properties of parent"}),
    (FOLDER, True, None),
    (DEEP, False, {"write below", "delete parent", "move parent"}),
    (("shared",), False, {"delete parent", "move parent", "move in", "move away", "move over"}),
]


class TestALock:
    """Refuses what it covers, and that only, to all who do not bring its token."""

    @pytest.mark.parametrize("by", ["another user", "its owner"])
    @pytest.mark.parametrize(
        ("root", "infinite", "refused"), CASES, ids=["file", "depth 0", "infinite", "deep", "root"]
    )
    def test_refuses_what_it_covers_without_its_token(
        self, two: Two, root: SpacePath, infinite: bool, refused: set[str] | None, by: str
    ) -> None:
        """Also to its owner; and nothing is changed."""
        lock = two.lock(root, infinite=infinite)
        session = two.bob if by == "another user" else two.ada
        changes = two.changes(session)
        for name in sorted(set(changes) if refused is None else refused):
            with pytest.raises(Locked) as caught:
                changes[name]()
            assert caught.value.roots == (root,), name
        assert two.bench.get(two.bob, FILE) == two.bench.get(two.bob, DEEP) == b"content"
        stolen = Guard(tokens=frozenset([lock.token]))
        for name in sorted(set(changes) if refused is None else refused):
            with pytest.raises(Locked):
                two.changes(two.bob, stolen)[name]()

    @pytest.mark.parametrize("name", [
        "write", "properties", "delete", "move away", "move over", "copy over", "new beside", "new folder",
        "copy beside", "move in", "delete parent", "move parent", "write below", "properties of parent",
    ])  # fmt: skip
    @pytest.mark.parametrize(
        ("root", "infinite", "refused"), CASES, ids=["file", "depth 0", "infinite", "deep", "root"]
    )
    def test_lets_through_its_owner_with_the_token_and_all_it_does_not_cover(
        self, two: Two, root: SpacePath, infinite: bool, refused: set[str] | None, name: str
    ) -> None:
        """With the token its owner; without, whoever does something else."""
        lock = two.lock(root, infinite=infinite)
        if refused is None or name in refused:
            two.changes(two.ada, Guard(tokens=frozenset([lock.token])))[name]()
        else:
            two.changes(two.bob)[name]()
        two.bench.assert_journal()

    def test_needs_all_tokens_of_a_tree_that_goes(self, two: Two) -> None:
        """A folder with two locks inside."""
        one, other = two.lock(FILE), two.lock(DEEP)
        with pytest.raises(Locked) as caught:
            two.bench.vault.files.delete(two.ada, FOLDER, Guard(tokens=frozenset([one.token])))
        assert caught.value.roots == (DEEP,)
        two.bench.vault.files.delete(two.ada, FOLDER, Guard(tokens=frozenset([one.token, other.token])))
        assert two.bench.rows("SELECT * FROM locks") == []

    def test_of_a_reader_is_refused(self, two: Two) -> None:
        """Readers change nothing, and hold nobody up."""
        eve = two.bench.account("eve")
        two.bench.vault.spaces.grant(two.ada, "shared", eve.user, MemberRole.READER)
        with pytest.raises(Forbidden):
            two.lock(FILE, eve)

    def test_on_a_free_name_makes_an_empty_file(self, two: Two) -> None:
        """Section 7.3; the next write of its owner is its first version."""
        path = (*FOLDER, "fresh")
        lock, created = two.bench.vault.locks.lock(
            two.ada, path, exclusive=True, infinite=False, owner="<o/>", timeout=60
        )
        assert created
        assert two.bench.get(two.ada, path) == b""
        with pytest.raises(Locked):
            two.bench.put(two.bob, path, b"x")
        two.bench.put(two.ada, path, b"x", guard=Guard(tokens=frozenset([lock.token])))

    def test_on_a_free_name_in_a_locked_folder_is_refused(self, two: Two) -> None:
        """And leaves no file."""
        two.lock(FOLDER, infinite=False)
        with pytest.raises(Locked):
            two.lock((*FOLDER, "fresh"), two.bob)
        with pytest.raises(NotFound):
            two.bench.vault.files.stat(two.ada, (*FOLDER, "fresh"))
        two.bench.assert_tidy()

    def test_shows_itself_on_what_it_covers(self, two: Two) -> None:
        """With its root, whoever asks."""
        lock = two.lock(FOLDER)
        for path in (FOLDER, FILE, DEEP, (*FOLDER, "not there")):
            shown = two.bench.vault.locks.covering(two.bob, path)
            assert [(found.token, found.root, found.owner, found.user) for found in shown] == [
                (lock.token, FOLDER, "<o/>", two.ada.user.id)
            ]
        assert two.bench.vault.locks.covering(two.bob, OUTSIDE) == []
        listed = two.bench.vault.locks.members(two.bob, ("shared",))
        folder = two.bench.vault.files.stat(two.ada, FOLDER).id
        assert [found.token for found in listed[folder]] == [lock.token]

    def test_does_not_move_with_what_it_locked(self, two: Two) -> None:
        """Section 7.7, and what is below a folder that moves."""
        lock = two.lock(FILE)
        guard = Guard(tokens=frozenset([lock.token]))
        two.bench.vault.files.move(two.ada, FOLDER, ("shared", "moved"), guard, overwrite=False)
        assert two.bench.vault.locks.covering(two.ada, ("shared", "moved", "file")) == []
        two.bench.put(two.bob, ("shared", "moved", "file"), b"free")

    def test_stays_on_a_file_over_which_another_is_moved(self, two: Two) -> None:
        """An editor that saves by renaming keeps its lock."""
        lock = two.lock(FILE)
        guard = Guard(tokens=frozenset([lock.token]))
        two.bench.vault.files.move(two.ada, OUTSIDE, FILE, guard, overwrite=True)
        assert [found.token for found in two.bench.vault.locks.covering(two.ada, FILE)] == [lock.token]

    def test_outlives_the_process(self, two: Two) -> None:
        """Another one knows it."""
        lock = two.lock(FILE)
        again = open_bench(two.bench.folder, clock=two.bench.clock)
        bob = again.vault.sessions.sign_in("bob", "correct horse battery")
        assert [found.token for found in again.vault.locks.covering(bob, FILE)] == [lock.token]
        with pytest.raises(Locked):
            again.put(bob, FILE, b"x")
        again.vault.close()


class TestConflicts:
    """Who may lock what is locked (section 6.2)."""

    def test_shared_locks_of_one_node_have_a_limit(self, two: Two) -> None:
        """Beyond it those that are there stand in the way, on that node alone, until one goes."""
        locks = [two.lock(FILE, exclusive=False, infinite=False) for _ in range(MOST_SHARED)]
        for session in (two.ada, two.bob):
            with pytest.raises(LockConflict) as caught:
                two.lock(FILE, session, exclusive=False, infinite=False)
            assert caught.value.roots == (FILE,)
        two.lock(OUTSIDE, exclusive=False, infinite=False)
        two.lock(FOLDER, exclusive=False)
        two.bench.vault.locks.unlock(two.ada, FILE, locks[0].token)
        two.lock(FILE, two.bob, exclusive=False, infinite=False)
        assert len(two.bench.rows("SELECT * FROM locks")) == MOST_SHARED + 2

    @pytest.mark.parametrize(("first", "second", "fits"), [(True, True, False), (True, False, False),
                                                          (False, True, False), (False, False, True)])  # fmt: skip
    @pytest.mark.parametrize(("one", "other"), [(FILE, FILE), (FOLDER, DEEP), (DEEP, FOLDER)])
    def test_only_shared_locks_go_together(
        self, two: Two, one: SpacePath, other: SpacePath, first: bool, second: bool, fits: bool
    ) -> None:
        """On one node, inherited, and below."""
        two.lock(one, exclusive=first)
        if fits:
            two.lock(other, two.bob, exclusive=second)
        else:
            with pytest.raises(LockConflict) as caught:
                two.lock(other, two.bob, exclusive=second)
            assert caught.value.roots == (one,)

    def test_depth_0_leaves_the_members_free(self, two: Two) -> None:
        """From above and from below."""
        two.lock(FOLDER, infinite=False)
        two.lock(FILE, two.bob)
        two.lock(("shared",), two.bob, infinite=False)

    def test_one_token_of_several_shared_ones_is_enough(self, two: Two) -> None:
        """But it must be one's own."""
        mine, theirs = two.lock(FILE, exclusive=False), two.lock(FILE, two.bob, exclusive=False)
        two.bench.put(two.ada, FILE, b"1", guard=Guard(tokens=frozenset([mine.token])))
        two.bench.put(two.bob, FILE, b"2", guard=Guard(tokens=frozenset([theirs.token])))
        with pytest.raises(Locked):
            two.bench.put(two.ada, FILE, b"3", guard=Guard(tokens=frozenset([theirs.token])))


class TestTheEndOfALock:
    """By its owner, or by the clock."""

    def test_comes_by_its_owner_alone(self, two: Two) -> None:
        """Another user, a wrong token, a wrong path."""
        lock = two.lock(FOLDER)
        unlock = two.bench.vault.locks.unlock
        with pytest.raises(Forbidden):
            unlock(two.bob, FOLDER, lock.token)
        for path, token in ((FOLDER, "urn:uuid:0"), (OUTSIDE, lock.token)):
            with pytest.raises(NoSuchLock):
                unlock(two.ada, path, token)
        unlock(two.ada, FILE, lock.token)  # any URL that it covers will do (section 9.11)
        two.bench.put(two.bob, FILE, b"free")

    def test_comes_by_the_clock(self, two: Two) -> None:
        """An expired lock is none, for all purposes."""
        lock = two.lock(FILE, timeout=100)
        two.bench.clock.advance(99)
        with pytest.raises(Locked):
            two.bench.put(two.bob, FILE, b"x")
        two.bench.clock.advance(2)
        two.bench.put(two.bob, FILE, b"x")
        assert two.bench.vault.locks.covering(two.ada, FILE) == []
        for end in (
            lambda: two.bench.vault.locks.unlock(two.ada, FILE, lock.token),
            lambda: two.bench.vault.locks.refresh(two.ada, FILE, frozenset([lock.token]), 9),
        ):
            with pytest.raises(NoSuchLock):
                end()
        two.lock(FILE, two.bob)
        assert len(two.bench.rows("SELECT * FROM locks")) == 1

    def test_is_put_off_by_a_refresh(self, two: Two) -> None:
        """Of one's own lock, at any node that it covers."""
        lock = two.lock(FOLDER, timeout=100)
        two.bench.clock.advance(90)
        fresh = two.bench.vault.locks.refresh(two.ada, FILE, frozenset([lock.token]), 200)
        assert (fresh.token, fresh.root, fresh.timeout) == (lock.token, FOLDER, 200)
        two.bench.clock.advance(150)
        with pytest.raises(Locked):
            two.bench.put(two.bob, FILE, b"x")
        with pytest.raises(NoSuchLock):
            two.bench.vault.locks.refresh(two.bob, FILE, frozenset([lock.token]), 200)
        with pytest.raises(NoSuchLock):
            two.bench.vault.locks.refresh(two.ada, OUTSIDE, frozenset([lock.token]), 200)

    def test_comes_with_the_membership_of_its_owner(self, two: Two) -> None:
        """Else nobody could end it before its time."""
        two.lock(FILE, two.bob)
        two.bench.vault.spaces.revoke(two.ada, "shared", two.bob.user)
        two.bench.put(two.ada, FILE, b"free")


def test_conditions_of_http(two: Two) -> None:
    """`If-Match`, `If-None-Match`, `If-Unmodified-Since` on what is there and what is not."""
    bench, files = two.bench, two.bench.vault.files
    bench.put(two.ada, FILE, b"x", modified=1_000_000_500_000)
    etag = files.stat(two.ada, FILE).etag
    fresh: SpacePath = (*FOLDER, "fresh")
    second = 1_000_000_000_000
    good = [
        (FILE, Guard(if_match=(etag,))),
        (FILE, Guard(if_match=("other", etag))),
        (FILE, Guard(if_match=("*",))),
        (FILE, Guard(if_none_match=("other",))),
        (fresh, Guard(if_none_match=("*",))),
        (fresh, Guard(if_none_match=(etag,))),
        (FILE, Guard(if_unmodified_since=second)),
        (FILE, Guard(if_unmodified_since=second + 999_999)),
        (fresh, Guard(if_unmodified_since=1)),
        (FILE, Guard(if_match=(etag,), if_unmodified_since=1)),  # RFC 9110 section 13.2.2: the date does not count
    ]
    bad = [
        (FILE, Guard(if_match=("other",))),
        (fresh, Guard(if_match=("*",))),
        (fresh, Guard(if_match=(etag,))),
        (FILE, Guard(if_none_match=("*",))),
        (FILE, Guard(if_none_match=("other", etag))),
        (FILE, Guard(if_unmodified_since=second - 1)),
        (FILE, Guard(if_match=(etag,), if_none_match=(etag,))),
    ]
    for path, guard in good:
        files.check(two.ada, path, guard)
    for path, guard in bad:
        with pytest.raises(PreconditionFailed):
            files.check(two.ada, path, guard)
        with pytest.raises(PreconditionFailed):
            bench.put(two.ada, path, b"new", guard=guard)
    assert bench.get(two.ada, FILE) == b"x"


def test_lists_of_if(two: Two) -> None:
    """Any list must hold whole: tokens, etags, `Not`, several paths, what is not ours, what is not there."""
    lock = two.lock(FOLDER)
    files = two.bench.vault.files
    etag = files.stat(two.ada, FILE).etag
    token, other = StateTest(token=lock.token), StateTest(token="urn:uuid:other")
    not_other, not_token = StateTest(token="urn:uuid:other", negated=True), StateTest(token=lock.token, negated=True)
    tag, wrong = StateTest(etag=etag), StateTest(etag="wrong")
    fresh: SpacePath = (*FOLDER, "fresh")
    foreign = StateList(("bob", "x"), (StateTest(etag="x", negated=True),))

    def at(path: SpacePath | None, *tests: StateTest) -> StateList:
        return StateList(path, tests)

    good = [
        [at(FILE, token)],
        [at(FILE, tag)],
        [at(FILE, token, tag)],
        [at(FILE, wrong), at(FILE, tag)],
        [at(FILE, not_other)],
        [at(FILE, StateTest(etag="wrong", negated=True), token)],
        [at(FOLDER, token)],
        [at(DEEP, token)],
        [at(fresh, token)],
        [at(OUTSIDE, not_token)],
        [at(None, other), at(FILE, tag)],
        [at(None, not_other)],
        [at(("nowhere", "x"), not_token)],
        [foreign],
    ]
    bad = [
        [],
        [at(FILE, other)],
        [at(FILE, wrong)],
        [at(FILE, token, wrong)],
        [at(FILE, tag, not_token)],
        [at(FILE, wrong), at(FILE, other)],
        [at(OUTSIDE, token)],
        [at(None, token)],
        [at(None, tag)],
        [at(fresh, tag)],
        [at(("nowhere", "x"), token)],
    ]
    for lists in good:
        files.check(two.ada, FILE, Guard(lists=tuple(lists)))
    for lists in bad:
        with pytest.raises(PreconditionFailed):
            files.check(two.ada, FILE, Guard(lists=tuple(lists)))
        with pytest.raises(PreconditionFailed):
            guard = Guard(tokens=frozenset([lock.token]), lists=tuple(lists))
            two.bench.put(two.ada, FILE, b"new", guard=guard)
    assert two.bench.get(two.ada, FILE) == b"content"


def test_conditions_are_looked_at_before_locks_and_again_at_the_end(two: Two) -> None:
    """A lock that is taken, or lost, while the body comes."""
    lock = two.lock(FILE)
    guard = Guard(tokens=frozenset([lock.token]), lists=(StateList(FILE, (StateTest(token=lock.token),)),))
    with two.bench.vault.files.write(two.ada, FILE, guard) as upload:
        upload.write(b"mine")
        two.bench.vault.locks.unlock(two.ada, FILE, lock.token)
        with pytest.raises(PreconditionFailed):
            upload.commit()
    assert two.bench.get(two.ada, FILE) == b"content"
    two.bench.assert_tidy()
