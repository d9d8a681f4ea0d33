"""Which files are finished, by what looks at a folder have seen."""

from dropping import Ticks
from hypothesis import given
from hypothesis import strategies as st

from docstopd.watch.dropfolder import Identity, Seen
from docstopd.watch.settling import Settling


def seen(name: str, size: int, modified: int = 0) -> Seen:
    return Seen((name,), Identity(1, 2, size, modified, modified, 1))


@given(st.lists(st.tuples(st.integers(1, 3), st.floats(0.5, 4)), max_size=30))
def test_a_file_is_ready_only_once_it_was_the_same_for_long_enough(looks: list[tuple[int, float]]) -> None:
    ticks = Ticks(0.0)
    settling, since, last = Settling(5.0, ticks), 0.0, 0
    for size, pause in looks:
        if size != last:
            since, last = ticks.now, size
        assert (settling.ready([seen("a", size)]) != []) == (ticks.now - since >= 5.0)
        ticks.now += pause


def test_small_files_come_first() -> None:
    ticks = Ticks()
    settling = Settling(5.0, ticks)
    found = [seen("huge", 1 << 40), seen("small", 1)]
    settling.ready(found)
    ticks.now += 5
    assert [one.place for one in settling.ready(found)] == [("small",), ("huge",)]


def test_what_is_postponed_waits_unless_it_changes() -> None:
    ticks = Ticks()
    settling = Settling(5.0, ticks)
    settling.ready([seen("a", 1)])
    ticks.now += 5
    settling.postpone(("a",), 60)
    assert settling.ready([seen("a", 1)]) == []
    assert not settling.pending
    assert settling.ready([seen("a", 2)]) == []
    ticks.now += 5
    assert settling.ready([seen("a", 2)]) != []
