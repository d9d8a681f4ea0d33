"""Rotation: everything opens as before, by the new key alone, whenever it is broken off."""

import threading
from dataclasses import replace

import pytest
from failing import FailingDatabase
from vaults import PASSWORD, Bench, open_bench

from docstopd.crypto.keystore import Keystore
from docstopd.crypto.serverkey import ServerKey
from docstopd.db.sqlite import SqliteDatabase
from docstopd.errors import Failed, Forbidden, NotFound
from docstopd.keyring import MIGRATIONS, Keyring
from docstopd.model import NO_GUARD, Custody, MemberRole
from docstopd.vault import Session, rotation

FILE = ("ada", "letters", "to-grace.txt")


def fill(bench: Bench, session: Session) -> None:
    """Files with a past, in the trash, with properties and a lock."""
    bench.vault.files.make_folder(session, FILE[:2])
    bench.put(session, FILE, b"first")
    bench.put(session, FILE, b"second")
    bench.put(session, ("ada", "gone.txt"), b"in the trash")
    bench.vault.files.patch(session, FILE, NO_GUARD, [("{urn:x}mood", "<mood/>"), ("{urn:x}by", "<by/>")])
    bench.vault.locks.lock(session, FILE, exclusive=True, infinite=False, owner="<ada/>", timeout=600)
    bench.vault.files.delete(session, ("ada", "gone.txt"))


def look(bench: Bench, session: Session) -> tuple[object, ...]:
    """Everything that a member can see of it."""
    node = bench.vault.files.stat(session, FILE)
    trash = sorted(bench.names(session, ("ada", ".trash")))
    return (
        bench.get(session, FILE),
        node,
        bench.vault.files.stat(session, FILE[:2]),
        bench.vault.files.properties(session, [node]),
        bench.vault.locks.covering(session, FILE),
        trash,
        bench.get(session, ("ada", ".trash", trash[0])),
        [line.details for line in bench.vault.audit.show(session, "ada", 50) if line.action == "create"],
    )


def epochs(bench: Bench) -> set[int]:
    """The epochs of everything in ada's space that is sealed, but the journal."""
    space = next(one.id for one in bench.vault.spaces.all() if one.label == "ada")
    of_nodes = "SELECT p.epoch FROM properties p JOIN nodes n ON n.id = p.node WHERE n.space = ?"
    found = bench.rows(of_nodes, space)
    for table, store in (("nodes", "catalog"), ("locks", "catalog"), ("data_keys", "keyring")):
        found += bench.rows(f"SELECT epoch FROM {table} WHERE space = ?", space, store=store)
    return {row[0] for row in found}


class TestOfASpace:
    """The journal alone stays under the key that it was written under."""

    def test_everything_goes_under_the_new_key_and_nothing_changes_for_members(
        self, bench: Bench, ada: Session
    ) -> None:
        """Names, proofs, properties, locks, data keys, of what is live as of what is in the trash."""
        fill(bench, ada)
        before = look(bench, ada)
        report = bench.vault.rotation.space(ada, "ada")
        assert report["epoch"] == 2 and report["data_keys"] == 3 and report["nodes"] == 4
        assert report["properties"] == 2 and report["locks"] == 1
        assert epochs(bench) == {2}
        other = open_bench(bench.folder, clock=bench.clock)
        for place in (bench, other):
            session = place.vault.sessions.sign_in("ada", PASSWORD)
            assert look(place, session) == before
        assert look(bench, ada) == before
        other.vault.close()
        bench.assert_tidy()

    def test_a_former_member_has_no_key_of_anything(self, bench: Bench, ada: Session) -> None:
        """What was written before he left is under a key that he never had, once it is rotated."""
        fill(bench, ada)
        bob = bench.account("bob")
        bench.vault.spaces.grant(ada, "ada", bob.user, MemberRole.READER)
        bench.get(bob, FILE)
        known = dict(bob.unlocked.keys(bench.vault.spaces.mine(ada)[0].id))
        bench.vault.spaces.revoke(ada, "ada", bob.user)
        assert epochs(bench) == {1}
        assert bench.vault.rotation.space(ada, "ada", finish=True)["epoch"] == 2
        assert epochs(bench).isdisjoint(known)

    def test_an_epochs_key_goes_when_not_even_the_journal_needs_it(self, bench: Bench, ada: Session) -> None:
        """The journal of this space says nothing any more."""
        fill(bench, ada)
        assert bench.vault.rotation.space(ada, "ada")["epochs_dropped"] == 0
        bench.edit("UPDATE journal SET salt = NULL, payload = NULL WHERE stream != ?", b"system")
        assert bench.vault.rotation.space(ada, "ada")["epochs_dropped"] == 2
        assert bench.rows("SELECT DISTINCT epoch FROM space_keys", store="keyring") == [(3,)]
        assert bench.get(bench.vault.sessions.sign_in("ada", PASSWORD), FILE) == b"second"

    def test_only_who_may_hand_keys_on_rotates(self, bench: Bench, ada: Session) -> None:
        """Not an editor, not the operator alone, not an app password; a managed space needs nobody."""
        bob = bench.account("bob")
        with pytest.raises(NotFound):
            bench.vault.rotation.space(bob, "ada")
        bench.vault.spaces.grant(ada, "ada", bob.user, MemberRole.EDITOR)
        secret = bench.vault.accounts.add_app_password(ada, PASSWORD, "laptop", None)
        for session in (bob, None, bench.vault.sessions.sign_in("ada", secret)):
            with pytest.raises(Forbidden):
                bench.vault.rotation.space(session, "ada")
        assert bench.vault.spaces.mine(ada)[0].epoch == 1
        bench.vault.spaces.set_custody(ada, "ada", Custody.MANAGED)
        bench.put(ada, ("ada", "f"), b"managed")
        bench.vault.rotation.space(None, "ada")
        assert epochs(bench) == {2} and bench.get(ada, ("ada", "f")) == b"managed"

    def test_an_edited_row_is_not_made_good(self, bench: Bench, ada: Session) -> None:
        """It stays under its key, as bad as it was; all others are moved."""
        fill(bench, ada)
        bench.put(ada, ("ada", "edited"), b"x")
        node = bench.vault.files.stat(ada, ("ada", "edited")).id
        bench.edit("UPDATE nodes SET size = 7 WHERE id = ?", node)
        bench.vault.rotation.space(ada, "ada")
        assert bench.rows("SELECT id FROM nodes WHERE epoch = 1") == [(node,)]
        assert bench.get(ada, FILE) == b"second"

    @pytest.mark.parametrize("store", ["catalog", "keyring"])
    def test_broken_off_at_any_write_the_next_run_ends_it(
        self, bench: Bench, ada: Session, store: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """At each point everything can be read; in the end everything is under one key."""
        monkeypatch.setattr(rotation, "BATCH", 1)
        fill(bench, ada)
        before = look(bench, ada)
        for skip in range(12):
            broken = break_after(bench, store, skip)
            session = broken.vault.sessions.sign_in("ada", PASSWORD)
            armed(broken, store).before = Failed("the disk is gone")
            armed(broken, store).skip = skip
            finished = True
            try:
                broken.vault.rotation.space(session, "ada")
            except Failed:
                finished = False
            assert look(bench, bench.vault.sessions.sign_in("ada", PASSWORD)) == before, skip
            bench.vault.rotation.space(ada, "ada", finish=True)
            assert len(epochs(bench)) == 1, skip
            if finished:
                break
        else:
            assert store == "catalog"
        assert look(bench, ada) == before
        bench.assert_tidy()

    def test_readers_and_writers_notice_nothing(
        self, bench: Bench, ada: Session, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """While it runs, again and again: no error, no lost write, no word of damage."""
        monkeypatch.setattr(rotation, "BATCH", 1)
        fill(bench, ada)
        ended, errors, count = threading.Event(), list[BaseException](), [0]

        def work(number: int) -> None:
            other = open_bench(bench.folder, clock=bench.clock)
            session = other.vault.sessions.sign_in("ada", PASSWORD)
            path = ("ada", f"mine-{number}")
            try:
                while not ended.is_set():
                    count[0] += 1
                    other.put(session, path, b"%d" % count[0])
                    assert other.get(session, path).isdigit()
                    assert other.get(session, FILE) == b"second"
                    node = other.vault.files.stat(session, FILE)
                    assert len(other.vault.files.properties(session, [node])[node.id]) == 2
                    other.vault.files.copy(session, FILE, ("ada", f"copy-{number}"), overwrite=True, deep=True)
            except BaseException as error:
                errors.append(error)
            finally:
                other.vault.close()

        threads = [threading.Thread(target=work, args=(number,)) for number in range(2)]
        for thread in threads:
            thread.start()
        rounds = 0
        while not errors and (rounds < 6 or count[0] <= 4):
            bench.vault.rotation.space(ada, "ada")
            rounds += 1
        ended.set()
        for thread in threads:
            thread.join()
        assert errors == []
        assert "damage" not in bench.actions(bench.vault.spaces.mine(ada)[0].id)
        bench.vault.rotation.space(ada, "ada")
        assert epochs(bench) == {rounds + 2}
        bench.assert_tidy()


def break_after(bench: Bench, store: str, skip: int) -> Bench:
    """Another vault over the same files whose catalog or keyring will fail."""
    if store == "catalog":
        return bench.with_stores(lambda stores: replace(stores, catalog=FailingDatabase(stores.catalog)))
    server = bench.stores.server
    database = FailingDatabase(SqliteDatabase(bench.folder / "keyring.db", MIGRATIONS, secure_delete=True))
    keyring = Keyring(database, Keystore(server.keystore, [key.keystore for key in server.previous]))
    return bench.with_stores(lambda stores: replace(stores, keyring=keyring))


def armed(bench: Bench, store: str) -> FailingDatabase:
    """The store that will fail."""
    found = bench.stores.catalog if store == "catalog" else bench.stores.keyring._database
    assert isinstance(found, FailingDatabase)
    return found


class TestOfTheServerKey:
    """Every row of the keyring goes under the new one; slots when their credential is next at hand."""

    @pytest.fixture
    def secrets(self, bench: Bench, ada: Session) -> dict[str, str]:
        """What users have in hand."""
        fill(bench, ada)
        bench.vault.spaces.set_custody(ada, "ada", Custody.MANAGED)
        made = bench.vault.accounts.add("bob", PASSWORD, email="bob@example.org")
        return {
            "device": bench.vault.accounts.add_app_password(ada, PASSWORD, "laptop", None),
            "code": made.recovery_code,
        }

    def rotated(self, bench: Bench) -> Bench:
        """The vault as it opens with the new key's file."""
        return open_bench(bench.folder, server=bench.stores.server.rotated(), clock=bench.clock)

    def test_everything_opens_before_during_and_after(
        self, bench: Bench, ada: Session, secrets: dict[str, str]
    ) -> None:
        """With both keys, then with the new one alone; passwords, devices, codes, profiles, the journal, custody."""
        before = look(bench, ada)
        now = self.rotated(bench)
        assert look(now, now.vault.sessions.sign_in("ada", PASSWORD)) == before
        assert now.vault.rotation.left() > 0
        report = now.vault.rotation.server()
        assert report["unreadable"] == 0 and report["generation"] == 1
        assert now.vault.rotation.left() == 0
        now.vault.close()
        alone = open_bench(bench.folder, server=ServerKey.decode(now.stores.server.encode()), clock=bench.clock)
        assert alone.stores.server.generation == 1, "the earlier key is kept in the keyring"
        assert look(alone, alone.vault.sessions.sign_in("ada", PASSWORD)) == before
        alone.vault.sessions.sign_in("ada", secrets["device"])
        assert {user.name: profile.email for user, profile in alone.vault.accounts.all()}["bob"] == "bob@example.org"
        assert alone.vault.accounts.reset_with_code("bob", secrets["code"], "another password")
        carol = alone.account("carol")
        alone.vault.spaces.grant(None, "ada", carol.user, MemberRole.READER)
        assert alone.get(carol, FILE) == b"second"
        assert any(line.details for line in alone.vault.audit.show(None, None, 500) if line.action == "sign-in")
        assert alone.vault.audit.verify()[1] == []
        alone.vault.close()

    def test_the_old_key_opens_no_row_afterwards(self, bench: Bench, ada: Session, secrets: dict[str, str]) -> None:
        """Nor is one byte of an old row left in the keyring's files."""
        old = bench.rows("SELECT value FROM slots UNION SELECT value FROM data_keys UNION SELECT value FROM space_keys",
                         store="keyring")  # fmt: skip
        now = self.rotated(bench)
        now.vault.rotation.server()
        stored = b"".join(path.read_bytes() for path in bench.folder.glob("keyring.db*"))
        assert len(old) > 8 and not [value for (value,) in old if value[-16:] in stored]
        now.vault.close()
        stale = Keyring(
            SqliteDatabase(bench.folder / "keyring.db", MIGRATIONS, secure_delete=True),
            Keystore(bench.stores.server.keystore),
        )
        names = {ada.user.id: "ada", bench.vault.accounts.find("bob").id: "bob"}
        seen = stale.rewrap(names, lambda _space, _epoch, value: value).run(lambda _seen: None, dry=True)
        assert seen.done == seen.current == 0 and seen.unreadable > 15
        stale.close()

    def test_a_slot_is_made_anew_at_the_next_sign_in(self, bench: Bench, ada: Session, secrets: dict[str, str]) -> None:
        """From then on the earlier key is not needed for it; a slot that was taken back stays gone."""
        now = self.rotated(bench)
        now.vault.rotation.server()
        now.vault.sessions.sign_in("ada", PASSWORD)
        now.vault.close()
        bare = ServerKey.decode(now.stores.server.encode())
        alone = open_bench(bench.folder, server=bare, clock=bench.clock)
        alone = alone.with_stores(lambda stores: replace(stores, server=bare))  # without the earlier ones
        alone.vault.sessions.sign_in("ada", PASSWORD)
        with pytest.raises(Exception, match="wrong"):
            alone.vault.sessions.sign_in("bob", PASSWORD)
        alone.vault.close()

    def test_broken_off_at_any_write_the_next_run_ends_it(
        self, bench: Bench, ada: Session, secrets: dict[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Both keys' file opens everything at each point."""
        monkeypatch.setattr("docstopd.keyring.rewrap.BATCH", 2)
        before = look(bench, ada)
        both = bench.stores.server.rotated()
        for skip in range(40):
            now = open_bench(bench.folder, server=both, clock=bench.clock)
            broken = break_after(now, "keyring", skip)
            armed(broken, "keyring").before = Failed("the disk is gone")
            armed(broken, "keyring").skip = skip
            try:
                broken.vault.rotation.server()
            except Failed:
                assert look(now, now.vault.sessions.sign_in("ada", PASSWORD)) == before
                assert now.vault.rotation.left() > 0
            else:
                assert skip > 2, "no run was broken off"
                now.vault.close()
                break
            now.vault.close()
        alone = open_bench(bench.folder, server=ServerKey.decode(both.encode()), clock=bench.clock)
        assert alone.vault.rotation.left() == 0
        assert look(alone, alone.vault.sessions.sign_in("ada", PASSWORD)) == before
        alone.vault.close()

    def test_what_was_signed_before_stays_good(self, bench: Bench, ada: Session, secrets: dict[str, str]) -> None:
        """Certificates by the earlier key; checkpoints likewise."""
        erasure = bench.vault.erasure.request_path(ada, FILE)
        now = self.rotated(bench)
        now.vault.rotation.server()
        assert now.vault.erasure.verify(erasure.certificate or "") == []
        again = now.vault.erasure.request_path(now.vault.sessions.sign_in("ada", PASSWORD), FILE[:2])
        assert now.vault.erasure.verify(again.certificate or "") == []
        now.vault.close()
