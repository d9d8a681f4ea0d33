"""Files that are edited in the ways of editors."""

from collections.abc import Callable
from pathlib import Path

import pytest

from docstopd.watch.edits import Edits


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "docstopd.yaml"
    path.write_text("old")
    return path


def in_place(path: Path) -> None:
    path.write_text("new!")


def renamed_over(path: Path) -> None:
    path.with_name("fresh").write_text("new!")
    path.with_name("fresh").rename(path)


def with_a_copy_kept(path: Path) -> None:
    path.with_name(".docstopd.yaml.swp").write_text("swap")
    path.rename(path.with_name("docstopd.yaml~"))
    path.write_text("new!")
    path.with_name("docstopd.yaml~").unlink()


def removed(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("edit", [in_place, renamed_over, with_a_copy_kept, removed])
def test_an_edit_is_said_once_when_it_is_settled(file: Path, edit: Callable[[Path], None]) -> None:
    """Not while something still changes."""
    edits = Edits([file])
    assert not edits.settled()
    edit(file)
    assert not edits.settled()
    assert edits.settled()
    assert not edits.settled()


def test_what_is_still_written_waits(file: Path) -> None:
    """Each look finds something else."""
    edits = Edits([file])
    for number in range(5):
        file.write_text("x" * number)
        assert not edits.settled()
    assert edits.settled()


def test_a_file_that_was_only_touched_or_written_back_is_not_edited(file: Path) -> None:
    """The content counts."""
    edits = Edits([file])
    file.write_text("old")
    file.chmod(0o600)
    assert not any(edits.settled() for _ in range(3))


def test_a_link_that_points_elsewhere_is_an_edit(file: Path, tmp_path: Path) -> None:
    """As certbot renews: `live/` holds links into `archive/`."""
    (tmp_path / "second").write_text("new")
    link = tmp_path / "link"
    link.symlink_to(file)
    edits = Edits([link])
    link.unlink()
    link.symlink_to(tmp_path / "second")
    assert [edits.settled() for _ in range(3)] == [False, True, False]
