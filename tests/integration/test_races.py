"""Eight connections over two processes, all at once: what happened could have happened one after the other."""

import itertools
import os
import random
import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
import racing
from configured import configured
from linearizable import linearization
from racing import RACERS, Field
from tree_model import EMPTY, Call, Event, Path, State, Tree, in_two_steps, step

ROUNDS = 8
CALLS = 5
"""Calls of one connection in a round."""
COPIES = 2
"""The same where many of them are COPYs: each is two steps, and the orders to be searched multiply."""

F, G = ("f",), ("g",)
PASTLESS = (".DS_Store",)


@pytest.fixture(scope="module")
def everywhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    """A docstopd with two workers, four connections to each."""
    patient = {"workers": 2, "keep_alive": "60s"}
    with configured(tmp_path_factory.mktemp("races"), http=patient) as running:
        with racing.field(running) as opened:
            yield opened
        log = running.log()
        assert "Traceback" not in log, log
        assert "damage" not in log, log


@pytest.fixture
def field(everywhere: Field) -> Field:
    """The connections, in a new folder."""
    return everywhere.at(everywhere.share.make(secrets.token_hex(8)))


def run(field: Field, tree: Tree, scripts: Sequence[Sequence[Call]]) -> list[Event]:
    """One round in a folder of its own; fails unless its history is linearizable."""
    ground = field.at(field.share.make(secrets.token_hex(4)))
    start = ground.set_up(tree)
    history = ground.race(scripts)
    found = linearization(in_two_steps(history), start, step)
    assert found is not None, "not linearizable:\n" + "\n".join(map(str, sorted(history, key=lambda e: e.invoked)))
    return history


def files(**contents: bytes) -> Tree:
    """A tree of files."""
    return frozenset(((name,), content) for name, content in contents.items())


def content(dice: random.Random) -> bytes:
    """A content that no other write has, of no, a little or more than one segment's bytes."""
    return secrets.token_bytes(8) + os.urandom(dice.choice([0, 0, 100, 5000, 300_000]))


def put(path: Path) -> Callable[[random.Random], Call]:
    """Draws PUTs of new contents."""
    return lambda dice: Call("PUT", path, body=content(dice))


def call(method: str, path: Path, target: Path = ()) -> Callable[[random.Random], Call]:
    """Draws the same request each time, but for Overwrite."""
    return lambda dice: Call(method, path, target, overwrite=dice.random() < 0.7)


def at_once(ask: Callable[[int], int]) -> list[int]:
    """The same by every connection."""
    with ThreadPoolExecutor(RACERS) as pool:
        return list(pool.map(ask, range(RACERS)))


RACES: dict[str, tuple[Tree, list[Callable[[random.Random], Call]]]] = {
    "PUT against PUT": (files(f=b"0"), [put(F), put(F), call("GET", F)]),
    "PUT against PUT of a new file": (EMPTY, [put(F), call("GET", F)]),
    "PUT against DELETE": (files(f=b"0"), [put(F), call("DELETE", F), call("GET", F)]),
    "PUT against MOVE": (
        files(f=b"0", g=b"1"),
        [put(F), put(G), call("MOVE", F, G), call("MOVE", G, F), call("GET", F), call("GET", G)],
    ),
    "PUT against COPY": (
        files(f=b"0", g=b"1"),
        [put(F), put(G), call("COPY", F, G), call("COPY", G, F), call("DELETE", F), call("GET", F), call("GET", G)],
    ),
    "PUT against COPY of an empty file that keeps no past": (
        frozenset({(PASTLESS, b"")}),
        [put(PASTLESS), call("COPY", PASTLESS, F), call("GET", PASTLESS), call("GET", F)],
    ),
    "PUT against LOCK of a new file": (
        EMPTY,
        [put(F), call("LOCK", F), call("UNLOCK", F), call("DELETE", F), call("GET", F)],
    ),
    "LOCK against LOCK": (files(f=b"0"), [call("LOCK", F), call("UNLOCK", F), put(F), call("MOVE", F, G)]),
    "MKCOL against MKCOL, DELETE and PUT": (
        EMPTY,
        [call("MKCOL", F), call("DELETE", F), put((*F, "x")), put(F), call("GET", (*F, "x"))],
    ),
    "MOVE of a folder against PUT into it": (
        frozenset({(F, None), ((*F, "x"), b"0")}),
        [put((*F, "x")), put((*G, "x")), call("MOVE", F, G), call("MOVE", G, F), call("GET", (*F, "x"))],
    ),
}


@pytest.mark.parametrize(("tree", "draws"), RACES.values(), ids=RACES)
def test_a_race_is_linearizable(field: Field, tree: Tree, draws: list[Callable[[random.Random], Call]]) -> None:
    """Every answer, and the tree in the end, are those of some order that keeps to the clock."""
    dice = random.Random(len(draws))
    calls = COPIES if any(draw(dice).method == "COPY" for draw in draws) else CALLS
    for _ in range(ROUNDS):
        run(field, tree, [[dice.choice(draws)(dice) for _ in range(calls)] for _ in range(RACERS)])


def test_the_tag_of_a_put_is_the_one_that_a_get_shows(field: Field) -> None:
    """Each content has one ETag, whoever asks, and each ETag one content."""
    dice = random.Random(0)
    history = run(field, EMPTY, [[Call("PUT", F, body=content(dice)), Call("GET", F)] for _ in range(RACERS)])
    put = {event.outcome.etag: event.call.body for event in history if event.call.method == "PUT"}
    assert len(put) == RACERS
    assert "" not in put
    for event in history:
        if event.call.method == "GET":
            assert put[event.outcome.etag] == event.outcome.body


@pytest.mark.parametrize("there", [True, False])
def test_exactly_one_of_many_exclusive_locks_wins(field: Field, there: bool) -> None:
    """Of a file that is there, and of one that the LOCK makes; the others are refused with 423."""
    for _ in range(ROUNDS):
        history = run(field, files(f=b"0") if there else EMPTY, [[Call("LOCK", F)]] * RACERS)
        answers = Counter(event.outcome.status for event in history if event.call.method == "LOCK")
        assert answers == {200 if there else 201: 1, 423: RACERS - 1}
        assert sum(bool(event.outcome.token) for event in history) == 1


def test_exactly_one_of_many_mkcols_makes_the_folder(field: Field) -> None:
    """201 for one, 405 for the others."""
    for _ in range(ROUNDS):
        history = run(field, EMPTY, [[Call("MKCOL", F)]] * RACERS)
        answers = Counter(event.outcome.status for event in history if event.call.method == "MKCOL")
        assert answers == {201: 1, 405: RACERS - 1}


def test_exactly_one_of_many_conditional_puts_makes_the_file(field: Field) -> None:
    """With `If-None-Match: *`, 412 for the others, and the content of the one that was told so."""
    for _ in range(ROUNDS):
        ground = field.at(field.share.make(secrets.token_hex(4)))

        def make(number: int, ground: Field = ground) -> int:
            return ground.ask(number, Call("PUT", F, body=b"%d" % number), {"If-None-Match": "*"}).status

        answers = at_once(make)
        assert Counter(answers) == {201: 1, 412: RACERS - 1}
        assert ground.ask(0, Call("GET", F)).body == b"%d" % answers.index(201)


def test_no_update_under_if_match_is_lost(field: Field) -> None:
    """Each connection counts up by reading, adding one, and writing if nobody wrote in between."""
    field.set_up(files(f=b"0"))

    def count(number: int) -> int:
        done = tries = 0
        while done < CALLS:
            tries += 1
            seen = field.ask(number, Call("GET", F))
            more = Call("PUT", F, body=b"%d" % (int(seen.body) + 1))
            status = field.ask(number, more, {"If-Match": seen.etag}).status
            assert status in {204, 412}
            done += status == 204
        return tries

    tries = sum(at_once(count))
    assert field.ask(0, Call("GET", F)).body == b"%d" % (CALLS * RACERS)
    assert tries > CALLS * RACERS, "nothing met: this was no race"


def test_folders_moved_into_each_other_make_no_circle_and_lose_nothing(field: Field) -> None:
    """Two at a time and all eight; every file is found from the top afterwards, once."""
    for number in (2, 2, 3, RACERS, RACERS):
        names = [f"d{index}" for index in range(number)]
        tree = frozenset(item for name in names for item in (((name,), None), ((name, "x"), name.encode())))
        ring = [[Call("MOVE", (name,), (into, name))] for name, into in zip(names, [*names[1:], names[0]], strict=True)]
        history = run(field, tree, (ring * RACERS)[:RACERS])
        left = [content for _, content in history[-1].outcome.tree if content is not None]
        assert sorted(left) == sorted(name.encode() for name in names)


def test_folders_moved_at_random_lose_nothing(field: Field) -> None:
    """Any folder to anywhere, over others or not: what is gone was replaced, and the history says by what."""
    dice = random.Random(7)
    names = ["a", "b", "c"]
    tree = frozenset(item for name in names for item in (((name,), None), ((name, "x"), name.encode())))
    places: list[Path] = [(name,) for name in names]
    places += [(outer, inner) for outer, inner in itertools.permutations(names, 2)]

    def move() -> Call:
        return Call("MOVE", dice.choice(places), dice.choice(places), overwrite=dice.random() < 0.2)

    for _ in range(ROUNDS):
        run(field, tree, [[move() for _ in range(CALLS)] for _ in range(RACERS)])


def test_copies_over_one_file_leave_one_of_their_sources_whole(field: Field) -> None:
    """Each is a version whole; a reader sees no mixture."""
    sources = {f"s{number}": secrets.token_bytes(8) + os.urandom(400_000) for number in range(RACERS - 2)}
    scripts = [[Call("COPY", (name,), F)] * 3 for name in sources] + [[Call("GET", F)] * 6] * 2
    run(field, files(f=b"0", **sources), scripts)


def test_the_race_is_run_over_two_processes(field: Field) -> None:
    """Four connections lead to each worker."""
    assert sorted(Counter(field.behind).values()) == [RACERS // 2] * 2
    assert field.set_up(EMPTY) == State()
