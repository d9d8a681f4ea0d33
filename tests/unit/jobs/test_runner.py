"""One run of one job: alone, written down, loud."""

import fcntl
import logging
import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from failing import FailingDatabase
from guards import Doubting, NoGuard
from vaults import Bench, open_bench

from docstopd.config import Schedule
from docstopd.errors import Busy, Damaged, Failed, Refused, StateUnknown, StorageFull
from docstopd.jobs import Job, Runner, in_turn
from docstopd.jobs.job import Work
from docstopd.jobs.runner import Stopped
from docstopd.vault.journal import SYSTEM
from docstopd.vault.progress import SILENT, Progress, Report
from docstopd.vault.runs import Outcome


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return open_bench(tmp_path)


def runner(bench: Bench) -> Runner:
    return Runner(bench.vault.runs, bench.folder / "run", NoGuard())


def job(work: Work, *, destructive: bool = False) -> Job:
    return Job("mow", Schedule(), destructive, work)


def cut(_progress: Progress, dry: bool) -> Report:
    return {"blades": 0 if dry else 7}


def fails(error: BaseException) -> Work:
    def work(_progress: Progress, _dry: bool) -> Report:
        raise error

    return work


def test_a_run_is_in_the_ledger_with_its_report(bench: Bench) -> None:
    """And in no journal: that it went well is nobody's concern."""
    ended = runner(bench).run(job(cut))
    assert ended.outcome is Outcome.DONE
    run = bench.vault.runs.last("mow")[0]
    assert (run.outcome, run.report, run.reason) == (Outcome.DONE, {"blades": 7}, "")
    assert run.ended is not None
    assert run.started < run.ended
    assert bench.actions(SYSTEM) == []


def test_a_run_is_in_the_ledger_while_it_runs(bench: Bench) -> None:
    """So that a process that dies leaves a trace of it."""
    seen: list[Outcome] = []

    def look(_progress: Progress, _dry: bool) -> Report:
        seen.append(bench.vault.runs.last("mow")[0].outcome)
        return {}

    runner(bench).run(job(look))
    assert seen == [Outcome.RUNNING]


@pytest.mark.parametrize(
    ("error", "outcome", "reason"),
    [
        (Refused("the brake stopped it"), Outcome.REFUSED, "the brake stopped it"),
        (Damaged("a blob is not what was written"), Outcome.FAILED, "a blob is not what was written"),
        (KeyError("/ada/secret.txt"), Outcome.FAILED, "an error that nobody expected (KeyError); the log has it"),
    ],
)
def test_what_goes_wrong_is_loud(
    bench: Bench, caplog: pytest.LogCaptureFixture, error: Exception, outcome: Outcome, reason: str
) -> None:
    """In the ledger, in the journal of the system, and in the log at error."""
    ended = runner(bench).run(job(fails(error)))
    assert (ended.outcome, ended.reason) == (outcome, reason)
    run = bench.vault.runs.last("mow")[0]
    assert (run.outcome, run.reason) == (outcome, reason)
    line = bench.vault.audit.show(None, None, 1)[0]
    assert (line.action, line.facts) == (f"job-{outcome.value}", {"job": "mow", "run": run.id})
    assert line.details == {"reason": reason}
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


def test_a_job_that_runs_already_is_refused(bench: Bench) -> None:
    """Whoever holds its lock, and whatever he does: here a thread that is in the midst of it."""
    begun, end = threading.Event(), threading.Event()

    def wait(_progress: Progress, _dry: bool) -> Report:
        begun.set()
        assert end.wait(10)
        return {}

    first = threading.Thread(target=runner(bench).run, args=(job(wait),))
    first.start()
    assert begun.wait(10)
    with pytest.raises(Busy, match="mow is running already"):
        runner(bench).run(job(cut))
    end.set()
    first.join()
    assert runner(bench).run(job(cut)).outcome is Outcome.DONE


def test_a_run_whose_process_died_is_closed_as_failed(bench: Bench) -> None:
    """The next one to hold the job's lock sees it; while another holds it, it may be alive."""
    bench.vault.runs.begin("mow", dry=False)
    (bench.folder / "run").mkdir(exist_ok=True)
    descriptor = os.open(bench.folder / "run" / "job-mow.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    runner(bench).close_lost(job(cut))
    assert bench.vault.runs.last("mow")[0].outcome is Outcome.RUNNING
    os.close(descriptor)
    runner(bench).close_lost(job(cut))
    run = bench.vault.runs.last("mow")[0]
    assert (run.outcome, run.lost) == (Outcome.FAILED, True)
    assert bench.actions(SYSTEM) == ["job-failed"]


def test_what_destroys_waits_where_it_has_to(bench: Bench) -> None:
    """A dry run removes nothing, and what does not destroy goes on."""

    careful = Runner(bench.vault.runs, bench.folder / "run", Doubting())
    ran: list[bool] = []

    def work(_progress: Progress, dry: bool) -> Report:
        ran.append(dry)
        return {}

    assert careful.run(job(work, destructive=True)).outcome is Outcome.REFUSED
    assert careful.run(job(work, destructive=True), dry=True).outcome is Outcome.DONE
    assert careful.run(job(work)).outcome is Outcome.DONE
    assert ran == [True, False]


def test_a_clock_that_jumps_in_the_midst_of_a_run_ends_it(bench: Bench) -> None:
    """Between two steps: what was not removed by then stays."""
    done: list[int] = []

    def steps(progress: Progress, _dry: bool) -> Report:
        for step in range(9):
            progress("mowing", step, 9)
            done.append(step)
        return {}

    ended = Runner(bench.vault.runs, bench.folder / "run", Doubting(after=4)).run(job(steps, destructive=True))
    assert ended.outcome is Outcome.REFUSED
    assert done == [0, 1, 2]


def test_a_dry_run_is_no_last_run(bench: Bench) -> None:
    """And its failure is nobody's alarm."""
    runner(bench).run(job(cut))
    runner(bench).run(job(fails(Failed("no"))), dry=True)
    assert bench.vault.runs.last("mow")[0].outcome is Outcome.DONE
    assert bench.vault.runs.latest()["mow"].report == {"blades": 7}
    assert bench.actions(SYSTEM) == []


def test_a_run_can_be_stopped_between_two_steps(bench: Bench) -> None:
    """By its progress; that is no failure."""

    def steps(progress: Progress, _dry: bool) -> Report:
        progress("mowing", 1, 2)
        raise AssertionError("it went on")

    def stop(_what: str, _done: int, _total: int) -> None:
        raise Stopped

    assert runner(bench).run(job(steps), stop).outcome is Outcome.STOPPED
    assert bench.actions(SYSTEM) == []


def test_an_unknown_state_comes_out(bench: Bench) -> None:
    """Nothing more is written; the next start sees a run that never ended."""
    with pytest.raises(StateUnknown):
        runner(bench).run(job(fails(StateUnknown("fsync failed"))))
    assert bench.vault.runs.last("mow")[0].outcome is Outcome.RUNNING


def test_a_step_that_fails_keeps_no_other_from_running() -> None:
    """All reasons come out together, refused only if nothing worse happened."""
    ran: list[str] = []

    def fine(_progress: Progress, _dry: bool) -> Report:
        ran.append("fine")
        return {"fine": 1}

    work = in_turn({"a": fails(Refused("held")), "b": fine, "c": fails(KeyError("x")), "d": fine})
    with pytest.raises(Failed, match=r"a: held; c: an error that nobody expected \(KeyError\)"):
        work(SILENT, False)
    assert ran == ["fine", "fine"]
    with pytest.raises(Refused):
        in_turn({"a": fails(Refused("held")), "b": fine})(SILENT, False)
    with pytest.raises(StateUnknown):
        in_turn({"a": fails(StateUnknown("fsync"))})(SILENT, False)
    assert in_turn({"b": fine})(SILENT, False) == {"fine": 1}


def test_a_run_that_cannot_be_written_down_does_not_begin(bench: Bench) -> None:
    """On a full disk nothing is removed without a trace."""
    full = FailingDatabase(bench.stores.catalog)
    full.before = StorageFull("the disk is full")
    other = bench.with_stores(lambda stores: replace(stores, catalog=full))
    ran: list[bool] = []

    def work(_progress: Progress, dry: bool) -> Report:
        ran.append(dry)
        return {}

    with pytest.raises(StorageFull):
        runner(other).run(job(work))
    assert ran == []


def test_a_run_whose_end_cannot_be_written_down_is_closed_by_the_next(bench: Bench) -> None:
    """It did its work, and nobody knows: better too loud than not at all."""
    full = FailingDatabase(bench.stores.catalog)
    other = bench.with_stores(lambda stores: replace(stores, catalog=full))

    def fill(_progress: Progress, _dry: bool) -> Report:
        full.before = StorageFull("the disk is full")
        return {}

    with pytest.raises(StorageFull):
        runner(other).run(job(fill))
    full.before = None
    assert runner(other).run(job(cut)).outcome is Outcome.DONE
    assert [run.outcome for run in bench.vault.runs.last("mow", 2)] == [Outcome.DONE, Outcome.FAILED]
