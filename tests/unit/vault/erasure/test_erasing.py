"""What an erasure takes away, and what it leaves."""

from pathlib import Path

import pytest
from vaults import PASSWORD, Bench, open_bench

from docstopd.errors import AlreadyExists, Forbidden, Held, NotFound, Protected, Refused, Unauthenticated
from docstopd.model import NO_GUARD, MemberRole, SlotKind, SpacePath
from docstopd.vault import Policy, Session
from docstopd.vault.retention import Protect, RetentionClass, RetentionPolicy, Schedule, Then

FILE = ("ada", "letters", "to-grace.txt")
OTHER = ("ada", "letters", "to-alan.txt")
DAY = 86_400


@pytest.fixture
def ada(bench: Bench) -> Session:
    """Ada with a folder of two files, one of which has a past and a property."""
    session = bench.account("ada")
    bench.vault.files.make_folder(session, ("ada", "letters"))
    for number in range(3):
        bench.put(session, FILE, b"dear grace %d" % number)
    bench.vault.files.patch(session, FILE, NO_GUARD, [("{urn:x}mood", "<mood/>")])
    bench.put(session, OTHER, b"dear alan")
    return session


def node_of(bench: Bench, session: Session, path: SpacePath) -> int:
    """The id of what is at a path."""
    return bench.vault.files.stat(session, path).id


def marks(bench: Bench, node: int) -> list[bytes]:
    """What tells a file's stored bytes from all others: its name, proofs, salts, wrapped keys, blob ids in use."""
    names = bench.rows("SELECT name, proof, folded FROM nodes WHERE id = ?", node)
    salts = bench.rows("SELECT salt, payload FROM journal WHERE node = ?", node)
    properties = bench.rows("SELECT value FROM properties WHERE node = ?", node)
    blobs = bench.rows("SELECT blob FROM versions WHERE node = ?", node)
    keys = [
        part
        for (blob,) in blobs
        for (value,) in bench.rows("SELECT value FROM data_keys WHERE blob = ?", blob, store="keyring")
        for part in (value[:16], value[30:46], value[-16:])
    ]
    parts = [value[-16:] for row in (*names, *salts, *properties) for value in row if value]
    contents = [bench.blob_file(blob).read_bytes()[:64] for (blob,) in blobs]
    return [*parts, *keys, *contents]


def found(folder: Path, wanted: list[bytes]) -> list[str]:
    """The files below a folder that hold one of these."""
    stored = {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return [name for name, content in stored.items() if any(mark in content for mark in wanted)]


def test_nothing_of_an_erased_file_is_in_any_byte_of_the_data_folder(bench: Bench, ada: Session) -> None:
    """Its name, its property, its versions, their keys, what the journal sealed about it; the others stay readable."""
    wanted = marks(bench, node_of(bench, ada, FILE))
    assert len(wanted) > 20 and len(found(bench.folder, wanted)) > 3, "the search finds nothing even before"
    erasure = bench.vault.erasure.request_path(ada, FILE)
    assert erasure.state == "final", "no target holds anything"
    assert found(bench.folder, wanted) == []
    with pytest.raises(NotFound):
        bench.get(ada, FILE)
    assert bench.names(ada, FILE[:2]) == {"to-alan.txt"} and bench.get(ada, OTHER) == b"dear alan"
    bench.assert_tidy()


def test_a_folder_goes_with_all_that_it_ever_held(bench: Bench, ada: Session) -> None:
    """What was deleted out of it lies in the trash, and goes as well; what was moved out of it stays."""
    kept = ("ada", "kept.txt")
    bench.put(ada, (*FILE[:2], "moved.txt"), b"moved out")
    bench.vault.files.move(ada, (*FILE[:2], "moved.txt"), kept, overwrite=False)
    bench.vault.files.delete(ada, OTHER)
    bench.vault.erasure.request_path(ada, FILE[:2])
    assert bench.names(ada, ("ada",)) == {"kept.txt"} and bench.get(ada, kept) == b"moved out"
    assert bench.rows("SELECT count(*) FROM nodes") == [(2,)]
    assert len(bench.blob_ids()) == 1
    bench.assert_tidy()


def test_what_lies_in_the_trash_is_erased_by_its_place_there(bench: Bench, ada: Session) -> None:
    """The file in a deleted folder, then the folder; what is live under the same path stays."""
    bench.vault.files.delete(ada, FILE[:2])
    bench.vault.files.make_folder(ada, FILE[:2])
    bench.put(ada, FILE, b"a new one")
    place = trashed(bench, ada)
    assert bench.vault.erasure.request_path(ada, (*place, "to-grace.txt")).kind == "file"
    assert len(bench.blob_ids()) == 2
    assert bench.vault.erasure.request_path(ada, place).kind == "folder"
    assert bench.get(ada, FILE) == b"a new one" and len(bench.blob_ids()) == 1
    bench.assert_tidy()


def trashed(bench: Bench, session: Session) -> SpacePath:
    """The path of the only thing in the trash."""
    (name,) = bench.names(session, ("ada", ".trash"))
    return ("ada", ".trash", name)


def test_what_an_editor_wrote_before_it_moved_it_over_the_file_goes_as_well(bench: Bench, ada: Session) -> None:
    """Its entries have the name of the new file, under which the content first was."""
    fresh = (*FILE[:2], "to-grace.txt.new")
    bench.put(ada, fresh, b"saved safely")
    wanted = marks(bench, node_of(bench, ada, fresh))
    bench.vault.files.move(ada, fresh, FILE, overwrite=True)
    bench.vault.erasure.request_path(ada, FILE)
    assert found(bench.folder, wanted) == []
    bench.assert_tidy()


def test_the_quota_counts_what_is_left(bench: Bench, ada: Session) -> None:
    """Only what is live counted before."""
    bench.vault.files.delete(ada, OTHER)
    used = len(b"dear grace 0")
    assert bench.vault.files.quota(ada, ("ada",)).used == used
    bench.put(ada, ("ada", "more"), b"x" * 10)
    bench.vault.erasure.request_path(ada, FILE[:2])
    assert bench.vault.files.quota(ada, ("ada",)).used == 10


def test_every_folder_above_has_another_etag(bench: Bench, ada: Session) -> None:
    """Clients that compare etags notice."""
    before = [bench.vault.files.stat(ada, path).etag for path in (FILE[:1], FILE[:2])]
    bench.vault.erasure.request_path(ada, FILE)
    after = [bench.vault.files.stat(ada, path).etag for path in (FILE[:1], FILE[:2])]
    assert all(old != new for old, new in zip(before, after, strict=True))


def test_the_name_is_free_again(bench: Bench, ada: Session) -> None:
    """The same name in the same folder is sealed to the same bytes; that it is there again is nothing left over."""
    bench.vault.erasure.request_path(ada, FILE)
    bench.put(ada, FILE, b"anew")
    assert bench.vault.erasure.request_path(ada, FILE).state == "final"
    assert bench.vault.erasure.request_path(ada, FILE[:2]).state == "final"


@pytest.mark.parametrize(("goes", "stays"), [("Secret.txt", "secret.txt"), ("secret.txt", "SECRET.txt")])
def test_a_name_goes_in_lower_case_too_unless_another_file_has_that(
    bench: Bench, ada: Session, goes: str, stays: str
) -> None:
    """It is kept to warn of names that Windows takes for one."""
    bench.put(ada, ("ada", goes), b"1")
    wanted = marks(bench, node_of(bench, ada, ("ada", goes)))
    assert bench.vault.erasure.request_path(ada, ("ada", goes)).state == "final"
    assert found(bench.folder, wanted) == []
    for name in (goes, stays):
        bench.put(ada, ("ada", name), b"1")
    assert bench.vault.erasure.request_path(ada, ("ada", goes)).state == "final"
    assert bench.get(ada, ("ada", stays)) == b"1"


def test_readers_and_app_passwords_erase_nothing(bench: Bench, ada: Session) -> None:
    """A reader may not change the space; an app password lies on a device."""
    bob = bench.account("bob")
    bench.vault.spaces.grant(ada, "ada", bob.user, MemberRole.READER)
    with pytest.raises(Forbidden):
        bench.vault.erasure.request_path(bob, FILE)
    with pytest.raises(Forbidden):
        bench.vault.erasure.request_space(bob, "ada")
    secret = bench.vault.accounts.add_app_password(ada, PASSWORD, "laptop", None)
    device = bench.vault.sessions.sign_in("ada", secret)
    assert device.unlocked.kind is SlotKind.APP_PASSWORD
    with pytest.raises(Forbidden, match="own password"):
        bench.vault.erasure.request_path(device, FILE)
    bench.vault.spaces.grant(ada, "ada", bob.user, MemberRole.EDITOR)
    assert bench.vault.erasure.request_path(bob, FILE).state == "final"


@pytest.mark.parametrize("path", [("ada",), ("ada", ".trash"), ("ada", ".versions", "letters", "to-grace.txt"), ()])
def test_a_space_is_not_erased_by_a_path(bench: Bench, ada: Session, path: SpacePath) -> None:
    """Nor is the trash as a whole, or the list of spaces."""
    with pytest.raises(Refused):
        bench.vault.erasure.request_path(ada, path)


def test_a_space_goes_with_everything_in_it(bench: Bench, ada: Session) -> None:
    """Its label is free; members see nothing of it any more; its journal verifies, and tells no name."""
    bench.vault.spaces.add("project", ada.user)
    bench.put(ada, ("project", "plan.txt"), b"the plan")
    space = next(one for one in bench.vault.spaces.all() if one.label == "project")
    wanted = [
        row[0][-16:]
        for row in bench.rows("SELECT payload FROM journal WHERE stream = ? AND payload NOT NULL", space.id)
    ]
    assert len(wanted) == 2
    assert bench.vault.erasure.request_space(ada, "project").state == "final"
    assert found(bench.folder, wanted) == []
    assert [one.label for one in bench.vault.spaces.mine(ada)] == ["ada"]
    assert bench.rows("SELECT count(*) FROM space_keys WHERE space = ?", space.id, store="keyring") == [(0,)]
    bench.vault.spaces.add("project", ada.user)
    bench.assert_tidy()


class TestAccounts:
    """An account has a grace; `user delete` has none."""

    def test_it_is_shut_at_once_and_goes_when_the_grace_is_over(self, bench: Bench, ada: Session) -> None:
        """The expiry job does it; sessions end at once."""
        bench.account("bob")
        erasure = bench.vault.erasure.request_account(ada, "ada")
        assert erasure.state == "waiting" and erasure.due - erasure.requested > 6 * DAY * 1_000_000
        with pytest.raises(Unauthenticated):
            bench.vault.sessions.sign_in("ada", PASSWORD)
        bench.clock.advance(6 * DAY)
        assert bench.vault.erasure.expire() == {}
        assert bench.blob_ids()
        bench.clock.advance(2 * DAY)
        assert bench.vault.erasure.expire(dry=True) == {"erasures_open": 1}
        assert bench.vault.erasure.expire() == {"erasures_final": 1}
        assert [user.name for user, _ in bench.vault.accounts.all()] == ["bob"]
        assert [space.label for space in bench.vault.spaces.all()] == ["bob"]
        assert bench.blob_ids() == set() and bench.key_ids() == set()
        bench.assert_tidy()

    def test_it_can_be_called_back(self, bench: Bench, ada: Session) -> None:
        """Everything is there again; once it has begun, it is too late."""
        erasure = bench.vault.erasure.request_account(ada, "ada")
        with pytest.raises(AlreadyExists):
            bench.vault.erasure.request_account(None, "ada")
        assert bench.vault.erasure.cancel(erasure.id.hex()).state == "cancelled"
        again = bench.vault.sessions.sign_in("ada", PASSWORD)
        assert bench.get(again, OTHER) == b"dear alan"
        bench.clock.advance(8 * DAY)
        bench.vault.erasure.expire()
        assert bench.get(bench.vault.sessions.sign_in("ada", PASSWORD), OTHER) == b"dear alan"
        gone = bench.vault.erasure.delete_account("ada")
        with pytest.raises(Refused, match="called back"):
            bench.vault.erasure.cancel(gone.id.hex())

    def test_shared_spaces_stay_and_his_keys_of_them_go(self, bench: Bench, ada: Session) -> None:
        """A new epoch begins, as when any member leaves."""
        bob = bench.account("bob")
        bench.vault.spaces.grant(ada, "ada", bob.user, MemberRole.EDITOR)
        bench.put(bob, ("ada", "from-bob.txt"), b"from bob")
        wanted = [
            row[0][-16:]
            for table, column in (("slots", "user"), ("identities", "user"), ("space_keys", "member"))
            for row in bench.rows(
                f"SELECT {'private' if table == 'identities' else 'value'} FROM {table} WHERE {column} = ?",
                bob.user.id,
                store="keyring",
            )
        ]
        wanted += [
            row[0]
            for row in bench.rows("SELECT salt FROM journal WHERE stream = ? AND actor = ?", b"system", bob.user.id)
        ]
        assert len(wanted) >= 6
        assert bench.vault.erasure.delete_account("bob").state == "final"
        assert found(bench.folder, wanted) == []
        assert bench.get(ada, ("ada", "from-bob.txt")) == b"from bob"
        assert next(space.epoch for space in bench.vault.spaces.mine(ada)) == 2
        bench.assert_tidy()

    def test_nobody_asks_for_another_ones(self, bench: Bench, ada: Session) -> None:
        """The only owner of a shared space has to hand it over first, and nothing is left of what was refused."""
        bob = bench.account("bob")
        with pytest.raises(Forbidden):
            bench.vault.erasure.request_account(bob, "ada")
        bench.vault.spaces.grant(ada, "ada", bob.user, MemberRole.EDITOR)
        with pytest.raises(Forbidden, match="only owner"):
            bench.vault.erasure.request_account(ada, "ada")
        assert bench.vault.erasure.all() == []
        assert bench.vault.sessions.sign_in("ada", PASSWORD)


class TestHolds:
    """What is held waits, and goes on when the hold is released."""

    def hold(self, bench: Bench, kind: str, subject: bytes, *, confidential: bool = False, node: int = 0) -> bytes:
        """Place a hold past its door."""
        bench.edit(
            "INSERT INTO holds VALUES (?, ?, ?, 0, x'', ?, x'', NULL)", b"h" * 16, kind, subject, int(confidential)
        )
        if node:
            bench.edit("INSERT INTO held VALUES (?, ?)", b"h" * 16, node)
        return b"h" * 16

    def test_a_held_file_waits_until_the_hold_is_released(self, bench: Bench, ada: Session) -> None:
        """Nothing of it is touched before."""
        node = node_of(bench, ada, FILE)
        space = bench.vault.spaces.mine(ada)[0].id
        self.hold(bench, "node", space, node=node)
        erasure = bench.vault.erasure.request_path(ada, FILE[:2])
        assert erasure.state == "held"
        assert bench.vault.erasure.expire() == {"erasures_held": 1}
        assert bench.get(ada, FILE) == b"dear grace 2"
        bench.edit("UPDATE holds SET released = 1")
        assert bench.vault.erasure.expire() == {"erasures_final": 1}
        assert bench.names(ada, ("ada",)) == set()
        bench.assert_tidy()

    def test_a_hold_that_comes_during_the_grace_is_obeyed(self, bench: Bench, ada: Session) -> None:
        """It is asked again in the transaction in which the rows would go."""
        bench.account("bob")
        bench.vault.erasure.request_account(ada, "ada")
        self.hold(bench, "user", ada.user.id, confidential=True)
        bench.clock.advance(8 * DAY)
        assert bench.vault.erasure.expire() == {"erasures_held": 1}
        assert bench.vault.erasure.all()[0].state == "held"
        bench.edit("UPDATE holds SET released = 1")
        assert bench.vault.erasure.expire() == {"erasures_final": 1}

    def test_a_hold_that_is_released_during_the_grace_leaves_the_grace(self, bench: Bench, ada: Session) -> None:
        """The list says `waiting` again, and it can still be called back."""
        bench.account("bob")
        self.hold(bench, "user", ada.user.id)
        assert bench.vault.erasure.request_account(ada, "ada").state == "held"
        assert bench.vault.erasure.expire() == {"erasures_held": 1}
        bench.edit("UPDATE holds SET released = 1")
        assert bench.vault.erasure.expire() == {"erasures_waiting": 1}
        assert bench.vault.erasure.all()[0].state == "waiting"
        assert bench.vault.erasure.expire() == {}
        bench.clock.advance(8 * DAY)
        assert bench.vault.erasure.expire() == {"erasures_final": 1}

    def test_user_delete_is_refused_and_leaves_nothing(self, bench: Bench, ada: Session) -> None:
        """Without a word about a confidential hold."""
        bench.account("bob")
        self.hold(bench, "user", ada.user.id, confidential=True)
        with pytest.raises(Held) as refused:
            bench.vault.erasure.delete_account("ada")
        assert "hold" not in str(refused.value)
        assert bench.vault.erasure.all() == []
        assert bench.vault.sessions.sign_in("ada", PASSWORD)

    def test_the_reason_is_told_as_far_as_the_hold_allows(self, bench: Bench, ada: Session) -> None:
        """By the hold's own door: its id where members may know of it, nothing where not."""
        for confidential in (False, True):
            hold = bench.vault.holds.on_path(ada, FILE, "a dispute", confidential=confidential)
            erasure = bench.vault.erasure.request_path(ada, FILE)
            told = bench.vault.erasure.hindrance(erasure)
            assert told and (hold.hex() in told) is not confidential
            assert "dispute" not in told and (not confidential or "hold" not in told)
            bench.vault.erasure.cancel(erasure.id.hex())
            bench.vault.holds.release(hold)
        assert bench.get(ada, FILE) == b"dear grace 2"
        assert bench.vault.erasure.request_path(ada, FILE).state == "final"


class TestClasses:
    """A retention class that protects from deletion protects from erasure, until its time is up."""

    def kept(self, folder: Path) -> Bench:
        rule = RetentionClass("kept", ("letters/**",), 10 * DAY, protect=Protect.DELETE, then=Then.KEEP)
        return open_bench(folder, Policy(retention=RetentionPolicy(schedule=Schedule((rule,)))))

    def test_it_refuses_until_then(self, tmp_path: Path) -> None:
        """The file, its folder, its space; afterwards all of it goes."""
        bench = self.kept(tmp_path)
        ada = bench.account("ada")
        bench.vault.files.make_folder(ada, FILE[:2])
        bench.put(ada, FILE, b"a contract")
        for path in (FILE, FILE[:2]):
            with pytest.raises(Protected):
                bench.vault.erasure.request_path(ada, path)
        with pytest.raises(Protected):
            bench.vault.erasure.request_space(ada, "ada")
        assert bench.vault.erasure.all() == [] and bench.get(ada, FILE) == b"a contract"
        bench.clock.advance(11 * DAY)
        again = bench.vault.sessions.sign_in("ada", PASSWORD)
        assert bench.vault.erasure.request_path(again, FILE[:2]).state == "final"
        bench.vault.close()

    def test_an_account_whose_grace_ends_waits_for_it(self, tmp_path: Path) -> None:
        """A record came into its space after the request; it goes when that may go."""
        bench = self.kept(tmp_path)
        bench.account("bob")
        ada = bench.account("ada")
        bench.vault.files.make_folder(ada, FILE[:2])
        bench.vault.erasure.request_account(ada, "ada")
        bench.vault.accounts.set_enabled("ada", enabled=True)
        bench.put(bench.vault.sessions.sign_in("ada", PASSWORD), FILE, b"a contract")
        bench.clock.advance(8 * DAY)
        assert bench.vault.erasure.expire() == {"erasures_held": 1}
        bench.clock.advance(8 * DAY)
        assert bench.vault.erasure.expire() == {"erasures_final": 1}
        assert [user.name for user, _ in bench.vault.accounts.all()] == ["bob"]
        bench.vault.close()
