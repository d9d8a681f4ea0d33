"""A purge or a restore that dies at any of its writes: what is left is whole, and the next try ends it."""

from contextlib import suppress
from pathlib import Path

import pytest
from dying import Died, Fuse, end_of_test, under
from trashed import trashed
from vaults import Bench, open_bench

from docstopd.errors import NotFound
from docstopd.model import SpacePath
from docstopd.vault import Session
from docstopd.vault.past import purge

FOLDER: SpacePath = ("ada", "folder")
NAMES = ("a", "b", "c")


def filled(folder: Path) -> tuple[Bench, Session]:
    """A deleted folder with three files, and a file that stays."""
    bench = open_bench(folder)
    ada = bench.account("ada")
    bench.vault.files.make_folder(ada, FOLDER)
    for name in NAMES:
        bench.put(ada, (*FOLDER, name), name.encode())
    bench.put(ada, ("ada", "stays"), b"stays")
    bench.vault.files.delete(ada, FOLDER)
    return bench, ada


def heads(bench: Bench) -> list[tuple[int, int]]:
    """What is in the trash."""
    return bench.rows("SELECT id, deleted FROM nodes WHERE deleted IS NOT NULL")  # type: ignore[return-value]


def assert_sound(bench: Bench, ada: Session) -> None:
    """Whatever a row names can be read; what is left over beside it is an orphan, and legal."""
    assert bench.live_ids() <= bench.key_ids() & bench.blob_ids()
    assert bench.get(ada, ("ada", "stays")) == b"stays"
    bench.assert_journal()


@pytest.mark.parametrize("after", [False, True])
def test_a_purge_that_dies_is_ended_by_the_next(tmp_path: Path, after: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """At each of its steps in turn."""
    monkeypatch.setattr(purge, "BATCH", 2)
    for at in range(50):
        (tmp_path / str(at)).mkdir()
        bench, ada = filled(tmp_path / str(at))
        fuse = Fuse(at, after, end_of_test)
        with suppress(Died):
            under(bench, fuse).vault.past.purge.run(heads(bench))  # type: ignore[arg-type]
        assert_sound(bench, ada)
        for head in heads(bench):  # what is left of it is a deleted folder like any other
            place = trashed(bench, ada, "folder")
            assert all(bench.get(ada, (*place, name)) for name in bench.names(ada, place))
            bench.vault.past.purge.run([head])  # type: ignore[list-item]
        assert_sound(bench, ada)
        assert bench.rows("SELECT count(*) FROM nodes") == [(2,)]
        assert len(bench.live_ids()) == 1
        bench.vault.close()
        if fuse.count <= at:
            assert at > 6, "a purge has more steps than that"
            return
    raise AssertionError("the purge has no end")


@pytest.mark.parametrize("after", [False, True])
def test_a_restore_that_dies_happened_or_did_not(tmp_path: Path, after: bool) -> None:
    """The tree is in one of the two places, whole."""
    bench, ada = filled(tmp_path)
    source = trashed(bench, ada, "folder")
    other = under(bench, Fuse(0, after, end_of_test))
    with pytest.raises(Died):
        other.vault.files.move(ada, source, FOLDER, overwrite=False)
    here, gone = (FOLDER, source) if after else (source, FOLDER)
    assert {name: bench.get(ada, (*here, name)) for name in bench.names(ada, here)} == {
        name: name.encode() for name in NAMES
    }
    with pytest.raises(NotFound):
        bench.vault.files.stat(ada, gone)
    assert bench.vault.files.quota(ada, FOLDER).used == (8 if after else 5)
    assert_sound(bench, ada)
    bench.vault.close()
