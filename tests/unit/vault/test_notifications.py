"""Notifications: who is told what, once at least, and not too often."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from vaults import PASSWORD, Bench, open_bench

from docstopd.config import default
from docstopd.daemon.rules import notify_of
from docstopd.errors import Failed, Unauthenticated
from docstopd.model import DAY, HOUR, Role
from docstopd.vault import Policy
from docstopd.vault.notifications import NotifyPolicy, To
from docstopd.vault.notifications.rules import KINDS, RULES, filled
from docstopd.vault.runs import Outcome
from docstopd.vault.tripwire import TripwirePolicy


@dataclass
class Post:
    """Takes mails, but for those to the addresses that are `shut`."""

    taken: list[tuple[str, str, str]] = field(default_factory=list)
    shut: set[str] = field(default_factory=set)

    def __call__(self, to: Sequence[str], subject: str, text: str) -> None:
        if self.shut & {*to, "*"}:
            raise Failed("the mail server does not answer")
        self.taken += [(address, subject, text) for address in to]

    def told(self) -> list[tuple[str, str]]:
        return [(to.partition("@")[0], subject.removeprefix("docstopd: ")) for to, subject, _ in self.taken]


def policy(**more: object) -> Policy:
    to = dict.fromkeys(KINDS, To.BOTH)
    return Policy(notify=NotifyPolicy(**{"to": to, **more}), tripwire=TripwirePolicy(overwrites=3))  # type: ignore[arg-type]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    opened = begun(open_bench(tmp_path, policy(most=3)))
    yield opened
    opened.vault.close()


def begun(bench: Bench) -> Bench:
    bench.account("root", Role.ADMIN)
    bench.account("ada")
    bench.account("bob")
    bench.vault.notifications.take()
    return bench


def fail(bench: Bench, job: str = "snapshot") -> None:
    run = bench.vault.runs.begin(job, dry=False)
    bench.vault.runs.end(job, run, Outcome.FAILED, {}, "the disk /secret/path is full")


def post(bench: Bench, box: Post | None = None) -> Post:
    box = box or Post()
    bench.vault.notifications.take()
    bench.vault.notifications.deliver(box)
    return box


def test_a_new_installation_tells_nothing_of_before(bench: Bench) -> None:
    """It begins with what comes."""
    assert post(bench).told() == []


def test_each_event_is_told_once_to_whom_it_concerns(bench: Bench) -> None:
    """The users by the address in their profiles, admins for the service."""
    ada = bench.vault.sessions.sign_in("ada", PASSWORD)
    bench.vault.accounts.add_app_password(ada, PASSWORD, "laptop", None)
    bench.vault.accounts.change_password(ada, PASSWORD, "another password")
    fail(bench)
    for _ in range(5):
        bench.put(ada, ("ada", "file"), b"content")
    bench.vault.tripwire.look()
    box = post(bench)
    assert sorted(box.told()) == [
        ("ada", "a new app password"),
        ("ada", "ada changes very many files of ada at once"),
        ("ada", "the password was changed"),
        ("root", "a new app password"),
        ("root", "ada changes very many files of ada at once"),
        ("root", "the job snapshot failed"),
        ("root", "the password was changed"),
    ]
    assert post(bench, box) is box and len(box.taken) == 7
    bench.assert_journal()


def test_a_lock_out_is_told_to_the_user_and_no_name_that_was_tried(bench: Bench) -> None:
    """What somebody types as a name may be a password."""
    for name in ["ada"] * 6 + ["hunter2"] * 6:
        with pytest.raises(Unauthenticated):
            bench.vault.sessions.sign_in(name, "wrong")
        bench.clock.advance(1000)
    box = post(bench)
    assert ("ada", "many failed sign-ins as ada") in box.told()
    assert "wrong passwords for an unknown name" in str(box.taken)
    assert "hunter2" not in str(box.taken)


@pytest.mark.parametrize(("to", "told"), [("admins", ["root"]), ("user", ["ada"]), ("off", [])])
def test_each_kind_goes_where_it_is_configured_to(tmp_path: Path, to: str, told: list[str]) -> None:
    """Or nowhere."""
    bench = begun(open_bench(tmp_path, policy(to={"credential": To(to)})))
    ada = bench.vault.sessions.sign_in("ada", PASSWORD)
    bench.vault.accounts.add_app_password(ada, PASSWORD, "laptop", None)
    fail(bench)
    assert [name for name, _ in post(bench).told()] == told
    bench.vault.close()


def test_an_erasure_is_told_to_who_asked_for_it(bench: Bench) -> None:
    """Until it is final, by its number, not by a name."""
    ada = bench.vault.sessions.sign_in("ada", PASSWORD)
    bench.put(ada, ("ada", "private name"), b"private content")
    bench.vault.erasure.request_path(ada, ("ada", "private name"))
    box = post(bench)
    assert ("ada", "an erasure is final (and 2 more)") in box.told()
    assert "private" not in str(box.taken)


def test_what_a_mail_says_has_no_reason_and_no_path(bench: Bench) -> None:
    """A reason may name a file; who may know it finds it by the command."""
    fail(bench)
    ((_, _, text),) = post(bench).taken
    assert "secret" not in text
    assert "docstopd job list" in text


def test_damage_in_a_space_is_told_without_its_names(bench: Bench) -> None:
    """By the number of the node."""
    ada = bench.vault.sessions.sign_in("ada", PASSWORD)
    bench.put(ada, ("ada", "private name"), b"private content")
    bench.edit("UPDATE nodes SET size = size + 1 WHERE size > 0")
    bench.vault.files.list(ada, ("ada",))
    box = post(bench)
    assert ("root", "something stored in ada is damaged") in box.told()
    assert "private" not in str(box.taken)


# -- the outbox -----------------------------------------------------------------------------------------------------


def test_nothing_in_the_outbox_can_be_read(bench: Bench) -> None:
    """Neither addresses nor texts; what was sent is gone from it."""
    fail(bench)
    bench.vault.notifications.take()
    bench.vault.settle()
    rows = bench.rows("SELECT * FROM outbox")
    assert len(rows) == 1
    assert b"root@" not in repr(rows).encode() and "job snapshot" not in repr(rows)
    post(bench)
    assert bench.rows("SELECT state, content FROM outbox") == [("sent", b"")]


def test_a_mail_waits_for_a_server_and_is_tried_less_and_less(bench: Bench) -> None:
    """Until one takes it."""
    fail(bench)
    box, tries = Post(shut={"*"}), []
    for minute in range(200):
        try:
            post(bench, box)
        except Failed:
            tries.append(minute)
        bench.clock.advance(60)
    assert tries[:4] == [0, 1, 3, 7] and len(tries) < 10
    box.shut.clear()
    bench.clock.advance(6 * 3600)
    assert post(bench, box).told() == [("root", "the job snapshot failed")]


def test_one_address_that_is_refused_holds_no_other_up(bench: Bench) -> None:
    """The next steps send the rest."""
    bench.account("second", Role.ADMIN)
    bench.vault.notifications.take()
    fail(bench)
    box = Post(shut={"root@example.org"})
    with pytest.raises(Failed):
        post(bench, box)
    post(bench, box)
    assert box.told() == [("second", "the job snapshot failed")]


def test_a_mail_that_nobody_takes_for_long_is_given_up_loudly(bench: Bench) -> None:
    """The journal has it, without the address."""
    fail(bench)
    box = Post(shut={"*"})
    for _ in range(60):
        bench.clock.advance(6 * 3600 + 1)
        try:
            post(bench, box)
        except Failed:
            continue
    assert bench.vault.notifications.counts() == {}
    ((facts,),) = bench.rows("SELECT facts FROM journal WHERE action = 'mail-lost'")
    assert '"kind":"job"' in facts and "@" not in facts


def test_a_process_that_dies_loses_no_mail(tmp_path: Path) -> None:
    """Neither before it is queued, nor before it is known that a server has it."""
    bench = begun(open_bench(tmp_path, policy()))
    fail(bench)
    bench.vault.close()
    bench = open_bench(tmp_path, policy(), clock=bench.clock)
    bench.vault.notifications.take()

    class Died(BaseException):
        pass

    def dies(*_mail: object) -> None:
        raise Died

    with pytest.raises(Died):
        bench.vault.notifications.deliver(dies)
    bench.vault.close()
    bench = open_bench(tmp_path, policy(), clock=bench.clock)
    assert post(bench).told() == [("root", "the job snapshot failed")]
    bench.vault.close()


def test_two_processes_tell_nothing_twice(bench: Bench) -> None:
    """What counts is the cursor in the catalog."""
    other = open_bench(bench.folder, bench.policy, clock=bench.clock)
    other.vault.notifications.take()
    fail(bench)
    bench.vault.notifications.take()
    other.vault.notifications.take()
    assert len(bench.rows("SELECT id FROM outbox")) == 1
    other.vault.close()


def test_what_comes_at_once_is_one_mail(bench: Bench) -> None:
    """A night in which a hundred files are due is none with a hundred mails."""
    for number in range(100):
        fail(bench, f"job {number}")
    ((_, subject, text),) = post(bench).taken
    assert subject == "docstopd: the job job 99 failed (and 99 more)"
    assert "and 70 more" in text


def test_beyond_the_rate_mails_are_held_back_and_told_in_one(bench: Bench) -> None:
    """As soon as the hour is over."""
    box = Post()
    for number in range(8):
        fail(bench, f"job{number}")
        post(bench, box)
    assert len(box.taken) == 3
    bench.clock.advance(3700)
    post(bench, box)
    post(bench, box)
    assert box.told()[3:] == [("root", "5 more about: job")]
    assert all(f"the job job{number} failed" in box.taken[3][2] for number in range(3, 8))


def test_an_account_that_is_gone_gets_no_mail(bench: Bench) -> None:
    """Its rows go with it."""
    bob = bench.vault.sessions.sign_in("bob", PASSWORD)
    bench.vault.accounts.change_password(bob, PASSWORD, "another password")
    bench.vault.notifications.take()
    bench.vault.erasure.delete_account("bob")
    assert "bob" not in [name for name, _ in post(bench).told()]
    assert bench.rows("SELECT id FROM outbox WHERE user = ?", bob.user.id) == []


def test_a_snapshot_that_is_too_old_is_told_once_a_day(bench: Bench) -> None:
    """And none that is young."""
    box = Post()
    bench.vault.notifications.miss_snapshot(bench.clock.now - DAY)
    assert post(bench, box).told() == []
    for _ in range(49):
        bench.vault.notifications.miss_snapshot(bench.clock.now - 50 * HOUR)
        bench.clock.advance(3600)
    assert post(bench, box).told() == [("root", "there is no new snapshot (and 2 more)")]


def test_what_was_sent_is_forgotten_after_the_rate_has_counted_it(bench: Bench) -> None:
    """Two hours later."""
    fail(bench)
    post(bench)
    bench.vault.notifications.tidy()
    assert bench.vault.notifications.counts() == {"sent": 1}
    bench.clock.advance(7300)
    bench.vault.notifications.tidy()
    assert bench.vault.notifications.counts() == {}


# -- the table ------------------------------------------------------------------------------------------------------


def test_every_kind_can_be_configured(tmp_path: Path) -> None:
    """By a key of its name; the user always hears of the organisation's key."""
    assert set(notify_of(default()).to) == set(KINDS)
    assert notify_of(default()).to["recovery"] is To.BOTH


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.action)
def test_every_text_says_what_to_do(rule: object) -> None:
    """In one paragraph, with words that are there or a dash."""
    text = filled(rule.text, {})  # type: ignore[attr-defined]
    assert "{" not in text and text.endswith(".") and len(text) > 60
