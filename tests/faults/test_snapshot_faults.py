"""The process dies at every write of a snapshot, an expiry and a restore: the next run ends as if it had not."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from snapshots import DyingDatabase, DyingTarget, Killed, bench_with_target, blobs_at, named, with_targets
from vaults import Bench, Clock

from docstopd.config import Config, load
from docstopd.daemon import restoring
from docstopd.daemon.compose import open_vault
from docstopd.daemon.restoring import Wanted, restore
from docstopd.daemon.setup import make_data
from docstopd.db import durable
from docstopd.db.sqlite import SqliteDatabase
from docstopd.errors import Refused
from docstopd.targets.local import LocalTarget
from docstopd.vault import Policy
from docstopd.vault.progress import SILENT
from docstopd.vault.retention import Keep
from docstopd.vault.session import Session
from docstopd.vault.snapshots import names
from docstopd.vault.stores import SnapshotPolicy

LATE = 4_000_000_000_000_000
PASSWORD = "correct horse battery"


def made(folder: Path) -> tuple[Bench, Session, LocalTarget]:
    """A vault with one snapshot, a file deleted and a file written since."""
    folder.mkdir()
    policy = replace(Policy(), snapshots=SnapshotPolicy(keep=Keep(last=1)))
    bench = bench_with_target(folder, policy, Clock(LATE))
    ada = bench.account("ada")
    for number in range(3):
        bench.put(ada, ("ada", f"file-{number}"), os.urandom(2000))
    bench.vault.snapshots.create()
    bench.vault.files.delete(ada, ("ada", "file-0"))
    bench.vault.past.purge.run(bench.rows("SELECT id, deleted FROM nodes WHERE deleted IS NOT NULL"))  # type: ignore[arg-type]
    bench.put(ada, ("ada", "new"), b"new")
    target = bench.stores.targets[0].objects
    assert isinstance(target, LocalTarget)
    return bench, ada, target


def state(bench: Bench, target: LocalTarget) -> dict[str, object]:
    """All that a run leaves, but for numbers and times."""
    copies = bench.vault.snapshots.all()
    numbers = {copy.number for copy in copies}
    return {
        "copies": len(copies),
        "finished": all(copy.finished is not None for copy in copies),
        "objects": {found.name for found in target.list(names.SNAPSHOTS)}
        == {name(number) for number in numbers for name in (names.manifest, names.catalog)},
        "blobs": blobs_at(target),
        "local": bench.blob_ids(),
        "keys": bench.key_ids(),
        "live": bench.live_ids(),
        "keyrings": len(list(target.list(names.KEYRING))),
        "whole": [one.wrong for one in bench.vault.snapshots.verify(None, data=True)],
        "unexpired": {row[0] for row in bench.rows("SELECT number FROM snapshots WHERE expired IS NULL")} == numbers,
    }


def deaths(run: Callable[[Bench], object], folder: Path, *, after: bool) -> Iterator[tuple[Bench, LocalTarget, int]]:
    """One vault for each call of the target at which a run can die, with the run broken off there."""
    at = 0
    while True:
        at += 1
        bench, _ada, target = made(folder / f"{at}")
        dying = DyingTarget(target, after=after)
        dying.dies_at = at
        try:
            run(with_targets(bench, named("first", dying)))
        except Killed:
            yield bench, target, at
        else:
            assert at > 8, "the run made next to no call"
            return
        finally:
            bench.vault.close()


@pytest.mark.timeout(900)
@pytest.mark.parametrize("after", [False, True])
def test_a_run_that_died_at_any_write_of_the_catalog_is_made_good_by_the_next(tmp_path: Path, after: bool) -> None:
    """Before its commit, or right after it: a number without a snapshot, a snapshot without its row."""
    bench, _ada, target = made(tmp_path / "undisturbed")
    bench.vault.snapshots.create()
    bench.vault.snapshots.expire()
    wanted = plain(state(bench, target))
    bench.vault.close()
    at = 0
    while True:
        at += 1
        bench, _ada, target = made(tmp_path / f"{at}")
        dying = DyingDatabase(bench.stores.catalog, after=after)
        dying.dies_at = at
        broken = bench.with_stores(lambda stores, dying=dying: replace(stores, catalog=dying))
        try:
            broken.vault.snapshots.create()
            broken.vault.snapshots.expire()
        except Killed:
            for _ in range(2):
                bench.vault.snapshots.create()
                bench.vault.snapshots.expire()
            assert plain(state(bench, target)) == wanted, at
            assert blobs_at(target) == bench.live_ids(), at
            bench.vault.close()
        else:
            break
    assert at > 4


def plain(state: dict[str, object]) -> dict[str, object]:
    """Without ids, which differ from vault to vault."""
    return {key: len(value) if isinstance(value, set) else value for key, value in state.items()}


@pytest.mark.timeout(900)
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("what", ["create", "both"])
def test_a_run_that_died_at_any_call_of_the_target_is_made_good_by_the_next(
    tmp_path: Path, what: str, after: bool
) -> None:
    """Before the call was carried out, or right after it."""

    def run(bench: Bench) -> None:
        bench.vault.snapshots.create()
        if what == "both":
            bench.vault.snapshots.expire()

    bench, _ada, target = made(tmp_path / "undisturbed")
    run(bench)
    wanted = plain(state(bench, target))
    bench.vault.close()
    for broken, there, at in deaths(run, tmp_path, after=after):
        again = with_targets(broken, named("first", LocalTarget(there._root and Path(there._root))))
        run(again)
        if what == "both":
            run(again)  # what was left of the broken number expires with the next
        found = plain(state(again, there))
        if what == "create":
            assert found["copies"] in {wanted["copies"], int(str(wanted["copies"])) + 1}, at
            found["copies"] = wanted["copies"]
        assert found == wanted, at
        assert blobs_at(there) == again.live_ids(), at


# -- restore --------------------------------------------------------------------------------------------------------


@pytest.fixture
def lost(tmp_path: Path) -> tuple[Path, Path, dict[str, bytes]]:
    """(the target, the server key) of a service that is gone, and what its user had."""
    config = Config.model_validate(
        {"data": tmp_path / "old", "snapshots": {"targets": [{"name": "disk", "path": str(tmp_path / "target")}]}}
    )
    make_data(config, None)
    with open_vault(config) as vault:
        vault.accounts.add("ada", PASSWORD)
        ada = vault.sessions.sign_in("ada", PASSWORD)
        contents = {f"file-{n}": os.urandom(500 * n) for n in range(4)}
        for name, content in contents.items():
            with vault.files.write(ada, ("ada", name)) as upload:
                upload.write(content)
                upload.commit()
        vault.snapshots.create()
    (tmp_path / "old" / "keys" / "server.key").rename(tmp_path / "key")
    return tmp_path / "target", tmp_path / "key", contents


def assert_restored(data: Path, contents: dict[str, bytes]) -> None:
    with open_vault(load(data / "docstopd.yaml")) as vault:
        ada = vault.sessions.sign_in("ada", PASSWORD)
        for name, content in contents.items():
            with vault.files.open(ada, ("ada", name)) as opened:
                assert b"".join(map(bytes, opened.read(0, opened.node.size))) == content
        assert vault.audit.verify().whole
        assert vault.snapshots.create()["number"] == 2
    assert not list(data.rglob("*.part"))
    assert not (data / "run" / "restoring").exists()


def test_a_restore_that_died_anywhere_looks_like_none_and_is_gone_on_with(
    lost: tuple[Path, Path, dict[str, bytes]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At each rename, sync and removal: until the end nothing serves the folder, and the same command finishes it."""
    target, key, contents = lost
    calls = 0
    dies_at = 0

    def counted(real: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object, **more: object) -> object:
            nonlocal calls
            calls += 1
            if calls == dies_at:
                raise Killed
            return real(*arguments, **more)

        return call

    for name in ("write_file", "publish", "publish_together", "sync_folder"):
        monkeypatch.setattr(durable, name, counted(getattr(durable, name)))
    monkeypatch.setattr(SqliteDatabase, "write", counted(SqliteDatabase.write))
    monkeypatch.setattr(Path, "unlink", counted(Path.unlink))
    finished = False
    while not finished:
        dies_at += 1
        data = tmp_path / f"new-{dies_at}"
        calls = 0
        try:
            restore(Wanted(target, key, data), SILENT)
            finished = True
        except Killed:
            if data.exists() and (data / restoring.RESTORING).exists():
                with pytest.raises(Refused), open_vault(_config(data)):
                    pytest.fail("a half restored folder was opened")
            if not (data / "docstopd.yaml").exists() or (data / restoring.RESTORING).exists():
                calls = -1_000_000
                restore(Wanted(target, key, data), SILENT)
        calls = -1_000_000
        if dies_at % 9 == 1 or finished:
            assert_restored(data, contents)
            numbered = target / "snapshots"
            for path in numbered.iterdir():
                if "00000002" in path.name:
                    path.unlink()
        else:
            assert (data / "catalog.db").exists()
            assert not (data / restoring.RESTORING).exists()
            assert len(list(data.glob("blobs/??/*"))) == len(contents)
    assert dies_at > 15


def _config(data: Path) -> Config:
    return Config.model_validate({"data": data})


def test_a_folder_in_use_is_never_restored_into(lost: tuple[Path, Path, dict[str, bytes]], tmp_path: Path) -> None:
    """Nor one that holds anything else."""
    target, key, _ = lost
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "photo").write_bytes(b"")
    for data in (tmp_path / "old", tmp_path / "full"):
        before = sorted(data.rglob("*"))
        with pytest.raises(Refused, match="not empty"):
            restore(Wanted(target, key, data), SILENT)
        assert sorted(data.rglob("*")) == before
