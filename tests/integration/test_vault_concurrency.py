"""Many threads over two vaults on one folder: the last commit wins whole, and nobody sees half of anything."""

import hashlib
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from vaults import PASSWORD, Bench, open_bench

from docstopd.errors import AlreadyExists, NotFound, PreconditionFailed, QuotaExceeded
from docstopd.model import Guard
from docstopd.vault import Session


class Pair:
    """Two processes' worth of vaults, and one user signed in to both."""

    def __init__(self, folder: Path) -> None:
        one = open_bench(folder)
        session = one.account("ada")
        two = open_bench(folder, clock=one.clock)
        self.sides: list[tuple[Bench, Session]] = [(one, session), (two, two.vault.sessions.sign_in("ada", PASSWORD))]

    def __getitem__(self, number: int) -> tuple[Bench, Session]:
        return self.sides[number % 2]


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    opened = Pair(tmp_path)
    yield opened
    opened[0][0].assert_journal()
    for bench, _session in opened.sides:
        bench.vault.close()


def marked(number: int, size: int) -> bytes:
    """Content that says of itself whether it is whole."""
    body = number.to_bytes(4, "big") + os.urandom(size)
    return hashlib.sha256(body).digest() + body


def is_whole(content: bytes) -> bool:
    return hashlib.sha256(content[32:]).digest() == content[:32]


def test_writers_of_different_files_do_not_meet(pair: Pair) -> None:
    """Every file is there, and the space's use is their sum."""
    contents = {number: marked(number, 1000 * (number % 7)) for number in range(120)}

    def write(number: int) -> None:
        bench, ada = pair[number]
        bench.put(ada, ("ada", f"f{number}"), contents[number])

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(write, contents))
    bench, ada = pair[0]
    assert {n: bench.get(ada, ("ada", f"f{n}")) for n in contents} == contents
    assert bench.vault.files.quota(ada, ("ada",)).used == sum(map(len, contents.values()))
    bench.assert_tidy()


def test_writers_of_one_file_leave_one_of_their_contents_whole(pair: Pair) -> None:
    """All are versions; readers meanwhile see whole contents only, and folders whose members can be read."""
    pair[0][0].put(pair[0][1], ("ada", "f"), marked(0, 10))
    done = threading.Event()

    def write(number: int) -> None:
        bench, ada = pair[number]
        bench.put(ada, ("ada", "f"), marked(number, (number % 3) * 300_000))

    def read(number: int) -> int:
        bench, ada = pair[number]
        count = 0
        while not done.is_set():
            assert is_whole(bench.get(ada, ("ada", "f")))
            assert bench.names(ada, ("ada",)) == {"f"}
            count += 1
        return count

    with ThreadPoolExecutor(12) as pool:
        readers = [pool.submit(read, number) for number in range(4)]
        writers = [pool.submit(write, number) for number in range(1, 61)]
        for writer in writers:
            writer.result(120)
        done.set()
        assert all(reader.result(60) > 0 for reader in readers)
    bench = pair[0][0]
    assert len(bench.rows("SELECT 1 FROM versions")) == 61
    last = bench.rows("SELECT node FROM journal WHERE action = 'update'")
    assert len(last) == 60
    assert "damage" not in {action for (action,) in bench.rows("SELECT action FROM journal")}
    bench.assert_tidy()


def test_readers_of_a_file_without_a_past_never_meet_damage(pair: Pair) -> None:
    """Its old blob goes with each new content: a reader that looked it up before reads the new one."""
    path = ("ada", ".DS_Store")
    pair[0][0].put(pair[0][1], path, marked(0, 10))
    done = threading.Event()

    def read(number: int) -> int:
        bench, ada = pair[number]
        count = 0
        while not done.is_set():
            assert is_whole(bench.get(ada, path))
            count += 1
        return count

    def write(number: int) -> None:
        bench, ada = pair[number]
        for turn in range(60):
            bench.put(ada, path, marked(turn, 100))

    with ThreadPoolExecutor(6) as pool:
        readers = [pool.submit(read, number) for number in range(4)]
        writers = [pool.submit(write, number) for number in range(2)]
        for writer in writers:
            writer.result(120)
        done.set()
        assert all(reader.result(60) > 0 for reader in readers)
    bench = pair[0][0]
    assert "damage" not in {action for (action,) in bench.rows("SELECT action FROM journal")}
    assert len(bench.live_ids()) == 1
    bench.assert_tidy()


def test_of_many_that_make_one_name_exactly_one_wins(pair: Pair) -> None:
    """Folders, and files that must be new."""

    def make(number: int) -> str:
        bench, ada = pair[number]
        try:
            bench.vault.files.make_folder(ada, ("ada", "d"))
        except AlreadyExists:
            return "folder refused"
        return "folder"

    def write(number: int) -> str:
        bench, ada = pair[number]
        try:
            bench.put(ada, ("ada", "f"), b"x", guard=Guard(if_none_match=("*",)))
        except PreconditionFailed:
            return "file refused"
        return "file"

    with ThreadPoolExecutor(16) as pool:
        outcomes = list(pool.map(make, range(20))) + list(pool.map(write, range(20)))
    assert (outcomes.count("folder"), outcomes.count("file")) == (1, 1)
    pair[0][0].assert_tidy()


def test_no_update_is_lost_that_names_its_etag(pair: Pair) -> None:
    """Read, add one, write with `If-Match`, again until it holds."""
    bench, ada = pair[0]
    bench.put(ada, ("ada", "n"), b"0")

    def add(number: int) -> None:
        bench, ada = pair[number]
        while True:
            with bench.vault.files.open(ada, ("ada", "n")) as content:
                value = int(b"".join(map(bytes, content.read(0, content.node.size))))
                etag = content.node.etag
            try:
                bench.put(ada, ("ada", "n"), str(value + 1).encode(), guard=Guard(if_match=(etag,)))
            except PreconditionFailed:
                continue
            return

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(add, range(30)))
    assert bench.get(ada, ("ada", "n")) == b"30"
    bench.assert_tidy()


def test_the_quota_holds_against_a_crowd(pair: Pair) -> None:
    """All see room before they begin; only as many as fit get in."""
    bench, ada = pair[0]
    bench.vault.spaces.set_quota("ada", 1000)

    def write(number: int) -> bool:
        bench, ada = pair[number]
        try:
            bench.put(ada, ("ada", f"f{number}"), bytes(300))
        except QuotaExceeded:
            return False
        return True

    with ThreadPoolExecutor(12) as pool:
        assert list(pool.map(write, range(24))).count(True) == 3
    assert bench.vault.files.quota(ada, ("ada",)).used == 900
    bench.assert_tidy()


def test_moves_of_a_folder_lose_none_of_its_members(pair: Pair) -> None:
    """While others write into it under whatever name it has."""
    bench, ada = pair[0]
    bench.vault.files.make_folder(ada, ("ada", "d0"))
    names = [("ada", "d0"), ("ada", "d1")]
    stop = threading.Event()

    def move() -> None:
        bench, ada = pair[1]
        turn = 0
        while not stop.is_set():
            bench.vault.files.move(ada, names[turn % 2], names[(turn + 1) % 2], overwrite=False)
            turn += 1

    def write(number: int) -> None:
        bench, ada = pair[number]
        for turn in range(40):
            for attempt in range(200):
                try:
                    bench.put(ada, (*names[attempt % 2], f"f{number}-{turn}"), b"x")
                    break
                except Exception as error:
                    assert type(error).__name__ == "ParentMissing", error
            else:
                raise AssertionError("never met the folder")

    with ThreadPoolExecutor(4) as pool:
        mover = pool.submit(move)
        for future in [pool.submit(write, number) for number in range(3)]:
            future.result(120)
        stop.set()
        mover.result(60)
    where = next(name for name in names if _exists(bench, ada, name))
    assert bench.names(ada, where) == {f"f{n}-{t}" for n in range(3) for t in range(40)}
    bench.assert_tidy()


def _exists(bench: Bench, session: Session, path: tuple[str, ...]) -> bool:
    try:
        bench.vault.files.stat(session, path)
    except NotFound:
        return False
    return True
