"""A process that dies at any step of taking a file in or of filing it: the file is there or its arrival is, once."""

from pathlib import Path

import pytest
from arriving import waiting
from dropping import SETTLE, Desk, open_desk
from dying import Died, Fuse, end_of_test, under
from vaults import PASSWORD, Bench

STEPS = 8
"""More than a file takes on its way in, or out: the last ones find that nothing died."""


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return open_desk(tmp_path)


def file_all(bench: Bench) -> None:
    session = bench.vault.sessions.sign_in("ada", PASSWORD)
    bench.vault.arrivals.file(session, "ada")


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("at", range(STEPS))
def test_whatever_dies_on_the_way_in_the_file_is_in_the_space_once(desk: Desk, at: int, after: bool) -> None:
    (desk.folder / "scan").write_bytes(b"a page")
    fuse = Fuse(at, after, end_of_test)
    first = desk.watcher(under(desk.bench, fuse))
    first.step()
    desk.ticks.now += SETTLE
    try:
        first.step()
        assert fuse.count <= at
    except Died:
        assert desk.left() == {"scan"} or waiting(desk.bench) == 1
    desk.settle(desk.watcher(desk.bench))
    assert (desk.left(), waiting(desk.bench)) == (set(), 1)
    assert desk.inbox() == {"scan": b"a page"}
    assert desk.bench.live_ids() <= desk.bench.blob_ids() & desk.bench.key_ids()
    desk.bench.assert_journal()


def test_the_fuse_reaches_every_step_on_the_way_in(desk: Desk) -> None:
    """Key, row and mark at least: else the test above would show nothing."""
    (desk.folder / "scan").write_bytes(b"a page")
    fuse = Fuse(STEPS, False, end_of_test)
    desk.settle(desk.watcher(under(desk.bench, fuse)))
    assert 3 <= fuse.count <= STEPS


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("at", range(6))
def test_whatever_dies_while_filing_the_next_run_files_it_once(desk: Desk, at: int, after: bool) -> None:
    for number in range(3):
        (desk.folder / f"{number}").write_bytes(b"%d" % number)
    desk.settle()
    fuse = Fuse(at, after, end_of_test)
    try:
        file_all(under(desk.bench, fuse))
    except Died:
        pass
    else:
        assert fuse.count <= at
    assert desk.inbox() == {"0": b"0", "1": b"1", "2": b"2"}
    assert waiting(desk.bench) == 0
    desk.bench.assert_tidy()
