"""What somebody does who can write to the catalog, or who holds less than a whole right."""

from pathlib import Path

import pytest
from vaults import PASSWORD, Bench

from docstopd.db.sqlite import SqliteRows
from docstopd.errors import Damaged, Forbidden, NotFound, Throttled
from docstopd.model import Custody, MemberRole
from docstopd.vault import Session
from docstopd.vault.spaces import SERVER
from docstopd.vault.turnstile import WAITING, Turnstile


@pytest.fixture
def team(bench: Bench) -> tuple[Session, Session]:
    """The space `team`: ada owns it, bob edits in it."""
    ada, bob = bench.account("ada"), bench.account("bob")
    bench.vault.spaces.add("team", ada.user)
    bench.vault.spaces.grant(ada, "team", bob.user, MemberRole.EDITOR)
    return ada, bob


def test_a_label_is_looked_for_among_the_spaces_of_who_asks(
    bench: Bench, team: tuple[Session, Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether others have a space of that label does not show in the work: the same statements look at the same rows.

    By the label first, one that exists took a third longer than one that does not.
    """
    mallory = bench.account("mallory")
    asked: list[str] = []
    original = SqliteRows.one
    monkeypatch.setattr(SqliteRows, "one", lambda rows, sql, *more: (asked.append(sql), original(rows, sql, *more))[1])
    statements = []
    for label in ("team", "nothing"):
        asked.clear()
        with pytest.raises(NotFound, match="no such space"):
            bench.vault.files.stat(mallory, (label,))
        statements.append(list(asked))
    assert statements[0] == statements[1] != []
    for sql in statements[0]:
        plan = [row[3] for row in bench.rows(f"EXPLAIN QUERY PLAN {sql}", mallory.user.id, "team")]
        assert plan[0].startswith("SEARCH m USING")
        assert "user=?" in plan[0]


class TestAnEditedCatalogHandsNoKeyOn:
    """Keys go to those who hold one already, and to nobody whom only the catalog names."""

    def test_not_to_a_name_put_into_the_list_of_members(self, bench: Bench, team: tuple[Session, Session]) -> None:
        """A new epoch is sealed to holders of the last one."""
        ada, bob = team
        mallory = bench.account("mallory")
        space = bench.vault.spaces.mine(ada)[1]
        bench.edit("INSERT INTO members VALUES (?, ?, 'editor', 0)", space.id, mallory.user.id)
        bench.vault.spaces.revoke(ada, "team", bob.user)
        assert bench.stores.keyring.epochs(space.id, mallory.user.id) == []
        bench.put(ada, ("team", "new"), b"after")
        with pytest.raises(NotFound):
            bench.get(mallory, ("team", "new"))

    def test_not_to_the_server_of_a_space_called_managed(self, bench: Bench, team: tuple[Session, Session]) -> None:
        """Custody is what the keyring says it is."""
        ada, bob = team
        space = bench.vault.spaces.mine(ada)[1]
        bench.edit("UPDATE spaces SET custody = 'managed' WHERE id = ?", space.id)
        bench.vault.spaces.revoke(ada, "team", bob.user)
        assert bench.stores.keyring.epochs(space.id, SERVER) == []

    def test_not_to_a_user_who_exchanged_names_with_another(self, bench: Bench, team: tuple[Session, Session]) -> None:
        """Public keys are bound to the sign-in name."""
        ada, _bob = team
        carl, mallory = bench.account("carl"), bench.account("mallory")
        for name, user in (("-", carl), ("carl", mallory), ("mallory", carl)):
            bench.edit("UPDATE users SET name = ? WHERE id = ?", name, user.user.id)
        with pytest.raises(Damaged):
            bench.vault.spaces.grant(ada, "team", bench.vault.accounts.find("carl"), MemberRole.READER)

    def test_and_destroys_no_key_of_another_file(self, bench: Bench) -> None:
        """What goes with a file that keeps no past is the blob that its own row proves."""
        ada = bench.account("ada")
        bench.put(ada, ("ada", "precious"), b"one of a kind")
        bench.put(ada, ("ada", "._tmp"), b"x")
        node = bench.vault.files.stat(ada, ("ada", "._tmp")).id
        blob = bytes.fromhex(bench.vault.files.stat(ada, ("ada", "precious")).etag)
        bench.edit("UPDATE versions SET node = ? WHERE blob = ?", node, blob)
        bench.vault.files.delete(ada, ("ada", "._tmp"))
        assert bench.get(ada, ("ada", "precious")) == b"one of a kind"


class TestLessThanAWholeRight:
    """App passwords, readers, accounts that were taken back."""

    def test_an_app_password_hands_no_keys_on(self, bench: Bench, team: tuple[Session, Session]) -> None:
        """It lies on a device; the owner's word is the password."""
        ada, _bob = team
        secret = bench.vault.accounts.add_app_password(ada, PASSWORD, "phone", None)
        phone = bench.vault.sessions.sign_in("ada", secret)
        carl = bench.account("carl")
        with pytest.raises(Forbidden):
            bench.vault.spaces.grant(phone, "team", carl.user, MemberRole.OWNER)
        with pytest.raises(Forbidden):
            bench.vault.spaces.set_custody(phone, "team", Custody.MANAGED)

    def test_locks_end_with_the_right_to_write(self, bench: Bench, team: tuple[Session, Session]) -> None:
        """Else a lock of a day outlives the editor who took it."""
        ada, bob = team
        for end in (
            lambda: bench.vault.spaces.grant(ada, "team", bob.user, MemberRole.READER),
            lambda: bench.vault.accounts.set_enabled("bob", enabled=False),
        ):
            bench.vault.spaces.grant(ada, "team", bob.user, MemberRole.EDITOR)
            bench.vault.locks.lock(bob, ("team",), exclusive=True, infinite=True, owner="", timeout=86_400)
            end()
            bench.put(ada, ("team", "free"), b"again")

    def test_an_owner_may_break_a_lock(self, bench: Bench, team: tuple[Session, Session]) -> None:
        """Of whoever is on holiday; an editor may not."""
        ada, bob = team
        lock, _ = bench.vault.locks.lock(bob, ("team",), exclusive=True, infinite=True, owner="", timeout=600)
        bench.vault.locks.unlock(ada, ("team",), lock.token)
        lock, _ = bench.vault.locks.lock(ada, ("team",), exclusive=True, infinite=True, owner="", timeout=600)
        with pytest.raises(Forbidden):
            bench.vault.locks.unlock(bob, ("team",), lock.token)

    def test_an_upload_ends_with_the_account(self, bench: Bench) -> None:
        """It may have begun hours before."""
        bench.account("root")
        ada = bench.account("ada")
        with bench.vault.files.write(ada, ("ada", "late")) as upload:
            upload.write(b"x")
            bench.clock.advance(3600)
            bench.vault.accounts.set_enabled("ada", enabled=False)
            with pytest.raises(Forbidden):
                upload.commit()
        bench.assert_tidy()


def test_guesses_never_take_every_thread(tmp_path: Path) -> None:
    """Beyond a few that wait, the next is told to come back."""
    turnstile = Turnstile(tmp_path)
    for _ in range(WAITING):
        turnstile._room.acquire()
    with pytest.raises(Throttled), turnstile.passing():
        pass
