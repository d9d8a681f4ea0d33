"""`docstopd snapshot`: by command, beside a real daemon; and a service that comes back on another machine."""

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

import apsw
import daemon
import pytest
from daemon import Running
from service import run
from webdav import Share

CONTENTS = {f"file-{n}": os.urandom([0, 3, 70_000, 300_000][n % 4]) for n in range(8)}


def snapshot(
    running: Running, *arguments: str | Path, secrets: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """Run a command of `docstopd snapshot` on the daemon's configuration."""
    return run("snapshot", *arguments, "--config", running.config, secrets=secrets)


@pytest.fixture
def running(fresh_daemon: Running) -> Running:
    """A daemon with some files."""
    share = Share(fresh_daemon.space_url, fresh_daemon.user, fresh_daemon.password)
    assert share.ask("MKCOL", "folder").status == 201
    for name, content in CONTENTS.items():
        assert share.ask("PUT", f"folder/{name}", content).status == 201
    return fresh_daemon


def digest(files: dict[str, bytes]) -> dict[str, str]:
    return {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}


def read_back(share: Share) -> dict[str, bytes]:
    return {name: share.ask("GET", f"folder/{name}").body for name in CONTENTS}


def test_a_service_comes_back_on_another_machine(running: Running, tmp_path: Path) -> None:
    """Snapshot, key backup, the data folder destroyed; restored, checked, served and read byte for byte."""
    made = snapshot(running, "create", "--json")
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["blobs"] == len(CONTENTS)
    backup = tmp_path / "key-backup"
    assert run("key", "backup", backup, "--config", running.config).returncode == 0
    daemon.stop(running)
    disk = tmp_path / "disk"
    shutil.move(running.data / "snapshots", disk)
    shutil.rmtree(running.data)
    other = tmp_path / "machine"
    other.mkdir()
    restored = run("snapshot", "restore", "--target", disk, "--server-key", backup, "--data", other / "data", "--json")
    assert restored.returncode == 0, restored.stderr
    assert json.loads(restored.stdout)["damaged"] == []
    config = other / "data" / "docstopd.yaml"
    checked = run("check", "--json", "--config", config)
    assert checked.returncode == 0, checked.stdout
    assert run("audit", "verify", "--config", config).returncode == 0
    with daemon.running(other) as again:
        share = Share(f"{again.url}dav/{running.user}/", running.user, running.password)
        assert digest(read_back(share)) == digest(CONTENTS)
        assert share.ask("PUT", "folder/new", b"new").status == 201
    assert run("snapshot", "create", "--config", config).returncode == 0
    assert json.loads(run("snapshot", "list", "--json", "--config", config).stdout)[-1]["number"] == 2


def test_by_command(running: Running, tmp_path: Path) -> None:
    """List, verify, drill, one path back; each says what it did, and damage is exit code 3."""
    assert snapshot(running, "create").returncode == 0
    listed = json.loads(snapshot(running, "list", "--json").stdout)
    assert [(one["number"], one["target"], one["blobs"]) for one in listed] == [(1, "first", len(CONTENTS))]
    for command in (("verify",), ("verify", "1", "--read-data"), ("drill",), ("create", "--dry-run")):
        finished = snapshot(running, *command)
        assert finished.returncode == 0, finished.stderr
    share = Share(running.space_url, running.user, running.password)
    assert share.ask("PUT", "folder/file-1", b"spoiled").status == 204
    back = snapshot(
        running, "restore", f"/{running.user}/folder", "--at", "1", "--as", running.user, "--in-place", "--json",
        secrets=(running.password,),
    )  # fmt: skip
    assert back.returncode == 0, back.stderr
    assert json.loads(back.stdout)["files"] == 1
    assert read_back(share) == CONTENTS
    victim = next(path for path in (running.data / "snapshots" / "blobs").rglob("*") if path.is_file())
    victim.unlink()
    for command in (("verify",), ("drill",)):
        finished = snapshot(running, *command)
        assert finished.returncode == 3, finished.stdout + finished.stderr
        assert victim.name in finished.stderr


def test_what_cannot_be_done_is_said(running: Running, tmp_path: Path) -> None:
    """Wrong usage is 2, a refusal is 1 and changes nothing."""
    assert snapshot(running, "restore", "/ada/x", "--as", running.user).returncode == 2
    assert run("snapshot", "restore", "--data", tmp_path / "new").returncode == 2
    assert snapshot(running, "verify").returncode == 1
    for at in ("99", "2020-01-01", "yesterday"):
        finished = snapshot(
            running, "restore", f"/{running.user}/folder", "--at", at, "--as", running.user, "--beside",
            secrets=(running.password,),
        )  # fmt: skip
        assert finished.returncode == 1, at
        assert "snapshot" in finished.stderr
    (tmp_path / "empty").mkdir()
    finished = run(
        "snapshot", "restore", "--target", tmp_path / "empty", "--server-key", running.data / "keys" / "server.key",
        "--data", tmp_path / "new",
    )  # fmt: skip
    assert finished.returncode == 1
    assert not (tmp_path / "new").exists()
    assert json.loads(snapshot(running, "list", "--json").stdout) == []


def test_an_owner_sees_which_file_was_healed(running: Running) -> None:
    """The journal names the node; with a member's keys it is shown with its path."""
    assert snapshot(running, "create").returncode == 0
    blobs = [path for path in (running.data / "blobs").rglob("*") if path.is_file()]
    victim = max(blobs, key=lambda path: path.stat().st_size)
    victim.unlink()
    for _ in range(3):
        finished = run("job", "run", "scrub", "--config", running.config)
        assert finished.returncode == 0, finished.stderr
        if victim.exists():
            break
        database = apsw.Connection(str(running.data / "catalog.db"))  # the last run was long ago
        database.execute("UPDATE marks SET value = json_set(value, '$[2]', 1) WHERE name = 'scrub'")
        database.close()
    assert victim.exists()
    shown = run(
        "audit", "show", running.user, "--as", running.user, "--json", "--config", running.config,
        secrets=(running.password,),
    )  # fmt: skip
    healed = [line for line in json.loads(shown.stdout) if line["action"] == "heal"]
    assert [line["details"]["path"].startswith(f"{running.user}/folder/file-") for line in healed] == [True]
