"""The keep rules beside restic's own: the same times, the same rules, the same answers and reasons.

A rule that has not reached its number keeps the oldest too: restic does so from 0.16 on. For an older one that is added
to its answer here, from the numbers that it gives.
"""

import json
import os
import subprocess
from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import programs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from docstopd.model import SECOND
from docstopd.vault.retention import Keep, keep

ZONE = "Europe/Berlin"
NOW = 1_900_000_000 * SECOND
EXAMPLES = 20
KEEPS_OLDEST = (0, 16)

# Ends of days, of ISO weeks, of months and years; both nights on which the clock is set; a long pause; one hour twice.
MOMENTS = {
    "calendar": (
        "2019-02-28 23:59:59",
        "2020-12-27 23:59:59",
        "2020-12-28 00:00:00",
        "2020-12-31 23:59:59",
        "2021-01-01 00:00:00",
        "2021-01-03 12:00:00",
        "2021-01-04 00:00:00",
        "2021-03-27 09:00:00",
        "2021-03-28 01:59:59",
        "2021-03-28 03:00:00",
        "2021-03-28 03:30:00",
        "2021-10-31 01:30:00",
        "2021-10-31 02:30:00",
        "2021-10-31 03:30:00",
        "2021-11-01 00:30:00",
    ),
    "busy": (
        "2022-06-01 08:00:00",
        "2022-06-01 08:00:01",
        "2022-06-01 08:59:59",
        "2022-06-01 09:00:00",
        "2022-06-01 22:30:00",
        "2022-06-02 00:10:00",
        "2022-06-02 07:00:00",
        "2022-06-05 23:00:00",
        "2022-06-06 01:00:00",
        "2022-06-30 12:00:00",
        "2022-07-01 12:00:00",
    ),
    "single": ("2018-05-05 05:05:05",),
}

RULES = {
    "last": ("--keep-last", "last snapshot"),
    "hourly": ("--keep-hourly", "hourly snapshot"),
    "daily": ("--keep-daily", "daily snapshot"),
    "weekly": ("--keep-weekly", "weekly snapshot"),
    "monthly": ("--keep-monthly", "monthly snapshot"),
    "yearly": ("--keep-yearly", "yearly snapshot"),
}

Restic = Callable[..., Any]


@pytest.fixture(scope="module")
def keeps_oldest() -> bool:
    """Whether this restic adds the oldest by itself."""
    said = subprocess.run([programs.need("restic"), "version"], capture_output=True, text=True, check=True).stdout
    return tuple(map(int, said.split()[1].split(".")[:2])) >= KEEPS_OLDEST


@pytest.fixture(scope="module")
def restic(tmp_path_factory: pytest.TempPathFactory) -> Restic:
    """Runs restic on a repository that has a snapshot of each moment; its JSON."""
    program = programs.need("restic")
    folder = tmp_path_factory.mktemp("restic")
    (folder / "file").write_text("tiny")
    variables = {
        **os.environ,
        "TZ": ZONE,
        "HOME": str(folder),
        "RESTIC_REPOSITORY": str(folder / "repository"),
        "RESTIC_PASSWORD": "password",
    }

    def run(*arguments: str) -> Any:
        command = [program, "--json", "--no-cache", *arguments]
        done = subprocess.run(command, env=variables, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if arguments[0] in {"forget", "snapshots"} else None

    run("init")
    for host, moments in MOMENTS.items():
        for moment in moments:
            run("backup", "--host", host, "--time", moment, "file")
    return run


def micros(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * SECOND


rules = st.builds(
    Keep,
    **{name: st.integers(0, 6) for name in RULES},
    within=st.none() | st.integers(1, 30_000).map(lambda hours: hours * 3600.0),
).filter(lambda wanted: not wanted.empty)


@given(wanted=rules)
@settings(
    max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_restic_keeps_the_same_for_the_same_reasons(restic: Restic, keeps_oldest: bool, wanted: Keep) -> None:
    """Each host is a group of its own, so one run of restic answers for all of them."""
    options = [text for name, (option, _) in RULES.items() for text in (option, str(getattr(wanted, name)))]
    if wanted.within:
        options += ["--keep-within", f"{int(wanted.within // 3600)}h"]
    groups = restic("forget", "--dry-run", "--group-by", "host", *options)
    assert len(groups) == len(MOMENTS)
    for group in groups:
        every = [one["time"] for one in (*(group["keep"] or ()), *(group["remove"] or ()))]
        assert len(every) == len(MOMENTS[group["host"]])
        said = {reason["snapshot"]["time"]: _named(reason["matches"]) for reason in group["reasons"] or ()}
        expected = {time: said.get(time, set()) for time in every}
        if not keeps_oldest:
            expected[min(every, key=micros)] |= _unfilled(expected, wanted)
        found = keep([micros(time) for time in every], wanted, ZoneInfo(ZONE), NOW)
        assert dict(zip(every, map(set, found), strict=True)) == expected


def _named(matches: list[str]) -> set[str]:
    words = {said: name for name, (_, said) in RULES.items()}
    return {words.get(match, "within") for match in matches}


def _unfilled(expected: dict[str, set[str]], wanted: Keep) -> set[str]:
    """The rules that kept fewer than they may."""
    kept = [name for reasons in expected.values() for name in reasons]
    return {name for name in RULES if kept.count(name) < getattr(wanted, name)}
