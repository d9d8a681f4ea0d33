"""A process that dies at any step of an erasure: whoever comes next ends in the state of an undisturbed one."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from daemon import environment
from dying import Died, Fuse, end_of_test, under
from snapshots import bench_with_target
from vaults import PASSWORD, Bench, Clock

from docstopd.model import MemberRole

FILE = ("ada", "letters", "to-grace.txt")
MOST = 60
"""Steps that no erasure here has."""

Act = Callable[[Bench], Any]


def with_target(folder: Path, clock: Clock) -> Bench:
    """A vault over a folder and a target beside it."""
    return bench_with_target(folder, clock=clock)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Two accounts, a shared space, a file with a past and one in the trash; all of it at a target as well."""
    folder = tmp_path_factory.mktemp("prepared")
    bench = with_target(folder, Clock())
    ada, bob = bench.account("ada"), bench.account("bob")
    bench.vault.files.make_folder(ada, FILE[:2])
    for number in range(2):
        bench.put(ada, FILE, b"dear grace %d" % number)
    bench.put(ada, (*FILE[:2], "gone.txt"), b"gone")
    bench.vault.files.delete(ada, (*FILE[:2], "gone.txt"))
    bench.put(ada, ("ada", "kept.txt"), b"kept")
    bench.vault.spaces.grant(ada, "ada", bob.user, MemberRole.OWNER)
    bench.put(bob, ("bob", "mine.txt"), b"mine")
    bench.vault.snapshots.create()
    bench.vault.close()
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def erase_folder(bench: Bench) -> None:
    bench.vault.erasure.request_path(bench.vault.sessions.sign_in("ada", PASSWORD), FILE[:2])


def erase_space(bench: Bench) -> None:
    bench.vault.erasure.request_space(bench.vault.sessions.sign_in("bob", PASSWORD), "bob")


def erase_account(bench: Bench) -> None:
    bench.vault.erasure.delete_account("bob")


ACTS: dict[str, Act] = {"folder": erase_folder, "space": erase_space, "account": erase_account}


def finish(folder: Path, clock: Clock, act: Act) -> tuple[object, ...]:
    """What the next process does: the job, twice, with a snapshot between; what there is in the end."""
    bench = with_target(folder, clock)
    if not bench.vault.erasure.all():
        act(bench)  # its request was never durable: nobody was told that it was
    bench.vault.erasure.expire()
    clock.advance(86_400)
    bench.vault.snapshots.create()
    bench.vault.erasure.expire()
    (erasure,) = bench.vault.erasure.all()
    assert bench.vault.erasure.verify(erasure.certificate or "") == []
    bench.assert_tidy()
    at_target = {path.name for path in (folder / "target").glob("blobs/??/*")}
    state = (
        erasure.kind,
        erasure.state,
        {name.hex() for name in bench.blob_ids()} == at_target,
        len(bench.blob_ids()),
        sorted(user.name for user, _ in bench.vault.accounts.all()),
        sorted((space.label, space.used) for space in bench.vault.spaces.all()),
        bench.rows("SELECT count(*) FROM nodes"),
        bench.rows("SELECT count(*) FROM traces"),
        bench.rows("SELECT count(*) FROM space_keys", store="keyring"),
        bench.rows("SELECT count(*) FROM slots", store="keyring"),
        len(list((folder / "target" / "erasures").iterdir())),
    )
    bench.vault.close()
    return state


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("what", list(ACTS))
def test_dying_at_each_step_changes_nothing_in_the_end(prepared: Path, tmp_path: Path, what: str, after: bool) -> None:
    """All steps in turn: rows, keys, remains, contents, the target's, the certificate."""
    act = ACTS[what]
    shutil.copytree(prepared, tmp_path / "undisturbed")
    expected = finish(tmp_path / "undisturbed", Clock(), act)
    assert expected[:3] == (what, "final", True)
    for at in range(MOST):
        folder, clock = tmp_path / str(at), Clock()
        shutil.copytree(prepared, folder)
        bench = with_target(folder, clock)
        try:
            act(under(bench, Fuse(at, after, end_of_test)))
        except Died:
            pass
        else:
            assert at > 12, "there was hardly anything to die at"
            bench.vault.close()
            return
        bench.stores.catalog.close()
        bench.stores.keyring.close()
        assert finish(folder, clock, act) == expected, f"step {at}"
        shutil.rmtree(folder)
    raise AssertionError("it never came to its end")


DIES = """
import os, sys
sys.path[:0] = [{support!r}, {faults!r}]
import test_erasure_faults as faults
from dying import Fuse, under
bench = faults.with_target(faults.Path({folder!r}), faults.Clock())
faults.ACTS[{what!r}](under(bench, Fuse({at}, {after}, lambda: os._exit(9))))
"""


@pytest.mark.parametrize(("what", "at", "after"), [("folder", 4, True), ("account", 5, False), ("folder", 8, False)])
def test_a_process_that_is_gone_in_an_instant_is_followed_by_another(
    prepared: Path, tmp_path: Path, what: str, at: int, after: bool
) -> None:
    """No exception, no closing of anything: the next one opens what is there."""
    for name in ("undisturbed", "killed"):
        shutil.copytree(prepared, tmp_path / name)
    tests = Path(__file__).parents[1]
    script = DIES.format(
        support=str(tests / "support"), faults=str(tests / "faults"), folder=str(tmp_path / "killed"), what=what,
        at=at, after=after,
    )  # fmt: skip
    died = subprocess.run([sys.executable, "-c", script], env=environment() | dict(os.environ), check=False, timeout=60)
    assert died.returncode == 9
    assert finish(tmp_path / "killed", Clock(), ACTS[what]) == finish(tmp_path / "undisturbed", Clock(), ACTS[what])
