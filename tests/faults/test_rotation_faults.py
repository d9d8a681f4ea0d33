"""A process that dies at any step of a rotation: everything opens at each point, and the next run ends it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from dying import Died, Fuse, end_of_test, under
from vaults import PASSWORD, Bench, Clock, open_bench

from docstopd.crypto.serverkey import ServerKey
from docstopd.model import NO_GUARD, Custody

FILE = ("ada", "letters", "to-grace.txt")
MOST = 60
"""Steps that no rotation here has."""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A managed space with a file that has a past and properties, another account, a device's password."""
    folder = tmp_path_factory.mktemp("prepared")
    bench = open_bench(folder, clock=Clock())
    ada = bench.account("ada")
    bench.account("bob")
    bench.vault.files.make_folder(ada, FILE[:2])
    for number in range(2):
        bench.put(ada, FILE, b"dear grace %d" % number)
    bench.vault.files.patch(ada, FILE, NO_GUARD, [("{urn:x}mood", "<mood/>")])
    bench.vault.spaces.set_custody(ada, "ada", Custody.MANAGED)
    bench.vault.accounts.add_app_password(ada, PASSWORD, "laptop", None)
    bench.vault.close()
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def look(bench: Bench) -> tuple[object, ...]:
    """What a member and the operator see."""
    ada = bench.vault.sessions.sign_in("ada", PASSWORD)
    node = bench.vault.files.stat(ada, FILE)
    seen = (
        bench.get(ada, FILE),
        node,
        bench.vault.files.properties(ada, [node]),
        [(user.name, profile.email) for user, profile in bench.vault.accounts.all()],
        [slot.label for slot in bench.vault.accounts.app_passwords("ada")],
    )
    bench.assert_tidy()
    return seen


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_of_a_space(prepared: Path, tmp_path: Path, after: bool) -> None:
    """Names, proofs, properties and data keys are under one key in the end; nothing looks different on the way."""
    for at in range(MOST):
        folder, clock = tmp_path / str(at), Clock()
        shutil.copytree(prepared, folder)
        bench = open_bench(folder, clock=clock)
        before = look(bench)
        dying = under(bench, Fuse(at, after, end_of_test))
        died = False
        try:
            dying.vault.rotation.space(None, "ada")
        except Died:
            died = True
        bench.stores.catalog.close()
        bench.stores.keyring.close()
        again = open_bench(folder, clock=clock)
        assert look(again) == before, f"step {at}"
        again.vault.rotation.space(None, "ada", finish=True)
        assert look(again) == before, f"step {at}"
        space = next(one for one in again.vault.spaces.all() if one.label == "ada")
        names = again.rows("SELECT DISTINCT epoch FROM nodes WHERE space = ?", space.id)
        keys = again.rows("SELECT DISTINCT epoch FROM data_keys WHERE space = ?", space.id, store="keyring")
        assert names == keys == [(space.epoch,)]
        again.vault.close()
        if not died:
            assert at > 3
            return
    raise AssertionError("it never came to its end")


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_of_the_server_key(prepared: Path, tmp_path: Path, after: bool) -> None:
    """The file with both keys opens everything at each point; in the end the new key alone does."""
    for at in range(MOST):
        folder, clock = tmp_path / str(at), Clock()
        shutil.copytree(prepared, folder)
        bench = open_bench(folder, clock=clock)
        before = look(bench)
        bench.vault.close()
        both = bench.stores.server.rotated()
        rotating = open_bench(folder, server=both, clock=clock)
        died = False
        try:
            under(rotating, Fuse(at, after, end_of_test)).vault.rotation.server()
        except Died:
            died = True
        rotating.stores.catalog.close()
        rotating.stores.keyring.close()
        again = open_bench(folder, server=both, clock=clock)
        assert look(again) == before, f"step {at}"
        again.vault.rotation.server()
        assert again.vault.rotation.left() == 0
        again.vault.close()
        alone = open_bench(folder, server=ServerKey.decode(both.encode()), clock=clock)
        assert look(alone) == before, f"step {at}"
        alone.vault.close()
        if not died:
            assert at > 3
            return
    raise AssertionError("it never came to its end")
