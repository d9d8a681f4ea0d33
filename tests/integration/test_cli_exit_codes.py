"""The one place that turns errors into exit codes."""

import pytest

from docstopd import errors
from docstopd.cli import main, program

CODES = [
    (errors.Refused("no"), 1, "docstopd: no\n"),
    (errors.Failed("broken"), 1, "docstopd: broken\n"),
    (errors.Busy("taken"), 1, "docstopd: taken\n"),
    (errors.ConfigurationError(["a:1:1: x", "a:2:1: y"]), 1, "docstopd: a:1:1: x\na:2:1: y\n"),
    (errors.Refused("\x1b[2J no"), 1, "docstopd: \\x1b[2J no\n"),
]


@pytest.mark.parametrize(("error", "code", "message"), CODES)
def test_what_was_refused_or_failed_is_one_message(
    error: Exception,
    code: int,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Exit code 1, no traceback, nothing that a terminal would obey."""
    assert ended_by(error, monkeypatch) == code
    assert capfd.readouterr() == ("", message)


def test_a_state_that_is_unknown_is_told_apart(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Exit code 70, and what to do."""
    assert ended_by(errors.StateUnknown("fsync failed"), monkeypatch) == 70
    assert capfd.readouterr().err.startswith("docstopd: fsync failed; nothing more was done")


def test_what_nobody_expected_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug is not dressed up as a refusal."""
    with pytest.raises(ZeroDivisionError):
        ended_by(ZeroDivisionError(), monkeypatch)


def ended_by(error: Exception, monkeypatch: pytest.MonkeyPatch) -> object:
    """The exit code of the program when its command raises `error`."""

    def command(**_options: str) -> None:
        raise error

    monkeypatch.setattr(program, "app", command)
    monkeypatch.setattr(program.os, "umask", lambda _mask: 0)  # the test process keeps its own
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code
