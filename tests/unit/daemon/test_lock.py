"""The lock of a data folder."""

import os
from pathlib import Path

import pytest

from docstopd.daemon.lock import data_lock, holder
from docstopd.errors import Busy, Refused


def test_it_names_its_holder_while_it_is_held(tmp_path: Path) -> None:
    """And nobody afterwards."""
    assert holder(tmp_path) is None
    with data_lock(tmp_path):
        assert holder(tmp_path) == os.getpid()
    assert holder(tmp_path) is None


def test_it_is_refused_twice(tmp_path: Path) -> None:
    """With the process that has it."""
    with data_lock(tmp_path):
        with (
            pytest.raises(Busy, match=rf"another docstopd is running on .* \(pid {os.getpid()}\)"),
            data_lock(tmp_path),
        ):
            pass
        assert holder(tmp_path) == os.getpid()


def test_it_can_be_had_again(tmp_path: Path) -> None:
    """The file stays."""
    for _ in range(2):
        with data_lock(tmp_path):
            pass


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    """And not made."""
    with pytest.raises(Refused, match="init"), data_lock(tmp_path / "none"):
        pass
    assert not (tmp_path / "none").exists()
