"""A process that dies in the midst of a job, at each step of its run: the next run ends as if nothing had been."""

import subprocess
import sys
from pathlib import Path

import pytest
from daemon import environment
from guards import NoGuard
from vaults import Bench, open_bench

from docstopd.config import Schedule
from docstopd.jobs import Job, Runner
from docstopd.vault.journal import SYSTEM
from docstopd.vault.progress import Progress, Report
from docstopd.vault.runs import Outcome

PROGRAM = """
import os, sys
from dataclasses import replace
from pathlib import Path

from docstopd.config import Schedule
from docstopd.jobs import Job, Runner
from guards import NoGuard
from vaults import open_bench

folder, last = Path(sys.argv[1]), int(sys.argv[2])

class Dying:
    def __init__(self, inner):
        self.inner, self.left = inner, last
    def read(self):
        return self.inner.read()
    def close(self):
        self.inner.close()
    def write(self, work):
        if self.left == 0:
            os._exit(9)
        self.left -= 1
        return self.inner.write(work)

bench = open_bench(folder)
vault = bench.with_stores(lambda stores: replace(stores, catalog=Dying(stores.catalog))).vault
work = lambda progress, dry: vault.expiry.locks(progress, dry)
Runner(vault.runs, folder / "run", NoGuard()).run(Job("expiry", Schedule(), True, work))
print("done")
"""


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A vault with one lock that has expired."""
    made = open_bench(tmp_path)
    ada = made.account("ada")
    made.put(ada, ("ada", "file"), b"x")
    made.vault.locks.lock(ada, ("ada", "file"), exclusive=True, infinite=False, owner="", timeout=1)
    made.clock.advance(60)
    made.edit("UPDATE locks SET expires = 1")  # the other process has a clock of its own
    return made


def die(bench: Bench, writes: int) -> str:
    """Run the job in a process that dies instead of its next write to the catalog; what it said."""
    variables = environment()
    variables["PYTHONPATH"] = f"{Path(__file__).parents[1] / 'support'}:{variables.get('PYTHONPATH', '')}"
    finished = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(bench.folder), str(writes)],
        env=variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert finished.returncode in {0, 9}, finished.stderr
    return finished.stdout


@pytest.mark.parametrize("writes", range(4))
def test_a_job_whose_process_dies_is_made_good_by_the_next_run(bench: Bench, writes: int) -> None:
    """Before it is in the ledger, before its work, after it, and not at all."""
    died = die(bench, writes) == ""
    assert died is (writes < 3)

    def work(progress: Progress, dry: bool) -> Report:
        return bench.vault.expiry.locks(progress, dry)

    runner = Runner(bench.vault.runs, bench.folder / "run", NoGuard())
    ended = runner.run(Job("expiry", Schedule(), True, work))
    assert ended.outcome is Outcome.DONE
    assert ended.report == {"locks": 1 if writes < 2 else 0}
    assert bench.rows("SELECT count(*) FROM locks") == [(0,)]
    runs = [run.outcome for run in bench.vault.runs.last("expiry", 9)]
    before = {0: [], 1: [Outcome.FAILED], 2: [Outcome.FAILED], 3: [Outcome.DONE]}[writes]
    assert runs == [Outcome.DONE, *before]
    assert bench.actions(SYSTEM).count("job-failed") == before.count(Outcome.FAILED)
    bench.assert_journal()
