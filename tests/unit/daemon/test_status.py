"""What a daemon writes about itself."""

from pathlib import Path

from docstopd.daemon.status import Status, read_status, remove_status, write_status

STATUS = Status(pid=1, version="0.1", url="http://127.0.0.1:1/", started=2.5, workers=[3, 4])


def test_it_reads_as_it_was_written(tmp_path: Path) -> None:
    """Again and again, and no other file stays."""
    for _ in range(2):
        write_status(tmp_path, STATUS)
        assert read_status(tmp_path) == STATUS
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["status.json"]
    remove_status(tmp_path)
    remove_status(tmp_path)
    assert read_status(tmp_path) is None


def test_a_broken_file_is_no_status(tmp_path: Path) -> None:
    """Nor one of another version."""
    (tmp_path / "run").mkdir()
    for text in ("", "{", "[]", '{"pid": 1}'):
        (tmp_path / "run" / "status.json").write_text(text)
        assert read_status(tmp_path) is None
