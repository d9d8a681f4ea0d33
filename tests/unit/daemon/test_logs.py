"""Log lines."""

import json
import logging
import re
from collections.abc import Iterator

import pytest

from docstopd.config import LogConfig
from docstopd.daemon.logs import configure_logs


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    """The logging that was there before."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)


def test_text_lines_have_time_level_and_process(capsys: pytest.CaptureFixture[str]) -> None:
    """In UTC."""
    configure_logs(LogConfig())
    logging.getLogger("x").info("hello %s", "there")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO \[\d+\] hello there\n", capsys.readouterr().err)


def test_json_lines_are_objects(capsys: pytest.CaptureFixture[str]) -> None:
    """One a line, line ends and errors inside."""
    configure_logs(LogConfig(format="json", level="warning"))
    logging.getLogger("x").info("not this")
    try:
        int("bad")
    except ValueError:
        logging.getLogger("x").exception("two\nlines")
    (line,) = capsys.readouterr().err.splitlines()
    read = json.loads(line)
    assert (read["level"], read["source"], read["message"]) == ("error", "x", "two\nlines")
    assert "ValueError: invalid literal" in read["error"]
    assert read["time"].endswith("Z")
