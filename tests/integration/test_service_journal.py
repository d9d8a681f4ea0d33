"""What a real daemon writes of itself, and of what is read from it, into the journal."""

import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from daemon import Running, kill, start, stop
from webdav import Share

from docstopd.config import load
from docstopd.daemon.compose import open_vault
from docstopd.vault.audit.trail import Line


def lines(running: Running, *actions: str) -> list[Line]:
    """Of `system`, read beside the daemon."""
    with open_vault(load(running.config)) as vault:
        return [line for line in vault.audit.show(None, None, 1000) if not actions or line.action in actions]


def eventually(look: Callable[[], Any], what: str, within: float = 30.0) -> Any:
    """What `look` returns once it is not empty."""
    deadline = time.monotonic() + within
    while not (found := look()):
        assert time.monotonic() < deadline, f"no {what} within {within} s"
        time.sleep(0.1)
    return found


def test_a_daemon_journals_its_start_its_configuration_and_its_stop(tmp_path: Path) -> None:
    """Once each, whatever processes it has; a reload is neither; a kill shows at the next start."""
    first = start(tmp_path)
    try:
        (begun,) = eventually(lambda: lines(first, "start"), "start")
        assert begun.facts["clean"] is True
        known = len(lines(first, "configuration"))
        first.config.write_text(first.config.read_text() + "\nsessions:\n  idle: 20m\n")
        first.process.send_signal(signal.SIGHUP)
        changed = eventually(lambda: lines(first, "configuration")[known:], "change of the configuration")
        assert [line.facts for line in changed] == [{"changed": "sessions.idle"}]
        assert changed[0].details == {"sessions.idle": "15m -> 20m"}
        stop(first)
    finally:
        kill(first.process)
    assert [line.action for line in lines(first, "start", "stop")] == ["start", "stop"]
    second = start(tmp_path)
    eventually(lambda: lines(second, "start")[1:], "second start")
    kill(second.process)
    third = start(tmp_path)
    eventually(lambda: lines(third, "start")[2:], "third start")
    stop(third)
    found = [(line.action, line.facts["clean"]) for line in lines(third, "start", "stop")]
    assert found == [("start", True), ("stop", True), ("start", True), ("start", False), ("stop", True)]


def test_a_get_is_journalled_within_two_seconds(fresh_daemon: Running) -> None:
    """A second to the next batch, and one for a slow machine; a HEAD is no read."""
    share = Share(fresh_daemon.space_url, fresh_daemon.user, fresh_daemon.password)
    share.ask("PUT", "letter", b"content")
    share.ask("HEAD", "letter")
    assert share.get("letter") == b"content"

    def found() -> list[tuple[str, str]]:
        with open_vault(load(fresh_daemon.config)) as vault:
            session = vault.sessions.sign_in(fresh_daemon.user, fresh_daemon.password)
            shown = vault.audit.show(session, fresh_daemon.user, 50)
            return [(line.actor, line.details["path"]) for line in shown if line.action == "read"]

    assert eventually(found, "entry of the read", 5.0) == [(fresh_daemon.user, f"{fresh_daemon.user}/letter")]
    assert "127.0.0.1" in {line.details["address"] for line in lines(fresh_daemon, "space-open")}
