"""How many threads slow peers may hold up."""

import pytest

from docstopd.http.held_up import HeldUp


def test_all_together_have_a_limit() -> None:
    """Whatever their addresses; who leaves makes room."""
    held_up = HeldUp(3, 2)
    assert [held_up.enter(f"192.0.2.{number}") for number in range(4)] == [True, True, True, False]
    held_up.leave("192.0.2.0")
    assert held_up.enter("192.0.2.9")
    assert held_up.count == 3


@pytest.mark.parametrize(
    ("one", "same", "other"),
    [
        ("192.0.2.1", "192.0.2.1", "192.0.2.2"),
        ("192.0.2.1", "::ffff:192.0.2.1", "::ffff:192.0.2.2"),
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", "2001:db8:0:2::1"),
        ("fe80::1%eth0", "fe80::2", "fe81::1"),
    ],
)
def test_each_address_has_a_limit(one: str, same: str, other: str) -> None:
    """Of IPv6, each network that one client is given."""
    held_up = HeldUp(10, 1)
    assert held_up.enter(one)
    assert not held_up.enter(same)
    assert held_up.enter(other)
    held_up.leave(same)
    assert held_up.enter(one)


def test_a_peer_without_an_address_counts_for_the_whole_alone() -> None:
    """It is a proxy on a Unix socket."""
    held_up = HeldUp(3, 1)
    assert [held_up.enter("") for _ in range(4)] == [True, True, True, False]
