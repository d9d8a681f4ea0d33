"""Purging: a deleted tree goes for good, with every key and ciphertext that nothing else needs."""

from dataclasses import replace

import pytest
from failing import FailingBlobs, FailingDatabase
from vaults import Bench

from docstopd.catalog import holds, trash
from docstopd.errors import StorageFull
from docstopd.model import NO_GUARD, NodeId
from docstopd.vault import Session
from docstopd.vault.past import purge
from docstopd.vault.past.purge import Purged

FILE, FOLDER = ("ada", "file"), ("ada", "folder")


def heads(bench: Bench) -> list[tuple[NodeId, int]]:
    """The whole trash, oldest first."""
    space = bench.rows("SELECT id FROM spaces WHERE label = 'ada'")[0][0]
    with bench.stores.catalog.read() as rows:
        return [(head.row.id, head.deleted) for head in trash.heads(rows, space)]


def hold(bench: Bench, kind: str, subject: bytes, node: int = 0) -> None:
    """Place a hold."""

    def work(rows) -> None:  # type: ignore[no-untyped-def]
        holds.add(rows, holds.Hold(b"h" * 16, kind, subject, 1, b"", True, b"", None))
        if node:
            holds.cover(rows, b"h" * 16, NodeId(node))

    bench.stores.catalog.write(work)


def fill(bench: Bench, ada: Session) -> None:
    """A folder with 3 files, of which one has a past, and a folder in it."""
    bench.vault.files.make_folder(ada, FOLDER)
    bench.vault.files.make_folder(ada, (*FOLDER, "inner"))
    for name in ("a", "b"):
        bench.put(ada, (*FOLDER, name), name.encode())
    bench.put(ada, (*FOLDER, "inner", "c"), b"1")
    bench.put(ada, (*FOLDER, "inner", "c"), b"22")
    bench.vault.files.patch(ada, (*FOLDER, "a"), NO_GUARD, [("{x:}p", "<v/>")])


def assert_nothing_left(bench: Bench) -> None:
    """The space holds its root alone."""
    for table in ("versions", "properties"):
        assert bench.rows(f"SELECT 1 FROM {table}") == []
    assert bench.rows("SELECT 1 FROM nodes WHERE parent != 0") == []
    bench.assert_tidy()


class TestPurging:
    """From the leaves to the head."""

    @pytest.mark.parametrize("size", [1, 2, 500])
    def test_takes_everything_of_the_tree(
        self, bench: Bench, ada: Session, size: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """In however many transactions."""
        monkeypatch.setattr(purge, "BATCH", size)
        fill(bench, ada)
        bench.vault.files.delete(ada, FOLDER)
        assert bench.vault.past.purge.run(heads(bench)) == Purged(files=3, folders=2, versions=4, bytes=5)
        assert_nothing_left(bench)

    def test_takes_many_trees(self, bench: Bench, ada: Session) -> None:
        """And leaves what is not in the trash."""
        for name in ("1", "2", "3", "4"):
            bench.put(ada, ("ada", name), name.encode())
        for name in ("1", "2", "3"):
            bench.vault.files.delete(ada, ("ada", name))
        assert bench.vault.past.purge.run(heads(bench)).files == 3
        assert bench.names(ada, ("ada",)) == {"4"}
        assert bench.get(ada, ("ada", "4")) == b"4"
        bench.assert_tidy()

    def test_is_in_the_journal_file_by_file(self, bench: Bench, ada: Session) -> None:
        """Nothing personal: the entries of the deletion say what the nodes were called."""
        bench.put(ada, FILE, b"12")
        node = bench.vault.files.stat(ada, FILE)
        bench.vault.files.delete(ada, FILE)
        bench.vault.past.purge.run(heads(bench))
        found = bench.rows("SELECT node, facts, payload FROM journal WHERE action = 'purge'")
        assert found == [(node.id, '{"bytes":2,"folder":false,"versions":1}', None)]

    def test_a_sync_client_sees_nothing_of_it(self, bench: Bench, ada: Session) -> None:
        """The file left the tree when it was deleted."""
        bench.put(ada, FILE, b"12")
        bench.vault.files.delete(ada, FILE)
        token = bench.vault.sync.token(ada, ("ada",))
        bench.vault.past.purge.run(heads(bench))
        report = bench.vault.sync.report(ada, ("ada",), token, deep=True)
        assert report.changed == report.removed == []

    def test_a_tree_that_was_deleted_out_of_it_before_stays_its_own(self, bench: Bench, ada: Session) -> None:
        """It has its own time, and reads without its parent."""
        fill(bench, ada)
        bench.vault.files.delete(ada, (*FOLDER, "inner"))
        bench.vault.files.delete(ada, FOLDER)
        inner, folder = heads(bench)
        assert bench.vault.past.purge.run([folder]) == Purged(files=2, folders=1, versions=2, bytes=2)
        assert heads(bench) == [inner]
        assert bench.vault.past.purge.run([inner]) == Purged(files=1, folders=1, versions=2, bytes=3)
        assert_nothing_left(bench)

    def test_what_is_not_in_the_trash_is_passed_over(self, bench: Bench, ada: Session) -> None:
        """Or was deleted by another entry than the caller has seen."""
        bench.put(ada, FILE, b"12")
        live = bench.vault.files.stat(ada, FILE).id
        assert bench.vault.past.purge.run([(live, 1), (NodeId(999), 1)]) == Purged()
        bench.vault.files.delete(ada, FILE)
        assert bench.vault.past.purge.run([(live, 1)]) == Purged()
        assert len(heads(bench)) == 1

    def test_a_blob_that_a_snapshot_holds_stays_with_its_key(self, bench: Bench, ada: Session) -> None:
        """The file lives on in the snapshot until that expires."""
        bench.put(ada, FILE, b"12")
        blob = bytes.fromhex(bench.vault.files.stat(ada, FILE).etag)
        bench.stores.catalog.write(lambda rows: rows.run("INSERT INTO snapshots (created) VALUES (1)"))
        bench.vault.files.delete(ada, FILE)
        assert bench.vault.past.purge.run(heads(bench)).files == 1
        assert bench.rows("SELECT dead FROM versions WHERE blob = ?", blob) == [(1,)]
        assert blob in bench.blob_ids() & bench.key_ids()
        assert heads(bench) == []


class TestHolds:
    """Nothing that is held goes."""

    @pytest.mark.parametrize("what", ["user", "space", "head", "member", "parent"])
    def test_a_tree_with_anything_held_in_it_stays_whole(self, bench: Bench, ada: Session, what: str) -> None:
        """Until the hold is released."""
        fill(bench, ada)
        stat = bench.vault.files.stat
        space = stat(ada, FOLDER).space
        nodes = {"head": FOLDER, "member": (*FOLDER, "inner", "c"), "parent": ("ada",)}
        node = stat(ada, nodes[what]).id if what in nodes else 0
        bench.vault.files.delete(ada, FOLDER)
        bench.put(ada, FILE, b"another")
        hold(bench, "node" if node else what, ada.user.id if what == "user" else space, node)
        before = bench.rows("SELECT * FROM nodes ORDER BY id")
        assert bench.vault.past.purge.run(heads(bench)) == Purged(held=1)
        assert bench.rows("SELECT * FROM nodes ORDER BY id") == before
        bench.edit("UPDATE holds SET released = 2")
        assert bench.vault.past.purge.run(heads(bench)).files == 3
        bench.assert_tidy()

    def test_a_held_tree_does_not_keep_the_others(self, bench: Bench, ada: Session) -> None:
        """In one transaction with it."""
        for name in ("1", "2", "3"):
            bench.put(ada, ("ada", name), name.encode())
        node = bench.vault.files.stat(ada, ("ada", "2"))
        for name in ("1", "2", "3"):
            bench.vault.files.delete(ada, ("ada", name))
        hold(bench, "node", node.space, node.id)
        assert bench.vault.past.purge.run(heads(bench)) == Purged(files=2, versions=2, bytes=2, held=1)
        assert [head for head, _ in heads(bench)] == [node.id]
        bench.assert_tidy()


class TestFailures:
    """The next run ends where an undisturbed one would have."""

    @pytest.mark.parametrize("done", range(5))
    def test_a_transaction_that_fails_leaves_the_rest_to_the_next_run(
        self, bench: Bench, ada: Session, done: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What is left is a tree in the trash like any other."""
        monkeypatch.setattr(purge, "BATCH", 1)
        fill(bench, ada)
        bench.vault.files.delete(ada, FOLDER)
        failing = FailingDatabase(bench.stores.catalog)
        failing.before, failing.skip = StorageFull("no room"), done
        other = bench.with_stores(lambda stores: replace(stores, catalog=failing))
        with pytest.raises(StorageFull):
            other.vault.past.purge.run(heads(bench))
        assert len(bench.rows("SELECT 1 FROM nodes WHERE parent != 0")) == 5 - done
        bench.assert_tidy()
        bench.vault.past.purge.run(heads(bench))
        assert_nothing_left(bench)

    def test_a_blob_that_cannot_be_deleted_is_an_orphan(self, bench: Bench, ada: Session) -> None:
        """Its key has gone before."""
        bench.put(ada, FILE, b"12")
        bench.vault.files.delete(ada, FILE)
        blobs = FailingBlobs(bench.stores.blobs)
        blobs.delete_fails = StorageFull("not now")
        other = bench.with_stores(lambda stores: replace(stores, blobs=blobs))
        assert other.vault.past.purge.run(heads(bench)).files == 1
        assert bench.key_ids() == bench.live_ids() == set()
        assert len(bench.blob_ids()) == 1
