"""`.versions`: what the catalog has of each file's contents, by path."""

import pytest
from vaults import START, Bench

from docstopd.errors import Forbidden, IsFolder, NotFolder, NotFound, PreconditionFailed
from docstopd.model import NO_GUARD, Guard
from docstopd.vault import Session

FILE = ("ada", "docs", "report.txt")
PAST = ("ada", ".versions", "docs", "report.txt")


@pytest.fixture
def filled(bench: Bench, ada: Session) -> Bench:
    """A folder with a file that has three contents, and a file that has one."""
    bench.vault.files.make_folder(ada, FILE[:-1])
    for content in (b"1", b"22", b"333"):
        bench.clock.advance(60)
        bench.put(ada, FILE, content)
    bench.put(ada, ("ada", "docs", "other"), b"x")
    return bench


def versions(bench: Bench, session: Session) -> list[str]:
    return [node.name for node in bench.vault.files.list(session, PAST).members]


class TestLooking:
    """Every file is a folder there."""

    def test_a_file_lists_its_versions_oldest_first(self, filled: Bench, ada: Session) -> None:
        """Named by when the server had them, with the file's own extension."""
        names = versions(filled, ada)
        assert [name[:20] for name in names] == [
            "2023-11-14T22-14-20.",
            "2023-11-14T22-15-20.",
            "2023-11-14T22-16-20.",
        ]
        assert all(len(name) == 31 and name.endswith("Z.txt") for name in names)
        assert [filled.get(ada, (*PAST, name)) for name in names] == [b"1", b"22", b"333"]

    def test_a_version_shows_its_own_size_tag_and_times(self, filled: Bench, ada: Session) -> None:
        """The tag is the content's, as it was when it was the file's."""
        now = filled.vault.files.stat(ada, FILE)
        members = filled.vault.files.list(ada, PAST).members
        assert [node.size for node in members] == [1, 2, 3]
        assert members[-1].etag == now.etag
        assert len({node.etag for node in members}) == len({node.id for node in members}) == 3
        assert [node.created > START for node in members] == [True] * 3
        assert all(node.past and not node.folder for node in members)

    def test_folders_list_files_and_folders_as_folders(self, filled: Bench, ada: Session) -> None:
        """Down from the top of the space."""
        for path, wanted in ((PAST[:2], {"docs"}), (PAST[:3], {"report.txt", "other"})):
            listing = filled.vault.files.list(ada, path)
            assert {node.name for node in listing.members} == wanted
            assert all(node.folder and node.past for node in [listing.node, *listing.members])

    def test_two_of_one_microsecond_have_two_names(self, filled: Bench, ada: Session) -> None:
        """And the second is found by its own when the first has gone."""
        filled.edit("UPDATE versions SET received = 7")
        names = versions(filled, ada)
        assert names[0] == "1970-01-01T00-00-00.000007Z.txt"
        assert len(set(names)) == 3
        contents = {filled.get(ada, (*PAST, name)) for name in names}
        assert contents == {b"1", b"22", b"333"}
        last = filled.get(ada, (*PAST, names[-1]))
        for name in names[:-1]:
            blob = bytes.fromhex(filled.vault.files.stat(ada, (*PAST, name)).etag)
            filled.edit("DELETE FROM versions WHERE blob = ?", blob)
        assert filled.get(ada, (*PAST, names[-1])) == last

    def test_a_version_of_which_only_snapshots_are_left_is_not_shown(self, filled: Bench, ada: Session) -> None:
        """It is dropped here."""
        filled.edit("UPDATE versions SET dead = 1 WHERE size = 2")
        assert len(versions(filled, ada)) == 2

    @pytest.mark.parametrize(
        "path",
        [
            (".versions", "none"),
            (".versions", "docs", "report.txt", "2023-11-14T22-14-20.000000Z.txt"),
            (".versions", "docs", "report.txt", "x", "y"),
            (".versions", "docs", "none", "x"),
        ],
    )
    def test_what_is_not_there_is_not_found(self, filled: Bench, ada: Session, path: tuple[str, ...]) -> None:
        """As everywhere."""
        with pytest.raises(NotFound):
            filled.vault.files.stat(ada, ("ada", *path))

    def test_it_is_in_no_listing(self, filled: Bench, ada: Session) -> None:
        """It is there for who asks for it by name."""
        assert filled.names(ada, ("ada",)) == {"docs"}

    def test_kinds_are_told_apart(self, filled: Bench, ada: Session) -> None:
        """A file's folder has no content, a version no members."""
        with pytest.raises(IsFolder):
            filled.vault.files.open(ada, PAST)
        with pytest.raises(NotFolder):
            filled.vault.files.list(ada, (*PAST, versions(filled, ada)[0]))

    def test_the_name_of_a_file_without_a_usable_extension_ends_with_the_time(self, bench: Bench, ada: Session) -> None:
        """Windows could not show `a*`."""
        for name in ("plain", "x.a*", ".hidden", "end."):
            bench.put(ada, ("ada", name), b"x")
            (version,) = bench.vault.files.list(ada, ("ada", ".versions", name)).members
            assert version.name.endswith("Z")


class TestCopyingOut:
    """A version becomes a file again."""

    def test_over_the_file_it_is_the_newest_version(self, filled: Bench, ada: Session) -> None:
        """The same node, its properties and the versions that it had."""
        filled.vault.files.patch(ada, FILE, NO_GUARD, [("{x:}p", "<v/>")])
        before = filled.vault.files.stat(ada, FILE)
        name = versions(filled, ada)[0]
        written = filled.vault.files.copy(ada, (*PAST, name), FILE, overwrite=True, deep=True)
        assert not written.created
        assert written.node.id == before.id
        assert filled.get(ada, FILE) == b"1"
        assert len(versions(filled, ada)) == 4
        assert filled.vault.files.properties(ada, [before]) == {before.id: {"{x:}p": "<v/>"}}
        filled.assert_tidy()

    def test_beside_it_is_a_new_file(self, filled: Bench, ada: Session) -> None:
        """With a blob and a key of its own."""
        target = ("ada", "old.txt")
        filled.vault.files.copy(ada, (*PAST, versions(filled, ada)[1]), target, overwrite=False, deep=True)
        assert filled.get(ada, target) == b"22"
        blobs = {node.etag for node in filled.vault.files.list(ada, PAST).members}
        assert filled.vault.files.stat(ada, target).etag not in blobs
        filled.assert_tidy()

    def test_a_folder_of_versions_is_not_copied(self, filled: Bench, ada: Session) -> None:
        """Each of them is a file."""
        for path in (PAST, PAST[:2]):
            with pytest.raises(Forbidden, match="copy what is in it"):
                filled.vault.files.copy(ada, path, ("ada", "x"), overwrite=False, deep=True)

    def test_conditions_are_about_the_version(self, filled: Bench, ada: Session) -> None:
        """Its tag, or 412."""
        path = (*PAST, versions(filled, ada)[0])
        etag = filled.vault.files.stat(ada, path).etag
        with pytest.raises(PreconditionFailed):
            filled.vault.files.copy(ada, path, FILE, Guard(if_match=("other",)), overwrite=True, deep=True)
        filled.vault.files.copy(ada, path, FILE, Guard(if_match=(etag,)), overwrite=True, deep=True)


def test_nothing_is_changed_there(filled: Bench, ada: Session) -> None:
    """Nor in the other two, by any door."""
    files, locks = filled.vault.files, filled.vault.locks
    filled.vault.files.delete(ada, ("ada", "docs", "other"))
    deleted = files.list(ada, ("ada", ".trash")).members[0].name
    version = versions(filled, ada)[0]
    head = filled.rows("SELECT max(seq) FROM journal")
    for path in (
        (*PAST, version),
        PAST,
        ("ada", ".versions"),
        ("ada", ".versions", "new"),
        ("ada", ".trash"),
        ("ada", ".trash", deleted),
        ("ada", ".trash", "new"),
        ("ada", ".snapshots", "2023-11-14T22-16-00Z", "docs", "report.txt"),
        ("ada", ".snapshots", "2023-11-14T22-16-00Z"),
        ("ada", ".snapshots"),
    ):
        for attempt in (
            lambda path=path: filled.put(ada, path, b"x"),
            lambda path=path: files.make_folder(ada, path),
            lambda path=path: files.delete(ada, path),
            lambda path=path: files.patch(ada, path, NO_GUARD, [("{x:}p", "<v/>")]),
            lambda path=path: files.copy(ada, FILE, path, overwrite=True, deep=True),
            lambda path=path: files.move(ada, FILE, path, overwrite=True),
            lambda path=path: locks.lock(ada, path, exclusive=True, infinite=False, owner="", timeout=9),
        ):
            with pytest.raises(Forbidden):
                attempt()
    for path in ((*PAST, version), PAST, ("ada", ".trash"), ("ada", ".snapshots", "2023-11-14T22-16-00Z", "docs")):
        with pytest.raises(Forbidden):
            files.move(ada, path, ("ada", "taken"), overwrite=True)
    assert filled.rows("SELECT max(seq) FROM journal") == head
    filled.assert_tidy()
