"""A real daemon with a drop folder: what lands there is in the space, and nowhere to be read."""

import getpass
import json
import os
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest
from configured import configured
from daemon import Running
from service import Service, holds
from webdav import Share

MARK = "cAnArY-scanned"
SOON = 120.0
"""Seconds; the machine may have much else to do."""

BURST = 5000


def until(holds_now: Callable[[], bool], what: str, running: Running) -> None:
    deadline = time.monotonic() + SOON
    while not holds_now():
        assert time.monotonic() < deadline, f"{what}\n{running.log()[-4000:]}"
        time.sleep(0.1)


def left(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


def count(running: Running, table: str) -> int:
    connection = apsw.Connection(str(running.data / "catalog.db"))
    try:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
    finally:
        connection.close()


def names(share: Share, path: str) -> set[str]:
    answer = share.ask("PROPFIND", path, headers={"Depth": "1"})
    return {href.rstrip("/").split("/")[-1] for href in re.findall(r"<(?:\w+:)?href>([^<]+)<", answer.body.decode())}


def drop(folder: Path, **more: object) -> dict[str, object]:
    """The configuration of one drop folder into the first user's space."""
    return {"name": "scanner", "folder": str(folder), "space": getpass.getuser(), "settle": "500ms", **more}


def serve(tmp_path: Path, drops: list[dict[str, object]]):  # type: ignore[no-untyped-def]
    """A daemon whose keeper watches these folders."""
    return configured(tmp_path, drop=drops)


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    folder = tmp_path / "scans"
    folder.mkdir()
    return folder


def test_a_scan_is_sealed_filed_and_read_nowhere_on_the_disk(tmp_path: Path, scans: Path) -> None:
    """From the folder into the space, with its date; while nobody is signed in it only waits."""
    place = "{year}/{folder}/{name}"
    with serve(tmp_path, [drop(scans, path=place)]) as running:
        (scans / "desk").mkdir()
        scan = scans / "desk" / f"{MARK}.pdf"
        scan.write_bytes(MARK.encode() * 50_000)
        os.utime(scan, (1_500_000_000, 1_500_000_000))
        (scans / "later.part").write_bytes(b"not yet")
        until(lambda: left(scans) == ["later.part"], "the scan was not taken", running)
        assert (count(running, "arrivals"), count(running, "nodes")) == (1, 1)
        assert holds(running.data, MARK, MARK.encode().hex()) == []
        assert MARK not in running.log()
        share = Share(running.space_url, running.user, running.password)
        share.ask("PROPFIND", headers={"Depth": "1"})
        until(lambda: count(running, "arrivals") == 0, "the arrival was not filed", running)
        year = time.strftime("%Y", time.gmtime())
        answer = share.ask("GET", f"Inbox/{year}/desk/{MARK}.pdf")
        assert answer.body == MARK.encode() * 50_000
        assert answer.headers["last-modified"] == "Fri, 14 Jul 2017 02:40:00 GMT"
        assert holds(running.data, MARK) == []


def test_a_file_from_before_the_start_and_one_that_fails_are_seen_to(tmp_path: Path, scans: Path) -> None:
    (scans / "before.txt").write_bytes(b"before")
    (scans / "linked.txt").write_bytes(b"linked")
    os.link(scans / "linked.txt", tmp_path / "elsewhere")
    with serve(tmp_path, [drop(scans)]) as running:
        wanted = ["linked.txt", "linked.txt.docstopd-error.txt"]
        until(lambda: left(scans) == wanted, "not as it should be", running)
        service = Service(running.folder, running.config, running.data, "", running.folder)
        assert service.json("space", "arrivals", running.user)[0]["arrivals"] == 1
        shown = service.json("space", "arrivals", running.user, "--as", running.user, secrets=(running.password,))
        assert [one["path"] for one in shown] == ["Inbox/before.txt"]
        filed = service.run(
            "space", "arrivals", running.user, "--as", running.user, "--file", secrets=(running.password,)
        )
        assert "1 files" in filed.stdout
        assert Share(running.space_url, running.user, running.password).get("Inbox/before.txt") == b"before"


def test_arrivals_that_wait_are_read_out_of_a_stopped_data_folder(tmp_path: Path, scans: Path) -> None:
    with serve(tmp_path, [drop(scans)]) as running:
        (scans / "scan.txt").write_bytes(b"scanned")
        until(lambda: not left(scans), "the scan was not taken", running)
    service = Service(running.folder, running.config, running.data, "", running.folder)
    out = tmp_path / "out"
    done = service.run("decrypt", "--user", running.user, "--output", out, secrets=(running.password,))
    assert done.returncode == 0, done.stderr
    assert (out / running.user / "Inbox" / "scan.txt").read_bytes() == b"scanned"


def test_a_file_that_grows_for_a_while_is_taken_whole(tmp_path: Path, scans: Path) -> None:
    with serve(tmp_path, [drop(scans, settle="2s")]) as running:
        with (scans / "growing").open("wb", buffering=0) as writer:
            for number in range(12):
                writer.write(b"%02d" % number)
                time.sleep(0.5)
            assert left(scans) == ["growing"]
        until(lambda: not left(scans), "the file was not taken", running)
        share = Share(running.space_url, running.user, running.password)
        share.ask("PROPFIND", headers={"Depth": "1"})
        until(lambda: share.exists("Inbox/growing"), "the file was not filed", running)
        assert len(share.get("Inbox/growing")) == 24


def test_a_keeper_that_is_killed_again_and_again_loses_nothing(tmp_path: Path, scans: Path) -> None:
    """Each content is in the space; one that was on its way when the process died may be there under a number too."""
    with serve(tmp_path, [drop(scans, settle="200ms")]) as running:
        for number in range(300):
            (scans / f"{number:03d}").write_bytes(b"content %d" % number)
        for _ in range(4):
            time.sleep(0.7)
            service = Service(running.folder, running.config, running.data, "", running.folder)
            keeper = json.loads(service.run("status", "--json").stdout).get("keeper")
            if keeper:
                pid = keeper["pid"] if isinstance(keeper, dict) else keeper
                os.kill(int(pid), 9)
        until(lambda: not left(scans), "files were left", running)
        share = Share(running.space_url, running.user, running.password)
        share.ask("PROPFIND", headers={"Depth": "1"})
        until(lambda: count(running, "arrivals") == 0, "arrivals were left", running)
        found = names(share, "Inbox/") - {"Inbox"}
        assert sorted(found) == [f"{number:03d}" for number in range(300)]
        assert share.get("Inbox/123") == b"content 123"


@pytest.mark.timeout(900)
def test_a_burst_of_thousands_of_small_files_is_taken_and_filed(tmp_path: Path, scans: Path) -> None:
    staged = tmp_path / "staged"
    for number in range(BURST):
        folder = staged / f"{number // 500}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"scan {number}").write_bytes(b"%d" % number)
    with serve(tmp_path, [drop(scans)]) as running:
        begun = time.monotonic()
        for folder in staged.iterdir():
            shutil.move(folder, scans / folder.name)
        while left(scans):
            assert time.monotonic() - begun < 600, running.log()[-4000:]
            time.sleep(0.5)
        taken = time.monotonic() - begun
        share = Share(running.space_url, running.user, running.password)
        share.ask("PROPFIND", headers={"Depth": "1"})
        while count(running, "arrivals"):
            assert time.monotonic() - begun < 900, running.log()[-4000:]
            time.sleep(0.5)
        print(f"taken in {taken:.1f} s, filed in {time.monotonic() - begun - taken:.1f} s")
        assert count(running, "versions") == BURST
        assert share.get("Inbox/3/scan%201777") == b"1777"
