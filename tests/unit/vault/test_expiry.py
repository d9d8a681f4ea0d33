"""What has an end of its own is gone after it, and not before."""

from collections.abc import Callable
from pathlib import Path

import pytest
from vaults import PASSWORD, Bench, open_bench

from docstopd.errors import Unauthenticated
from docstopd.vault.journal import SYSTEM
from docstopd.vault.progress import SILENT, Report
from docstopd.vault.runs import Outcome

DAY = 86_400.0


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return open_bench(tmp_path)


def go(step: Callable[..., Report]) -> Report:
    """A dry run, which counts the same, and then the real one."""
    dry = step(SILENT, True)
    assert step(SILENT, True) == dry, "a dry run changes nothing"
    assert step(SILENT, False) == dry
    return dry


def test_app_passwords_past_their_end_are_destroyed(bench: Bench) -> None:
    """Their slots are gone from the keyring, others stay, and the journal says whose they were."""
    ada = bench.account("ada")
    accounts = bench.vault.accounts
    accounts.add_app_password(ada, PASSWORD, "phone", bench.clock.now + int(30 * DAY * 1_000_000))
    accounts.add_app_password(ada, PASSWORD, "laptop", bench.clock.now + int(90 * DAY * 1_000_000))
    accounts.add_app_password(ada, PASSWORD, "camera", None)
    assert go(bench.vault.expiry.credentials) == {"app_passwords": 0}
    bench.clock.advance(31 * DAY)
    assert go(bench.vault.expiry.credentials) == {"app_passwords": 1}
    assert [slot.label for slot in accounts.app_passwords("ada")] == ["laptop", "camera"]
    assert bench.actions(SYSTEM)[-1] == "app-password-expire"
    line = bench.vault.audit.show(None, None, 1)[0]
    assert line.facts == {"user": ada.user.id.hex(), "count": 1}
    assert bench.vault.sessions.sign_in("ada", PASSWORD).user.name == "ada"


def test_locks_past_their_end_lose_their_rows(bench: Bench) -> None:
    """One that stands stays."""
    ada = bench.account("ada")
    for name, timeout in (("short", 60), ("long", 600)):
        bench.put(ada, ("ada", name), b"x")
        bench.vault.locks.lock(ada, ("ada", name), exclusive=True, infinite=False, owner="", timeout=timeout)
    assert go(bench.vault.expiry.locks) == {"locks": 0}
    bench.clock.advance(61)
    assert go(bench.vault.expiry.locks) == {"locks": 1}
    assert bench.rows("SELECT count(*) FROM locks") == [(1,)]


def test_failed_sign_ins_are_forgotten_after_their_time(bench: Bench) -> None:
    """A day by default."""
    bench.account("ada")
    with pytest.raises(Unauthenticated):
        bench.vault.sessions.sign_in("ada", "wrong")
    assert go(bench.vault.expiry.throttle) == {"failed_sign_ins": 0}
    bench.clock.advance(DAY + 1)
    assert go(bench.vault.expiry.throttle) == {"failed_sign_ins": 1}
    assert bench.rows("SELECT count(*) FROM throttle") == [(0,)]


def test_runs_are_forgotten_after_a_year_but_the_last_of_each_job(bench: Bench) -> None:
    """So that it is always known when a job last ran."""
    runs = bench.vault.runs
    for job, dry in (("retention", False), ("snapshot", False), ("snapshot", False), ("snapshot", True)):
        runs.end(job, runs.begin(job, dry=dry), Outcome.DONE, {}, dry=dry)
    bench.clock.advance(300 * DAY)
    runs.end("snapshot", runs.begin("snapshot", dry=False), Outcome.DONE, {"new": 1})
    assert go(bench.vault.expiry.runs) == {"runs": 0}
    bench.clock.advance(100 * DAY)
    assert go(bench.vault.expiry.runs) == {"runs": 3}
    assert runs.latest().keys() == {"retention", "snapshot"}
    assert runs.last("snapshot", 9)[0].report == {"new": 1}
