"""`.trash`: looked into, copied out of, and restored from."""

from dataclasses import replace

import pytest
from trashed import TRASH, trashed
from vaults import PASSWORD, Bench

from docstopd.errors import (
    AlreadyExists,
    Damaged,
    Forbidden,
    NotFound,
    ParentMissing,
    PreconditionFailed,
    QuotaExceeded,
)
from docstopd.model import NO_GUARD, Guard, MemberRole
from docstopd.vault import Session

FILE, FOLDER = ("ada", "file.txt"), ("ada", "folder")


def past(bench: Bench, node: int) -> list[int]:
    """The sizes of a file's versions."""
    return [row[0] for row in bench.rows("SELECT size FROM versions WHERE node = ? ORDER BY received", node)]


def fill(bench: Bench, ada: Session) -> None:
    """A folder with a file, a folder in it with another."""
    bench.vault.files.make_folder(ada, FOLDER)
    bench.vault.files.make_folder(ada, (*FOLDER, "inner"))
    bench.put(ada, (*FOLDER, "a"), b"1")
    bench.put(ada, (*FOLDER, "inner", "b"), b"22")


class TestLooking:
    """Deleted trees, each under a name of its own."""

    def test_each_is_named_with_its_day_and_id(self, bench: Bench, ada: Session) -> None:
        """The same name twice is two."""
        nodes = []
        for content in (b"1", b"22"):
            bench.put(ada, FILE, content)
            nodes.append(bench.vault.files.stat(ada, FILE).id)
            bench.vault.files.delete(ada, FILE)
        assert bench.names(ada, TRASH) == {f"file (deleted 2023-11-14 {node:x}).txt" for node in nodes}
        contents = [bench.get(ada, (*TRASH, f"file (deleted 2023-11-14 {node:x}).txt")) for node in nodes]
        assert contents == [b"1", b"22"]

    def test_each_says_where_it_was_and_who_deleted_it_when(self, bench: Bench, ada: Session) -> None:
        """Even when the folder has been renamed since, and the account that did it has gone."""
        bob = bench.account("bob")
        bench.vault.spaces.grant(ada, "ada", bob.user, MemberRole.EDITOR)
        fill(bench, ada)
        bench.clock.advance(3600)
        bench.vault.files.delete(bob, (*FOLDER, "inner", "b"))
        bench.vault.files.move(ada, FOLDER, ("ada", "renamed"), overwrite=False)
        (node,) = bench.vault.files.list(ada, TRASH).members
        assert node.deletion is not None
        assert (node.deletion.name, node.deletion.place) == ("b", ("ada", "folder", "inner"))
        assert node.deletion.user == "bob"
        (time,) = bench.rows("SELECT time FROM journal WHERE action = 'delete'")[0]
        assert node.deletion.time == time
        bench.vault.spaces.revoke(ada, "ada", bob.user)
        bench.edit("DELETE FROM members WHERE user = ?", bob.user.id)
        bench.edit("DELETE FROM users WHERE id = ?", bob.user.id)
        assert bench.vault.files.stat(ada, (*TRASH, node.name)).deletion == replace(node.deletion, user=None)

    def test_a_deleted_folder_is_looked_into(self, bench: Bench, ada: Session) -> None:
        """All the way down."""
        fill(bench, ada)
        bench.vault.files.delete(ada, FOLDER)
        head = trashed(bench, ada, "folder")
        assert bench.names(ada, head) == {"a", "inner"}
        assert bench.names(ada, (*head, "inner")) == {"b"}
        assert bench.get(ada, (*head, "inner", "b")) == b"22"
        with pytest.raises(NotFound):
            bench.vault.files.stat(ada, (*head, "inner", "none"))

    def test_what_lay_in_a_folder_that_was_purged_is_still_found(self, bench: Bench, ada: Session) -> None:
        """Its name opens with the folder's id alone."""
        fill(bench, ada)
        bench.vault.files.delete(ada, (*FOLDER, "a"))
        bench.vault.files.delete(ada, FOLDER)
        (deleted,) = bench.rows("SELECT id, deleted FROM nodes WHERE deleted IS NOT NULL AND folder")
        bench.vault.past.purge.run([deleted])
        assert bench.get(ada, trashed(bench, ada, "a")) == b"1"
        bench.vault.files.move(ada, trashed(bench, ada, "a"), ("ada", "a"), overwrite=False)
        assert bench.get(ada, ("ada", "a")) == b"1"

    @pytest.mark.parametrize(
        "name", ["x", "x (deleted 2023-11-14 2)", "x (deleted 1)", "(deleted 2)", "x (deleted zz)"]
    )
    def test_other_names_are_not_found(self, bench: Bench, ada: Session, name: str) -> None:
        """An id is no password: the whole name must be right, and in this space."""
        bench.put(ada, FILE, b"1")
        bench.vault.files.delete(ada, FILE)
        with pytest.raises(NotFound):
            bench.vault.files.stat(ada, (*TRASH, name))

    def test_another_spaces_trash_is_not_seen(self, bench: Bench, ada: Session) -> None:
        """Though the name would be right there."""
        bob = bench.account("bob")
        bench.put(ada, FILE, b"1")
        bench.vault.files.delete(ada, FILE)
        name = trashed(bench, ada, "file.txt")[-1]
        with pytest.raises(NotFound):
            bench.vault.files.stat(bob, ("bob", ".trash", name))
        with pytest.raises(NotFound):
            bench.vault.files.stat(bob, ("ada", ".trash", name))

    def test_a_name_as_long_as_can_be_is_cut_to_fit(self, bench: Bench, ada: Session) -> None:
        """A client can ask for it."""
        name = "\u00e9" * 125 + ".docx"
        bench.put(ada, ("ada", name), b"1")
        bench.vault.files.delete(ada, ("ada", name))
        found = trashed(bench, ada, name)
        assert len(found[-1].encode()) <= 255
        assert found[-1].endswith(".docx")
        assert bench.get(ada, found) == b"1"


class TestRestoring:
    """MOVE out of the trash."""

    def test_brings_back_the_node_with_versions_and_properties(self, bench: Bench, ada: Session) -> None:
        """As if it had been away."""
        for content in (b"1", b"22"):
            bench.put(ada, FILE, content)
        bench.vault.files.patch(ada, FILE, NO_GUARD, [("{x:}p", "<v/>")])
        before = bench.vault.files.stat(ada, FILE)
        bench.vault.files.delete(ada, FILE)
        assert bench.vault.files.quota(ada, FILE).used == 0
        written = bench.vault.files.move(ada, trashed(bench, ada, "file.txt"), FILE, overwrite=False)
        assert written.created
        assert (written.node.id, written.node.etag, written.node.name) == (before.id, before.etag, "file.txt")
        assert past(bench, before.id) == [1, 2]
        assert bench.vault.files.properties(ada, [before]) == {before.id: {"{x:}p": "<v/>"}}
        assert bench.vault.files.quota(ada, FILE).used == 2
        assert bench.names(ada, TRASH) == set()
        assert bench.actions(before.space)[-1] == "restore"
        bench.assert_tidy()

    def test_brings_back_a_folder_with_all_in_it_to_any_place(self, bench: Bench, ada: Session) -> None:
        """Under another name, in another folder."""
        fill(bench, ada)
        bench.vault.files.delete(ada, FOLDER)
        bench.vault.files.make_folder(ada, ("ada", "other"))
        target = ("ada", "other", "back")
        before = bench.vault.files.stat(ada, ("ada",)).etag
        bench.vault.files.move(ada, trashed(bench, ada, "folder"), target, overwrite=False)
        assert bench.get(ada, (*target, "inner", "b")) == b"22"
        assert bench.vault.files.quota(ada, target).used == 3
        assert bench.vault.files.stat(ada, ("ada",)).etag != before
        bench.assert_tidy()

    def test_brings_back_a_part_of_a_deleted_folder(self, bench: Bench, ada: Session) -> None:
        """The rest stays in the trash."""
        fill(bench, ada)
        bench.vault.files.delete(ada, FOLDER)
        head = trashed(bench, ada, "folder")
        bench.vault.files.move(ada, (*head, "inner"), ("ada", "inner"), overwrite=False)
        assert bench.get(ada, ("ada", "inner", "b")) == b"22"
        assert bench.names(ada, head) == {"a"}
        assert bench.vault.files.quota(ada, FOLDER).used == 2
        bench.assert_tidy()

    def test_over_a_file_a_file_becomes_its_newest_version(self, bench: Bench, ada: Session) -> None:
        """Both pasts are the target's then."""
        bench.put(ada, FILE, b"1")
        bench.vault.files.delete(ada, FILE)
        bench.put(ada, FILE, b"22")
        node = bench.vault.files.stat(ada, FILE).id
        written = bench.vault.files.move(ada, trashed(bench, ada, "file.txt"), FILE, overwrite=True)
        assert not written.created
        assert written.node.id == node
        assert bench.get(ada, FILE) == b"1"
        assert past(bench, node) == [1, 2]
        assert bench.names(ada, TRASH) == set()
        assert bench.vault.files.quota(ada, FILE).used == 1
        bench.assert_tidy()

    def test_over_a_folder_the_folder_goes_to_the_trash(self, bench: Bench, ada: Session) -> None:
        """As with any MOVE."""
        fill(bench, ada)
        bench.vault.files.delete(ada, FOLDER)
        bench.vault.files.make_folder(ada, FOLDER)
        bench.put(ada, (*FOLDER, "new"), b"333")
        bench.vault.files.move(ada, trashed(bench, ada, "folder"), FOLDER, overwrite=True)
        assert bench.names(ada, FOLDER) == {"a", "inner"}
        assert bench.names(ada, trashed(bench, ada, "folder")) == {"new"}
        assert bench.vault.files.quota(ada, FOLDER).used == 3
        bench.assert_tidy()

    def test_without_overwrite_what_is_there_stays(self, bench: Bench, ada: Session) -> None:
        """And the trash too."""
        bench.put(ada, FILE, b"1")
        bench.vault.files.delete(ada, FILE)
        bench.put(ada, FILE, b"22")
        with pytest.raises(AlreadyExists):
            bench.vault.files.move(ada, trashed(bench, ada, "file.txt"), FILE, overwrite=False)
        assert bench.get(ada, FILE) == b"22"
        assert len(bench.names(ada, TRASH)) == 1

    def test_counts_for_the_quota(self, bench: Bench, ada: Session) -> None:
        """What does not fit stays in the trash."""
        bench.put(ada, FILE, b"12345")
        bench.vault.files.delete(ada, FILE)
        bench.vault.spaces.set_quota("ada", 8)
        bench.put(ada, ("ada", "other"), b"1234")
        with pytest.raises(QuotaExceeded):
            bench.vault.files.move(ada, trashed(bench, ada, "file.txt"), FILE, overwrite=False)
        assert len(bench.names(ada, TRASH)) == 1
        bench.vault.files.move(ada, trashed(bench, ada, "file.txt"), ("ada", "other"), overwrite=True)
        assert bench.vault.files.quota(ada, FILE).used == 5

    def test_needs_a_folder_at_the_target(self, bench: Bench, ada: Session) -> None:
        """It makes none."""
        bench.put(ada, FILE, b"1")
        bench.vault.files.delete(ada, FILE)
        with pytest.raises(ParentMissing):
            bench.vault.files.move(ada, trashed(bench, ada, "file.txt"), ("ada", "none", "x"), overwrite=False)

    def test_its_conditions_are_about_the_deleted_node(self, bench: Bench, ada: Session) -> None:
        """Its tag, or nothing happens."""
        bench.put(ada, FILE, b"1")
        bench.vault.files.delete(ada, FILE)
        source = trashed(bench, ada, "file.txt")
        with pytest.raises(PreconditionFailed):
            bench.vault.files.move(ada, source, FILE, Guard(if_match=("x",)), overwrite=False)
        etag = bench.vault.files.stat(ada, source).etag
        bench.vault.files.move(ada, source, FILE, Guard(if_match=(etag,)), overwrite=False)

    def test_is_no_readers_business(self, bench: Bench, ada: Session) -> None:
        """He looks, and that is all."""
        bob = bench.account("bob")
        bench.vault.spaces.grant(ada, "ada", bob.user, MemberRole.READER)
        bench.put(ada, FILE, b"1")
        bench.vault.files.delete(ada, FILE)
        source = trashed(bench, bob, "file.txt")
        assert bench.get(bob, source) == b"1"
        with pytest.raises(Forbidden):
            bench.vault.files.move(bob, source, FILE, overwrite=False)
        assert bench.vault.files.role(ada, source) is MemberRole.READER

    def test_into_another_space_is_a_copy(self, bench: Bench, ada: Session) -> None:
        """One space's keys open nothing in another."""
        bench.vault.spaces.add("s", ada.user)
        bench.put(ada, FILE, b"1")
        bench.vault.files.delete(ada, FILE)
        source = trashed(bench, ada, "file.txt")
        with pytest.raises(Forbidden, match="copy it"):
            bench.vault.files.move(ada, source, ("s", "x"), overwrite=False)
        bench.vault.files.copy(ada, source, ("s", "x"), overwrite=False, deep=True)
        assert bench.get(ada, ("s", "x")) == b"1"
        bench.assert_tidy()

    def test_works_after_a_new_epoch(self, bench: Bench, ada: Session) -> None:
        """The row is sealed anew when it comes back."""
        bob = bench.account("bob")
        bench.vault.spaces.grant(ada, "ada", bob.user, MemberRole.EDITOR)
        fill(bench, ada)
        bench.vault.files.delete(ada, FOLDER)
        bench.vault.spaces.revoke(ada, "ada", bob.user)
        ada = bench.vault.sessions.sign_in("ada", PASSWORD)
        bench.vault.files.move(ada, trashed(bench, ada, "folder"), FOLDER, overwrite=False)
        assert bench.get(ada, (*FOLDER, "inner", "b")) == b"22"


class TestCopyingOut:
    """New blobs, and the trash stays as it is."""

    def test_a_folder_comes_with_all_in_it(self, bench: Bench, ada: Session) -> None:
        """Properties too."""
        fill(bench, ada)
        bench.vault.files.patch(ada, (*FOLDER, "a"), NO_GUARD, [("{x:}p", "<v/>")])
        bench.vault.files.delete(ada, FOLDER)
        head = trashed(bench, ada, "folder")
        bench.vault.files.copy(ada, head, FOLDER, overwrite=False, deep=True)
        assert bench.get(ada, (*FOLDER, "inner", "b")) == b"22"
        node = bench.vault.files.stat(ada, (*FOLDER, "a"))
        assert bench.vault.files.properties(ada, [node]) == {node.id: {"{x:}p": "<v/>"}}
        assert bench.names(ada, head) == {"a", "inner"}
        bench.assert_tidy()

    def test_the_trash_as_a_whole_is_not_copied(self, bench: Bench, ada: Session) -> None:
        """It is a view."""
        with pytest.raises(Forbidden):
            bench.vault.files.copy(ada, TRASH, ("ada", "x"), overwrite=False, deep=True)


class TestSyncing:
    """A client that follows the space gets what came back."""

    def test_a_restored_folder_is_told_with_all_that_it_holds(self, bench: Bench, ada: Session) -> None:
        """To one that saw it go, and to one that saw nothing of it."""
        fill(bench, ada)
        before = bench.vault.sync.token(ada, ("ada",))
        bench.vault.files.delete(ada, FOLDER)
        between = bench.vault.sync.token(ada, ("ada",))
        bench.vault.files.move(ada, trashed(bench, ada, "folder"), ("ada", "back"), overwrite=False)
        inside = {("back",), ("back", "a"), ("back", "inner"), ("back", "inner", "b")}
        for token, gone in ((before, {("folder", *path[1:]) for path in inside}), (between, set())):
            report = bench.vault.sync.report(ada, ("ada",), token, deep=True)
            assert {path[1:] for path, _ in report.changed} == inside
            assert {path[1:] for path, _ in report.removed} == gone

    def test_a_restored_file_is_told(self, bench: Bench, ada: Session) -> None:
        """At its place."""
        bench.put(ada, FILE, b"1")
        bench.vault.files.delete(ada, FILE)
        token = bench.vault.sync.token(ada, ("ada",))
        bench.vault.files.move(ada, trashed(bench, ada, "file.txt"), FILE, overwrite=False)
        report = bench.vault.sync.report(ada, ("ada",), token, deep=False)
        assert [path for path, _ in report.changed] == [FILE]


class TestTampering:
    """Damage hides nothing else."""

    @pytest.mark.parametrize("column", ["size", "blob", "name", "proof", "parent"])
    def test_an_edited_row_is_damage_and_the_others_are_shown(self, bench: Bench, ada: Session, column: str) -> None:
        """It can neither be read nor restored."""
        for name in ("a", "b"):
            bench.put(ada, ("ada", name), b"x")
            bench.vault.files.delete(ada, ("ada", name))
        bad = trashed(bench, ada, "a")
        node = bench.vault.files.stat(ada, bad)
        value = {"size": 9, "parent": 77}.get(column, b"\0" * 16)
        bench.edit(f"UPDATE nodes SET {column} = ? WHERE id = ?", value, node.id)
        listing = bench.vault.files.list(ada, TRASH)
        assert [found.deletion and found.deletion.name for found in listing.members] == ["b"]
        assert listing.unreadable == 1
        assert "damage" in bench.actions(node.space)
        with pytest.raises(Damaged):
            bench.vault.files.move(ada, bad, FILE, overwrite=False)

    def test_a_node_that_is_marked_as_deleted_is_only_in_the_trash(self, bench: Bench, ada: Session) -> None:
        """Who can edit the catalog can throw away; it can be brought back."""
        bench.put(ada, FILE, b"1")
        node = bench.vault.files.stat(ada, FILE)
        bench.edit("UPDATE nodes SET deleted = 999999 WHERE id = ?", node.id)
        found = trashed(bench, ada, "file.txt")
        assert found[-1] == f"file (deleted {node.id:x}).txt"
        bench.vault.files.move(ada, found, FILE, overwrite=False)
        assert bench.get(ada, FILE) == b"1"
