"""Long readings: the same bytes as ever, however many go on, wherever they end."""

import os
import threading
from collections.abc import Iterator

import pytest
from vaults import Bench

from docstopd.crypto import floe
from docstopd.errors import Damaged
from docstopd.vault import Session
from docstopd.vault.ahead import BLOCK, LONG

FILE = ("ada", "long")
SIZE = LONG + 3 * BLOCK + 77


@pytest.fixture(autouse=True)
def no_thread_stays() -> Iterator[None]:
    """Whatever a test does, the second thread ends with the reading."""
    yield
    assert not [thread for thread in threading.enumerate() if thread.name == "read-ahead"]


@pytest.fixture
def whole(bench: Bench, ada: Session) -> bytes:
    """The content of `FILE`."""
    content = os.urandom(SIZE)
    bench.put(ada, FILE, content)
    return content


@pytest.mark.parametrize(
    ("start", "length"),
    [
        (0, SIZE),
        (1, SIZE - 2),
        (floe.PLAIN - 1, LONG + 1),
        (floe.PLAIN, LONG + floe.PLAIN),
        (SIZE - LONG - 5, LONG + 5),
        (0, LONG - 1),
        (17, BLOCK),
        (SIZE - 1, 1),
    ],
)
def test_any_range_comes_whole(bench: Bench, ada: Session, whole: bytes, start: int, length: int) -> None:
    """Long enough for the second thread or not, from and to the middle of segments."""
    with bench.vault.files.open(ada, FILE) as content:
        assert b"".join(map(bytes, content.read(start, length))) == whole[start : start + length]


def test_many_readings_go_on_at_once(bench: Bench, ada: Session, whole: bytes) -> None:
    """One has the second thread; they take turns block by block."""
    with bench.vault.files.open(ada, FILE) as one, bench.vault.files.open(ada, FILE) as other:
        pairs = [(bytes(a), bytes(b)) for a, b in zip(one.read(0, SIZE), other.read(0, SIZE), strict=True)]
    assert [b"".join(blocks) for blocks in zip(*pairs, strict=True)] == [whole, whole]


def test_a_reading_that_is_left_gives_the_thread_back(bench: Bench, ada: Session, whole: bytes) -> None:
    """A client that goes away in the middle: the next reading is whole, and has the second thread again."""
    for _ in range(3):
        with bench.vault.files.open(ada, FILE) as content:
            blocks = content.read(0, SIZE)
            assert b"".join(bytes(next(blocks)) for _ in range(3)) == whole[: floe.PLAIN + 2 * BLOCK]
            assert [thread for thread in threading.enumerate() if thread.name == "read-ahead"]
    assert bench.get(ada, FILE) == whole


def test_damage_on_the_way_ends_the_reading_before_it(
    bench: Bench, ada: Session, whole: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """What came is right; the damage is reported as that of any other reading."""
    path = bench.blob_file(bench.rows("SELECT blob FROM versions")[0][0])
    sealed = bytearray(path.read_bytes())
    sealed[floe.HEADER + 9 * floe.SEGMENT + 1000] ^= 1
    path.chmod(0o600)
    path.write_bytes(sealed)
    came = bytearray()
    with bench.vault.files.open(ada, FILE) as content, pytest.raises(Damaged):
        for block in content.read(0, SIZE):
            came += block
    assert came == whole[: len(came)]
    assert floe.PLAIN <= len(came) <= 9 * floe.PLAIN
    assert bench.actions(bench.rows("SELECT id FROM spaces")[0][0])[-1] == "damage"
    assert "damage" in caplog.text
    bench.put(ada, FILE, whole)
    assert bench.get(ada, FILE) == whole
