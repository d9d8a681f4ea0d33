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
