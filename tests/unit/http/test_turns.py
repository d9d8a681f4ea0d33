"""Turns: one thread leads, and a leader that is held up is followed at once."""

import threading
import time
from collections.abc import Iterator

import pytest

from docstopd.http.turns import Turns


@pytest.fixture
def turns() -> Iterator[Turns]:
    """Turns that end with the test."""
    made = Turns()
    yield made
    made.end()


def follower(turns: Turns, led: list[float]) -> threading.Thread:
    def follow() -> None:
        if turns.lead(10.0):
            led.append(time.monotonic())

    thread = threading.Thread(target=follow)
    thread.start()
    return thread


def test_a_leader_between_requests_keeps_the_lead(turns: Turns) -> None:
    """However long nothing comes."""
    led: list[float] = []
    assert turns.lead(0.1)
    thread = follower(turns, led)
    time.sleep(0.3)
    assert led == []
    assert turns.lead(0.1)
    turns.leave()
    thread.join(5)
    assert len(led) == 1


def test_a_leader_held_up_by_a_request_is_deposed(turns: Turns) -> None:
    """Soon, also when its follower had gone to rest, and it stands in line again afterwards."""
    led: list[float] = []
    assert turns.lead(0.1)
    thread = follower(turns, led)
    time.sleep(0.3)
    begun = time.monotonic()
    turns.begin()
    thread.join(5)
    assert led[0] - begun < 0.1
    assert not turns.lead(0.05)


def test_a_leader_that_leaves_is_followed_without_a_tick(turns: Turns) -> None:
    """It says so itself."""
    led: list[float] = []
    assert turns.lead(0.1)
    thread = follower(turns, led)
    turns.begin()
    turns.leave()
    thread.join(5)
    assert len(led) == 1


def test_short_requests_leave_the_lead_where_it_is(turns: Turns) -> None:
    """Nobody else is ever woken to serve."""
    led: list[float] = []
    assert turns.lead(0.1)
    thread = follower(turns, led)
    for _ in range(1000):
        turns.begin()
        assert turns.lead(0.1) or led
    turns.leave()
    thread.join(5)
    assert len(led) == 1


def test_the_end_releases_everyone(turns: Turns) -> None:
    """At once."""
    assert turns.lead(0.1)
    led: list[float] = []
    threads = [follower(turns, led) for _ in range(5)]
    time.sleep(0.05)
    turns.end()
    for thread in threads:
        thread.join(1)
        assert not thread.is_alive()
    assert led == []
    assert not turns.lead(0.1)
