"""`.snapshots`: the tree as it was at a time, as far as the catalog still holds it."""

import pytest
from trashed import trashed
from vaults import Bench

from docstopd.errors import Forbidden, NotFound
from docstopd.model import SpacePath
from docstopd.vault import Session
from docstopd.vault.past.naming import time_name

A, B, FOLDER = ("ada", "a.txt"), ("ada", "b.txt"), ("ada", "folder")


def now(bench: Bench) -> str:
    """The name of this moment, between two changes."""
    bench.clock.advance(60)
    name = time_name(bench.clock())
    bench.clock.advance(60)
    return name


def at(time: str, path: SpacePath) -> SpacePath:
    """A path as it was at a time."""
    return ("ada", ".snapshots", time, *path[1:])


class TestContents:
    """Each file with what it had then."""

    def test_a_file_has_the_content_of_the_time(self, bench: Bench, ada: Session) -> None:
        """And is not there before it was made."""
        times = [now(bench)]
        for content in (b"1", b"22"):
            bench.put(ada, A, content)
            times.append(now(bench))
        with pytest.raises(NotFound):
            bench.vault.files.stat(ada, at(times[0], A))
        assert [bench.get(ada, at(time, A)) for time in times[1:]] == [b"1", b"22"]
        assert [bench.vault.files.stat(ada, at(time, A)).size for time in times[1:]] == [1, 2]

    def test_a_dropped_version_leaves_the_one_before(self, bench: Bench, ada: Session) -> None:
        """The newest of those that are left; without any, the file is not shown."""
        times = []
        for content in (b"1", b"22", b"333"):
            bench.put(ada, A, content)
            times.append(now(bench))
        bench.edit("DELETE FROM versions WHERE size = 2")
        assert bench.get(ada, at(times[1], A)) == b"1"
        bench.edit("DELETE FROM versions WHERE size = 1")
        assert bench.names(ada, at(times[1], ("ada",))) == set()

    def test_a_file_that_another_was_moved_over_is_two_again(self, bench: Bench, ada: Session) -> None:
        """Each with its own past, whichever is newer."""
        for content in (b"a1", b"a2"):
            bench.put(ada, A, content)
            bench.put(ada, B, content.replace(b"a", b"b"))
        before = now(bench)
        bench.put(ada, A, b"a3")
        between = now(bench)
        bench.vault.files.move(ada, A, B, overwrite=True)
        after = now(bench)
        bench.put(ada, B, b"b4")
        wanted = {before: {A: b"a2", B: b"b2"}, between: {A: b"a3", B: b"b2"}, after: {B: b"a3"}}
        for time, contents in wanted.items():
            assert bench.names(ada, at(time, ("ada",))) == {path[1] for path in contents}
            assert {path: bench.get(ada, at(time, path)) for path in contents} == contents

    def test_what_was_restored_over_a_newer_content_is_the_content_from_then_on(
        self, bench: Bench, ada: Session
    ) -> None:
        """Though the server had received the other later."""
        bench.put(ada, A, b"old")
        bench.vault.files.delete(ada, A)
        bench.put(ada, A, b"newer")
        before = now(bench)
        bench.vault.files.move(ada, trashed(bench, ada, "a.txt"), A, overwrite=True)
        after = now(bench)
        assert (bench.get(ada, at(before, A)), bench.get(ada, at(after, A))) == (b"newer", b"old")


class TestPlaces:
    """Each node where it was then."""

    def test_what_was_moved_is_where_it_was(self, bench: Bench, ada: Session) -> None:
        """Also what lay in a folder that was moved, before it or after it was taken out of that."""
        bench.vault.files.make_folder(ada, FOLDER)
        bench.put(ada, (*FOLDER, "x"), b"x")
        bench.put(ada, (*FOLDER, "y"), b"y")
        first = now(bench)
        bench.vault.files.move(ada, FOLDER, ("ada", "renamed"), overwrite=False)
        second = now(bench)
        bench.vault.files.move(ada, ("ada", "renamed", "x"), ("ada", "x"), overwrite=False)
        assert bench.names(ada, at(first, ("ada",))) == {"folder"}
        assert bench.names(ada, at(first, FOLDER)) == {"x", "y"}
        assert bench.names(ada, at(second, ("ada", "renamed"))) == {"x", "y"}
        for time, top in ((first, "folder"), (second, "renamed")):
            assert bench.get(ada, at(time, ("ada", top, "x"))) == b"x"
            with pytest.raises(NotFound):
                bench.vault.files.stat(ada, at(time, ("ada", "x")))

    def test_what_was_deleted_is_there_until_then(self, bench: Bench, ada: Session) -> None:
        """And after it was restored; not between."""
        bench.vault.files.make_folder(ada, FOLDER)
        bench.put(ada, (*FOLDER, "x"), b"x")
        before = now(bench)
        bench.vault.files.delete(ada, FOLDER)
        between = now(bench)
        bench.vault.files.move(ada, trashed(bench, ada, "folder"), ("ada", "back"), overwrite=False)
        after = now(bench)
        assert bench.names(ada, at(before, ("ada",))) == {"folder"}
        assert bench.names(ada, at(between, ("ada",))) == set()
        assert bench.names(ada, at(after, ("ada",))) == {"back"}
        assert bench.get(ada, at(before, (*FOLDER, "x"))) == b"x"

    def test_what_was_purged_is_gone_from_then_too(self, bench: Bench, ada: Session) -> None:
        """The catalog holds it no more."""
        bench.put(ada, A, b"1")
        time = now(bench)
        bench.vault.files.delete(ada, A)
        assert bench.get(ada, at(time, A)) == b"1"
        (head,) = bench.rows("SELECT id, deleted FROM nodes WHERE deleted IS NOT NULL")
        bench.vault.past.purge.run([head])
        assert bench.names(ada, at(time, ("ada",))) == set()

    def test_a_move_whose_payload_was_erased_shows_the_node_where_it_is(self, bench: Bench, ada: Session) -> None:
        """Better than nowhere."""
        bench.put(ada, A, b"1")
        time = now(bench)
        bench.vault.files.move(ada, A, B, overwrite=False)
        bench.edit("UPDATE journal SET salt = NULL, payload = NULL WHERE action = 'move'")
        assert bench.names(ada, at(time, ("ada",))) == {"b.txt"}


class TestPoints:
    """Which times there are."""

    def test_the_times_of_snapshots_are_listed(self, bench: Bench, ada: Session) -> None:
        """Of those that have not expired, and are not older than the space."""
        bench.put(ada, A, b"1")
        now(bench)
        made = bench.clock()
        for created, expired in ((made, None), (made + 1, 5), (1, None)):
            bench.stores.catalog.write(
                lambda rows, created=created, expired=expired: rows.run(
                    "INSERT INTO snapshots (created, expired) VALUES (?, ?)", created, expired
                )
            )
        assert bench.names(ada, ("ada", ".snapshots")) == {time_name(made)}
        assert bench.get(ada, at(time_name(made), A)) == b"1"

    @pytest.mark.parametrize(
        "text",
        [
            "2023-11-15T01-00-00Z",
            "2023-11-15T01:00:00Z",
            "2023-11-15T02-00-00+01-00",
            "2023-11-15T02:00+01:00",
            "20231115T010000Z",
            "2023-11-15T01",
        ],
    )
    def test_any_time_can_be_asked_for(self, bench: Bench, ada: Session, text: str) -> None:
        """However it is spelled; the tree is the same."""
        bench.put(ada, A, b"1")
        bench.clock.now = 1_700_010_000_000_001
        bench.put(ada, A, b"22")
        assert bench.get(ada, at(text, A)) == b"1"
        assert bench.get(ada, at("2023-11-16", A)) == b"22"

    @pytest.mark.parametrize("text", ["1999-01-01T00-00-00Z", "x", "2023-13-01", "2023-11-15T25", "9999999", "2023"])
    def test_what_is_no_time_of_the_space_is_not_found(self, bench: Bench, ada: Session, text: str) -> None:
        """Before it was made, or never."""
        with pytest.raises(NotFound):
            bench.vault.files.list(ada, at(text, ("ada",)))

    def test_a_folder_is_copied_out_as_it_was(self, bench: Bench, ada: Session) -> None:
        """Even over what it has become."""
        bench.vault.files.make_folder(ada, FOLDER)
        bench.put(ada, (*FOLDER, "x"), b"1")
        time = now(bench)
        bench.put(ada, (*FOLDER, "x"), b"22")
        bench.put(ada, (*FOLDER, "y"), b"333")
        bench.vault.files.copy(ada, at(time, FOLDER), FOLDER, overwrite=True, deep=True)
        assert bench.names(ada, FOLDER) == {"x"}
        assert bench.get(ada, (*FOLDER, "x")) == b"1"
        with pytest.raises(Forbidden):
            bench.vault.files.move(ada, at(time, FOLDER), ("ada", "moved"), overwrite=False)
        bench.assert_tidy()
