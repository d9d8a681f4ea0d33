"""litmus: the WebDAV server test suite, in full. It finds coarse faults only, so nothing less than clean will do."""

import re
from pathlib import Path

import programs
import pytest
from webdav import Share

SUMMARY = re.compile(r"of (\d+) tests run: (\d+) passed, (\d+) failed")
TROUBLE = re.compile(r"FAIL|WARNING|SKIPPED|skipped|warning")


@pytest.mark.parametrize("suite", ["basic", "copymove", "props", "locks", "http"])
def test_litmus_passes_without_failure_warning_or_skip(suite: str, share: Share, tmp_path: Path) -> None:
    """Every test of every suite runs and passes."""
    litmus = programs.need("litmus")
    assert share.user is not None
    finished = programs.run([litmus, share.url, share.user, share.password], cwd=tmp_path, environment={"TESTS": suite})
    output = programs.said(finished)
    counted = SUMMARY.search(output)
    assert counted, output
    ran, passed, failed = map(int, counted.groups())
    assert ran == passed > 0, output
    assert failed == 0, output
    assert not TROUBLE.findall(output.replace("0 failed", "")), output
    assert finished.returncode == 0, output
