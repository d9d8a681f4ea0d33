"""Durable files: whole or not at all, and a failed fsync is fatal."""

import errno
import os
from pathlib import Path

import pytest

from docstopd.db import durable
from docstopd.errors import Failed, StateUnknown, StorageFull


def test_a_file_is_replaced_whole_and_private(tmp_path: Path) -> None:
    """No temporary file stays."""
    path = tmp_path / "key"
    durable.write_file(path, b"one")
    durable.write_file(path, b"two" * 100_000)
    assert path.read_bytes() == b"two" * 100_000
    assert path.stat().st_mode & 0o777 == 0o600
    assert [p.name for p in tmp_path.iterdir()] == ["key"]


@pytest.mark.parametrize(("number", "error"), [(errno.ENOSPC, StorageFull), (errno.EDQUOT, StorageFull),
                                               (errno.EIO, Failed)])  # fmt: skip
def test_a_write_that_fails_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, error: type[Failed]
) -> None:
    """In the words of the error tree."""
    path = tmp_path / "key"
    durable.write_file(path, b"one")

    def refuse(*_args: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "write", refuse)
    with pytest.raises(error):
        durable.write_file(path, b"two")
    monkeypatch.undo()
    assert path.read_bytes() == b"one"
    assert [p.name for p in tmp_path.iterdir()] == ["key"]


def test_a_failed_fsync_is_state_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the old content stays when the file itself could not be synced."""
    path = tmp_path / "key"
    durable.write_file(path, b"one")

    def refuse(_descriptor: int) -> None:
        raise OSError(errno.EIO, "no")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(StateUnknown):
        durable.write_file(path, b"two")
    monkeypatch.undo()
    assert path.read_bytes() == b"one"


def test_folders_are_made_with_their_parents_and_private(tmp_path: Path) -> None:
    """Again and again."""
    for _ in range(2):
        durable.make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700


def test_a_folder_under_a_file_is_failed(tmp_path: Path) -> None:
    """No `OSError` crosses."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Failed):
        durable.make_folder(tmp_path / "file" / "b")


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """A folder of another user's, as the data folder of a service is to root."""
    if os.geteuid() != 0:
        pytest.skip("only root works in a folder of somebody else's")
    folder = tmp_path / "theirs"
    folder.mkdir()
    os.chown(folder, 12345, 23456)
    return folder


def _owner(path: Path) -> tuple[int, int]:
    found = path.lstat()
    return found.st_uid, found.st_gid


def test_what_root_makes_in_the_folder_of_a_service_is_the_services(theirs: Path) -> None:
    """Folders, locks and files: else the service could not use its own data after a command."""
    durable.make_folder(theirs / "run" / "deep")
    os.close(durable.open_lock(theirs / "run" / "lock"))
    durable.write_file(theirs / "key", b"one", adopted=True)
    made = [theirs / "run", theirs / "run" / "deep", theirs / "run" / "lock", theirs / "key"]
    assert [_owner(path) for path in made] == [(12345, 23456)] * 4


def test_a_file_that_is_replaced_keeps_its_owner_and_a_new_one_is_its_makers(theirs: Path) -> None:
    """A key that root backs up into somebody's folder stays root's."""
    durable.write_file(theirs / "backup", b"secret")
    assert _owner(theirs / "backup") == (0, 0)
    os.chown(theirs / "backup", 777, 888)
    durable.write_file(theirs / "backup", b"new")
    assert _owner(theirs / "backup") == (777, 888)


def test_a_lock_is_never_made_through_a_link(tmp_path: Path) -> None:
    """Who owns the folder could otherwise have root make a file anywhere."""
    (tmp_path / "lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Failed, match="lock cannot be locked"):
        durable.open_lock(tmp_path / "lock")
    assert not (tmp_path / "elsewhere").exists()
