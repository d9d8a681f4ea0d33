"""Fifty uploads and fifty downloads that move one byte a second keep nobody else waiting."""

import itertools
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from configured import configured
from daemon import environment
from slow_clients import PATIENT, prepare, slow_clients
from webdav import Share

CLIENTS = 50
PROMPT = 5.0
"""Seconds: far more than any request takes on a busy machine, far less than waiting for a slow client would."""
MEASURE = Path(__file__).parents[1] / "bench" / "slow.py"


@pytest.fixture(scope="module")
def share(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Share]:
    """A space of a docstopd with two workers that lets slow clients be slow."""
    with configured(tmp_path_factory.mktemp("slow"), http={"workers": 2, **PATIENT}) as running:
        space = Share(running.space_url, running.user, running.password)
        prepare(space)
        yield space


def test_others_are_served_promptly_meanwhile(share: Share) -> None:
    """On new connections, each of which either worker may take; and the slow ones are still there afterwards."""
    longest = 0.0
    with slow_clients(share, CLIENTS, CLIENTS) as slow:
        until = time.monotonic() + 4  # in which each slow client moves a few times
        for number in itertools.count():
            asked = time.monotonic()
            if asked > until:
                break
            share.put("quick", b"%d" % number)
            assert share.get("quick") == b"%d" % number
            assert share.ask("PROPFIND", headers={"Depth": "1"}).status == 207
            longest = max(longest, time.monotonic() - asked)
        assert slow.dead == []
        assert len(slow.uploads) == len(slow.downloads) == CLIENTS
    assert longest < PROMPT


def test_uploads_that_were_given_up_leave_nothing(share: Share) -> None:
    """Their clients have gone: no file of theirs is listed."""
    with slow_clients(share, 3, 0):
        pass
    listing = share.ask("PROPFIND", headers={"Depth": "1"}).body
    assert b"slow-download" in listing
    assert b"slow-0" not in listing


def test_the_measurement_measures(tmp_path: Path) -> None:
    """One short turn with few clients; what it measures is not judged here."""
    short = ["--clients", "3", "--repeats", "1", "--turns", "1", "--seconds", "0.3"]
    finished = subprocess.run(
        [sys.executable, MEASURE, *short],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert finished.returncode in {0, 1}, finished.stderr
    assert finished.stderr == ""
    assert [line.split()[0] for line in finished.stdout.splitlines()] == ["repeat", "1", "1", "1"]
