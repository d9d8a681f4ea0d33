"""Write order: whatever step fails, the old content is whole and nothing that is live is deleted."""

import logging
from dataclasses import replace

import pytest
from failing import FailingBlobs, FailingDatabase
from vaults import PASSWORD, Bench

from docstopd.errors import (
    Failed,
    Forbidden,
    Locked,
    NotFound,
    PreconditionFailed,
    QuotaExceeded,
    StateUnknown,
    StorageFull,
    TooLarge,
)
from docstopd.keyring import Keyring
from docstopd.model import Guard, MemberRole
from docstopd.vault import Policy, Session, Vault

OLD, NEW = b"old content", b"new content"
FILE = ("ada", "file")


class Faulty:
    """A vault whose stores fail on demand, beside the sound one over the same folder."""

    def __init__(self, bench: Bench, session: Session) -> None:
        self.sound, self.ada = bench, session
        self.blobs = FailingBlobs(bench.stores.blobs)
        self.catalog = FailingDatabase(bench.stores.catalog)
        self.keys = FailingDatabase(bench.stores.keyring._database)
        keyring = Keyring(self.keys, bench.stores.keyring._keystore)
        self.bench = bench.with_stores(
            lambda stores: replace(stores, blobs=self.blobs, catalog=self.catalog, keyring=keyring)
        )

    def put(self, content: bytes = NEW) -> str:
        return self.bench.put(self.ada, FILE, content)


@pytest.fixture
def faulty(bench: Bench, ada: Session) -> Faulty:
    bench.put(ada, FILE, OLD)
    return Faulty(bench, ada)


FULL = StorageFull("full")
UNKNOWN = StateUnknown("fsync failed")


def state(bench: Bench) -> tuple[object, ...]:
    """All rows that a write could leave."""
    tables = "nodes", "versions", "journal", "spaces", "properties", "locks"
    return tuple(sorted(bench.rows(f"SELECT * FROM {table}"), key=repr) for table in tables)


class TestAnUploadThatIsNotCommitted:
    """Leaves nothing."""

    @pytest.mark.parametrize("size", [0, 10, 3_000_000])
    def test_leaves_nothing_when_it_is_left(self, bench: Bench, ada: Session, size: int) -> None:
        """Small ones, and those large enough for the second thread."""
        before = state(bench)
        with bench.vault.files.write(ada, FILE) as upload:
            upload.write(bytes(size))
        assert state(bench) == before
        bench.assert_tidy()
        with pytest.raises(NotFound):
            bench.get(ada, FILE)

    def test_leaves_nothing_when_the_body_breaks(self, bench: Bench, ada: Session) -> None:
        """An error in the block is a connection that was cut."""
        bench.put(ada, FILE, OLD)
        before = state(bench)
        with pytest.raises(ConnectionError), bench.vault.files.write(ada, FILE) as upload:
            upload.write(bytes(2_000_000))
            raise ConnectionError
        assert state(bench) == before
        assert bench.get(ada, FILE) == OLD
        bench.assert_tidy()

    def test_can_be_aborted_twice(self, bench: Bench, ada: Session) -> None:
        """Once by hand, once by the end of the block."""
        with bench.vault.files.write(ada, FILE) as upload:
            upload.write(NEW)
            upload.abort()
        bench.assert_tidy()

    def test_is_not_undone_by_an_abort_after_its_commit(self, bench: Bench, ada: Session) -> None:
        """The blob is live by then."""
        with bench.vault.files.write(ada, FILE) as upload:
            upload.write(NEW)
            upload.commit()
            upload.abort()
        assert bench.get(ada, FILE) == NEW
        bench.assert_tidy()

    def test_leaves_nothing_when_it_is_too_large(self, bench: Bench, ada: Session) -> None:
        """The limit is met while the body comes."""
        strict = replace(bench, vault=Vault(bench.stores, Policy(upload=1000)))
        with pytest.raises(TooLarge):
            strict.put(ada, FILE, bytes(1001))
        bench.assert_tidy()


class TestASmallBody:
    """Is sealed under the key that was open last, and gets the right one at the commit."""

    def test_goes_to_the_space_that_has_the_label_now(self, bench: Bench, ada: Session) -> None:
        """Two spaces change their labels after their keys were opened."""
        labels = "one", "two"
        for label in labels:
            bench.vault.spaces.add(label, ada.user)
            bench.put(ada, (label, "f"), OLD, expected=len(OLD))
        for old, new in (("one", "three"), ("two", "one"), ("three", "two")):
            bench.edit("UPDATE spaces SET label = ? WHERE label = ?", new, old)
        for label in labels:
            bench.put(ada, (label, "f"), label.encode(), expected=len(label))
        assert [bench.get(ada, (label, "f")) for label in labels] == [b"one", b"two"]
        spaces = "SELECT blob, space FROM"
        assert sorted(bench.rows(f"{spaces} versions")) == sorted(bench.rows(f"{spaces} data_keys", store="keyring"))
        bench.assert_tidy()

    def test_is_readable_by_all_members_when_an_epoch_has_begun(self, bench: Bench, ada: Session) -> None:
        """Somebody was removed since the writer's keys were opened."""
        bob = bench.account("bob")
        bench.vault.spaces.add("shared", ada.user)
        bench.vault.spaces.grant(ada, "shared", bob.user, MemberRole.EDITOR)
        bench.put(bob, ("shared", "f"), OLD, expected=len(OLD))
        cyd = bench.account("cyd")
        bench.vault.spaces.grant(ada, "shared", cyd.user, MemberRole.READER)
        bench.vault.spaces.revoke(ada, "shared", cyd.user)
        bench.put(bob, ("shared", "f"), NEW, expected=len(NEW))
        assert bench.get(ada, ("shared", "f")) == NEW
        blob = bench.rows("SELECT blob FROM versions ORDER BY received DESC LIMIT 1")[0][0]
        assert bench.rows("SELECT epoch FROM data_keys WHERE blob = ?", blob, store="keyring") == [(2,)]


class TestACommitThatIsRefused:
    """What changed while the body came is looked at again in the transaction."""

    def test_by_a_condition_leaves_nothing(self, bench: Bench, ada: Session) -> None:
        """Two writers with one etag: the second is refused."""
        etag = bench.put(ada, FILE, OLD)
        with bench.vault.files.write(ada, FILE, Guard(if_match=(etag,))) as upload:
            upload.write(b"mine")
            bench.put(ada, FILE, b"theirs")
            with pytest.raises(PreconditionFailed):
                upload.commit()
        assert bench.get(ada, FILE) == b"theirs"
        bench.assert_tidy()

    def test_by_a_lock_leaves_nothing(self, bench: Bench, ada: Session) -> None:
        """A lock that was taken meanwhile stands in the way."""
        bench.put(ada, FILE, OLD)
        with bench.vault.files.write(ada, FILE) as upload:
            upload.write(NEW)
            bench.vault.locks.lock(ada, FILE, exclusive=True, infinite=False, owner="", timeout=60)
            with pytest.raises(Locked):
                upload.commit()
        assert bench.get(ada, FILE) == OLD
        bench.assert_tidy()

    def test_by_the_quota_leaves_nothing(self, bench: Bench, ada: Session) -> None:
        """The old content stays, and is counted once."""
        bench.put(ada, FILE, OLD)
        bench.vault.spaces.set_quota("ada", len(OLD) + 5)
        with pytest.raises(QuotaExceeded):
            bench.put(ada, FILE, bytes(len(OLD) + 6))
        with pytest.raises(QuotaExceeded):
            bench.put(ada, ("ada", "other"), bytes(6))
        assert bench.get(ada, FILE) == OLD
        assert bench.vault.files.quota(ada, FILE).used == len(OLD)
        bench.assert_tidy()

    @pytest.mark.parametrize("announced", [None, len(NEW)])
    def test_by_a_removed_membership_leaves_nothing(self, bench: Bench, ada: Session, announced: int | None) -> None:
        """Whoever is removed while the body comes has written nothing, also where nothing is looked at before."""
        bob = bench.account("bob")
        bench.vault.spaces.add("shared", ada.user)
        bench.vault.spaces.grant(ada, "shared", bob.user, MemberRole.EDITOR)
        bench.vault.files.list(bob, ("shared",))  # its keys are open from here on
        with bench.vault.files.write(bob, ("shared", "f"), expected=announced) as upload:
            upload.write(NEW)
            bench.vault.spaces.revoke(ada, "shared", bob.user)
            with pytest.raises(NotFound):
                upload.commit()
        assert bench.names(ada, ("shared",)) == set()
        bench.assert_tidy()

    def test_by_a_reader_leaves_nothing(self, bench: Bench, ada: Session) -> None:
        """A small body is refused at its end, with what it left."""
        bob = bench.account("bob")
        bench.vault.spaces.add("shared", ada.user)
        bench.vault.spaces.grant(ada, "shared", bob.user, MemberRole.READER)
        bench.vault.files.list(bob, ("shared",))
        with pytest.raises(Forbidden):
            bench.put(bob, ("shared", "f"), NEW, expected=len(NEW))
        assert bench.names(ada, ("shared",)) == set()
        bench.assert_tidy()

    def test_by_a_folder_that_is_gone_leaves_nothing(self, bench: Bench, ada: Session) -> None:
        """The parent was deleted meanwhile."""
        bench.vault.files.make_folder(ada, ("ada", "d"))
        with bench.vault.files.write(ada, ("ada", "d", "f")) as upload:
            upload.write(NEW)
            bench.vault.files.delete(ada, ("ada", "d"))
            with pytest.raises(Exception, match="folder"):
                upload.commit()
        bench.assert_tidy()


class TestAStepThatFails:
    """Every step of a write, one after the other."""

    @pytest.mark.parametrize("step", ["create_fails", "write_fails", "finish_fails", "finished_fails"])
    @pytest.mark.parametrize("failure", [FULL, UNKNOWN, Failed("refused")], ids=["full", "unknown", "failed"])
    def test_of_the_blob_store_leaves_the_old_content(self, faulty: Faulty, step: str, failure: Exception) -> None:
        """Nothing names the blob yet, so nothing of it stays."""
        before = state(faulty.sound)
        setattr(faulty.blobs, step, failure)
        with pytest.raises(type(failure)):
            faulty.put()
        assert state(faulty.sound) == before
        assert faulty.sound.get(faulty.ada, FILE) == OLD
        if failure is UNKNOWN:  # the process stops: an orphan is legal
            assert faulty.sound.live_ids() <= faulty.sound.blob_ids() & faulty.sound.key_ids()
        else:
            faulty.sound.assert_tidy()

    @pytest.mark.parametrize("store", ["keys", "catalog"])
    def test_undone_by_a_database_leaves_the_old_content(self, faulty: Faulty, store: str) -> None:
        """A full disk: the transaction is undone, the blob goes."""
        before = state(faulty.sound)
        getattr(faulty, store).before = FULL
        with pytest.raises(StorageFull):
            faulty.put()
        getattr(faulty, store).before = None
        assert state(faulty.sound) == before
        assert faulty.sound.get(faulty.ada, FILE) == OLD
        assert faulty.sound.blob_ids() == faulty.sound.live_ids()
        assert faulty.sound.live_ids() <= faulty.sound.key_ids()

    def test_of_the_catalog_also_takes_the_key_back(self, faulty: Faulty) -> None:
        """Only the catalog fails: the keyring can still let the key go."""
        faulty.catalog.before = FULL
        with pytest.raises(StorageFull):
            faulty.put()
        faulty.sound.assert_tidy()

    def test_whose_outcome_is_unknown_deletes_nothing(self, faulty: Faulty) -> None:
        """The commit may be durable: then the new content must be whole."""
        faulty.catalog.after = UNKNOWN
        with pytest.raises(StateUnknown):
            faulty.put()
        assert faulty.sound.get(faulty.ada, FILE) == NEW
        faulty.sound.assert_tidy()

    def test_whose_outcome_is_unknown_in_the_keyring_keeps_the_old_content(self, faulty: Faulty) -> None:
        """The key may be durable, the row is not: an orphan, and legal."""
        before = state(faulty.sound)
        faulty.keys.after = UNKNOWN
        with pytest.raises(StateUnknown):
            faulty.put()
        assert state(faulty.sound) == before
        assert faulty.sound.get(faulty.ada, FILE) == OLD
        assert faulty.sound.live_ids() <= faulty.sound.blob_ids() & faulty.sound.key_ids()

    @pytest.mark.parametrize("store", ["blobs", "keys"])
    def test_of_the_clearing_up_loses_nothing(
        self, faulty: Faulty, store: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A placeholder's blob is to go after the commit, and cannot: the write is done all the same."""
        faulty.put(b"")
        faulty.put(b"")
        if store == "blobs":
            faulty.blobs.delete_fails = FULL
        else:
            faulty.keys.before, faulty.keys.skip = FULL, 1
        with caplog.at_level(logging.WARNING):
            faulty.put(NEW)
        assert "the next sweep" in caplog.text
        assert faulty.sound.get(faulty.ada, FILE) == NEW
        assert faulty.sound.live_ids() <= faulty.sound.blob_ids() & faulty.sound.key_ids()

    def test_in_the_middle_of_a_copy_leaves_no_part_of_it(self, faulty: Faulty) -> None:
        """The third of four bodies fails."""
        sound, ada = faulty.sound, faulty.ada
        sound.vault.files.make_folder(ada, ("ada", "d"))
        for name in "abcd":
            sound.put(ada, ("ada", "d", name), name.encode())
        before = state(sound)
        sound.blob_file(sound.rows("SELECT blob FROM versions WHERE size = 1")[2][0]).unlink()
        with pytest.raises(Failed):
            sound.vault.files.copy(ada, ("ada", "d"), ("ada", "e"), overwrite=False, deep=True)
        assert sound.names(ada, ("ada",)) == {"d", "file"}
        assert len(sound.blob_ids()) == len(sound.live_ids()) - 1
        assert state(sound)[0] == before[0]

    def test_of_the_catalog_in_a_copy_takes_all_keys_back(self, faulty: Faulty) -> None:
        """All bodies are durable, their places are not."""
        faulty.catalog.before = FULL
        with pytest.raises(StorageFull):
            faulty.bench.vault.files.copy(faulty.ada, FILE, ("ada", "e"), overwrite=False, deep=True)
        faulty.sound.assert_tidy()

    def test_while_an_account_is_made_leaves_no_keys(self, faulty: Faulty) -> None:
        """The keyring comes first; what the catalog refuses or cannot hold is taken back."""
        tables = "slots", "identities", "space_keys", "space_pairs"
        before = [faulty.sound.rows(f"SELECT count(*) FROM {table}", store="keyring") for table in tables]
        faulty.catalog.before = FULL
        with pytest.raises(StorageFull):
            faulty.bench.vault.accounts.add("bob", PASSWORD)
        with pytest.raises(StorageFull):
            faulty.bench.vault.spaces.add("shared", faulty.ada.user)
        after = [faulty.sound.rows(f"SELECT count(*) FROM {table}", store="keyring") for table in tables]
        assert after == before
