"""Fixtures that several kinds of tests share: a real daemon, and a folder of one's own in its share."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemon import Running, running
from webdav import Share


@pytest.fixture(scope="session")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One docstopd for the whole run; a test leaves it as able to serve as it was and works in `share`."""
    with running(tmp_path_factory.mktemp("daemon")) as started:
        yield started
    assert "Traceback" not in started.log(), started.log()


@pytest.fixture
def fresh_daemon(tmp_path: Path) -> Iterator[Running]:
    """A docstopd of the test's own, which it may stop, kill or damage."""
    folder = tmp_path / "docstopd"
    folder.mkdir()
    with running(folder) as started:
        yield started


@pytest.fixture
def share(daemon: Running) -> Share:
    """A new empty folder in the shared daemon's first space."""
    space = Share(daemon.space_url, daemon.user, daemon.password)
    return space.make(f"test-{secrets.token_hex(8)}")
