"""Ids of nodes: none is given out twice, they grow within a space, and a space takes many at once."""

from pathlib import Path

import pytest
from vaults import PASSWORD, Bench, open_bench

from docstopd.catalog import MIGRATIONS, nodes
from docstopd.db.sqlite import SqliteDatabase
from docstopd.vault import Session


def ids(bench: Bench, session: Session, count: int, name: str = "f") -> list[int]:
    """Make files; the ids that they got, in order."""
    home = session.user.name
    for number in range(count):
        bench.put(session, (home, f"{name}{number}"), b"x")
    return [bench.vault.files.stat(session, (home, f"{name}{number}")).id for number in range(count)]


def given(bench: Bench) -> int:
    """The id up to which the count of all has come."""
    return int(bench.rows("SELECT seq FROM sqlite_sequence WHERE name = 'nodes'")[0][0])


def test_ids_grow_within_a_space_over_many_blocks(bench: Bench, ada: Session) -> None:
    found = ids(bench, ada, 2 * nodes.BLOCK + 3)
    assert found == sorted(set(found))
    assert given(bench) >= found[-1]


def test_the_count_of_all_moves_once_for_a_block(bench: Bench, ada: Session) -> None:
    ids(bench, ada, 1, "first")
    before = given(bench)
    found = ids(bench, ada, nodes.BLOCK - 1)
    assert given(bench) == before >= found[-1]


def test_spaces_and_processes_never_share_an_id(bench: Bench, ada: Session, tmp_path: Path) -> None:
    bob, other = bench.account("bob"), open_bench(tmp_path, clock=bench.clock)
    again = other.vault.sessions.sign_in("ada", PASSWORD)
    found = [*ids(bench, ada, 3, "a"), *ids(bench, bob, 3, "b"), *ids(other, again, 3, "c"), *ids(bench, ada, 3, "d")]
    other.vault.close()
    assert len(set(found)) == len(found)
    mine = found[:3] + found[6:]
    assert mine == sorted(mine)


def test_a_node_that_is_gone_for_good_leaves_its_id_unused(bench: Bench, ada: Session) -> None:
    last = ids(bench, ada, 1)[0]
    bench.edit("DELETE FROM versions WHERE node = ?", last)
    bench.edit("DELETE FROM nodes WHERE id = ?", last)
    assert ids(bench, ada, 1, "g")[0] > last


@pytest.mark.parametrize("beyond", [False, True])
def test_what_is_passed_over_is_left_out_in_blocks_too(
    bench: Bench, ada: Session, tmp_path: Path, *, beyond: bool
) -> None:
    last = ids(bench, ada, 2)[-1]
    catalog = SqliteDatabase(tmp_path / "catalog.db", MIGRATIONS)
    catalog.write(lambda rows: nodes.pass_beyond(rows, last + 1000) if beyond else nodes.pass_over(rows, 1000))
    catalog.close()
    assert ids(bench, ada, 1, "g")[0] > last + 1000
