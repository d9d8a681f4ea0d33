"""Schedules, zones, classes and targets as the configuration writes them."""

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from docstopd.config import Config, Duration, Schedule, parse
from docstopd.errors import ConfigurationError

SOURCE = Path("/etc/docstopd/docstopd.yaml")


def read(text: str) -> Config:
    return parse(f"data: d\n{text}", SOURCE)


def problem(text: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        read(text)
    return str(caught.value)


@pytest.mark.parametrize(
    "text", ["30 2 * * *", "*/15 0-6,22 1 jan-mar mon-fri", "0 5 * * 7", "0 0 29 2 *", "5,10,15 * * * sun"]
)
def test_five_fields_are_a_schedule(text: str) -> None:
    """And are written as they are read."""
    found = read(f"jobs: {{drill: '{text}'}}").jobs.drill
    assert found == Schedule(cron=text)
    assert str(found) == text


def test_an_interval_and_off_are_schedules() -> None:
    """Their texts read back."""
    jobs = read("jobs: {drill: every 90m, scrub: off}").jobs
    assert (jobs.drill, jobs.scrub) == (Schedule(every=Duration(5400)), Schedule())
    assert (str(jobs.drill), str(jobs.scrub)) == ("every 90m", "off")


@pytest.mark.parametrize(
    "text",
    [
        "60 * * * *",
        "* * * *",
        "* * * * * *",
        "5-1 * * * *",
        "*/0 * * * *",
        "every",
        "every 5 m",
        "every 0s",
        "* * * * fri-mon",
        "a * * * *",
        "1.5 * * * *",
        "-1 * * * *",
        "'*' * * * *",
        "daily",
        "@daily",
        "٣ * * * *",
    ],
)
def test_anything_else_is_no_schedule(text: str) -> None:
    """It is told where."""
    assert "jobs.drill: " in problem(f'jobs: {{drill: "{text}"}}')


def test_zones_are_those_of_the_iana_database() -> None:
    """By name."""
    assert read("jobs: {zone: Europe/Zurich}").jobs.zone == ZoneInfo("Europe/Zurich")
    for wrong in ("Europe", "Mars/Olympus", "../etc/passwd", "''", "3", "CEST!", "/etc/localtime"):
        assert "jobs.zone: is no time zone" in problem(f"jobs: {{zone: {wrong}}}")


def test_a_class_says_what_it_must() -> None:
    """Pattern and time have no default."""
    text = problem("classes:\n  - name: contracts")
    assert "match" in text
    assert "keep_for" in text


def test_names_of_classes_and_targets_differ() -> None:
    """Files and snapshots are known by them."""
    one = "{name: a, match: ['*'], keep_for: 365d}"
    assert "two classes of one name" in problem(f"classes: [{one}, {one}]")
    assert "two targets" in problem("snapshots: {targets: [{name: a, path: /x}, {name: a, path: /y}]}")
    assert "two targets" in problem("snapshots: {targets: [{name: a, path: /x}, {name: b, path: /x/}]}")
