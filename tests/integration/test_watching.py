"""A daemon whose stored files are tampered with: while it runs, under load, and while it is stopped."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemon import Running, running, start, stop
from service import Service
from watched import wait_for
from webdav import Share


def service_of(daemon: Running) -> Service:
    return Service(daemon.folder, daemon.config, daemon.data, "", daemon.folder)


def alarms(daemon: Running) -> list[tuple[str, str]]:
    """(what, blob) of every alarm that `docstopd audit show` lists."""
    entries = service_of(daemon).json("audit", "show", "--action", "storage-alarm", "--limit", "1000")
    return [(entry["facts"]["what"], entry["facts"].get("blob", "")) for entry in entries]


def stored(daemon: Running, count: int) -> list[Path]:
    """New files, in a snapshot as well; where their blobs lie."""
    before = set((daemon.data / "blobs").glob("??/*"))
    share = Share(daemon.space_url, daemon.user, daemon.password)
    for number in range(count):
        share.put(f"stored-{len(before)}-{number}.bin", os.urandom(3000 + number))
    assert service_of(daemon).run("snapshot", "create").returncode == 0
    return sorted(set((daemon.data / "blobs").glob("??/*")) - before)


def tamper(paths: list[Path]) -> dict[Path, tuple[str, bytes]]:
    """One of each kind: what the alarm will say, and what the file held."""
    expected = {}
    for path, how in zip(paths, ["changed", "deleted", "renamed", "accessible"], strict=True):
        content = path.read_bytes()
        if how == "changed":
            path.chmod(0o600)
            path.write_bytes(bytes(len(content)))
            path.chmod(0o400)
        elif how == "deleted":
            path.unlink()
        elif how == "renamed":
            path.rename(path.with_name("renamed"))
        else:
            path.chmod(0o666)
        expected[path] = ("deleted" if how == "renamed" else how, content)
    return expected


def assert_mended(daemon: Running, expected: dict[Path, tuple[str, bytes]]) -> None:
    """Each is an alarm, and lies there as it was."""
    wanted = {(what, path.name) for path, (what, _content) in expected.items()} | {("added", "")}
    wait_for(lambda: wanted <= set(alarms(daemon)), lambda: (wanted - set(alarms(daemon)), daemon.log()))
    for path, (_what, content) in expected.items():
        wait_for(lambda path=path, content=content: path.exists() and path.read_bytes() == content, daemon.log)
        assert path.stat().st_mode & 0o777 == 0o400


@pytest.fixture
def daemon(fresh_daemon: Running) -> Iterator[Running]:
    wait_for(lambda: "folders are watched" in fresh_daemon.log(), fresh_daemon.log)
    yield fresh_daemon


def test_tampering_is_found_healed_and_listed(daemon: Running) -> None:
    """While the daemon serves uploads, and none of these is an alarm."""
    paths = stored(daemon, 4)
    share = Share(daemon.space_url, daemon.user, daemon.password)
    done = threading.Event()

    def load() -> None:
        number = 0
        while not done.is_set():
            share.put(f"load-{number % 50}.bin", os.urandom(4096))
            number += 1

    threads = [threading.Thread(target=load) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        expected = tamper(paths)
        assert_mended(daemon, expected)
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert len(alarms(daemon)) == 5, alarms(daemon)
    assert service_of(daemon).run("audit", "verify").returncode == 0


def test_what_happened_while_the_daemon_was_stopped_is_found_at_its_start(tmp_path: Path) -> None:
    """By one comparison; the contents of what was touched are read."""
    first = start(tmp_path)
    try:
        paths = stored(first, 4)
    finally:
        stop(first)
    expected = tamper(paths)
    with running(tmp_path) as again:
        assert_mended(again, expected)
        assert len(alarms(again)) == 5, alarms(again)


def test_a_busy_day_is_no_alarm(daemon: Running) -> None:
    """Uploads, new contents, moves, copies, deletions, snapshots, jobs, an erasure."""
    share = Share(daemon.space_url, daemon.user, daemon.password)
    service = service_of(daemon)
    for name in ("a", "b"):
        share.make(name)
    for number in range(40):
        share.put(f"a/{number}", os.urandom(500))
        share.put(f"a/{number}", os.urandom(600))
    share.put("a/large", os.urandom(5 << 20))
    assert service.run("snapshot", "create").returncode == 0
    for number in range(20):
        destination = {"Destination": f"{daemon.space_url}b/{number}"}
        assert share.ask("MOVE", f"a/{number}", headers=destination).status == 201
    assert share.ask("COPY", "a", headers={"Destination": f"{daemon.space_url}c"}).status == 201
    assert share.ask("DELETE", "a").status == 204
    asked = ("erasure", "request", f"/{daemon.user}/b", "--as", daemon.user, "--yes")
    assert service.run(*asked, secrets=(daemon.password,)).returncode == 0
    for job in ("snapshot", "expiry", "scrub", "drill"):
        finished = service.run("job", "run", job)
        assert finished.returncode == 0, finished.stderr
    daemon.process.send_signal(1)
    wait_for(lambda: daemon.log().count("folders are watched") == 2, daemon.log)
    assert alarms(daemon) == []
