"""Jobs of a real daemon: they run by themselves, once at a time, whatever dies; and by command beside it."""

import fcntl
import itertools
import json
import os
import pty
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest
from daemon import Running, command, environment, running, start, stop
from service import Service, make_service

from docstopd.config import load
from docstopd.daemon.compose import open_vault
from docstopd.vault.runs import Outcome

SCHEDULES = "jobs: {expiry: every 2s, checkpoint: every 1s, retention: off, snapshot: off, scrub: off, drill: off}\n"


def until(done: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait for it."""
    limit = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < limit, "it did not happen in time"
        time.sleep(0.05)


def ledger(data: Path, job: str) -> list[tuple[int, int | None, str]]:
    """When each run of a job began and ended, and how; oldest first."""
    connection = apsw.Connection(str(data / "catalog.db"), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        sql = "SELECT started, ended, outcome FROM runs WHERE job = ? ORDER BY id"
        return connection.execute(sql, (job,)).fetchall()
    finally:
        connection.close()


def keeper(daemon: Running) -> int | None:
    """Its process id by the status file."""
    return json.loads((daemon.data / "run" / "status.json").read_text())["keeper"]


def run(config: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A `docstopd job` command."""
    return subprocess.run(
        [*command(), "job", *arguments, "--config", str(config)],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def busy(tmp_path: Path) -> Iterator[Running]:
    """A daemon whose jobs run every second or two."""
    made = start(tmp_path)
    made.config.write_text(made.config.read_text() + SCHEDULES)
    stop(made)
    with running(tmp_path) as daemon:
        until(lambda: bool(ledger(daemon.data, "expiry")))
        yield daemon


def test_jobs_run_by_themselves(busy: Running) -> None:
    """At their times, and each is in the ledger."""
    until(lambda: len(ledger(busy.data, "checkpoint")) > 3)
    assert {outcome for _started, ended, outcome in ledger(busy.data, "expiry") if ended} == {"done"}
    assert (busy.data / "checkpoints").exists()
    assert "job expiry is done" in busy.log()


def test_a_killed_keeper_is_replaced_and_what_it_ran_is_failed_and_made_up(busy: Running) -> None:
    """Whoever looks at the ledger then sees no run that never ends."""
    first = keeper(busy)
    assert first is not None
    with open_vault(load(busy.config)) as vault:
        os.kill(first, signal.SIGKILL)
        lost = vault.runs.begin("expiry", dry=False)  # as the dead one would have, a moment ago
    until(lambda: keeper(busy) not in {None, first})
    count = len(ledger(busy.data, "expiry"))
    until(lambda: len(ledger(busy.data, "expiry")) > count + 1)
    with open_vault(load(busy.config), read_only=True) as vault:
        found = {one.id: one for one in vault.runs.last("expiry", 1000)}
    assert found[lost].lost
    assert found[lost].outcome is Outcome.FAILED
    assert f"keeper {first} ended with code -9" in busy.log()
    assert "the process of its last run ended" in busy.log()


def test_one_job_never_runs_twice_at_once(busy: Running) -> None:
    """The keeper every second, and two commands again and again: each run ends before the next begins."""
    commands = [
        subprocess.Popen(
            ["sh", "-c", 'for i in 1 2 3 4 5; do "$@" || :; done', "sh", *command(), "job", "run", "checkpoint"],
            env=environment() | {"DOCSTOPD_CONFIG": str(busy.config)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(2)
    ]
    for process in commands:
        process.wait(120)
    runs = ledger(busy.data, "checkpoint")[:-1]
    assert len(runs) > 8
    for (_, ended, _), (started, _, _) in itertools.pairwise(runs):
        assert ended is not None
        assert ended <= started


def test_a_stop_leaves_no_run_open(tmp_path: Path) -> None:
    """Whatever ran, it was told to end, and the ledger says how it did."""
    made = start(tmp_path)
    made.config.write_text(made.config.read_text() + SCHEDULES)
    stop(made)
    for _ in range(3):
        daemon = start(tmp_path)
        until(lambda: keeper(daemon) is not None)  # noqa: B023 - of this round
        time.sleep(0.5)
        stop(daemon)
        open_runs = [one for one in ledger(daemon.data, "checkpoint") if one[1] is None]
        assert open_runs == []


# -- by command ------------------------------------------------------------------------------------------------------


@pytest.fixture
def service(tmp_path: Path) -> Service:
    """A stopped service."""
    return make_service(tmp_path / "service")


def test_a_job_is_run_by_command(service: Service) -> None:
    """It says what it did; what watches it goes to standard error, a line for each thing."""
    finished = service.run("job", "run", "expiry")
    assert finished.returncode == 0
    assert finished.stdout.startswith("expiry: done: app passwords 0, locks 0")
    assert "locks: 0 of 1" in finished.stderr
    assert ledger(service.data, "expiry")[0][2] == "done"
    found = service.json("job", "run", "expiry")
    assert (found["job"], found["outcome"], found["dry"], found["reason"]) == ("expiry", "done", False, None)
    assert found["report"]["locks"] == 0


def test_a_dry_run_says_what_would_be_done(service: Service) -> None:
    """And is no run of the job."""
    finished = service.run("job", "run", "checkpoint", "--dry-run")
    assert finished.stdout.startswith("checkpoint: would be done: ")
    assert not (service.data / "checkpoints").exists() or not (service.data / "checkpoints").read_bytes()
    listed = {row["job"]: row for row in service.json("job", "list")}
    assert listed["checkpoint"]["last_run"] is None


def test_jobs_are_listed(service: Service) -> None:
    """With schedule, last run, how it ended, and the next time; for a person as a table."""
    service.config.write_text(service.config.read_text() + 'jobs: {expiry: "30 2 * * *", checkpoint: off}\n')
    assert service.run("job", "run", "checkpoint").returncode == 0
    listed: dict[str, dict[str, Any]] = {row["job"]: row for row in service.json("job", "list")}
    assert listed["expiry"]["schedule"] == "30 2 * * *"
    assert listed["expiry"]["destructive"] is True
    assert listed["expiry"]["next_run"].endswith("T02:30:00Z")
    assert (listed["checkpoint"]["schedule"], listed["checkpoint"]["next_run"]) == ("off", None)
    assert listed["checkpoint"]["outcome"] == "done"
    table = service.run("job", "list").stdout
    assert "30 2 * * *" in table
    assert "checkpoint" in table


def test_a_job_that_runs_elsewhere_is_refused(service: Service) -> None:
    """With one message, and exit code 1; nothing is written into the ledger."""
    (service.data / "run").mkdir(exist_ok=True)
    descriptor = os.open(service.data / "run" / "job-expiry.lock", os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        finished = service.run("job", "run", "expiry")
    finally:
        os.close(descriptor)
    assert finished.returncode == 1
    assert finished.stderr == "docstopd: job expiry is running already; wait until it has ended\n"
    assert ledger(service.data, "expiry") == []


def test_an_unknown_job_is_one_message(service: Service) -> None:
    """Which names those that there are."""
    finished = service.run("job", "run", "mow")
    assert finished.returncode == 1
    assert finished.stderr.startswith("docstopd: there is no job 'mow'; there are ")


def test_a_job_that_finds_damage_ends_with_3(service: Service) -> None:
    """Here a mark that nobody wrote."""
    connection = apsw.Connection(str(service.data / "catalog.db"))
    connection.execute("INSERT INTO marks (name, value) VALUES ('clock', 'x')")
    connection.close()
    finished = service.run("job", "run", "expiry")
    assert finished.returncode == 3
    assert "what was remembered of the clock is not what was written" in finished.stderr


def test_progress_is_shown_as_bars_on_a_terminal(service: Service) -> None:
    """And leaves nothing behind but the answer."""
    reader, writer = pty.openpty()
    process = subprocess.Popen(
        [*command(), "job", "run", "expiry"],
        env=environment() | {"DOCSTOPD_CONFIG": str(service.config), "TERM": "xterm", "COLUMNS": "100"},
        stdout=subprocess.PIPE,
        stderr=writer,
        text=True,
    )
    os.close(writer)
    shown = b""
    try:
        while block := os.read(reader, 65_536):
            shown += block
    except OSError:  # how a terminal's end is told
        pass
    answer, _ = process.communicate(timeout=60)
    os.close(reader)
    assert process.returncode == 0
    assert answer.startswith("expiry: done")
    assert b"locks" in shown
    assert b"\x1b[" in shown
