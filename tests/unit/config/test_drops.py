"""Drop folders in the configuration: patterns of paths, and folders that lie apart."""

import datetime
from pathlib import Path

import pytest

from docstopd.config import Config, fill_drop_path, parse
from docstopd.config.droppath import check_drop_path
from docstopd.errors import ConfigurationError

SOURCE = Path("/etc/docstopd/docstopd.yaml")
DAY = datetime.datetime(2026, 3, 4, tzinfo=datetime.UTC)


def parsed(*drops: str, more: str = "") -> Config:
    items = "".join(f"  - {{{one}}}\n" for one in drops)
    return parse(f"data: /var/lib/docstopd\n{more}drop:\n{items}", SOURCE)


def test_a_drop_folder_needs_a_name_a_folder_and_a_space() -> None:
    (one,) = parsed("name: scanner, folder: scans, space: Accounting").drop
    assert (one.folder, one.path, one.settle.seconds) == (Path("/etc/docstopd/scans"), "{folder}/{name}", 5)
    assert ".*" in one.ignore
    with pytest.raises(ConfigurationError) as caught:
        parsed("name: scanner")
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize(
    ("pattern", "place"),
    [
        ("{name}", ("scan.pdf",)),
        ("{folder}/{name}", ("a", "b", "scan.pdf")),
        ("{year}/{month}/{folder}/{name}", ("2026", "03", "a", "b", "scan.pdf")),
        ("scans of {year}/{day}-{name}", ("scans of 2026", "04-scan.pdf")),
    ],
)
def test_a_pattern_is_filled(pattern: str, place: tuple[str, ...]) -> None:
    assert fill_drop_path(check_drop_path(pattern), "scan.pdf", ("a", "b"), DAY) == place


def test_braces_and_slashes_in_a_files_own_name_mean_nothing() -> None:
    assert fill_drop_path("{year}/{name}", "{month}{name}", (), DAY) == ("2026", "{month}{name}")


@pytest.mark.parametrize(
    "pattern",
    (
        *(
            "",
            "x",
            "/{name}",
            "../{name}",
            "./{name}",
            "a//{name}",
            "{name}/",
            "{name}/x",
            "{name}{name}",
            "{name}.pdf",
        ),
        *("{name}/{name}", "{hour}/{name}", "{year", "{}/{name}", "{name!r}", "{year:x}/{name}", "a{folder}/{name}"),
        *("{folder}", "a\x07/{name}", "}{name}"),
    ),
)
def test_what_is_no_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(ConfigurationError, match="is no pattern"):
        parse(
            f"data: d\ndrop: [{{name: a, folder: /x, space: s, path: {ascii(pattern).replace(chr(39), chr(34))}}}]",
            SOURCE,
        )


@pytest.mark.parametrize(
    "folder",
    [
        "/var/lib/docstopd",
        "/var/lib/docstopd/drop",
        "/var/lib",
        "/var/lib/x/../docstopd/in",
        "/mnt/t/in",
        "/srv/a/b",
        "/srv",
    ],
)
def test_drop_folders_lie_apart_from_the_data_from_targets_and_from_each_other(folder: str) -> None:
    with pytest.raises(ConfigurationError, match="keep them apart"):
        parsed(
            "name: first, folder: /srv/a, space: s",
            f"name: second, folder: {folder}, space: s",
            more="snapshots: {targets: [{name: t, path: /mnt/t}]}\n",
        )


def test_two_drop_folders_have_two_names() -> None:
    with pytest.raises(ConfigurationError, match="one name"):
        parsed("name: a, folder: /x, space: s", "name: a, folder: /y, space: s")
