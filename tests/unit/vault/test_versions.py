"""What becomes of the past of a file: versions, placeholders, moves and copies."""

import pytest
from vaults import Bench

from docstopd.catalog import versions
from docstopd.errors import AlreadyExists, Forbidden, NotFound, Overlap, ParentMissing, QuotaExceeded
from docstopd.model import NO_GUARD, Guard, NodeId
from docstopd.vault import Session

FILE, OTHER, FOLDER = ("ada", "file"), ("ada", "other"), ("ada", "folder")


def past(bench: Bench, node: int) -> list[int]:
    """The sizes of a file's versions, oldest first."""
    with bench.stores.catalog.read() as rows:
        return [version.size for version in versions.of_node(rows, NodeId(node))]


def blob(bench: Bench, session: Session, path: tuple[str, ...]) -> bytes:
    return bytes.fromhex(bench.vault.files.stat(session, path).etag)


class TestOverwriting:
    """A new content is a new version of the same node."""

    def test_keeps_the_old_versions_blob_and_key(self, bench: Bench, ada: Session) -> None:
        """Only the current one counts for the quota."""
        bench.put(ada, FILE, b"1")
        first, node = blob(bench, ada, FILE), bench.vault.files.stat(ada, FILE).id
        bench.put(ada, FILE, b"22")
        assert past(bench, node) == [1, 2]
        assert first in bench.blob_ids() & bench.key_ids() & bench.live_ids()
        assert bench.vault.files.stat(ada, FILE).id == node
        assert bench.vault.files.quota(ada, FILE).used == 2
        bench.assert_tidy()

    def test_an_empty_placeholder_leaves_one_version(self, bench: Bench, ada: Session) -> None:
        """Explorer and Finder write every file twice."""
        bench.put(ada, FILE, b"")
        placeholder, node = blob(bench, ada, FILE), bench.vault.files.stat(ada, FILE).id
        bench.put(ada, FILE, b"content")
        assert past(bench, node) == [7]
        assert placeholder not in bench.blob_ids() | bench.key_ids()
        bench.assert_tidy()

    @pytest.mark.parametrize("name", ["._file", ".DS_Store"])
    def test_files_that_macos_strews_have_no_past(self, bench: Bench, ada: Session, name: str) -> None:
        """Neither versions nor trash."""
        for content in (b"1", b"22", b"333"):
            bench.put(ada, ("ada", name), content)
        node = bench.vault.files.stat(ada, ("ada", name)).id
        assert past(bench, node) == [3]
        bench.assert_tidy()
        bench.vault.files.delete(ada, ("ada", name))
        assert bench.blob_ids() == bench.key_ids() == set()
        assert bench.rows("SELECT 1 FROM nodes WHERE id = ?", node) == []

    @pytest.mark.parametrize("name", ["._file", ".DS_Store"])
    def test_files_that_macos_strews_cost_an_entry_when_they_come_and_go_and_none_between(
        self, bench: Bench, ada: Session, name: str
    ) -> None:
        """However often they are written and locked; quota, etag and tidiness are those of any file."""
        path, files, locks = ("ada", name), bench.vault.files, bench.vault.locks
        space = files.stat(ada, ("ada",)).space
        before = len(bench.actions(space))
        etags = {bench.put(ada, path, b"")}
        lock, _ = locks.lock(ada, path, exclusive=True, infinite=False, owner="", timeout=600)
        for content in (b"1", b"22", b"333"):
            etags.add(bench.put(ada, path, content, guard=Guard(tokens=frozenset({lock.token}))))
        locks.unlock(ada, path, lock.token)
        assert len(etags) == 4
        assert bench.get(ada, path) == b"333"
        assert files.quota(ada, path).used == 3
        assert bench.actions(space)[before:] == ["create"]
        files.delete(ada, path)
        assert bench.actions(space)[before:] == ["create", "delete"]
        bench.assert_tidy()

    def test_a_lock_on_a_folder_is_journalled_whatever_file_it_is_given_back_by(
        self, bench: Bench, ada: Session
    ) -> None:
        """The entry says what was locked, and that is a folder."""
        bench.vault.files.make_folder(ada, FOLDER)
        bench.put(ada, (*FOLDER, "._a"), b"")
        lock, _ = bench.vault.locks.lock(ada, FOLDER, exclusive=True, infinite=True, owner="", timeout=600)
        bench.vault.locks.unlock(ada, (*FOLDER, "._a"), lock.token)
        space = bench.vault.files.stat(ada, ("ada",)).space
        assert bench.actions(space)[-2:] == ["lock", "unlock"]

    def test_a_copy_or_a_move_over_such_a_file_is_journalled(self, bench: Bench, ada: Session) -> None:
        """It says where the content came from, and the folder's etag moves."""
        bench.put(ada, FILE, b"1")
        bench.put(ada, ("ada", "._x"), b"22")
        space, folder = bench.vault.files.stat(ada, FILE).space, bench.vault.files.stat(ada, ("ada",)).etag
        bench.vault.files.copy(ada, FILE, ("ada", "._x"), overwrite=True, deep=True)
        assert bench.vault.files.stat(ada, ("ada",)).etag != folder
        bench.vault.files.move(ada, FILE, ("ada", "._x"), overwrite=True)
        assert bench.actions(space)[-2:] == ["update", "move"]
        bench.assert_tidy()

    def test_a_blob_that_a_snapshot_holds_stays(self, bench: Bench, ada: Session) -> None:
        """A placeholder that got into a snapshot is dropped from the past, and its blob lives on."""
        bench.put(ada, FILE, b"")
        placeholder = blob(bench, ada, FILE)
        bench.stores.catalog.write(lambda rows: rows.run("INSERT INTO snapshots (created) VALUES (1)"))
        bench.put(ada, FILE, b"content")
        assert placeholder in bench.blob_ids() & bench.key_ids()
        assert past(bench, bench.vault.files.stat(ada, FILE).id) == [7]


class TestMoving:
    """Within a space nothing is rewritten."""

    def test_a_file_over_a_file_keeps_the_node_and_its_past(self, bench: Bench, ada: Session) -> None:
        """How Office and editors save."""
        bench.put(ada, FILE, b"1")
        node = bench.vault.files.stat(ada, FILE).id
        bench.put(ada, OTHER, b"22")
        bench.put(ada, OTHER, b"333")
        moved = bench.vault.files.stat(ada, OTHER).id
        written = bench.vault.files.move(ada, OTHER, FILE, overwrite=True)
        assert not written.created
        assert written.node.id == node
        assert bench.get(ada, FILE) == b"333"
        assert past(bench, node) == [1, 2, 3]
        assert bench.names(ada, ("ada",)) == {"file"}
        assert bench.rows("SELECT 1 FROM nodes WHERE id = ?", moved) == []
        assert bench.vault.files.quota(ada, FILE).used == 3
        bench.assert_tidy()

    def test_over_an_empty_file_leaves_the_moved_past_alone(self, bench: Bench, ada: Session) -> None:
        """The placeholder was nothing."""
        bench.put(ada, FILE, b"")
        bench.put(ada, OTHER, b"22")
        node = bench.vault.files.stat(ada, FILE).id
        bench.vault.files.move(ada, OTHER, FILE, overwrite=True)
        assert past(bench, node) == [2]
        bench.assert_tidy()

    def test_takes_the_properties_along(self, bench: Bench, ada: Session) -> None:
        """Over a file they replace its own."""
        files = bench.vault.files
        for path, value in ((FILE, "old"), (OTHER, "new")):
            bench.put(ada, path, b"x")
            files.patch(ada, path, NO_GUARD, [("{x:}" + value, f"<v>{value}</v>")])
        node = files.move(ada, OTHER, FILE, overwrite=True).node
        assert files.properties(ada, [node]) == {node.id: {"{x:}new": "<v>new</v>"}}

    def test_without_overwrite_is_refused(self, bench: Bench, ada: Session) -> None:
        """Nothing has changed."""
        bench.put(ada, FILE, b"1")
        bench.put(ada, OTHER, b"22")
        with pytest.raises(AlreadyExists):
            bench.vault.files.move(ada, OTHER, FILE, overwrite=False)
        assert (bench.get(ada, FILE), bench.get(ada, OTHER)) == (b"1", b"22")

    @pytest.mark.parametrize(("what", "over"), [("file", "folder"), ("folder", "file"), ("folder", "folder")])
    def test_where_a_folder_takes_part_the_target_goes_to_the_trash(
        self, bench: Bench, ada: Session, what: str, over: str
    ) -> None:
        """Every mixture of file and folder but the two files above."""
        files = bench.vault.files
        for path, kind in ((("ada", "s"), what), (("ada", "t"), over)):
            if kind == "file":
                bench.put(ada, path, b"12345")
            else:
                files.make_folder(ada, path)
                bench.put(ada, (*path, "below"), path[1].encode() * 3)
        old = files.stat(ada, ("ada", "t")).id
        node = files.stat(ada, ("ada", "s")).id
        files.move(ada, ("ada", "s"), ("ada", "t"), overwrite=True)
        assert bench.names(ada, ("ada",)) == {"t"}
        assert files.stat(ada, ("ada", "t")).id == node
        assert bench.rows("SELECT id FROM nodes WHERE deleted IS NOT NULL") == [(old,)]
        if what == "folder":
            assert bench.get(ada, ("ada", "t", "below")) == b"sss"
        assert files.quota(ada, FILE).used == (3 if what == "folder" else 5)
        bench.assert_tidy()

    @pytest.mark.parametrize("target", [FOLDER, (*FOLDER, "in"), (*FOLDER, "sub", "in")])
    def test_a_folder_into_itself_is_refused(self, bench: Bench, ada: Session, target: tuple[str, ...]) -> None:
        """It would lose the tree."""
        bench.vault.files.make_folder(ada, FOLDER)
        bench.vault.files.make_folder(ada, (*FOLDER, "sub"))
        with pytest.raises(Overlap):
            bench.vault.files.move(ada, FOLDER, target, overwrite=True)

    def test_onto_its_own_ancestor_is_refused(self, bench: Bench, ada: Session) -> None:
        """Overwriting would delete the source first."""
        bench.vault.files.make_folder(ada, FOLDER)
        bench.put(ada, (*FOLDER, "f"), b"x")
        with pytest.raises(Overlap):
            bench.vault.files.move(ada, (*FOLDER, "f"), FOLDER, overwrite=True)
        assert bench.get(ada, (*FOLDER, "f")) == b"x"

    def test_from_and_to_what_is_not_there_is_refused(self, bench: Bench, ada: Session) -> None:
        """Source, target's folder, a file as target's folder, a whole space."""
        bench.put(ada, FILE, b"x")
        move = bench.vault.files.move
        with pytest.raises(NotFound):
            move(ada, OTHER, FOLDER, overwrite=True)
        for parent in (FOLDER, FILE):
            bench.put(ada, OTHER, b"x")
            with pytest.raises(ParentMissing):
                move(ada, OTHER, (*parent, "x"), overwrite=True)
        for source, target in ((("ada",), FOLDER), (FILE, ("new",)), (FILE, ("ada",))):
            with pytest.raises(Forbidden):
                move(ada, source, target, overwrite=True)

    def test_to_another_space_leaves_nothing_open_under_the_old_key(self, bench: Bench, ada: Session) -> None:
        """A copy with new blobs, and the source in its trash."""
        bench.vault.spaces.add("shared", ada.user)
        bench.vault.files.make_folder(ada, FOLDER)
        bench.put(ada, (*FOLDER, "f"), b"content")
        before = bench.blob_ids()
        written = bench.vault.files.move(ada, FOLDER, ("shared", "moved"), overwrite=False)
        assert written.created
        assert bench.get(ada, ("shared", "moved", "f")) == b"content"
        assert bench.names(ada, ("ada",)) == set()
        assert len(bench.blob_ids() - before) == 1
        used = [bench.vault.files.quota(ada, (label,)).used for label in ("ada", "shared")]
        assert used == [0, 7]
        bench.assert_tidy()


class TestCopying:
    """One version, one blob, one key."""

    def test_a_copy_outlives_the_destruction_of_its_sources_key(self, bench: Bench, ada: Session) -> None:
        """And the other way round."""
        bench.put(ada, FILE, b"content")
        bench.vault.files.copy(ada, FILE, OTHER, overwrite=False, deep=True)
        a, b = blob(bench, ada, FILE), blob(bench, ada, OTHER)
        assert a != b
        assert bench.blob_file(a).read_bytes() != bench.blob_file(b).read_bytes()
        bench.assert_tidy()
        bench.stores.keyring.remove_data_keys([a])  # type: ignore[list-item]
        assert bench.get(ada, OTHER) == b"content"

    def test_over_a_file_keeps_the_node_and_adds_a_version(self, bench: Bench, ada: Session) -> None:
        """The target keeps its identity and its past."""
        bench.put(ada, FILE, b"1")
        bench.put(ada, OTHER, b"22")
        node = bench.vault.files.stat(ada, OTHER).id
        written = bench.vault.files.copy(ada, FILE, OTHER, overwrite=True, deep=True)
        assert not written.created
        assert past(bench, node) == [2, 1]
        bench.assert_tidy()

    def test_of_a_tree_is_the_same_tree(self, bench: Bench, ada: Session) -> None:
        """With properties and times; shallow, it is the folder alone."""
        files = bench.vault.files
        files.make_folder(ada, FOLDER, wanted={"{x:}p": "<p/>"})
        files.make_folder(ada, (*FOLDER, "sub"))
        bench.put(ada, (*FOLDER, "sub", "f"), b"deep", modified=5_000_000)
        files.patch(ada, (*FOLDER, "sub", "f"), NO_GUARD, [("{x:}q", "<q/>")])
        files.copy(ada, FOLDER, ("ada", "deep"), overwrite=False, deep=True)
        files.copy(ada, FOLDER, ("ada", "flat"), overwrite=False, deep=False)
        assert bench.names(ada, ("ada", "flat")) == set()
        assert bench.get(ada, ("ada", "deep", "sub", "f")) == b"deep"
        copied = files.stat(ada, ("ada", "deep", "sub", "f"))
        assert copied.modified == 5_000_000
        assert files.properties(ada, [copied])[copied.id] == {"{x:}q": "<q/>"}
        for path in (("ada", "deep"), ("ada", "flat")):
            node = files.stat(ada, path)
            assert files.properties(ada, [node])[node.id] == {"{x:}p": "<p/>"}
        bench.assert_tidy()

    def test_into_itself_is_refused_unless_it_is_shallow(self, bench: Bench, ada: Session) -> None:
        """A deep copy into itself would have no end."""
        files = bench.vault.files
        files.make_folder(ada, FOLDER)
        bench.put(ada, (*FOLDER, "f"), b"x")
        for target in (FOLDER, (*FOLDER, "in")):
            with pytest.raises(Overlap):
                files.copy(ada, FOLDER, target, overwrite=True, deep=True)
        files.copy(ada, FOLDER, (*FOLDER, "in"), overwrite=True, deep=False)
        assert bench.names(ada, FOLDER) == {"f", "in"}

    def test_beyond_the_quota_leaves_nothing(self, bench: Bench, ada: Session) -> None:
        """The whole tree is counted before anything is copied."""
        bench.put(ada, FILE, bytes(60))
        bench.vault.spaces.set_quota("ada", 100)
        with pytest.raises(QuotaExceeded):
            bench.vault.files.copy(ada, FILE, OTHER, overwrite=False, deep=True)
        assert bench.names(ada, ("ada",)) == {"file"}
        bench.assert_tidy()

    def test_over_a_file_counts_what_it_replaces(self, bench: Bench, ada: Session) -> None:
        """As a write does."""
        bench.put(ada, FILE, bytes(60))
        bench.put(ada, OTHER, bytes(60))
        bench.vault.spaces.set_quota("ada", 130)
        bench.vault.files.copy(ada, FILE, OTHER, overwrite=True, deep=True)
        assert bench.vault.files.quota(ada, FILE).used == 120


class TestDeleting:
    """To the trash."""

    def test_frees_the_name_and_the_quota_and_keeps_the_content(self, bench: Bench, ada: Session) -> None:
        """The same name can be made again, as another node."""
        bench.put(ada, FILE, b"old")
        node = bench.vault.files.stat(ada, FILE).id
        bench.vault.files.delete(ada, FILE)
        with pytest.raises(NotFound):
            bench.vault.files.stat(ada, FILE)
        assert bench.vault.files.quota(ada, FILE).used == 0
        bench.put(ada, FILE, b"new")
        assert bench.vault.files.stat(ada, FILE).id != node
        assert past(bench, node) == [3]
        bench.assert_tidy()

    def test_a_whole_space_is_refused(self, bench: Bench, ada: Session) -> None:
        """It is no file operation."""
        with pytest.raises(Forbidden):
            bench.vault.files.delete(ada, ("ada",))


class TestDestroyingAnAccount:
    """Keys first: no copy opens again."""

    def test_takes_its_spaces_blobs_and_keys_along(self, bench: Bench, ada: Session) -> None:
        """Nothing of it is left in any store, but the journal."""
        bob = bench.account("bob")
        bench.put(ada, FILE, b"content")
        bench.put(ada, FILE, b"content 2")
        bench.put(bob, ("bob", "f"), b"stays")
        bench.vault.files.delete(ada, FILE)
        bench.vault.erasure.delete_account("ada")
        assert len(bench.blob_ids()) == 1
        bench.assert_tidy()
        for table in ("slots", "identities", "space_keys"):
            assert len(bench.rows(f"SELECT DISTINCT {'user' if table != 'space_keys' else 'member'} FROM {table}",
                                  store="keyring")) == 1  # fmt: skip
        assert bench.get(bob, ("bob", "f")) == b"stays"
