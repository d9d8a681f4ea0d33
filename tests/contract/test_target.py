"""What every adapter of `Target` promises."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from memory_target import MemoryTarget

from docstopd.errors import NotFound
from docstopd.targets import Found, Target
from docstopd.targets.local import LocalTarget

Open = Callable[[], Target]


def local(folder: Path) -> Open:
    return lambda: LocalTarget(folder / "target")


def memory(_folder: Path) -> Open:
    one = MemoryTarget()
    return lambda: MemoryTarget(one.objects, one.times)


@pytest.fixture(params=[local, memory])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """Opens one and the same target, as often as a test asks: each opening is like one run."""
    found: Open = request.param(tmp_path)
    return found


@pytest.fixture
def target(opened: Open) -> Target:
    return opened()


def put(target: Target, name: str, content: bytes, step: int = 100_000) -> None:
    writer = target.put(name)
    for at in range(0, len(content), step):
        writer.write(content[at : at + step])
    writer.finish()


def get(target: Target, name: str, *, fresh: bool = False) -> bytes:
    reader = target.open(name, fresh=fresh)
    try:
        content = bytearray(reader.size)
        assert reader.read_into(0, memoryview(content)) == reader.size
        return bytes(content)
    finally:
        reader.close()


def names(target: Target, prefix: str = "") -> set[str]:
    return {found.name for found in target.list(prefix)}


@pytest.mark.parametrize("size", [0, 1, 4096, 3_000_000])
def test_an_object_is_read_as_it_was_written(opened: Open, size: int) -> None:
    """By this run and by others, from memory or from the medium, once it is settled."""
    content, target = os.urandom(size), opened()
    put(target, "blobs/3f/3fab", content)
    target.settle()
    assert get(target, "blobs/3f/3fab", fresh=True) == get(opened(), "blobs/3f/3fab") == content
    found = list(opened().list(""))
    assert [(one.name, one.size) for one in found] == [("blobs/3f/3fab", size)]
    assert isinstance(found[0], Found)


def test_nothing_is_visible_before_it_is_settled(opened: Open) -> None:
    """Neither by its name nor in the list, finished or not."""
    target = opened()
    half = target.put("half")
    half.write(b"half")
    put(target, "whole", b"whole")
    for each in (target, opened()):
        assert names(each) == set()
        with pytest.raises(NotFound):
            each.open("whole")
    target.settle()
    assert names(opened()) == {"whole"}
    half.finish()
    target.settle()
    assert names(opened()) == {"whole", "half"}


def test_an_aborted_object_was_never_there(target: Target) -> None:
    """And an abort after the end undoes nothing."""
    writer = target.put("one")
    writer.write(b"content")
    writer.abort()
    writer.abort()
    whole = target.put("two")
    whole.write(b"content")
    whole.finish()
    whole.abort()
    target.settle()
    assert names(target) == {"two"}


def test_an_object_is_replaced_whole_when_it_is_settled(opened: Open) -> None:
    """The old one is there until then, and its readers keep it."""
    target = opened()
    put(target, "one", b"old")
    target.settle()
    reader = target.open("one")
    put(target, "one", b"newer")
    assert get(opened(), "one") == b"old"
    target.settle()
    assert get(opened(), "one") == b"newer"
    content = bytearray(3)
    reader.read_into(0, memoryview(content))
    assert content == b"old"
    reader.close()


@pytest.mark.parametrize("wipe", [False, True])
def test_deleting_is_fine_whether_it_is_there_or_not(opened: Open, wipe: bool) -> None:
    """And the others stay."""
    target = opened()
    put(target, "one", bytes(3_000_000))
    put(target, "two", b"two")
    target.settle()
    for _ in range(2):
        target.delete("one", wipe=wipe)
    target.settle()
    assert names(opened()) == {"two"}


def test_a_list_has_what_is_below_its_prefix(target: Target) -> None:
    """All of it, and nothing else; nothing is below what was never there."""
    for name in ("blobs/00/00ab", "blobs/ff/ff00", "snapshots/00000001.manifest", "service"):
        put(target, name, b"x")
    target.settle()
    assert names(target, "blobs/") == {"blobs/00/00ab", "blobs/ff/ff00"}
    assert names(target, "blobs/ff/") == {"blobs/ff/ff00"}
    assert names(target, "snapshots/") == {"snapshots/00000001.manifest"}
    assert names(target, "nowhere/") == set()
    assert len(names(target)) == 4


def test_what_a_run_left_half_written_goes(opened: Open) -> None:
    """What is settled stays, and a new object may take the name."""
    target = opened()
    put(target, "whole", b"whole")
    target.settle()
    half = target.put("half")
    half.write(b"half")
    put(target, "unsettled", b"lost")
    other = opened()
    other.sweep()
    assert names(other) == {"whole"}
    put(other, "half", b"whole now")
    other.settle()
    assert get(other, "half") == b"whole now"


def test_many_threads_put_at_once(target: Target) -> None:
    """Into many folders, settled together."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: put(target, f"blobs/{n % 16:02x}/{n:04x}", bytes([n % 256]) * n), range(500)))
    target.settle()
    assert len(names(target, "blobs/")) == 500
    assert all(get(target, f"blobs/{n % 16:02x}/{n:04x}") == bytes([n % 256]) * n for n in range(500))
