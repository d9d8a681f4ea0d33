"""Retention over a whole vault, with a clock that the tests move."""

from dataclasses import replace
from pathlib import Path

import pytest
from vaults import PASSWORD, Bench, open_bench

from docstopd.catalog import versions
from docstopd.errors import Held, InvalidSyncToken, NotFound, Protected, Refused
from docstopd.model import SECOND, MemberRole, NodeId, Role
from docstopd.vault import Policy, Session
from docstopd.vault.retention import (
    CountedFrom,
    Keep,
    Protect,
    RetentionClass,
    RetentionPolicy,
    Schedule,
    Then,
)

DAY = 86_400
FILE, OTHER, FOLDER = ("ada", "file"), ("ada", "other"), ("ada", "folder")


def ruled(folder: Path, *classes: RetentionClass, **more: object) -> Bench:
    """A vault with these rules: two contents of each file are kept, trash for thirty days, and no brake."""
    rules: dict[str, object] = {"versions": Keep(last=2), "brake": 100, **more}
    retention = RetentionPolicy(schedule=Schedule(classes), **rules)  # type: ignore[arg-type]
    return open_bench(folder, Policy(retention=retention))


def under(bench: Bench, **rules: object) -> Bench:
    """The same vault under other rules."""
    policy = replace(bench.policy, retention=replace(bench.policy.retention, **rules))  # type: ignore[arg-type]
    return open_bench(bench.folder, policy, clock=bench.clock)


def node(bench: Bench, session: Session, path: tuple[str, ...]) -> NodeId:
    return bench.vault.files.stat(session, path).id


def past(bench: Bench, which: int) -> list[int]:
    with bench.stores.catalog.read() as rows:
        return [version.size for version in versions.of_node(rows, NodeId(which))]


def run(bench: Bench) -> dict[str, object]:
    return dict(bench.vault.retention.run(sure=True))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return ruled(tmp_path)


@pytest.fixture
def ada(bench: Bench) -> Session:
    return bench.account("ada")


class TestVersions:
    """Old contents go when no rule keeps them."""

    def test_what_no_rule_keeps_goes_with_blob_and_key(self, bench: Bench, ada: Session) -> None:
        """The current content is the newest of those that count."""
        for content in (b"1", b"22", b"333"):
            bench.put(ada, FILE, content)
        assert run(bench)["versions"] == 1
        assert past(bench, node(bench, ada, FILE)) == [2, 3]
        assert bench.get(ada, FILE) == b"333"
        bench.assert_tidy()
        assert bench.actions(b"system")[-1] == "retention"

    def test_a_second_run_finds_nothing(self, bench: Bench, ada: Session) -> None:
        """It says so in the journal."""
        for content in (b"1", b"22", b"333"):
            bench.put(ada, FILE, content)
        run(bench)
        assert run(bench)["versions"] == 0

    def test_all_rules_off_keeps_the_current_content_alone(self, bench: Bench, ada: Session) -> None:
        """As the configuration says."""
        bench.put(ada, FILE, b"1")
        bench.put(ada, FILE, b"22")
        bare = under(bench, versions=Keep())
        run(bare)
        assert past(bench, node(bench, ada, FILE)) == [2]

    def test_a_dry_run_removes_nothing(self, bench: Bench, ada: Session) -> None:
        """It says what would go."""
        for content in (b"1", b"22", b"333"):
            bench.put(ada, FILE, content)
        assert bench.vault.retention.run(dry=True)["versions"] == 1
        assert len(past(bench, node(bench, ada, FILE))) == 3

    def test_what_a_sync_client_knows_stays_good(self, bench: Bench, ada: Session) -> None:
        """Old versions are no part of what it sees."""
        for content in (b"1", b"22", b"333"):
            bench.put(ada, FILE, content)
        before = bench.vault.files.stat(ada, ("ada",)).etag
        run(bench)
        assert bench.vault.files.stat(ada, ("ada",)).etag == before


class TestTrash:
    """What was deleted goes after its days, counted from the deletion."""

    def test_goes_when_its_days_are_over_and_not_before(self, bench: Bench, ada: Session) -> None:
        """A folder with all that was in it."""
        bench.vault.files.make_folder(ada, FOLDER)
        bench.put(ada, (*FOLDER, "file"), b"1")
        bench.vault.files.delete(ada, FOLDER)
        bench.clock.advance(29 * DAY)
        run(bench)
        assert len(bench.blob_ids()) == 1
        bench.clock.advance(1 * DAY)
        assert run(bench)["purged"] == 2
        assert bench.blob_ids() == bench.key_ids() == bench.live_ids() == set()

    def test_stays_for_ever_where_the_rules_say_so(self, bench: Bench, ada: Session) -> None:
        """`trash: null`."""
        bench.put(ada, FILE, b"1")
        bench.vault.files.delete(ada, FILE)
        bench.clock.advance(100_000 * DAY)
        run(under(bench, trash=None))
        assert len(bench.blob_ids()) == 1


class TestHolds:
    """Nothing that a hold covers goes while it stands."""

    def test_a_held_file_keeps_its_past_until_the_last_hold_is_released(self, bench: Bench, ada: Session) -> None:
        """Several may stand on it."""
        for content in (b"1", b"22", b"333"):
            bench.put(ada, FILE, content)
        holds = bench.vault.holds
        one = holds.on_path(ada, FILE, "case 1", confidential=False)
        two = holds.on_space("ada", "case 2", confidential=True)
        for hold in (one, two):
            assert run(bench)["versions"] == 0
            holds.release(hold)
        assert run(bench)["versions"] == 1

    def test_a_held_folder_keeps_what_is_deleted_from_it(self, bench: Bench, ada: Session) -> None:
        """The deletion is allowed, and silent."""
        bench.vault.files.make_folder(ada, FOLDER)
        bench.put(ada, (*FOLDER, "file"), b"1")
        hold = bench.vault.holds.on_path(ada, FOLDER, "case", confidential=True)
        bench.vault.files.delete(ada, (*FOLDER, "file"))
        bench.vault.files.delete(ada, FOLDER)
        bench.clock.advance(365 * DAY)
        run(bench)
        assert len(bench.blob_ids()) == 1
        bench.vault.holds.release(hold)
        run(bench)
        assert bench.blob_ids() == set()

    def test_follows_a_file_out_of_a_held_folder(self, bench: Bench, ada: Session) -> None:
        """To be moved is not to be free."""
        bench.vault.files.make_folder(ada, FOLDER)
        bench.put(ada, (*FOLDER, "file"), b"1")
        bench.vault.holds.on_path(ada, FOLDER, "case", confidential=False)
        bench.vault.files.move(ada, (*FOLDER, "file"), OTHER, overwrite=False)
        bench.vault.files.delete(ada, OTHER)
        bench.clock.advance(365 * DAY)
        run(bench)
        assert len(bench.blob_ids()) == 1

    def test_follows_a_file_that_becomes_the_content_of_another(self, bench: Bench, ada: Session) -> None:
        """Its node is gone, its versions are not free."""
        bench.put(ada, FILE, b"1")
        bench.put(ada, OTHER, b"22")
        bench.put(ada, OTHER, b"333")
        bench.vault.holds.on_path(ada, OTHER, "case", confidential=False)
        bench.vault.files.move(ada, OTHER, FILE, overwrite=True)
        run(bench)
        assert past(bench, node(bench, ada, FILE)) == [1, 2, 3]

    def test_a_held_user_keeps_what_he_wrote_in_other_peoples_spaces(self, bench: Bench, ada: Session) -> None:
        """And what others wrote there goes."""
        bob = bench.account("bob")
        bench.vault.spaces.grant(ada, "ada", bob.user, MemberRole.EDITOR)
        for author, content in ((bob, b"1"), (ada, b"22"), (ada, b"333"), (ada, b"4444")):
            bench.put(author, FILE, content)
        bench.vault.holds.on_user(bob.user, "case", confidential=False)
        run(bench)
        assert past(bench, node(bench, ada, FILE)) == [1, 3, 4]

    def test_a_placeholder_and_what_macos_strews_stay_where_they_are_held(self, bench: Bench, ada: Session) -> None:
        """Elsewhere these go at once."""
        bench.put(ada, FILE, b"")
        bench.put(ada, ("ada", "._file"), b"1")
        bench.vault.holds.on_space("ada", "case", confidential=True)
        bench.put(ada, FILE, b"22")
        bench.vault.files.delete(ada, ("ada", "._file"))
        assert past(bench, node(bench, ada, FILE)) == [0, 2]
        assert len(bench.blob_ids()) == 3

    @pytest.mark.parametrize("confidential", [False, True])
    def test_no_held_account_and_no_account_with_a_held_space_is_deleted(
        self, bench: Bench, ada: Session, confidential: bool
    ) -> None:
        """The refusal names the hold, unless it is confidential; nothing was begun."""
        bench.account("root", Role.ADMIN)
        bench.put(ada, FILE, b"1")
        holds = bench.vault.holds
        for hold in (
            holds.on_user(ada.user, "case", confidential=confidential),
            holds.on_space("ada", "case", confidential=confidential),
            holds.on_path(ada, FILE, "case", confidential=confidential),
        ):
            with pytest.raises(Held) as refusal:
                bench.vault.erasure.delete_account("ada")
            assert (hold.hex() in str(refusal.value)) is not confidential
            assert ("hold" in str(refusal.value)) is not confidential
            assert bench.vault.sessions.sign_in("ada", PASSWORD).user.enabled
            assert bench.get(ada, FILE) == b"1"
            holds.release(hold)
        bench.vault.erasure.delete_account("ada")

    def test_members_see_it_in_their_journal_unless_it_is_confidential(self, bench: Bench, ada: Session) -> None:
        """`system` knows of all; only there is the reason, sealed."""
        holds, space = bench.vault.holds, bench.vault.spaces.mine(ada)[0]
        holds.release(holds.on_space("ada", "secret case", confidential=True))
        assert not {"hold-place", "hold-release"} & set(bench.actions(space.id))
        holds.release(holds.on_space("ada", "open case", confidential=False))
        assert bench.actions(space.id)[-2:] == ["hold-place", "hold-release"]
        assert bench.actions(b"system").count("hold-place") == 2
        assert [hold.reason for hold in holds.all(released=True)] == ["secret case", "open case"]
        assert b"case" not in (bench.folder / "catalog.db").read_bytes()
        with pytest.raises(NotFound):
            holds.release(holds.all(released=True)[0].id)


class TestMeanwhile:
    """What happens between the plan and a removal is obeyed."""

    def test_a_hold_that_is_placed_after_the_plan_stops_what_it_covers(self, bench: Bench, ada: Session) -> None:
        """Old versions and trash alike."""
        for content in (b"1", b"22", b"333"):
            bench.put(ada, FILE, content)
        bench.put(ada, OTHER, b"1")
        bench.vault.files.delete(ada, OTHER)
        bench.clock.advance(31 * DAY)

        def place(what: str, _done: int, _total: int) -> None:
            if what == "emptying the trash":
                bench.vault.holds.on_space("ada", "case", confidential=False)

        report = bench.vault.retention.run(place, sure=True)
        assert (report["versions"], report["purged"], report["held"]) == (0, 0, 1)
        assert len(bench.blob_ids()) == 4

    def test_what_is_restored_after_the_plan_stays(self, bench: Bench, ada: Session) -> None:
        """It is in the trash no more."""
        bench.put(ada, FILE, b"1")
        bench.vault.files.delete(ada, FILE)
        bench.clock.advance(31 * DAY)
        (shown,) = bench.names(ada, ("ada", ".trash"))

        def restore(what: str, _done: int, _total: int) -> None:
            if what == "emptying the trash":
                bench.vault.files.move(ada, ("ada", ".trash", shown), FILE, overwrite=False)

        assert bench.vault.retention.run(restore, sure=True)["purged"] == 0
        assert bench.get(ada, FILE) == b"1"

    def test_a_file_that_comes_back_from_the_trash_gets_its_class(self, tmp_path: Path) -> None:
        """And what it comes back over keeps its protection."""
        bench = ruled(tmp_path, KEPT)
        ada = bench.account("ada")
        bench.vault.files.make_folder(ada, FOLDER)
        bench.put(ada, FILE, b"1")
        bench.vault.files.delete(ada, FILE)
        (shown,) = bench.names(ada, ("ada", ".trash"))
        bench.vault.files.move(ada, ("ada", ".trash", shown), (*FOLDER, "file"), overwrite=False)
        with pytest.raises(Protected):
            bench.vault.files.delete(ada, (*FOLDER, "file"))


KEPT = RetentionClass("kept", ("folder/**",), 10 * DAY, protect=Protect.DELETE, then=Then.DELETE)
WORM = RetentionClass("worm", ("folder/**",), 10 * DAY, protect=Protect.WORM, then=Then.KEEP)


class TestClasses:
    """What a class forbids, and what it does when its time is up."""

    def start(self, folder: Path, *classes: RetentionClass) -> tuple[Bench, Session]:
        bench = ruled(folder, *classes)
        ada = bench.account("ada")
        bench.vault.files.make_folder(ada, FOLDER)
        bench.put(ada, (*FOLDER, "file"), b"1")
        return bench, ada

    def test_protects_from_deletion_alone_and_in_a_folder(self, tmp_path: Path) -> None:
        """The reason says until when; an overwriting is kept as a version, however many there are."""
        bench, ada = self.start(tmp_path, KEPT)
        for path in ((*FOLDER, "file"), FOLDER):
            with pytest.raises(Protected, match=r"'kept'.*2023-11-24"):
                bench.vault.files.delete(ada, path)
        for content in (b"22", b"333", b"4444"):
            bench.put(ada, (*FOLDER, "file"), content)
        run(bench)
        assert past(bench, node(bench, ada, (*FOLDER, "file"))) == [1, 2, 3, 4]

    def test_worm_forbids_a_new_content_by_any_way(self, tmp_path: Path) -> None:
        """PUT, COPY and MOVE over it."""
        bench, ada = self.start(tmp_path, WORM)
        bench.put(ada, OTHER, b"22")
        files = bench.vault.files
        with pytest.raises(Protected):
            bench.put(ada, (*FOLDER, "file"), b"22")
        with pytest.raises(Protected):
            files.move(ada, OTHER, (*FOLDER, "file"), overwrite=True)
        with pytest.raises(Protected):
            files.copy(ada, OTHER, (*FOLDER, "file"), overwrite=True, deep=True)
        with pytest.raises(Protected):
            files.copy(ada, OTHER, FOLDER, overwrite=True, deep=True)
        assert bench.get(ada, (*FOLDER, "file")) == b"1"
        bench.assert_tidy()

    def test_a_placeholder_is_no_record_yet(self, tmp_path: Path) -> None:
        """Explorer writes every file twice."""
        bench, ada = self.start(tmp_path, WORM)
        bench.put(ada, (*FOLDER, "new"), b"")
        bench.put(ada, (*FOLDER, "new"), b"content")
        with pytest.raises(Protected):
            bench.put(ada, (*FOLDER, "new"), b"more")
        bench.put(ada, (*FOLDER, ".DS_Store"), b"1")
        bench.put(ada, (*FOLDER, ".DS_Store"), b"2")

    def test_follows_what_it_protects_and_is_given_where_a_folder_goes(self, tmp_path: Path) -> None:
        """A moved folder's files get the class of their new place; a protected one keeps its own."""
        bench, ada = self.start(tmp_path, KEPT)
        files = bench.vault.files
        files.move(ada, (*FOLDER, "file"), OTHER, overwrite=False)
        with pytest.raises(Protected):
            files.delete(ada, OTHER)
        files.make_folder(ada, ("ada", "draft"))
        files.make_folder(ada, ("ada", "draft", "deep"))
        bench.put(ada, ("ada", "draft", "deep", "file"), b"1")
        files.delete(ada, FOLDER)
        files.move(ada, ("ada", "draft"), FOLDER, overwrite=False)
        with pytest.raises(Protected):
            files.delete(ada, FOLDER)

    def test_does_not_leave_its_space(self, tmp_path: Path) -> None:
        """A move across is a copy and a deletion: refused before anything is copied."""
        bench, ada = self.start(tmp_path, KEPT)
        bench.vault.spaces.add("team", ada.user)
        with pytest.raises(Protected):
            bench.vault.files.move(ada, FOLDER, ("team", "folder"), overwrite=False)
        assert bench.names(ada, ("team",)) == set()

    def test_editors_that_save_by_a_move_go_on_working(self, tmp_path: Path) -> None:
        """Both files are of one class, and the older keeps its place in time."""
        bench, ada = self.start(tmp_path, KEPT)
        which = node(bench, ada, (*FOLDER, "file"))
        bench.clock.advance(5 * DAY)
        bench.put(ada, (*FOLDER, "file~"), b"22")
        bench.vault.files.move(ada, (*FOLDER, "file~"), (*FOLDER, "file"), overwrite=True)
        assert past(bench, which) == [1, 2]
        with pytest.raises(Protected, match="2023-11-24"):
            bench.vault.files.delete(ada, FOLDER)

    def test_a_protected_file_moved_over_a_free_one_stays_protected(self, tmp_path: Path) -> None:
        """Else a move would be the way out."""
        bench, ada = self.start(tmp_path, KEPT)
        bench.put(ada, OTHER, b"22")
        bench.vault.files.move(ada, (*FOLDER, "file"), OTHER, overwrite=True)
        with pytest.raises(Protected):
            bench.vault.files.delete(ada, OTHER)

    def test_a_name_that_keeps_no_past_is_no_way_out(self, tmp_path: Path) -> None:
        """A protected file that is renamed to what macOS strews keeps its versions."""
        bench, ada = self.start(tmp_path, KEPT)
        which, name = node(bench, ada, (*FOLDER, "file")), ("ada", "._file")
        bench.vault.files.move(ada, (*FOLDER, "file"), name, overwrite=False)
        bench.put(ada, name, b"22")
        bench.put(ada, OTHER, b"333")
        bench.vault.files.move(ada, OTHER, name, overwrite=True)
        assert past(bench, which) == [1, 2, 3]
        with pytest.raises(Protected):
            bench.vault.files.delete(ada, name)

    def test_a_client_that_synchronises_begins_anew_after_a_destruction(self, tmp_path: Path) -> None:
        """The run cannot name the path; so nobody may be told that nothing changed there."""
        bench, ada = self.start(tmp_path, KEPT)
        token = bench.vault.sync.report(ada, ("ada",), "", deep=True).token
        bench.clock.advance(11 * DAY)
        run(bench)
        with pytest.raises(InvalidSyncToken):
            bench.vault.sync.report(ada, ("ada",), token, deep=True)

    def test_the_run_destroys_what_is_due_and_the_tree_shows_it(self, tmp_path: Path) -> None:
        """Counted from the receipt, whatever date the client gave."""
        bench, ada = self.start(tmp_path, KEPT)
        bench.put(ada, (*FOLDER, "later"), b"22", modified=SECOND)
        before = bench.vault.files.stat(ada, FOLDER).etag
        bench.clock.advance(9 * DAY)
        assert run(bench)["files"] == 0
        bench.clock.advance(2 * DAY)
        assert run(bench)["files"] == 2
        assert bench.names(ada, FOLDER) == set()
        assert bench.vault.files.stat(ada, FOLDER).etag != before
        assert bench.vault.files.quota(ada, FOLDER).used == 0
        bench.assert_tidy()

    def test_an_event_starts_the_time_and_is_not_brought_forward(self, tmp_path: Path) -> None:
        """Until it has a date, the file waits."""
        bench, ada = self.start(tmp_path, replace(KEPT, counted_from=CountedFrom.EVENT))
        bench.clock.advance(100 * DAY)
        assert run(bench)["files"] == 0
        now, path = bench.clock(), (*FOLDER, "file")
        bench.vault.filing.set_event(ada, path, now)
        with pytest.raises(Protected):
            bench.vault.filing.set_event(ada, path, now - 50 * DAY * SECOND)
        bench.clock.advance(10 * DAY)
        assert run(bench)["files"] == 1

    def test_a_new_schedule_is_given_to_the_files_that_are_there(self, tmp_path: Path) -> None:
        """Else they would get their class at the next change."""
        bench, ada = self.start(tmp_path)
        strict = under(bench, schedule=Schedule((KEPT,)))
        assert strict.vault.filing.classify(strict.vault.sessions.sign_in("ada", PASSWORD), "ada") == 1
        assert [(one.name, one.files) for one in strict.vault.filing.counts()] == [("kept", 1)]
        # Taken out again, it forbids nothing; but what it was about is not removed for want of a rule.
        bench.put(ada, (*FOLDER, "file"), b"22")
        bench.put(ada, (*FOLDER, "file"), b"333")
        assert run(bench)["versions"] == 0
        assert bench.vault.filing.counts()[0].klass is None

    def test_a_space_with_protected_files_is_not_destroyed(self, tmp_path: Path) -> None:
        """Nor the account to which it belongs."""
        bench, _ada = self.start(tmp_path, KEPT)
        bench.account("root", Role.ADMIN)
        with pytest.raises(Protected):
            bench.vault.erasure.delete_account("ada")


REVIEWED = RetentionClass("reviewed", ("**",), 10 * DAY, protect=Protect.DELETE, then=Then.REVIEW)


class TestReview:
    """Two people decide."""

    def start(self, folder: Path) -> tuple[Bench, Session, Session]:
        bench = ruled(folder, REVIEWED)
        root, ada = bench.account("root", Role.ADMIN), bench.account("ada")
        bench.put(ada, FILE, b"1")
        bench.clock.advance(11 * DAY)
        assert run(bench)["reviews"] == 1
        return bench, root, ada

    def test_two_different_people_let_it_be_destroyed_and_a_signed_report_stays(self, tmp_path: Path) -> None:
        """One alone cannot, nor twice."""
        bench, root, ada = self.start(tmp_path)
        door = bench.vault.dispositions
        (question,) = door.list(ada)
        number = question.asked.id
        assert question.path == "ada/file"
        assert door.list()[0].path == ""
        assert door.answer(ada, number, "destroy") == 1
        with pytest.raises(Refused):
            door.answer(ada, number, "destroy")
        assert run(bench)["files"] == 0
        assert door.answer(root, number, "destroy") == 2
        assert run(bench)["files"] == 1
        assert bench.names(ada, ("ada",)) == set()
        assert b'"node"' in door.report(number)
        assert [one.asked.outcome for one in door.list(closed=True)] == ["destroyed"]
        bench.assert_tidy()

    def test_one_who_wants_it_kept_is_enough_and_it_is_asked_again_later(self, tmp_path: Path) -> None:
        """After as long as the class keeps it."""
        bench, root, _ada = self.start(tmp_path)
        door = bench.vault.dispositions
        door.answer(root, door.list()[0].asked.id, "keep")
        assert run(bench)["reviews"] == 0
        bench.clock.advance(9 * DAY)
        assert run(bench)["reviews"] == 0
        bench.clock.advance(2 * DAY)
        assert run(bench)["reviews"] == 1

    def test_who_may_not_decide_learns_nothing(self, tmp_path: Path) -> None:
        """As if there were no such question."""
        bench, _root, _ada = self.start(tmp_path)
        bob = bench.account("bob")
        with pytest.raises(NotFound):
            bench.vault.dispositions.answer(bob, 1, "destroy")

    def test_who_lost_the_right_counts_no_more(self, tmp_path: Path) -> None:
        """The run looks at the right, not at the time of the answer."""
        bench, root, ada = self.start(tmp_path)
        for session in (root, ada):
            bench.vault.dispositions.answer(session, 1, "destroy")
        bench.account("other", Role.ADMIN)
        bench.vault.accounts.set_enabled("root", enabled=False)
        assert run(bench)["files"] == 0

    def test_a_hold_wins_over_both(self, tmp_path: Path) -> None:
        """And when it is released, what was decided is done."""
        bench, root, ada = self.start(tmp_path)
        hold = bench.vault.holds.on_user(ada.user, "case", confidential=True)
        for session in (root, ada):
            bench.vault.dispositions.answer(session, 1, "destroy")
        assert run(bench)["files"] == 0
        bench.vault.holds.release(hold)
        assert run(bench)["files"] == 1

    def test_a_question_that_nobody_needs_to_answer_is_void(self, tmp_path: Path) -> None:
        """The class left the schedule."""
        bench, _root, _ada = self.start(tmp_path)
        assert run(under(bench, schedule=Schedule()))["void"] == 1
        assert bench.vault.dispositions.list() == []


class TestBrake:
    """A run that takes too much stops before it takes anything."""

    def test_everything_of_a_space_is_too_much(self, tmp_path: Path) -> None:
        """Until somebody confirms exactly this plan."""
        bench = ruled(tmp_path, replace(KEPT, match=("**",)))
        ada = bench.account("ada")
        bench.put(ada, FILE, b"1")
        bench.clock.advance(11 * DAY)
        with pytest.raises(Refused, match="everything in 'ada'"):
            bench.vault.retention.run()
        assert bench.get(ada, FILE) == b"1"
        token = bench.vault.retention.plan().token
        with pytest.raises(Refused, match="changed"):
            bench.vault.retention.run(confirm="0123456789abcdef")
        assert bench.vault.retention.run(confirm=token)["files"] == 1

    def test_more_than_the_share_is_too_much(self, tmp_path: Path) -> None:
        """But for a handful of versions."""
        bench = ruled(tmp_path, versions=Keep(last=1), brake=50)
        ada = bench.account("ada")
        for number in range(18):
            bench.put(ada, FILE, b"x" * (number + 1))
        assert bench.vault.retention.run(dry=True)["braked"] is False
        for number in range(9):
            bench.put(ada, FILE, b"x" * (number + 1))
        assert bench.vault.retention.run(dry=True)["braked"] is True
        with pytest.raises(Refused, match="97 % of 'ada'"):
            bench.vault.retention.run()

    def test_a_space_that_its_members_emptied_may_become_empty(self, bench: Bench, ada: Session) -> None:
        """They deleted it all themselves."""
        bench.put(ada, FILE, b"1")
        bench.vault.files.delete(ada, FILE)
        bench.clock.advance(31 * DAY)
        assert bench.vault.retention.run()["purged"] == 1
