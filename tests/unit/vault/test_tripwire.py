"""The tripwire: who changes very much in a short time is an alarm, and nobody else is."""

import logging
import os
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from vaults import PASSWORD, Bench, open_bench

from docstopd.catalog.tallies import Reset, Tally
from docstopd.errors import Forbidden, Refused
from docstopd.model import NO_GUARD, SECOND, MemberRole, SpaceId, UserId
from docstopd.vault import Policy, Session
from docstopd.vault.past.naming import time_name
from docstopd.vault.tripwire import TripwirePolicy
from docstopd.vault.tripwire.counts import Counts

LIMITS = TripwirePolicy(window=60, overwrites=5, deletes=5, raised=2)
TEXT = b"what people write in a file that they keep for long\n" * 40
SPACE, ADA, BOB = SpaceId(b"s"), UserId(b"ada"), UserId(b"bob")


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    opened: list[Bench] = []

    def with_limits(limits: TripwirePolicy = LIMITS) -> Bench:
        opened.append(open_bench(tmp_path, Policy(tripwire=limits), clock=opened[0].clock if opened else None))
        return opened[-1]

    yield with_limits
    for bench in opened:
        bench.vault.close()


def put_all(bench: Bench, session: Session, count: int, content: bytes = TEXT, label: str = "ada") -> None:
    for number in range(count):
        bench.put(session, (label, f"file {number}"), content)


def facts(bench: Bench, action: str) -> list[str]:
    return [row[0] for row in bench.rows("SELECT facts FROM journal WHERE action = ? ORDER BY stream, seq", action)]


def changes(bench: Bench, session: Session) -> list[Callable[[], object]]:
    files, file, new = bench.vault.files, ("ada", "file 0"), ("ada", "new")
    return [
        lambda: put_all(bench, session, 1),
        lambda: files.delete(session, file),
        lambda: files.make_folder(session, new),
        lambda: files.move(session, file, new, overwrite=False),
        lambda: files.copy(session, file, new, overwrite=False, deep=False),
        lambda: files.patch(session, file, NO_GUARD, [("{x}y", "<y/>")]),
        lambda: bench.vault.locks.lock(session, file, exclusive=True, infinite=False, owner="", timeout=9),
    ]


# -- counting -------------------------------------------------------------------------------------------------------


def test_nothing_is_an_alarm_up_to_the_limit(make: Callable[..., Bench]) -> None:
    """New files, as many as there are, and as many changes as are allowed."""
    bench = make()
    ada = bench.account("ada")
    put_all(bench, ada, 20)
    put_all(bench, ada, 5)
    assert bench.vault.tripwire.look() == []


@pytest.mark.parametrize("kind", ["overwrites", "deletes", "raised"])
def test_one_more_is_an_alarm_in_both_journals_and_in_the_log(
    make: Callable[..., Bench], kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Of each kind."""
    bench = make()
    ada = bench.account("ada")
    put_all(bench, ada, 6)
    count = 3 if kind == "raised" else 6
    if kind == "deletes":
        for number in range(count):
            bench.vault.files.delete(ada, ("ada", f"file {number}"))
    else:
        put_all(bench, ada, count, os.urandom(3000) if kind == "raised" else TEXT[1:])
    with caplog.at_level(logging.ERROR):
        (alarm,) = bench.vault.tripwire.look()
    assert (alarm.user, alarm.space, getattr(alarm.excess, kind)) == ("ada", "ada", count)
    assert "the user ada changes very many files of the space ada" in caplog.text
    assert len(facts(bench, "tripwire")) == 2
    assert all(f'"{kind}":{count}' in text for text in facts(bench, "tripwire"))
    assert bench.vault.tripwire.look() == []
    bench.assert_journal()


def test_a_deleted_folder_counts_as_the_files_that_were_in_it(make: Callable[..., Bench]) -> None:
    """Though it is one request."""
    bench = make()
    ada = bench.account("ada")
    bench.vault.files.make_folder(ada, ("ada", "folder"))
    for number in range(6):
        bench.put(ada, ("ada", "folder", str(number)), b"x")
    bench.vault.files.delete(ada, ("ada", "folder"))
    assert bench.vault.tripwire.look()[0].excess.deletes == 6


def test_a_file_moved_over_another_is_an_overwrite(make: Callable[..., Bench]) -> None:
    """Which is how many programs save."""
    bench = make()
    ada = bench.account("ada")
    put_all(bench, ada, 6)
    for number in range(6):
        bench.put(ada, ("ada", "new"), b"x")
        bench.vault.files.move(ada, ("ada", "new"), ("ada", f"file {number}"), overwrite=True)
    assert bench.vault.tripwire.look()[0].excess.overwrites == 6


def test_an_empty_file_that_gets_its_content_is_none(make: Callable[..., Bench]) -> None:
    """Explorer and Finder copy that way."""
    bench = make()
    ada = bench.account("ada")
    put_all(bench, ada, 30, b"")
    put_all(bench, ada, 30)
    assert bench.vault.tripwire.look() == []


def test_what_is_older_than_the_window_does_not_count(make: Callable[..., Bench]) -> None:
    """Nor does what another user did, or the same one elsewhere."""
    bench = make()
    ada, bob = bench.account("ada"), bench.account("bob")
    bench.vault.spaces.grant(ada, "ada", bob.user, MemberRole.EDITOR)
    for session, label in ((ada, "ada"), (bob, "bob")):
        put_all(bench, session, 5, label=label)
    for session, label in ((ada, "ada"), (bob, "ada"), (bob, "bob")):
        put_all(bench, session, 4, b"again", label)
        bench.vault.tripwire.look()
    bench.clock.advance(61)
    put_all(bench, ada, 4, b"later")
    assert bench.vault.tripwire.look() == []


def test_what_happened_before_a_restart_counts(make: Callable[..., Bench]) -> None:
    """And an alarm from before is not raised again."""
    bench = make()
    ada = bench.account("ada")
    put_all(bench, ada, 6)
    put_all(bench, ada, 6)
    assert len(make().vault.tripwire.look()) == 1
    assert make().vault.tripwire.look() == []


def test_an_alarm_is_repeated_when_it_goes_on_after_a_window() -> None:
    """Once for each window, not every few seconds."""
    counts, told = Counts(LIMITS), []
    for second in range(200):
        now = second * SECOND
        counts.add(SPACE, [Tally(ADA, now, 1, 0, 0), Tally(BOB, now, 0, 0, 0)])
        for excess in counts.excess(now):
            told.append((second, excess.user))
            counts.reset(SPACE, [Reset(now, excess.user)])
    assert [user for _, user in told] == [ADA] * len(told)
    assert 3 <= len(told) <= 4


def test_without_limits_nothing_is_counted(make: Callable[..., Bench]) -> None:
    """Each of them can be off."""
    bench = make(TripwirePolicy(overwrites=None, deletes=None, raised=None))
    ada = bench.account("ada")
    put_all(bench, ada, 20)
    put_all(bench, ada, 20)
    assert bench.vault.tripwire.look() == []


# -- contents -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "raised"),
    [
        (TEXT, os.urandom(3000), True),
        (TEXT * 400, os.urandom(900_000), True),
        (TEXT, zlib.compress(os.urandom(3000)), True),
        (TEXT, TEXT + b"more", False),
        (zlib.compress(os.urandom(5000)), os.urandom(5000), False),
        (os.urandom(5000), TEXT, False),
        (b"short", os.urandom(5000), False),
        (TEXT, os.urandom(100), False),
    ],
)
def test_only_a_rise_is_told(make: Callable[..., Bench], old: bytes, new: bytes, raised: bool) -> None:
    """What was compressed before, or was too short to tell, says nothing."""
    bench = make()
    ada = bench.account("ada")
    put_all(bench, ada, 1, old)
    put_all(bench, ada, 1, new)
    assert ['"entropy":"raised"' in text for text in facts(bench, "update")] == [raised]
    assert '"entropy"' not in facts(bench, "create")[0]
    assert bench.get(ada, ("ada", "file 0")) == new
    bench.assert_tidy()


def test_a_content_that_cannot_be_read_hinders_no_other(make: Callable[..., Bench]) -> None:
    """Nothing is said of it."""
    bench = make()
    ada = bench.account("ada")
    put_all(bench, ada, 1)
    (blob,) = bench.blob_ids()
    bench.blob_file(blob).unlink()
    put_all(bench, ada, 1, os.urandom(3000))
    assert '"entropy"' not in facts(bench, "update")[0]


# -- read-only ------------------------------------------------------------------------------------------------------


def test_an_alarm_makes_the_space_read_only_where_that_is_wanted(make: Callable[..., Bench]) -> None:
    """In every process from the next request on; what is in it can be read."""
    bench = make(TripwirePolicy(overwrites=5, read_only=True))
    ada = bench.account("ada")
    other = make(TripwirePolicy())
    elsewhere = other.vault.sessions.sign_in("ada", PASSWORD)
    put_all(bench, ada, 6)
    put_all(bench, ada, 6)
    assert bench.vault.tripwire.look()[0].read_only
    for bench_of, session in ((bench, ada), (other, elsewhere)):
        assert bench_of.vault.files.role(session, ("ada",)) is MemberRole.READER
        for change in changes(bench_of, session):
            with pytest.raises(Forbidden, match="read-only for now"):
                change()
    assert bench.get(ada, ("ada", "file 0")) == TEXT
    assert len(bench.vault.files.list(ada, ("ada", ".snapshots", time_name(bench.clock()))).members) == 6


def test_an_upload_that_began_before_is_refused_at_its_end(make: Callable[..., Bench]) -> None:
    """And leaves nothing."""
    bench = make()
    ada = bench.account("ada")
    upload = bench.vault.files.write(ada, ("ada", "file"))
    upload.write(TEXT)
    bench.vault.spaces.set_read_only(None, "ada", True)
    with pytest.raises(Forbidden, match="read-only"):
        upload.commit()
    bench.assert_tidy()


def test_it_ends_when_an_owner_or_the_operator_says_so(make: Callable[..., Bench]) -> None:
    """Counting begins anew then; both are in the journal."""
    bench = make(TripwirePolicy(overwrites=5, read_only=True))
    ada = bench.account("ada")
    put_all(bench, ada, 6)
    put_all(bench, ada, 6)
    bench.vault.tripwire.look()
    bench.vault.spaces.set_read_only(ada, "ada", False)
    put_all(bench, ada, 5)
    assert make(LIMITS).vault.tripwire.look() == bench.vault.tripwire.look() == []
    with pytest.raises(Refused, match="writable already"):
        bench.vault.spaces.set_read_only(None, "ada", False)
    space = bench.vault.spaces.all()[0].id
    assert [action for action in bench.actions(space) if action in ("tripwire", "space-writable")] == [
        "tripwire", "space-writable",
    ]  # fmt: skip


def test_an_editor_cannot_end_it(make: Callable[..., Bench]) -> None:
    """Who was careless with his password must not."""
    bench = make()
    ada, bob = bench.account("ada"), bench.account("bob")
    bench.vault.spaces.grant(ada, "ada", bob.user, MemberRole.EDITOR)
    bench.vault.spaces.set_read_only(None, "ada", True)
    with pytest.raises(Forbidden):
        bench.vault.spaces.set_read_only(bob, "ada", False)
