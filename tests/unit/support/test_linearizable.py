"""The checker and the model behind the races: they tell a history that could have happened from one that could not."""

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from linearizable import Operation, linearization
from tree_model import Call, Event, Outcome, State, in_two_steps, step

F, G = ("f",), ("g",)


def put(invoked: float, returned: float, body: bytes, status: int = 204) -> Event:
    """A PUT to f."""
    return Operation(invoked, returned, Call("PUT", F, body=body), Outcome(status))


def get(invoked: float, returned: float, body: bytes) -> Event:
    """A GET of f."""
    return Operation(invoked, returned, Call("GET", F), Outcome(200, body))


def holding(**contents: bytes) -> State:
    """A tree of files."""
    return State(frozenset(((name,), content) for name, content in contents.items()))


def test_an_order_is_found_for_overlapping_writes() -> None:
    """The one whose content is read afterwards came last."""
    history = [put(0, 9, b"1"), put(1, 8, b"2"), get(10, 11, b"1")]
    found = linearization(history, holding(f=b"0"), step)
    assert found == [history[1], history[0], history[2]]


REFUSED = {
    "a read misses a write that was over": [put(0, 1, b"1"), get(2, 3, b"0")],
    "two reads see two writes in opposite orders": [
        put(0, 9, b"1"),
        put(0, 9, b"2"),
        get(1, 2, b"1"),
        get(3, 4, b"2"),
        get(5, 6, b"1"),
    ],
    "a read sees what nobody wrote": [put(0, 9, b"12"), put(0, 9, b"34"), get(1, 8, b"14")],
    "a write is lost": [put(0, 1, b"1"), put(2, 3, b"2"), get(4, 5, b"1")],
    "a later reader sees the older content": [put(0, 9, b"1"), get(1, 2, b"1"), get(3, 4, b"0")],
    "a file that is there is made": [put(0, 1, b"1", 201)],
    "two locks are held": [
        Operation(0, 9, Call("LOCK", F), Outcome(200, token="a")),
        Operation(0, 9, Call("LOCK", F), Outcome(200, token="b")),
    ],
    "an empty file of a lock replaces a content": [
        Operation(0, 9, Call("DELETE", F), Outcome(204)),
        Operation(0, 9, Call("LOCK", F), Outcome(201, token="a")),
        put(0, 9, b"1", 201),
        get(10, 11, b""),
    ],
    "a folder is made twice": [
        Operation(0, 9, Call("MKCOL", G), Outcome(201)),
        Operation(0, 9, Call("MKCOL", G), Outcome(201)),
    ],
    "a copy is older than its beginning": [
        put(0, 1, b"1"),
        Operation(2, 3, Call("COPY", F, G), Outcome(201)),
        Operation(4, 5, Call("SURVEY"), Outcome(207, tree=frozenset({(F, b"1"), (G, b"0")}))),
    ],
    "a moved file stays": [
        Operation(0, 1, Call("MOVE", F, G), Outcome(201)),
        Operation(2, 3, Call("SURVEY"), Outcome(207, tree=frozenset({(F, b"0"), (G, b"0")}))),
    ],
}


@pytest.mark.parametrize("history", REFUSED.values(), ids=REFUSED)
def test_what_cannot_have_happened_is_refused(history: list[Event]) -> None:
    """Each is a fault that a server could have."""
    assert linearization(in_two_steps(history), holding(f=b"0"), step) is None


ACCEPTED = {
    "a read during a write sees the old content": [put(0, 9, b"1"), get(1, 2, b"0")],
    "a read during a write sees the new content": [put(0, 9, b"1"), get(1, 2, b"1")],
    "a copy reads before a write and is there after it": [
        Operation(0, 9, Call("COPY", F, G), Outcome(201)),
        put(1, 2, b"1"),
        Operation(3, 4, Call("GET", G), Outcome(404)),
        Operation(10, 11, Call("SURVEY"), Outcome(207, tree=frozenset({(F, b"1"), (G, b"0")}))),
    ],
    "of two folders moved into each other one is moved": [
        Operation(0, 1, Call("MKCOL", G), Outcome(201)),
        Operation(0, 1, Call("MKCOL", ("h",)), Outcome(201)),
        Operation(2, 9, Call("MOVE", G, ("h", "g")), Outcome(201)),
        Operation(2, 9, Call("MOVE", ("h",), ("g", "h")), Outcome(409)),
        Operation(
            10, 11, Call("SURVEY"), Outcome(207, tree=frozenset({(F, b"0"), (("h",), None), (("h", "g"), None)}))
        ),
    ],
}


@pytest.mark.parametrize("history", ACCEPTED.values(), ids=ACCEPTED)
def test_what_can_have_happened_is_accepted(history: list[Event]) -> None:
    """Though the operations overlap."""
    assert linearization(in_two_steps(history), holding(f=b"0"), step) is not None


def test_nothing_at_all_has_happened() -> None:
    """An empty history has an order."""
    assert linearization([], State(), step) == []


def register(state: int, call: tuple[str, int], outcome: int) -> int | None:
    """A model of one number."""
    kind, value = call
    return value if kind == "write" else (state if outcome == state else None)


def explained(history: list[Operation[tuple[str, int], int]]) -> bool:
    """What the checker shall find, by trying every order."""
    for order in itertools.permutations(history):
        state: int | None = 0
        for index, operation in enumerate(order):
            if any(later.returned < operation.invoked for later in order[index + 1 :]):
                break
            state = register(state, operation.call, operation.outcome)
            if state is None:
                break
        else:
            return True
    return False


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 6))
def test_the_search_finds_what_trying_every_order_finds(seed: int, count: int) -> None:
    """On histories of a register, of which some can have happened."""
    dice = random.Random(seed)
    history = []
    for _ in range(count):
        invoked, returned = sorted(dice.sample(range(20), 2))
        write = dice.random() < 0.5
        value = dice.randrange(3)
        history.append(Operation(invoked, returned, ("write" if write else "read", value), value))
    assert (linearization(history, 0, register) is not None) == explained(history)
