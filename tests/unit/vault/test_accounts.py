"""Accounts, profiles, limits of properties, and what happens where damage cannot be written down."""

import logging
from dataclasses import replace

import pytest
from failing import FailingDatabase
from vaults import PASSWORD, Bench

from docstopd.crypto import hpke
from docstopd.errors import AlreadyExists, Damaged, IsFolder, NotFolder, Refused, StorageFull, TooLarge
from docstopd.model import NO_GUARD, Role
from docstopd.vault import Policy, Session, Vault


def test_profiles_are_sealed_and_listed(bench: Bench) -> None:
    """The catalog shows nobody's address; an edited profile is damage."""
    bench.account("ada", Role.ADMIN)
    bench.account("bob")
    found = [(user.name, user.role, profile.email) for user, profile in bench.vault.accounts.all()]
    assert found == [("ada", Role.ADMIN, "ada@example.org"), ("bob", Role.USER, "bob@example.org")]
    assert b"example.org" not in b"".join(row[0] for row in bench.rows("SELECT profile FROM users"))
    bench.edit("UPDATE users SET profile = (SELECT profile FROM users WHERE name = 'ada') WHERE name = 'bob'")
    with pytest.raises(Damaged):
        bench.vault.accounts.all()


def test_a_name_is_taken_by_a_user_or_a_space(bench: Bench, ada: Session) -> None:
    """The personal space has the user's name."""
    bench.vault.spaces.add("team", ada.user)
    for name in ("ada", "ADA", "team"):
        with pytest.raises(AlreadyExists):
            bench.vault.accounts.add(name, PASSWORD)
    with pytest.raises(Refused):
        bench.vault.accounts.add("bob", "short")
    assert bench.rows("SELECT count(*) FROM identities", store="keyring") == [(1,)]


def test_organisation_recovery_covers_only_accounts_made_with_it(bench: Bench, ada: Session) -> None:
    """And only its own private key opens them; what was stored stays readable."""
    private, wrong = hpke.PrivateKey.generate(), hpke.PrivateKey.generate()
    covered = bench.with_stores(lambda stores: replace(stores, organisation=private.public))
    covered.vault.accounts.add("bob", PASSWORD)
    bob = covered.vault.sessions.sign_in("bob", PASSWORD)
    covered.put(bob, ("bob", "f"), b"content")
    with pytest.raises(Refused):
        covered.vault.accounts.reset_with_organisation("ada", private, "a new password")
    with pytest.raises(Damaged):
        covered.vault.accounts.reset_with_organisation("bob", wrong, "a new password")
    code = covered.vault.accounts.reset_with_organisation("bob", private, "a new password")
    again = covered.vault.sessions.sign_in("bob", "a new password")
    assert covered.get(again, ("bob", "f")) == b"content"
    covered.vault.accounts.reset_with_code("bob", code, PASSWORD)


def test_properties_have_limits(bench: Bench, ada: Session) -> None:
    """Of size and number; what is refused changes nothing, not even what came before it in the request."""
    strict = replace(bench, vault=Vault(bench.stores, Policy(properties=2, property_size=20)))
    files = strict.vault.files
    bench.put(ada, ("ada", "f"), b"x")
    node = files.stat(ada, ("ada", "f"))
    files.patch(ada, ("ada", "f"), NO_GUARD, [("{x}a", "<a/>"), ("{x}b", "<b/>")])
    kept = {node.id: {"{x}a": "<a/>", "{x}b": "<b/>"}}
    for changes in ([("{x}a", "<new/>"), ("{x}b", "<b>" + "x" * 20 + "</b>")], [("{x}a", "<n/>"), ("{x}c", "<c/>")]):
        with pytest.raises(TooLarge):
            files.patch(ada, ("ada", "f"), NO_GUARD, changes)
        assert files.properties(ada, [node]) == kept
    files.patch(ada, ("ada", "f"), NO_GUARD, [("{x}a", None), ("{x}c", "<c/>"), ("{x}nothing", None)])
    assert files.properties(ada, [node]) == {node.id: {"{x}b": "<b/>", "{x}c": "<c/>"}}
    assert files.properties(ada, []) == {}


def test_properties_have_a_limit_together(bench: Bench, ada: Session) -> None:
    """A mebibyte for one file or folder, beyond which it keeps what it had; to remove some makes room again."""
    files = bench.vault.files
    files.make_folder(ada, ("ada", "d"))
    node = files.stat(ada, ("ada", "d"))
    large = "<v>" + "x" * 65_000 + "</v>"
    files.patch(ada, ("ada", "d"), NO_GUARD, [(f"{{x}}{n}", large) for n in range(16)])
    for names in (["16"], ["16", "17"]):
        with pytest.raises(TooLarge):
            files.patch(ada, ("ada", "d"), NO_GUARD, [(f"{{x}}{name}", large) for name in names])
    assert len(files.properties(ada, [node])[node.id]) == 16
    files.patch(ada, ("ada", "d"), NO_GUARD, [("{x}0", None), ("{x}16", large)])
    assert "{x}16" in files.properties(ada, [node])[node.id]


def test_files_and_folders_are_not_taken_for_each_other(bench: Bench, ada: Session) -> None:
    """Reading and writing."""
    files = bench.vault.files
    files.make_folder(ada, ("ada", "d"))
    bench.put(ada, ("ada", "f"), b"x")
    with pytest.raises(IsFolder):
        files.open(ada, ("ada", "d"))
    with pytest.raises(IsFolder):
        files.write(ada, ("ada", "d"))
    with pytest.raises(NotFolder):
        files.list(ada, ("ada", "f"))


def test_times_can_be_set_by_clients(bench: Bench, ada: Session) -> None:
    """Both, or one; the content's etag stays."""
    etag = bench.put(ada, ("ada", "f"), b"x", modified=5)
    assert bench.vault.files.stat(ada, ("ada", "f")).modified == 5
    bench.vault.files.patch(ada, ("ada", "f"), NO_GUARD, [], created=7)
    bench.vault.files.patch(ada, ("ada", "f"), NO_GUARD, [], modified=9)
    node = bench.vault.files.stat(ada, ("ada", "f"))
    assert (node.created, node.modified, node.etag) == (7, 9, etag)


def test_a_range_outside_the_file_is_a_bug_of_the_caller(bench: Bench, ada: Session) -> None:
    """Fronts parse ranges; an empty one is fine."""
    bench.put(ada, ("ada", "f"), b"12345")
    with bench.vault.files.open(ada, ("ada", "f")) as content:
        for start, length in ((-1, 2), (0, 6), (5, 1), (0, -1)):
            with pytest.raises(ValueError, match="range"):
                content.read(start, length)
        assert list(content.read(5, 0)) == []
        assert [bytes(block) for block in content.read(1, 3)] == [b"234"]


@pytest.mark.parametrize("how", ["full", "read only"])
def test_damage_that_cannot_be_journalled_is_still_refused_and_logged(
    bench: Bench, ada: Session, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    """On a full disk, and on a folder that is only read."""
    bench.put(ada, ("ada", "f"), b"x")
    bench.blob_file(next(iter(bench.blob_ids()))).unlink()
    catalog = FailingDatabase(bench.stores.catalog)
    catalog.before = StorageFull("full")
    other = bench.with_stores(lambda stores: replace(stores, catalog=catalog, read_only=how == "read only"))
    with caplog.at_level(logging.ERROR), pytest.raises(Damaged):
        other.get(ada, ("ada", "f"))
    assert "cannot be opened" in caplog.text
    assert ("could not be journalled" in caplog.text) is (how == "full")
