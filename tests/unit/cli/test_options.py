"""What people write after an option, as commands take it."""

import pytest
import typer

from docstopd.cli.options import moment, space_path
from docstopd.model import DAY, HOUR

NOVEMBER_24 = 1_795_478_400 * 1_000_000


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2026-11-24", NOVEMBER_24, NOVEMBER_24 + DAY - 1),
        ("2026-11-24T10:00", NOVEMBER_24 + 10 * HOUR, NOVEMBER_24 + 10 * HOUR),
        ("2026-11-24T10:00:00+01:00", NOVEMBER_24 + 9 * HOUR, NOVEMBER_24 + 9 * HOUR),
        ("2026-11-24 10:00:00.000001Z", NOVEMBER_24 + 10 * HOUR + 1, NOVEMBER_24 + 10 * HOUR + 1),
    ],
)
def test_a_day_has_a_first_and_a_last_moment_and_a_time_is_one(text: str, first: int, last: int) -> None:
    """In UTC, unless it says otherwise."""
    assert (moment(text), moment(text, whole_day=True)) == (first, last)


@pytest.mark.parametrize("text", ["", "yesterday", "24.11.2026", "2026-13-01"])
def test_what_is_no_time_is_wrong_usage(text: str) -> None:
    """The message says how to write one."""
    with pytest.raises(typer.BadParameter, match="is no time"):
        moment(text, whole_day=True)


def test_a_path_is_read_with_and_without_its_slashes() -> None:
    """People write it as they see it."""
    assert space_path("/Accounting/2026/") == space_path("Accounting//2026") == ("Accounting", "2026")


@pytest.mark.parametrize("text", ["", "/", "//"])
def test_a_path_that_names_nothing_is_wrong_usage(text: str) -> None:
    """It would name every space."""
    with pytest.raises(typer.BadParameter, match="names nothing"):
        space_path(text)
