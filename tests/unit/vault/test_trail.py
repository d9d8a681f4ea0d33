"""Reading the journal: by who, what, where and when, as it is and as it grows."""

import pytest
from vaults import PASSWORD, Bench

from docstopd.errors import NotFound, Unauthenticated
from docstopd.model import NO_GUARD, MemberRole
from docstopd.vault import Session
from docstopd.vault.audit import trail
from docstopd.vault.audit.trail import Filter


@pytest.fixture
def busy(bench: Bench, ada: Session) -> Session:
    """Two users, two spaces, an hour between their doings."""
    files, bob = bench.vault.files, bench.account("bob")
    bench.vault.spaces.add("shared", ada.user)
    bench.vault.spaces.grant(ada, "shared", bob.user, MemberRole.EDITOR)
    files.make_folder(ada, ("shared", "2026"))
    bench.put(ada, ("shared", "2026", "report"), b"1")
    bench.clock.advance(3600)
    bench.put(bob, ("shared", "2026", "report"), b"2")
    files.move(bob, ("shared", "2026", "report"), ("shared", "old"), overwrite=False)
    files.delete(bob, ("shared", "2026"), NO_GUARD)
    with pytest.raises(Unauthenticated):
        bench.vault.sessions.sign_in("bob", "a wrong password")
    return ada


def actions(bench: Bench, session: Session | None, label: str | None, wanted: Filter, limit: int = 100) -> list[str]:
    return [line.action for line in bench.vault.audit.show(session, label, limit, wanted)]


def test_filters_narrow_by_who_what_where_when_and_outcome(bench: Bench, busy: Session) -> None:
    """Each alone, and together."""
    bob = bench.vault.audit.user("bob")
    assert actions(bench, busy, "shared", Filter(user=bob)) == ["grant", "update", "move", "delete"]
    assert actions(bench, busy, "shared", Filter(actions=frozenset({"create", "delete"}))) == [
        "create", "create", "delete",
    ]  # fmt: skip
    assert actions(bench, busy, "shared", Filter(path=("shared", "2026", "report"))) == ["create", "update", "move"]
    assert actions(bench, None, "shared", Filter(path=("shared", "2026"))) == []
    later = bench.clock.now - 1
    assert actions(bench, busy, "shared", Filter(since=later)) == ["update", "move", "delete"]
    assert actions(bench, busy, "shared", Filter(until=later, actions=frozenset({"create"}))) == ["create", "create"]
    assert actions(bench, None, None, Filter(user=bob, outcome="refused")) == ["sign-in"]
    assert actions(bench, busy, "shared", Filter(path=("shared", "2026"), user=bob), limit=1) == ["delete"]


def test_everywhere_is_in_the_order_of_time(bench: Bench, busy: Session) -> None:
    """All streams; paths only of spaces that the session opens."""
    lines = bench.vault.audit.trail(busy, everywhere=True).latest(Filter(), 1000)
    assert [line.time for line in lines] == sorted(line.time for line in lines)
    assert {line.stream for line in lines} == {"system", "ada", "bob", "shared"}
    assert any("path" in line.details for line in lines if line.stream == "shared")
    assert all(line.details == {} for line in lines if line.stream == "bob")


def test_pages_are_crossed(bench: Bench, busy: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """However small they are."""
    whole = bench.vault.audit.show(busy, "shared", 100)
    monkeypatch.setattr(trail, "PAGE", 1)
    assert bench.vault.audit.show(busy, "shared", 100) == whole


def test_following_shows_what_comes_once(bench: Bench, busy: Session) -> None:
    """By the same filter."""
    wanted = Filter(actions=frozenset({"create"}))
    follow = bench.vault.audit.trail(busy, "shared")
    follow.latest(wanted, 10)
    assert follow.following(wanted) == []
    bench.put(busy, ("shared", "new"), b"x")
    bench.put(busy, ("shared", "new"), b"y")
    assert [line.details["path"] for line in follow.following(wanted)] == ["shared/new"]
    assert follow.following(wanted) == []


def test_a_stream_whose_space_is_gone_is_named_by_its_id(bench: Bench, ada: Session) -> None:
    """And a user who is gone too."""
    bob = bench.account("bob")
    space = bench.vault.spaces.mine(bob)[0].id
    bench.vault.erasure.delete_account("bob")
    assert bench.vault.audit.show(None, space.hex(), 1)[0].stream == space.hex()
    assert bench.vault.audit.user(bob.user.id.hex()) == bob.user.id
    for unknown in ("nobody", "00" * 16):
        with pytest.raises(NotFound):
            bench.vault.audit.show(None, unknown, 1)
    with pytest.raises(NotFound):
        bench.vault.audit.user("nobody")


def test_a_damaged_payload_hides_no_other_entry(bench: Bench, busy: Session) -> None:
    """It says so in its own line."""
    bench.edit("UPDATE journal SET payload = zeroblob(60) WHERE action = 'move'")
    lines = bench.vault.audit.show(busy, "shared", 100)
    assert [line.details for line in lines if line.action == "move"] == [trail._UNREADABLE]
    assert sum("path" in line.details for line in lines) > 2


def test_who_opens_the_journal_of_a_foreign_space_is_refused(bench: Bench, busy: Session) -> None:
    """A session that is no member's opens nothing."""
    with pytest.raises(NotFound):
        bench.vault.audit.show(bench.vault.sessions.sign_in("ada", PASSWORD), "bob", 1)
