"""The journal: nothing happens without an entry, and no entry changes without being found."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from vaults import PASSWORD, Bench

from docstopd.catalog import journal as store
from docstopd.crypto import hpke
from docstopd.errors import Locked, Refused, Unauthenticated
from docstopd.model import NO_GUARD, Custody, MemberRole, Role
from docstopd.vault import Session
from docstopd.vault.journal import entry_hash

SPACE = ("ada",)
FILE, OTHER, FOLDER = ("ada", "file"), ("ada", "other"), ("ada", "folder")


class Watched:
    """Tells which entries an action appends, over all streams."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench

    def during(self, action: Callable[[], Any]) -> list[str]:
        before = set(self.bench.rows("SELECT stream, seq FROM journal"))
        action()
        rows = self.bench.rows("SELECT stream, seq, action FROM journal ORDER BY stream, seq")
        self.bench.assert_journal()
        return [action for stream, seq, action in rows if (stream, seq) not in before]


@pytest.fixture
def watched(bench: Bench) -> Watched:
    return Watched(bench)


class TestEveryChange:
    """Appends its entries in its own transaction."""

    def test_of_files(self, bench: Bench, ada: Session, watched: Watched) -> None:
        """One for each affected file, whatever the depth."""
        files = bench.vault.files
        assert watched.during(lambda: bench.put(ada, FILE, b"1")) == ["create"]
        assert watched.during(lambda: bench.put(ada, FILE, b"2")) == ["update"]
        assert watched.during(lambda: files.make_folder(ada, FOLDER)) == ["create"]
        assert watched.during(lambda: files.patch(ada, FILE, NO_GUARD, [("{x}y", "<y/>")])) == ["properties"]
        assert watched.during(lambda: files.patch(ada, SPACE, NO_GUARD, [], modified=1)) == ["properties"]
        assert watched.during(lambda: files.copy(ada, FILE, OTHER, overwrite=False, deep=True)) == ["create"]
        assert watched.during(lambda: files.copy(ada, FILE, OTHER, overwrite=True, deep=True)) == ["update"]
        assert watched.during(lambda: files.move(ada, FILE, OTHER, overwrite=True)) == ["move"]
        assert watched.during(lambda: files.move(ada, OTHER, (*FOLDER, "in"), overwrite=True)) == ["move"]
        bench.put(ada, (*FOLDER, "second"), b"x")
        copy = ("ada", "copy")
        assert watched.during(lambda: files.copy(ada, FOLDER, copy, overwrite=False, deep=True)) == ["create"] * 3
        assert watched.during(lambda: files.move(ada, copy, FOLDER, overwrite=True)) == ["delete"] * 3 + ["move"]
        bench.vault.spaces.add("shared", ada.user)
        across = watched.during(lambda: files.move(ada, FOLDER, ("shared", "f"), overwrite=False))
        assert sorted(across) == ["create"] * 3 + ["delete"] * 3
        assert watched.during(lambda: files.delete(ada, ("shared", "f"))) == ["delete"] * 3

    def test_of_locks(self, bench: Bench, ada: Session, watched: Watched) -> None:
        """A lock on a free name also makes the file; a refresh changes nothing but its end."""
        locks, taken = bench.vault.locks, []

        def take() -> None:
            taken.append(locks.lock(ada, FILE, exclusive=True, infinite=False, owner="<o/>", timeout=60)[0])

        assert watched.during(take) == ["create", "lock"]
        token = taken[0].token
        assert watched.during(lambda: locks.refresh(ada, FILE, frozenset([token]), 90)) == []
        assert watched.during(lambda: locks.unlock(ada, FILE, token)) == ["unlock"]
        assert watched.during(take) == ["lock"]

    def test_of_spaces(self, bench: Bench, ada: Session, watched: Watched) -> None:
        """Members see in their space's journal who was let in."""
        spaces, bob = bench.vault.spaces, bench.account("bob")
        assert watched.during(lambda: spaces.add("shared", ada.user)) == ["space-add"]
        grant = lambda role: watched.during(lambda: spaces.grant(ada, "shared", bob.user, role))  # noqa: E731
        assert grant(MemberRole.READER) == ["grant"]
        assert grant(MemberRole.OWNER) == ["grant"]
        assert watched.during(lambda: spaces.revoke(ada, "shared", bob.user)) == ["revoke"]
        assert watched.during(lambda: spaces.set_custody(ada, "shared", Custody.MANAGED)) == ["custody"]
        assert watched.during(lambda: spaces.set_custody(ada, "shared", Custody.SEALED)) == ["custody"]
        assert watched.during(lambda: spaces.set_quota("shared", 10)) == ["quota"]
        assert watched.during(lambda: spaces.set_quota("shared", None)) == ["quota"]
        gone = watched.during(lambda: bench.vault.erasure.request_space(None, "shared"))
        assert sorted(gone) == ["erasure"] * 3 + ["space-destroyed"]

    def test_of_accounts(self, bench: Bench, ada: Session, watched: Watched) -> None:
        """Every credential that is made, used up or destroyed."""
        accounts, made = bench.vault.accounts, []
        assert sorted(watched.during(lambda: made.append(accounts.add("bob", PASSWORD)))) == ["space-add", "user-add"]
        during = watched.during
        assert during(lambda: accounts.set_enabled("bob", enabled=False)) == ["user-disable"]
        assert during(lambda: accounts.set_enabled("bob", enabled=True)) == ["user-enable"]
        sessions, bob = bench.vault.sessions, []
        assert during(lambda: bob.append(sessions.sign_in("bob", PASSWORD))) == ["sign-in"]
        assert during(lambda: sessions.sign_in("bob", PASSWORD)) == []
        assert during(lambda: accounts.change_password(bob[0], PASSWORD, "another password")) == ["password-change"]
        secret: list[str] = []
        add = lambda: secret.append(accounts.add_app_password(bob[0], "another password", "laptop", None))  # noqa: E731
        assert during(add) == ["app-password-add"]
        slot = accounts.app_passwords("bob")[0].id
        assert during(lambda: accounts.remove_app_password("bob", slot)) == ["app-password-remove"]
        code = made[0].recovery_code
        assert during(lambda: accounts.reset_with_code("bob", code, PASSWORD)) == ["password-recovery"]
        with pytest.raises(Unauthenticated):
            during(lambda: sessions.sign_in("bob", "wrong password"))
        assert bench.actions(b"system")[-1] == "sign-in"
        gone = during(lambda: bench.vault.erasure.delete_account("bob"))
        assert sorted(gone) == ["erasure"] * 3 + ["space-destroyed", "user-delete", "user-disable"]

    def test_of_an_erasure(self, bench: Bench, ada: Session, watched: Watched) -> None:
        """One for the head of what goes; the system's stream has the request and what became of it."""
        bench.vault.files.make_folder(ada, ("ada", "f"))
        bench.put(ada, FILE, b"x")
        gone = watched.during(lambda: bench.vault.erasure.request_path(ada, ("ada", "f")))
        assert sorted(gone) == ["erase"] + ["erasure"] * 3

    def test_of_a_password_by_the_organisation(self, bench: Bench, watched: Watched) -> None:
        """Each use is journalled."""
        private = hpke.PrivateKey.generate()
        covered = bench.with_stores(lambda stores: replace(stores, organisation=private.public))
        covered.vault.accounts.add("bob", PASSWORD)
        reset = covered.vault.accounts.reset_with_organisation
        assert watched.during(lambda: reset("bob", private, "a new password")) == ["organisation-recovery"]
        assert covered.vault.sessions.sign_in("bob", "a new password").user.name == "bob"

    def test_that_is_refused_appends_nothing(self, bench: Bench, ada: Session, watched: Watched) -> None:
        """It did not happen."""
        bench.put(ada, FILE, b"1")
        bench.vault.locks.lock(ada, FILE, exclusive=True, infinite=False, owner="", timeout=60)

        def refused() -> None:
            for action in (
                lambda: bench.vault.files.delete(ada, FILE),
                lambda: bench.put(ada, FILE, b"2"),
                lambda: bench.vault.files.make_folder(ada, FILE),
                lambda: bench.vault.files.move(ada, FILE, OTHER, overwrite=False),
            ):
                with pytest.raises((Locked, Refused)):
                    action()

        assert watched.during(refused) == []


def test_a_folders_etag_moves_with_everything_below_it(bench: Bench, ada: Session) -> None:
    """And only with that."""
    files = bench.vault.files
    for path in (FOLDER, (*FOLDER, "sub"), ("ada", "beside")):
        files.make_folder(ada, path)
    tags = lambda: [files.stat(ada, p).etag for p in (SPACE, FOLDER, (*FOLDER, "sub"), ("ada", "beside"))]  # noqa: E731
    before = tags()
    bench.put(ada, (*FOLDER, "sub", "f"), b"x")
    after = tags()
    assert [a != b for a, b in zip(before, after, strict=True)] == [True, True, True, False]


def test_facts_hold_nothing_personal(bench: Bench) -> None:
    """No name, path, address, agent or e-mail; these are in the payload, sealed."""
    bench.vault.accounts.add("zebedee", PASSWORD, email="zebedee@secret.example", role=Role.ADMIN)
    session = bench.vault.sessions.sign_in("zebedee", PASSWORD, "203.0.113.77", "SecretAgent/7")
    files = bench.vault.files
    files.make_folder(session, ("zebedee", "confidential"))
    bench.put(session, ("zebedee", "confidential", "report.docx"), b"x")
    files.move(session, ("zebedee", "confidential"), ("zebedee", "hidden"), overwrite=False)
    files.copy(session, ("zebedee", "hidden"), ("zebedee", "secondcopy"), overwrite=False, deep=True)
    files.patch(session, ("zebedee", "hidden"), NO_GUARD, [("{urn:private}topic", "<t>illness</t>")])
    bench.vault.locks.lock(session, ("zebedee", "hidden"), exclusive=True, infinite=True, owner="<o>Z</o>", timeout=9)
    with pytest.raises(Unauthenticated):
        bench.vault.sessions.sign_in("mallory", "guessed password", "203.0.113.78", "x")
    text = json.dumps(bench.rows("SELECT action, facts FROM journal")).lower()
    words = ("zebedee", "secret", "203.0.113", "agent", "confidential", "report", "hidden", "secondcopy", "topic",
             "illness", "mallory", "guessed", "private")  # fmt: skip
    assert [word for word in words if word in text] == []
    shown = [line.details for line in bench.vault.audit.show(session, "zebedee", 100)]
    assert any(details.get("path") == "zebedee/confidential/report.docx" for details in shown)
    assert all(details.get("address") == "203.0.113.77" for details in shown if "path" in details)
    blind = bench.vault.audit.show(None, "zebedee", 100)
    assert all(line.details == {} for line in blind)


@pytest.fixture
def long(bench: Bench, ada: Session) -> bytes:
    """A stream of about 200 entries."""
    for number in range(100):
        bench.vault.files.make_folder(ada, ("ada", f"f{number}"))
    for number in range(95):
        bench.vault.files.patch(ada, FILE[:1], NO_GUARD, [("{x}y", f"<y>{number}</y>")])
    space = bench.vault.spaces.mine(ada)[0].id
    assert len(bench.actions(space)) > 190
    bench.assert_journal()
    return space


def found(bench: Bench) -> list[tuple[bytes, int]]:
    return [(damage.stream, damage.seq) for damage in bench.vault.audit.verify()[1]]


class TestVerifying:
    """Finds each single edit of a stream, and names the place."""

    EDITS = (
        "time = time + 1",
        "time = -1",
        "actor = x'00'",
        "action = 'read'",
        "node = node + 1",
        "facts = facts || ' '",
        "epoch = epoch + 1",
        "epoch = 1 << 40",
        "salt = zeroblob(16)",
        "salt = NULL",
        "payload = zeroblob(100)",
        "commitment = zeroblob(32)",
        "previous = x'01'",
        "hash = zeroblob(32)",
    )

    @pytest.mark.parametrize("seq", [1, 2, 100, 190])
    def test_finds_an_edit(self, bench: Bench, long: bytes, seq: int) -> None:
        """Of each column, at the first entry and at later ones."""
        columns = "time, actor, action, node, facts, epoch, salt, payload, commitment, previous, hash"
        whole = bench.rows(f"SELECT {columns} FROM journal WHERE stream = ? AND seq = ?", long, seq)[0]
        assert whole[7] is not None
        for edit in self.EDITS:
            bench.edit(f"UPDATE journal SET {edit} WHERE stream = ? AND seq = ?", long, seq)
            assert found(bench) == [(long, seq)], edit
            bench.edit(
                f"UPDATE journal SET ({columns}) = ({', '.join('?' * len(whole))}) WHERE stream = ? AND seq = ?",
                *whole, long, seq,
            )  # fmt: skip
        assert found(bench) == []

    @pytest.mark.parametrize("seq", [1, 50, 150])
    def test_finds_a_removal(self, bench: Bench, long: bytes, seq: int) -> None:
        """Also when the numbers are closed up again."""
        bench.edit("DELETE FROM journal WHERE stream = ? AND seq = ?", long, seq)
        assert found(bench) == [(long, seq)]
        bench.edit("UPDATE journal SET seq = -seq WHERE stream = ? AND seq > ?", long, seq)
        bench.edit("UPDATE journal SET seq = -seq - 1 WHERE stream = ? AND seq < 0", long)
        assert found(bench) == [(long, seq)]

    def test_finds_a_swap(self, bench: Bench, long: bytes) -> None:
        """Two entries trade places."""
        for old, new in ((60, -1), (70, 60), (-1, 70)):
            bench.edit("UPDATE journal SET seq = ? WHERE stream = ? AND seq = ?", new, long, old)
        assert found(bench) == [(long, 60)]

    def test_finds_an_insertion(self, bench: Bench, long: bytes) -> None:
        """A copy of an entry at the end, with and without its head."""
        last = len(bench.actions(long))
        columns = "time, actor, action, node, facts, epoch, salt, payload, commitment, previous, hash"
        bench.edit(
            f"INSERT INTO journal (stream, seq, {columns}) SELECT stream, seq + 1, {columns} FROM journal"
            " WHERE stream = ? AND seq = ?", long, last,
        )  # fmt: skip
        assert found(bench) == [(long, last + 1)]
        bench.edit("UPDATE heads SET seq = seq + 1 WHERE stream = ?", long)
        assert found(bench) == [(long, last + 1)]

    @pytest.mark.parametrize("edit", ["seq = seq - 1", "seq = seq + 1", "hash = zeroblob(32)", "stream = x'00'"])
    def test_finds_an_edited_head(self, bench: Bench, long: bytes, edit: str) -> None:
        """The head says where the stream ends."""
        last = len(bench.actions(long))
        bench.edit(f"UPDATE heads SET {edit} WHERE stream = ?", long)
        assert (long, last + 1) in found(bench)

    def test_finds_a_missing_end(self, bench: Bench, long: bytes) -> None:
        """Entries cut off, and all of them."""
        last = len(bench.actions(long))
        bench.edit("DELETE FROM journal WHERE stream = ? AND seq > ?", long, last - 3)
        assert found(bench) == [(long, last - 2)]
        bench.edit("DELETE FROM journal WHERE stream = ?", long)
        assert found(bench) == [(long, 1)]

    def test_finds_an_entry_that_was_moved_to_another_stream(self, bench: Bench, long: bytes) -> None:
        """It is missing in the one and strange in the other."""
        bench.edit(
            "UPDATE journal SET stream = 'system', seq = 900 WHERE stream = ? AND seq = 5".replace(
                "'system'", "x'" + b"system".hex() + "'"
            ),
            long,
        )
        assert {stream for stream, _ in found(bench)} == {long, b"system"}

    def test_still_succeeds_when_payloads_were_erased(self, bench: Bench, ada: Session, long: bytes) -> None:
        """All of a stream's, or one."""
        bench.edit("UPDATE journal SET salt = NULL, payload = NULL WHERE stream = ? AND seq = 9", long)
        assert found(bench) == []
        bench.stores.catalog.write(lambda rows: store.erase_payloads(rows, long))
        assert found(bench) == []
        assert all(line.details == {} for line in bench.vault.audit.show(ada, "ada", 500))
        bench.put(ada, FILE, b"x")
        assert found(bench) == []
        assert bench.vault.audit.show(ada, "ada", 1)[0].details["path"] == "ada/file"

    def test_reports_one_place_for_each_stream(self, bench: Bench, long: bytes) -> None:
        """Damage in one hides none in another."""
        bench.edit("UPDATE journal SET facts = '{}' WHERE seq = 2")
        assert len(found(bench)) >= 2

    def test_cannot_miss_a_chain_that_was_written_anew(self, bench: Bench, long: bytes) -> None:
        """Whoever rewrites a stream whole, hashes and head, is found by a checkpoint."""
        bench.vault.checkpoints.sign()
        with bench.stores.catalog.read() as rows:
            entries = store.entries(rows, long, 0, 1000)
        previous = store.ORIGIN
        for entry in entries:
            forged = entry._replace(actor=b"", previous=previous)
            previous = entry_hash(forged)
            bench.edit(
                "UPDATE journal SET actor = x'', previous = ?, hash = ? WHERE stream = ? AND seq = ?",
                forged.previous, previous, long, entry.seq,
            )  # fmt: skip
        bench.edit("UPDATE heads SET hash = ? WHERE stream = ?", previous, long)
        assert found(bench) == [(long, 1)]
        (bench.folder / "checkpoints").unlink()
        assert found(bench) == []  # nothing outside of the database says otherwise
