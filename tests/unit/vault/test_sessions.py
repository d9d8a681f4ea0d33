"""Who gets in, for how long, and how soon a change holds for everyone."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from failing import FailingDatabase
from vaults import PASSWORD, Bench, open_bench

from docstopd.crypto import slot as slots
from docstopd.errors import DocstopdError, Forbidden, NotFound, Refused, StorageFull, Throttled, Unauthenticated
from docstopd.model import NO_GUARD, Custody, MemberRole, Role
from docstopd.vault import Policy, Session, Vault

MINUTE = 60
NEW = "a brand new password"


@pytest.fixture
def other(bench: Bench, tmp_path: Path) -> Iterator[Bench]:
    """Another process over the same folder."""
    opened = open_bench(tmp_path, clock=bench.clock)
    yield opened
    opened.vault.close()


class Counted:
    """How often the expensive work was done."""

    def __init__(self) -> None:
        self.count = self.running = self.most = 0
        self._lock = threading.Lock()

    def wrap(self, inner):  # type: ignore[no-untyped-def]
        def counting(*args, **kwargs):  # type: ignore[no-untyped-def]
            with self._lock:
                self.count += 1
                self.running += 1
                self.most = max(self.most, self.running)
            try:
                return inner(*args, **kwargs)
            finally:
                with self._lock:
                    self.running -= 1

        return counting


@pytest.fixture
def argon2(monkeypatch: pytest.MonkeyPatch) -> Counted:
    counted = Counted()
    monkeypatch.setattr(slots, "_stretch", counted.wrap(slots._stretch))
    return counted


def refused(bench: Bench, name: str, credential: str, address: str = "") -> type[DocstopdError]:
    with pytest.raises((Unauthenticated, Throttled)) as caught:
        bench.vault.sessions.sign_in(name, credential, address)
    return type(caught.value)


class TestSigningIn:
    """With name and password."""

    def test_knows_a_name_in_any_case_and_form(self, bench: Bench) -> None:
        """As keyboards differ."""
        bench.vault.accounts.add("Zoë", PASSWORD)
        for name in ("zoë", "ZOË", "zoe\u0308"):
            assert bench.vault.sessions.sign_in(name, PASSWORD).user.name == "zoë"

    def test_is_verified_once(self, bench: Bench, ada: Session, argon2: Counted) -> None:
        """Each request brings the password again."""
        for _ in range(5):
            bench.vault.sessions.sign_in("ada", PASSWORD)
        assert argon2.count == 0

    def test_of_several_connections_at_once_is_verified_once(
        self, bench: Bench, ada: Session, other: Bench, argon2: Counted
    ) -> None:
        """Clients open many at their start."""
        with ThreadPoolExecutor(16) as pool:
            found = list(pool.map(lambda _: other.vault.sessions.sign_in("ada", PASSWORD), range(32)))
        assert argon2.count == 1
        assert len({id(session.unlocked) for session in found}) == 1

    def test_runs_at_most_two_at_a_time(self, bench: Bench, ada: Session, other: Bench, argon2: Counted) -> None:
        """Over all processes; each takes 64 MiB and a core."""
        both = [replace(b, vault=Vault(b.stores, Policy(free_failures=100))) for b in (bench, other)]
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda n: refused(both[n % 2], "ada", f"guess {n}"), range(24)))
        assert argon2.count == 24
        assert argon2.most <= 2

    @pytest.mark.parametrize("credential", ["wrong password", "", "x" * 1024, "abcdefgh-abcdefgh-abcdefgh-abcdefgh"])
    def test_costs_the_same_whether_the_name_or_the_password_is_wrong(
        self, bench: Bench, ada: Session, argon2: Counted, credential: str
    ) -> None:
        """One Argon2, and the same words, for known, unknown and disabled users."""
        bench.account("bob")
        bench.vault.accounts.set_enabled("bob", enabled=False)
        counts, words = [], set()
        for name in ("ada", "nobody", "bob"):
            argon2.count = 0
            with pytest.raises(Unauthenticated) as caught:
                bench.vault.sessions.sign_in(name, credential)
            counts.append(argon2.count)
            words.add(str(caught.value))
        assert counts == [1, 1, 1]
        assert len(words) == 1

    @pytest.mark.parametrize(("name", "credential"), [("a" * 1025, "x"), ("ada", "x" * 1025), ("\ud800", "x"),
                                                      ("ada", "\udfff")])  # fmt: skip
    def test_does_not_look_at_what_none_can_be(
        self, bench: Bench, ada: Session, argon2: Counted, name: str, credential: str
    ) -> None:
        """Too long, or half a letter."""
        assert refused(bench, name, credential) is Unauthenticated
        assert argon2.count == 0

    def test_leaves_no_credential_in_a_repr(self, ada: Session) -> None:
        """Neither the session's nor its keys'."""
        text = repr(ada)
        assert PASSWORD not in text
        assert "unlocked" not in text


class TestTheEndOfASession:
    """By the clock."""

    def test_comes_when_it_is_idle(self, bench: Bench, ada: Session, argon2: Counted) -> None:
        """Each use puts it off."""
        sign_in = bench.vault.sessions.sign_in
        for _ in range(3):
            bench.clock.advance(14 * MINUTE)
            sign_in("ada", PASSWORD)
        assert argon2.count == 0
        bench.clock.advance(15 * MINUTE + 1)
        sign_in("ada", PASSWORD)
        assert argon2.count == 1

    def test_comes_in_the_end_however_busy_it_is(self, bench: Bench, ada: Session, argon2: Counted) -> None:
        """After twelve hours."""
        for _ in range(12 * 6 + 1):
            bench.clock.advance(10 * MINUTE)
            bench.vault.sessions.sign_in("ada", PASSWORD)
        assert argon2.count == 1

    def test_takes_the_keys_out_of_memory(self, bench: Bench, ada: Session) -> None:
        """Housekeeping does, with no request needed."""
        assert len(bench.vault.sessions._verified) == 1
        bench.clock.advance(16 * MINUTE)
        bench.vault.housekeep()
        assert bench.vault.sessions._verified == {}


class TestAChangeInAnotherProcess:
    """Holds at the next request of this one."""

    def test_that_disables_the_account(self, bench: Bench, ada: Session, other: Bench) -> None:
        """And enables it again."""
        other.vault.accounts.set_enabled("ada", enabled=False)
        assert refused(bench, "ada", PASSWORD) is Unauthenticated
        other.vault.accounts.set_enabled("ada", enabled=True)
        bench.vault.sessions.sign_in("ada", PASSWORD)

    def test_that_changes_the_password(self, bench: Bench, ada: Session, other: Bench) -> None:
        """The old one opens nothing, the new one everything; what was stored stays readable."""
        bench.put(ada, ("ada", "f"), b"content")
        session = other.vault.sessions.sign_in("ada", PASSWORD)
        with pytest.raises(Unauthenticated):
            other.vault.accounts.change_password(session, "wrong password", NEW)
        with pytest.raises(Refused):
            other.vault.accounts.change_password(session, PASSWORD, "short")
        other.vault.accounts.change_password(session, PASSWORD, NEW)
        assert refused(bench, "ada", PASSWORD) is Unauthenticated
        assert bench.get(bench.vault.sessions.sign_in("ada", NEW), ("ada", "f")) == b"content"

    def test_that_removes_an_app_password(self, bench: Bench, ada: Session, other: Bench, argon2: Counted) -> None:
        """An app password needs no Argon2, and cannot make another one."""
        secret = bench.vault.accounts.add_app_password(ada, PASSWORD, "laptop", None)
        argon2.count = 0
        session = other.vault.sessions.sign_in("ada", secret)
        assert argon2.count == 0
        with pytest.raises(Unauthenticated):
            other.vault.accounts.add_app_password(session, secret, "second", None)
        slot = bench.vault.accounts.app_passwords("ada")[0]
        assert slot.label == "laptop"
        with pytest.raises(NotFound):
            bench.vault.accounts.remove_app_password("ada", slots_of(bench, "ada")[0])  # the password's own slot
        bench.vault.accounts.remove_app_password("ada", slot.id)
        assert refused(other, "ada", secret) is Unauthenticated

    def test_that_deletes_the_account(self, bench: Bench, ada: Session, other: Bench) -> None:
        """Nothing opens any more."""
        bench.account("bob")
        other.vault.erasure.delete_account("ada")
        assert refused(bench, "ada", PASSWORD) is Unauthenticated
        with pytest.raises(NotFound):
            bench.names(ada, ("ada",))

    def test_that_removes_a_member(self, bench: Bench, ada: Session, other: Bench) -> None:
        """Even inside a session that has the keys at hand; and the keys are dropped."""
        bob = bench.account("bob")
        bench.vault.spaces.add("shared", ada.user)
        bench.vault.spaces.grant(ada, "shared", bob.user, MemberRole.EDITOR)
        bench.put(bob, ("shared", "f"), b"content")
        space = bench.vault.files.stat(bob, ("shared",)).space
        there = other.vault.sessions.sign_in("bob", PASSWORD)
        assert other.get(there, ("shared", "f")) == b"content"
        assert there.unlocked.keys(space)
        bench.vault.spaces.revoke(ada, "shared", bob.user)
        for action in (
            lambda: other.get(there, ("shared", "f")),
            lambda: other.put(there, ("shared", "g"), b"x"),
            lambda: other.names(there, ("shared",)),
        ):
            with pytest.raises(NotFound):
                action()
        assert there.unlocked.keys(space) == {}

    def test_that_makes_a_member_a_reader(self, bench: Bench, ada: Session, other: Bench) -> None:
        """Reading goes on, writing does not."""
        bob = bench.account("bob")
        bench.vault.spaces.add("shared", ada.user)
        bench.vault.spaces.grant(ada, "shared", bob.user, MemberRole.EDITOR)
        there = other.vault.sessions.sign_in("bob", PASSWORD)
        other.put(there, ("shared", "f"), b"content")
        bench.vault.spaces.grant(ada, "shared", bob.user, MemberRole.READER)
        assert other.get(there, ("shared", "f")) == b"content"
        with pytest.raises(Forbidden):
            other.put(there, ("shared", "f"), b"x")


def slots_of(bench: Bench, name: str) -> list[object]:
    user = bench.vault.accounts.find(name)
    return [slot.id for slot in bench.stores.keyring.slots(user.id) if slot.kind.value == "password"]


def test_an_app_password_ends_at_its_date(bench: Bench, ada: Session) -> None:
    """In a session that it opened, and for a new one."""
    end = bench.clock.now + 300 * 1_000_000
    secret = bench.vault.accounts.add_app_password(ada, PASSWORD, "laptop", end)
    bench.vault.sessions.sign_in("ada", secret)
    bench.clock.advance(299)
    bench.vault.sessions.sign_in("ada", secret)
    bench.clock.advance(2)
    assert refused(bench, "ada", secret) is Unauthenticated


def test_a_recovery_code_is_used_up_and_opens_no_session(bench: Bench) -> None:
    """The next one is made in its place; every older credential but app passwords ends."""
    made = bench.vault.accounts.add("ada", PASSWORD)
    bench.put(bench.vault.sessions.sign_in("ada", PASSWORD), ("ada", "f"), b"content")
    assert refused(bench, "ada", made.recovery_code) is Unauthenticated
    second = bench.vault.accounts.reset_with_code("ADA", made.recovery_code.lower().replace("-", " "), NEW)
    for name, code in (("ada", made.recovery_code), ("nobody", second), ("ada", "rubbish")):
        with pytest.raises(Unauthenticated):
            bench.vault.accounts.reset_with_code(name, code, NEW)
    assert refused(bench, "ada", PASSWORD) is Unauthenticated
    assert bench.get(bench.vault.sessions.sign_in("ada", NEW), ("ada", "f")) == b"content"
    bench.vault.accounts.reset_with_code("ada", second, PASSWORD)
    assert made.recovery_code not in repr(made)


def test_a_session_can_be_opened_offline(bench: Bench, ada: Session) -> None:
    """By password or recovery code, leaving no trace; for data that is read out of a stopped folder."""
    bench.put(ada, ("ada", "f"), b"content")
    before = bench.rows("SELECT count(*) FROM journal")
    assert bench.get(bench.vault.accounts.open_offline("ada", PASSWORD), ("ada", "f")) == b"content"
    with pytest.raises(Unauthenticated):
        bench.vault.accounts.open_offline("ada", "wrong password")
    assert bench.rows("SELECT count(*) FROM journal") == before


class TestTheThrottle:
    """Five wrong guesses are free, then each one doubles the wait."""

    def guess(self, bench: Bench, times: int, name: str = "ada", address: str = "") -> list[type[DocstopdError]]:
        return [refused(bench, name, f"guess {n} {bench.clock.now}", address) for n in range(times)]

    def test_grows_and_has_an_end(self, bench: Bench, ada: Session) -> None:
        """A second, two, four … fifteen minutes; the right password waits as well."""
        assert self.guess(bench, 7) == [Unauthenticated] * 6 + [Throttled]
        bench.clock.advance(16 * MINUTE)  # the session is idle by now
        delays = []
        for _ in range(12):
            self.guess(bench, 1)
            with pytest.raises(Throttled) as caught:
                bench.vault.sessions.sign_in("ada", PASSWORD)
            delays.append(round(caught.value.retry_after))
            bench.clock.advance(caught.value.retry_after + 0.1)
        assert delays == [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]

    def test_is_the_same_for_a_name_that_nobody_has(self, bench: Bench, ada: Session) -> None:
        """The delay tells no one which names exist."""
        assert self.guess(bench, 8, "ada") == self.guess(bench, 8, "nobody")

    def test_holds_in_all_processes_and_after_a_restart(self, bench: Bench, ada: Session, other: Bench) -> None:
        """It is in the catalog."""
        self.guess(bench, 6)
        assert refused(other, "ada", "another guess") is Throttled

    def test_does_not_shut_out_who_is_in(self, bench: Bench, ada: Session) -> None:
        """Someone else's guesses end no session that was verified before."""
        self.guess(bench, 8)
        bench.vault.sessions.sign_in("ada", PASSWORD)

    def test_forgets_a_name_when_it_signs_in(self, bench: Bench, ada: Session, other: Bench) -> None:
        """A typing error a day adds up to nothing."""
        self.guess(bench, 5)
        other.vault.sessions.sign_in("ada", PASSWORD)
        assert self.guess(bench, 5) == [Unauthenticated] * 5

    def test_forgets_after_a_day(self, bench: Bench, ada: Session) -> None:
        """Without a failure in between."""
        self.guess(bench, 6)
        bench.clock.advance(24 * 3600 + 1)
        assert self.guess(bench, 6) == [Unauthenticated] * 6

    def test_counts_addresses_apart_from_names(self, bench: Bench) -> None:
        """Ten times as many; one valid account does not open an address again."""
        bench.vault.accounts.add("ada", PASSWORD)
        for number in range(51):
            assert refused(bench, f"name{number}", "guess", "203.0.113.9") is Unauthenticated
        assert refused(bench, "ada", PASSWORD, "203.0.113.9") is Throttled
        bench.vault.sessions.sign_in("ada", PASSWORD, "203.0.113.10")
        assert refused(bench, "name52", "guess", "203.0.113.9") is Throttled

    @pytest.mark.parametrize(("one", "other", "same"), [
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("203.0.113.1", "203.0.113.2", False),
        ("203.0.113.1", "::ffff:203.0.113.1", True),
        ("::ffff:203.0.113.1", "::ffff:203.0.113.2", False),
        ("fe80::1%eth0", "fe80::2", True),
        ("a unix socket", "a unix socket", True),
    ])  # fmt: skip
    def test_takes_a_network_of_ipv6_for_one_address(self, bench: Bench, one: str, other: str, same: bool) -> None:
        """Its owner can change the rest at will."""
        strict = replace(bench, vault=Vault(bench.stores, Policy(free_failures=2, per_address_factor=1)))
        for number in range(3):
            refused(strict, f"name{number}", "guess", one)
        assert (refused(strict, "fresh", "guess", other) is Throttled) is same

    def test_counts_guesses_that_are_sent_at_once(self, bench: Bench, ada: Session, argon2: Counted) -> None:
        """Those that queue for Argon2 are looked at again: a burst gets hardly more than the free ones."""
        with ThreadPoolExecutor(32) as pool:
            outcomes = list(pool.map(lambda n: refused(bench, "ada", f"guess {n}"), range(64)))
        assert argon2.count <= 10
        assert outcomes.count(Unauthenticated) == argon2.count

    def test_keeps_no_name_or_address_in_clear(self, bench: Bench) -> None:
        """Digests under a key of the server."""
        refused(bench, "someones-name", "guess", "203.0.113.9")
        rows = repr(bench.rows("SELECT * FROM throttle"))
        assert "someones-name" not in rows
        assert "203.0.113.9" not in rows


class TestEpochs:
    """A removed member's keys open nothing that comes later; those who stay read all."""

    def test_of_old_and_new_content(self, bench: Bench, ada: Session) -> None:
        """Names, properties and contents of both; writing over, moving and copying old ones."""
        spaces, files = bench.vault.spaces, bench.vault.files
        bob, eve = bench.account("bob"), bench.account("eve")
        spaces.add("shared", ada.user)
        for member in (bob, eve):
            spaces.grant(ada, "shared", member.user, MemberRole.EDITOR)
        files.make_folder(bob, ("shared", "old"), wanted={"{x}p": "<p/>"})
        for name in ("f", "g", "h"):
            bench.put(bob, ("shared", "old", name), b"old " + name.encode())
        held = bob.unlocked.keys(files.stat(bob, ("shared",)).space)
        spaces.revoke(ada, "shared", bob.user)
        assert set(held) == {1}
        assert bench.get(ada, ("shared", "old", "f")) == bench.get(eve, ("shared", "old", "f")) == b"old f"
        for session in (ada, eve):
            bench.put(session, ("shared", "old", "f"), session.user.name.encode())
        files.move(eve, ("shared", "old", "g"), ("shared", "old", "g2"), overwrite=False)
        files.copy(eve, ("shared", "old", "h"), ("shared", "old", "h2"), overwrite=False, deep=True)
        bench.put(eve, ("shared", "new"), b"new")
        assert bench.names(ada, ("shared", "old")) == {"f", "g2", "h", "h2"}
        assert [bench.get(ada, ("shared", "old", n)) for n in ("f", "g2", "h2")] == [b"eve", b"old g", b"old h"]
        node = files.stat(ada, ("shared", "old"))
        files.patch(eve, ("shared", "old"), NO_GUARD, [("{x}p", "<q/>")])
        assert files.properties(ada, [node]) == {node.id: {"{x}p": "<q/>"}}
        epochs = dict(bench.rows("SELECT blob, epoch FROM data_keys", store="keyring"))
        latest = {bytes.fromhex(files.stat(ada, ("shared", *p)).etag) for p in (("new",), ("old", "f"), ("old", "h2"))}
        assert {epochs[blob] for blob in latest} == {2}
        with pytest.raises(NotFound):
            bench.get(bob, ("shared", "new"))
        members = {row[0] for row in bench.rows("SELECT member FROM space_keys WHERE epoch = 2", store="keyring")}
        assert bob.user.id not in members

    def test_of_one_who_comes_back(self, bench: Bench, ada: Session) -> None:
        """He is given the keys of every epoch, and has lost nothing."""
        bob = bench.account("bob")
        bench.vault.spaces.add("shared", ada.user)
        bench.put(ada, ("shared", "1"), b"1")
        bench.vault.spaces.grant(ada, "shared", bob.user, MemberRole.READER)
        bench.vault.spaces.revoke(ada, "shared", bob.user)
        bench.put(ada, ("shared", "2"), b"2")
        bench.vault.spaces.grant(ada, "shared", bob.user, MemberRole.READER)
        assert [bench.get(bob, ("shared", n)) for n in "12"] == [b"1", b"2"]

    def test_of_an_upload_during_which_a_member_is_removed(self, bench: Bench, ada: Session) -> None:
        """Its content is sealed under the new epoch."""
        bob = bench.account("bob")
        bench.vault.spaces.add("shared", ada.user)
        bench.vault.spaces.grant(ada, "shared", bob.user, MemberRole.EDITOR)
        with bench.vault.files.write(ada, ("shared", "f")) as upload:
            upload.write(b"content")
            bench.vault.spaces.revoke(ada, "shared", bob.user)
            upload.commit()
        assert bench.get(ada, ("shared", "f")) == b"content"
        blob = bytes.fromhex(bench.vault.files.stat(ada, ("shared", "f")).etag)
        assert bench.rows("SELECT epoch FROM data_keys WHERE blob = ?", blob, store="keyring") == [(2,)]
        bench.assert_tidy()

    def test_of_a_removal_that_failed_half_way(self, bench: Bench, ada: Session, other: Bench) -> None:
        """The keyring has the next epoch, the catalog has not; whoever looks meanwhile must not keep that key."""
        bob, eve = bench.account("bob"), bench.account("eve")
        bench.vault.spaces.add("shared", ada.user)
        for member in (bob, eve):
            bench.vault.spaces.grant(ada, "shared", member.user, MemberRole.EDITOR)
        catalog = FailingDatabase(bench.stores.catalog)
        catalog.before = StorageFull("full")
        faulty = bench.with_stores(lambda stores: replace(stores, catalog=catalog))
        with pytest.raises(StorageFull):
            faulty.vault.spaces.revoke(ada, "shared", bob.user)
        there = other.vault.sessions.sign_in("eve", PASSWORD)
        other.put(there, ("shared", "before"), b"1")
        bench.vault.spaces.revoke(ada, "shared", bob.user)
        other.put(there, ("shared", "after"), b"2")
        assert [bench.get(ada, ("shared", n)) for n in ("before", "after")] == [b"1", b"2"]

    def test_of_a_managed_space(self, bench: Bench, ada: Session) -> None:
        """The server can let members in while it holds the keys, and not before or afterwards."""
        bob, eve = bench.account("bob"), bench.account("eve")
        spaces = bench.vault.spaces
        spaces.add("shared", ada.user)
        bench.put(ada, ("shared", "1"), b"1")
        with pytest.raises(Forbidden):
            spaces.grant(None, "shared", bob.user, MemberRole.READER)
        spaces.set_custody(ada, "shared", Custody.MANAGED)
        spaces.grant(None, "shared", bob.user, MemberRole.READER)
        assert bench.get(bob, ("shared", "1")) == b"1"
        spaces.set_custody(ada, "shared", Custody.SEALED)
        with pytest.raises(Forbidden):
            spaces.grant(None, "shared", eve.user, MemberRole.READER)
        with pytest.raises(Refused):
            spaces.set_custody(ada, "shared", Custody.SEALED)
        assert bench.rows("SELECT 1 FROM space_keys WHERE member = ?", b"server", store="keyring") == []
        bench.put(ada, ("shared", "2"), b"2")
        assert bench.get(bob, ("shared", "2")) == b"2"


class TestASpace:
    """Always has an owner."""

    def test_keeps_its_last_owner(self, bench: Bench, ada: Session) -> None:
        """Neither removed, nor made less, nor deleted while others are in."""
        bob = bench.account("bob")
        spaces = bench.vault.spaces
        spaces.add("shared", ada.user)
        spaces.grant(ada, "shared", bob.user, MemberRole.EDITOR)
        for action in (
            lambda: spaces.revoke(None, "shared", ada.user),
            lambda: spaces.grant(ada, "shared", ada.user, MemberRole.READER),
            lambda: bench.vault.erasure.delete_account("ada"),
        ):
            with pytest.raises(Forbidden):
                action()
        with pytest.raises(Forbidden):
            spaces.grant(bob, "shared", bob.user, MemberRole.OWNER)
        spaces.grant(ada, "shared", bob.user, MemberRole.OWNER)
        spaces.revoke(bob, "shared", ada.user)
        bench.vault.erasure.delete_account("ada")
        assert [m.name for m in spaces.members("shared")] == ["bob"]

    def test_keeps_its_last_admin(self, bench: Bench) -> None:
        """Or nobody could run the service."""
        bench.account("root", Role.ADMIN)
        with pytest.raises(Forbidden):
            bench.vault.erasure.delete_account("root")
        with pytest.raises(Forbidden):
            bench.vault.accounts.set_enabled("root", enabled=False)
