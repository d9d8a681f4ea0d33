"""The system's limits, as they are found and as they should be."""

from pathlib import Path

from docstopd.watch.limits import shortages


def settings(folder: Path, **values: object) -> Path:
    for name, value in values.items():
        (folder / name).write_text(f"{value}\n")
    return folder


def test_each_limit_that_is_too_low_is_named(tmp_path: Path) -> None:
    """With what it should be, which grows with the targets."""
    found = settings(tmp_path, max_user_watches=700, max_user_instances=1, max_queued_events=64)
    assert [one.setting for one in shortages(1, found)] == ["max_user_instances", "max_queued_events"]
    (first, *_others) = shortages(2, found)
    assert (first.setting, first.found, first.least) == ("max_user_watches", 700, 1200)
    assert "fs.inotify.max_user_watches=1200" in first.remedy


def test_usual_limits_are_enough_and_unknown_ones_are_no_complaint(tmp_path: Path) -> None:
    """The defaults of a small machine; a system that does not tell."""
    assert list(shortages(2, settings(tmp_path, max_user_watches=8192, max_user_instances=128))) == []
    assert list(shortages(2, tmp_path / "nowhere")) == []
