"""`docstopd quickstart`: one command from nothing to a share, whole or not at all."""

import json
import os
import signal
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from daemon import Running, command, environment, kill, running
from service import holds, picture, run
from webdav import Share


@contextmanager
def started(*arguments: str | Path, cwd: Path) -> Iterator[subprocess.Popen[str]]:
    """A command that goes on running; killed with all that it started."""
    process = subprocess.Popen(
        [*command(), *map(str, arguments)],
        cwd=cwd,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        yield process
    finally:
        kill(process)  # type: ignore[arg-type]
        process.stdout.close()


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    """Until `path` is there."""
    until = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < until and process.poll() is None
        time.sleep(0.001)


def test_it_prints_one_line_of_json_and_then_serves(fresh_daemon: Running) -> None:
    """The line holds all that a program needs, and the first user's space takes files."""
    lines = (fresh_daemon.folder / "stdout.jsonl").read_text().splitlines()
    assert len(lines) == 1
    assert set(json.loads(lines[0])) == {"url", "user", "password", "recovery_code", "config", "data"}
    assert fresh_daemon.url.startswith("http://127.0.0.1:") and fresh_daemon.url.endswith("/")
    share = Share(fresh_daemon.space_url, fresh_daemon.user, fresh_daemon.password)
    share.make("letters")


def test_no_secret_is_on_the_disk_or_in_a_process_listing(fresh_daemon: Running) -> None:
    """Neither in the data folder and the logs, nor in arguments or environment of any process of the daemon."""
    Share(fresh_daemon.space_url, fresh_daemon.user, fresh_daemon.password).make("letters")
    secrets = (fresh_daemon.password, fresh_daemon.recovery_code)
    assert holds(fresh_daemon.data, *secrets) == []
    assert not any(secret in fresh_daemon.log() for secret in secrets)
    seen = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if os.getpgid(int(process.name)) != fresh_daemon.process.pid:
                continue
            shown = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        except (ProcessLookupError, FileNotFoundError):
            continue
        seen += 1
        assert not any(secret.encode() in shown for secret in secrets)
    assert seen >= 2


def test_nobody_else_can_read_the_data_folder(fresh_daemon: Running) -> None:
    """No file or folder in it has a mode for group or others."""
    paths = [fresh_daemon.data, *fresh_daemon.data.rglob("*")]
    assert [str(path) for path in paths if not path.is_symlink() and path.stat().st_mode & 0o077] == []


def test_run_again_it_serves_what_is_there_and_changes_nothing(tmp_path: Path) -> None:
    """The second time there are no credentials to show, and the first ones still hold."""
    with running(tmp_path) as first:
        Share(first.space_url, first.user, first.password).make("letters")
    before = picture(first.data)
    with running(tmp_path) as second:
        line = json.loads((tmp_path / "stdout.jsonl").read_text())
        assert (line["user"], line["password"], line["recovery_code"]) == (None, None, None)
        assert picture(first.data).keys() >= before.keys()
        assert (first.data / "keys" / "server.key").read_bytes() == before["keys/server.key"][1]
        assert (first.data / "docstopd.yaml").read_bytes() == before["docstopd.yaml"][1]
        share = Share(f"{second.url}dav/{first.user}/", first.user, first.password)
        share.make("more")


def test_the_data_folder_can_be_moved(tmp_path: Path) -> None:
    """Its configuration names no absolute path."""
    with running(tmp_path) as first:
        pass
    there = tmp_path / "elsewhere"
    there.mkdir()
    first.data.rename(there / "data")
    with running(there) as second:
        assert second.data == there / "data"
        Share(f"{second.url}dav/{first.user}/", first.user, first.password).make("letters")


def test_a_person_gets_a_page_with_the_credentials(tmp_path: Path) -> None:
    """Address, user, password, recovery code, how to mount, and where everything is."""
    with started("quickstart", "--data", "d", "--port", "0", "--user", "Ada", cwd=tmp_path) as process:
        assert process.stdout is not None
        lines: list[str] = []
        while not lines or "Ctrl-C" not in lines[-1]:
            lines.append(process.stdout.readline())
            assert process.poll() is None
        page = "".join(lines)
    for word in ("https://127.0.0.1:", "/dav/ada/", "password", "recovery code", "not shown again"):
        assert word in page
    for system in ("Windows", "macOS", "GNOME", "KDE", "davfs", "rclone"):
        assert system in page
    assert str(tmp_path / "d" / "docstopd.yaml") in page
    assert str(tmp_path / "d" / "tls" / "tls.crt") in page


def test_its_certificate_is_good_for_this_machine(tmp_path: Path) -> None:
    """A client that trusts the certificate connects by name and by address without a complaint."""
    with started("quickstart", "--data", "d", "--port", "0", "--json", cwd=tmp_path) as process:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        trust = ssl.create_default_context(cafile=tmp_path / "d" / "tls" / "tls.crt")
        for host in ("127.0.0.1", "localhost"):
            with urllib.request.urlopen(f"{url.replace('127.0.0.1', host)}health", context=trust) as answer:
                assert answer.status == 200
    assert (tmp_path / "d" / "tls" / "tls.key").stat().st_mode & 0o077 == 0


def test_a_port_in_use_changes_nothing(tmp_path: Path) -> None:
    """One message, exit code 1, no data folder."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        finished = run("quickstart", "--data", tmp_path / "d", "--port", str(port), "--json")
    assert finished.returncode == 1
    assert finished.stdout == ""
    assert finished.stderr.count("\n") == 1 and f"port {port} is in use" in finished.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_other_things_is_left_alone(tmp_path: Path) -> None:
    """One message, exit code 1, nothing changed."""
    (tmp_path / "thesis.txt").write_text("years of work")
    before = picture(tmp_path)
    finished = run("quickstart", "--data", tmp_path, "--port", "0")
    assert finished.returncode == 1
    assert (
        finished.stderr
        == f"docstopd: {tmp_path} is not empty, and nothing of docstopd's; choose a new or an empty folder\n"
    )
    assert picture(tmp_path) == before
    assert not (tmp_path / "docstopd.lock").exists()


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    """As a volume that was mounted for it is."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "lost+found").mkdir()
    with running(tmp_path) as service:
        Share(service.space_url, service.user, service.password).make("letters")


@pytest.mark.parametrize(
    "moment", [".unfinished", "keys", "catalog.db", "keyring.db", "docstopd.yaml", "run/status.json"]
)
def test_killed_half_way_it_begins_anew(moment: str, tmp_path: Path) -> None:
    """A power cut at any moment before the credentials are shown leaves nothing that a second try stumbles over."""
    with started("quickstart", "--data", "data", "--port", "0", "--no-tls", "--json", cwd=tmp_path) as process:
        wait_for(tmp_path / "data" / moment, process)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert process.stdout is not None
        shown = process.stdout.read()
    with running(tmp_path) as service:
        password = json.loads(shown)["password"] if shown else service.password
        user = service.user if not shown else json.loads(shown)["user"]
        Share(f"{service.url}dav/{user}/", user, password).make("letters")


def test_what_was_stored_in_an_unfinished_folder_is_never_removed(tmp_path: Path) -> None:
    """Who stored it had the credentials, whatever the marker says: the folder is served, and loses the marker."""
    with running(tmp_path) as first:
        Share(first.space_url, first.user, first.password).put("a.txt", b"text")
    (first.data / ".unfinished").touch()
    with running(tmp_path) as second:
        assert Share(f"{second.url}dav/{first.user}/", first.user, first.password).get("a.txt") == b"text"
    assert not (first.data / ".unfinished").exists()


def test_credentials_that_nobody_could_read_are_no_credentials(tmp_path: Path) -> None:
    """When the reader of the output has gone, nothing is left."""
    with started("quickstart", "--data", "data", "--port", "0", "--no-tls", "--json", cwd=tmp_path) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(30) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_second_one_on_the_same_folder_is_refused(fresh_daemon: Running) -> None:
    """The first goes on."""
    finished = run("quickstart", "--data", fresh_daemon.data, "--port", "0")
    assert finished.returncode == 1
    assert f"another docstopd is running on {fresh_daemon.data} (pid {fresh_daemon.process.pid})" in finished.stderr
    Share(fresh_daemon.space_url, fresh_daemon.user, fresh_daemon.password).make("letters")


def test_a_name_that_nobody_could_sign_in_with_is_refused(tmp_path: Path) -> None:
    """Before anything is made."""
    finished = run("quickstart", "--data", tmp_path / "d", "--port", "0", "--user", "a:b")
    assert finished.returncode == 1
    assert "cannot be a user name" in finished.stderr
    assert list(tmp_path.iterdir()) == []


def test_passwords_are_random_and_long_enough(tmp_path: Path, fresh_daemon: Running) -> None:
    """Four groups of five letters of an alphabet of 32: 100 bits."""
    groups = fresh_daemon.password.split("-")
    assert [len(group) for group in groups] == [5, 5, 5, 5]
    assert set("".join(groups)) <= set("0123456789abcdefghjkmnpqrstvwxyz")
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(fresh_daemon.space_url)
