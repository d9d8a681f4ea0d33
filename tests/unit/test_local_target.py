"""What is true of targets in folders alone."""

import stat
from pathlib import Path

import pytest

from docstopd.db import durable
from docstopd.errors import Failed, NotFound
from docstopd.targets.local import LocalTarget


def put(target: LocalTarget, name: str, content: bytes = b"content") -> None:
    writer = target.put(name)
    writer.write(content)
    writer.finish()


def test_files_and_folders_are_the_services_alone(tmp_path: Path) -> None:
    """Whatever the umask says."""
    target = LocalTarget(tmp_path / "target")
    put(target, "blobs/00/00ab")
    target.settle()
    root = tmp_path / "target"
    assert stat.S_IMODE((root / "blobs/00/00ab").stat().st_mode) == 0o400
    for folder in (root, root / "blobs", root / "blobs/00"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.parametrize("name", ["", "/x", "x/", "../x", "x/../y", ".x", "A", "x y", "x.part", "x//y"])
def test_no_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    """What a name may be is narrow."""
    with pytest.raises(ValueError):
        LocalTarget(tmp_path).put(name)


def test_without_syncfs_each_file_is_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And each folder, so that the result is the same."""
    synced: list[int] = []
    real = durable.sync
    monkeypatch.setattr(durable, "_syncfs", None)
    monkeypatch.setattr(durable, "sync", lambda descriptor: (synced.append(descriptor), real(descriptor))[1])
    target = LocalTarget(tmp_path)
    for number in range(3):
        put(target, f"blobs/0{number}/x")
    before = len(synced)
    target.settle()
    assert len(synced) - before == 6
    assert len(list(target.list(""))) == 3


def test_a_failed_sync_ends_the_run_and_shows_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing has its name that may not be durable."""
    monkeypatch.setattr(durable, "_syncfs", lambda _descriptor: -1)
    target = LocalTarget(tmp_path)
    put(target, "one")
    with pytest.raises(Failed):
        target.settle()
    assert list(target.list("")) == []


def test_a_folder_that_is_not_there_is_no_empty_target(tmp_path: Path) -> None:
    """A disk that is not attached must not look like one that has lost everything."""
    with pytest.raises(NotFound, match="attach"):
        list(LocalTarget(tmp_path / "gone").list(""))


def test_what_is_wiped_is_overwritten(tmp_path: Path) -> None:
    """Through a second name of the same file one sees it."""
    target = LocalTarget(tmp_path / "target")
    put(target, "one", b"secret" * 400_000)
    target.settle()
    (tmp_path / "other").hardlink_to(tmp_path / "target" / "one")
    target.delete("one", wipe=True)
    left = (tmp_path / "other").read_bytes()
    assert len(left) == 2_400_000
    assert not any(left)
