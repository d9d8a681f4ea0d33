"""`docstopd check` and `status`: what is wrong is named, with what to do."""

import datetime
import json
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import apsw
import pytest
from daemon import Running
from service import Service, make_service, picture, run

from docstopd.config import load
from docstopd.daemon.compose import open_vault
from docstopd.jobs import ClockGuard, read_clocks
from docstopd.model import HOUR
from docstopd.vault.runs import Outcome


@pytest.fixture
def service(tmp_path: Path) -> Service:
    """A stopped service."""
    tmp_path.chmod(0o700)
    return make_service(tmp_path / "service")


def findings(service: Service) -> tuple[int, dict[str, dict[str, Any]]]:
    """The exit code, and the worst finding of each check."""
    finished = service.run("check", "--json")
    assert finished.stderr == ""
    found: dict[str, dict[str, Any]] = {}
    for finding in json.loads(finished.stdout):
        if found.get(finding["check"], {}).get("state") != "failed":
            found[finding["check"]] = finding
    return finished.returncode, found


def test_a_sound_service_passes_and_is_left_as_it_was(service: Service) -> None:
    """Every check says ok, but for the one that there is no snapshot yet."""
    before = picture(service.folder)
    code, found = findings(service)
    assert code == 0
    assert found.pop("snapshots")["state"] == "warning"
    assert {finding["state"] for finding in found.values()} == {"ok"}
    assert picture(service.folder) == before


def test_it_says_how_drop_folders_stand(service: Service) -> None:
    """Whose space is missing, which is no folder, and which is all right."""
    scans = service.folder / "scans"
    scans.mkdir()
    drops = [{"name": "good", "folder": str(scans), "space": "ada"}]
    drops.append({"name": "lost", "folder": str(service.folder / "lost"), "space": "ada"})
    drops.append({"name": "stray", "folder": str(service.folder / "stray"), "space": "nobody"})
    service.config.write_text(service.config.read_text() + json.dumps({"drop": drops})[1:-1] + "\n")
    found = [one for one in json.loads(service.run("check", "--json").stdout) if one["check"] == "drop folders"]
    assert [(one["found"].split(":")[0], one["state"]) for one in found] == [
        ("good", "ok"),
        ("lost", "failed"),
        ("stray", "failed"),
    ]


def test_it_says_how_snapshots_stand(service: Service) -> None:
    """Where there are none, how old the newest is, that they share the disk, that a target is away."""

    def said() -> tuple[int, list[str]]:
        finished = service.run("check", "--json")
        found = [finding for finding in json.loads(finished.stdout) if finding["check"] == "snapshots"]
        return finished.returncode, [f"{finding['state']}: {finding['found']}" for finding in found]

    bare = service.config.read_text()
    assert said() == (0, ["warning: there is no target, so there are no snapshots"])
    service.config.write_text(bare + 'snapshots: {"targets": [{"name": "first", "path": "snapshots"}]}\n')
    assert said() == (
        0,
        [
            "warning: target first has no snapshot yet",
            "warning: target first lies on the disk of the data folder",
        ],
    )
    assert service.run("snapshot", "create").returncode == 0
    assert said()[1][0] == "ok: target first: snapshot 1 is 0.0 days old"
    (service.folder / "snapshots").rename(service.folder / "away")
    code, found = said()
    assert code == 1
    assert found[0].startswith("failed: target first cannot be used")


def wide_open(service: Service) -> None:
    """Others can enter the data folder."""
    service.data.chmod(0o755)


def key_readable(service: Service) -> None:
    """Others can read the server key."""
    (service.data / "keys" / "server.key").chmod(0o644)


def key_missing(service: Service) -> None:
    """The server key is lost."""
    (service.data / "keys" / "server.key").unlink()


def key_of_another(service: Service) -> None:
    """The server key is of another service."""
    other = make_service(service.folder / "other-service")
    key = service.data / "keys" / "server.key"
    key.write_bytes((other.data / "keys" / "server.key").read_bytes()[:-6] + b"AAAAA\n")


def newer(service: Service) -> None:
    """The catalog is of a later version."""
    database = apsw.Connection(str(service.data / "catalog.db"))
    database.pragma("user_version", 99)
    database.close()


def no_database(service: Service) -> None:
    """The keyring is no database."""
    (service.data / "keyring.db").write_bytes(b"not a database at all, but long enough to be looked at " * 100)


def no_data(service: Service) -> None:
    """The data folder is elsewhere."""
    service.data.rename(service.folder / "elsewhere")


def clock_behind(service: Service) -> None:
    """The journal's last entry is of next year."""
    next_year = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=365)
    database = apsw.Connection(str(service.data / "catalog.db"))
    database.execute("UPDATE journal SET time = ?", (int(next_year.timestamp() * 1e6),))
    database.close()


def no_certificate(service: Service) -> None:
    """The certificate is lost."""
    service.config.write_text(service.config.read_text() + "tls: {certificate: no.crt, key: no.key}\n")


@pytest.mark.parametrize(
    ("harm", "check"),
    [
        (wide_open, "data folder"),
        (key_readable, "server key"),
        (key_missing, "server key"),
        (key_of_another, "keys"),
        (newer, "catalog"),
        (no_database, "keyring"),
        (no_data, "data folder"),
        (clock_behind, "clock"),
        (no_certificate, "certificate"),
    ],
)
def test_what_is_wrong_is_found_with_what_to_do(service: Service, harm: Any, check: str) -> None:
    """Exit code 1; the finding names a remedy; nothing is repaired or made on the way."""
    harm(service)
    before = picture(service.folder)
    code, found = findings(service)
    assert code == 1
    assert found[check]["state"] == "failed" and found[check]["remedy"]
    assert picture(service.folder) == before


def test_a_configuration_that_is_wrong_is_the_only_finding(service: Service) -> None:
    """With each problem and its line."""
    service.config.write_text("data: data\nhttp: {prot: 1}\nlogs: {}\n")
    code, found = findings(service)
    assert code == 1 and set(found) == {"configuration"}
    lines = service.run("check").stdout
    assert ":2:" in lines and ":3:" in lines


def test_a_port_that_another_program_has_is_found(service: Service) -> None:
    """While the service's own is fine."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        service.config.write_text(f"data: data\nhttp: {{port: {taken.getsockname()[1]}}}\n")
        code, found = findings(service)
    assert code == 1 and found["port"]["state"] == "failed"


def test_status_says_that_nothing_runs(service: Service) -> None:
    """Exit code 1, with what is stored."""
    finished = service.run("status", "--json")
    status = json.loads(finished.stdout)
    assert finished.returncode == 1
    assert (status["running"], status["pid"], status["users"], status["spaces"]) == (False, None, 1, 1)
    assert "running" in service.run("status").stdout


def test_status_needs_no_key_to_say_whether_it_runs(service: Service) -> None:
    """What only the key could tell is left open, with the reason."""
    key_missing(service)
    finished = service.run("status", "--json")
    status = json.loads(finished.stdout)
    assert (finished.returncode, status["running"], status["users"]) == (1, False, None)
    assert "server key is missing" in status["problem"]


def test_status_and_check_see_the_running_service(fresh_daemon: Running) -> None:
    """Exit code 0; process, address, workers; the port is its own."""
    finished = run("status", "--json", config=fresh_daemon.config)
    status = json.loads(finished.stdout)
    assert finished.returncode == 0
    assert (status["running"], status["pid"], status["url"]) == (True, fresh_daemon.process.pid, fresh_daemon.url)
    assert len(status["workers"]) >= 1 and status["uptime"] >= 0
    found = {one["check"]: one for one in json.loads(run("check", "--json", config=fresh_daemon.config).stdout)}
    assert found["port"]["state"] == "ok" and str(fresh_daemon.process.pid) in found["port"]["found"]


def note_run(service: Service, job: str, outcome: Outcome, reason: str = "") -> None:
    """A run of a job, as the ledger has it."""
    with open_vault(load(service.config)) as vault:
        vault.runs.end(job, vault.runs.begin(job, dry=False), outcome, {}, reason)


def test_a_job_whose_last_run_went_wrong_is_named(service: Service) -> None:
    """By `check` with its reason and what to do, and by `status`; the next good run ends that."""
    note_run(service, "snapshot", Outcome.FAILED, "the target cannot be written")
    code, found = findings(service)
    assert code == 1
    assert found["jobs"]["state"] == "failed"
    assert "snapshot failed at" in found["jobs"]["found"]
    assert "the target cannot be written" in found["jobs"]["found"]
    assert found["jobs"]["remedy"] == "see to it, then: docstopd job run snapshot"
    assert json.loads(service.run("status", "--json").stdout)["failed_jobs"] == ["snapshot"]
    note_run(service, "snapshot", Outcome.DONE)
    code, found = findings(service)
    assert (code, found["jobs"]["state"]) == (0, "ok")


def test_a_clock_that_has_jumped_is_named(service: Service) -> None:
    """With the command that ends the wait."""
    with open_vault(load(service.config)) as vault:
        now = read_clocks()
        ClockGuard(vault.marks, lambda: replace(now, wall=now.wall - 72 * HOUR), 1e9).look()
    code, found = findings(service)
    assert code == 1
    assert "the clock has jumped 3 days ahead" in found["jobs"]["found"]
    assert "docstopd job clock --accept" in found["jobs"]["remedy"]
    assert "3 days ahead" in json.loads(service.run("status", "--json").stdout)["clock"]
    asked = service.run("job", "clock")
    assert (asked.returncode, asked.stderr) == (1, "")
    assert "3 days ahead" in asked.stdout
    refused = service.run("job", "run", "expiry")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "the clock has jumped 3 days ahead" in refused.stderr
    assert service.run("job", "run", "expiry", "--dry-run").returncode == 0
    assert service.run("job", "clock", "--accept").returncode == 0
    assert service.run("job", "run", "expiry").returncode == 0
    assert findings(service)[0] == 0
