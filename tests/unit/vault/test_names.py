"""Names: two spellings of one name never coexist, and no name that a client could not see is made."""

from dataclasses import replace

import pytest
from vaults import Bench

from docstopd.dav.refusal import Refusal
from docstopd.dav.settings import Settings
from docstopd.dav.url import request_target
from docstopd.errors import AlreadyExists, Forbidden, InvalidName, NotFound, Refused
from docstopd.model import SpacePath
from docstopd.vault import Policy, Session, Vault, naming

NFC, NFD = "caf\u00e9", "cafe\u0301"


def test_both_forms_are_one_name(bench: Bench, ada: Session) -> None:
    """macOS writes NFD, others NFC; a listing shows NFC."""
    bench.put(ada, ("ada", NFD), b"1")
    bench.put(ada, ("ada", NFC), b"2")
    assert bench.names(ada, ("ada",)) == {NFC}
    assert bench.get(ada, ("ada", NFD)) == b"2"
    bench.vault.files.make_folder(ada, ("ada", NFC + "s"))
    with pytest.raises(AlreadyExists):
        bench.vault.files.make_folder(ada, ("ada", NFD + "s"))
    bench.put(ada, ("ada", NFD + "s", "x"), b"3")
    bench.vault.files.move(ada, ("ada", NFD + "s", "x"), ("ada", NFC + "s", NFD), overwrite=False)
    lock = bench.vault.locks.lock(ada, ("ada", NFD), exclusive=True, infinite=False, owner="", timeout=60)[0]
    assert lock.root == ("ada", NFC)
    assert bench.vault.locks.covering(ada, ("ada", NFD)) == bench.vault.locks.covering(ada, ("ada", NFC))
    bench.vault.locks.unlock(ada, ("ada", NFD), lock.token)
    bench.vault.files.delete(ada, ("ada", NFD))
    assert bench.names(ada, ("ada",)) == {NFC + "s"}


def test_both_forms_are_one_space(bench: Bench, ada: Session) -> None:
    """For every door."""
    bench.vault.spaces.add(NFD, ada.user)
    with pytest.raises(AlreadyExists):
        bench.vault.spaces.add(NFC, ada.user)
    for label in (NFC, NFD):
        bench.put(ada, (label, "f"), b"x")
        assert bench.vault.files.stat(ada, (label,)).name == NFC
        assert bench.names(ada, (label,)) == {"f"}
        assert bench.vault.files.quota(ada, (label, "f")).used == 1
        assert bench.vault.locks.members(ada, (label,))
        assert bench.vault.spaces.members(label)[0].name == "ada"
        assert bench.vault.audit.show(ada, label, 1)


def test_case_makes_another_name(bench: Bench, ada: Session) -> None:
    """As on Linux; a rename that changes the case alone is one."""
    bench.put(ada, ("ada", "a"), b"1")
    bench.put(ada, ("ada", "A"), b"2")
    assert bench.names(ada, ("ada",)) == {"a", "A"}
    bench.vault.files.move(ada, ("ada", "A"), ("ada", "\u00c4"), overwrite=False)
    assert bench.get(ada, ("ada", "A\u0308")) == b"2"


BAD = ["", ".", "..", "a/b", "/", "a\0b", "a\nb", "\x1f", "\x7f", "\ufffe", "\uffff", "\ud800", "a\udcff", "x" * 256,
       "\u00e9" * 128, "\U0001f600" * 64]  # fmt: skip


@pytest.mark.parametrize("name", BAD, ids=range(len(BAD)))
def test_what_no_node_can_be_called_is_refused_everywhere(bench: Bench, ada: Session, name: str) -> None:
    """And nothing is made."""
    files, path = bench.vault.files, ("ada", name)
    bench.put(ada, ("ada", "f"), b"x")
    for action in (
        lambda: bench.put(ada, path, b"x"),
        lambda: files.make_folder(ada, path),
        lambda: files.move(ada, ("ada", "f"), path, overwrite=False),
        lambda: files.copy(ada, ("ada", "f"), path, overwrite=False, deep=True),
        lambda: bench.vault.locks.lock(ada, path, exclusive=True, infinite=False, owner="", timeout=60),
    ):
        with pytest.raises(InvalidName):
            action()
    assert bench.names(ada, ("ada",)) == {"f"}
    bench.assert_tidy()


@pytest.mark.parametrize("name", ["x" * 255, "\u00e9" * 127, " ", " a ", "...", "a\\b", "con", "a:b*c?", "\u202e",
                                  "%2f", "\U0001f468\u200d\U0001f469", "~", "-", "'\"<&>"])  # fmt: skip
def test_all_other_names_come_back_as_they_were(bench: Bench, ada: Session, name: str) -> None:
    """Odd as they are."""
    bench.put(ada, ("ada", name), b"x")
    assert bench.names(ada, ("ada",)) == {name}
    assert bench.get(ada, ("ada", name)) == b"x"


@pytest.mark.parametrize("name", [".versions", ".trash", ".snapshots"])
def test_names_that_are_kept_are_refused_at_the_top(bench: Bench, ada: Session, name: str) -> None:
    """Below, they are names like others."""
    with pytest.raises(Forbidden):
        bench.put(ada, ("ada", name), b"x")
    with pytest.raises(Forbidden):
        bench.vault.files.make_folder(ada, ("ada", name))
    bench.vault.files.make_folder(ada, ("ada", "d"))
    bench.put(ada, ("ada", "d", name), b"x")
    with pytest.raises(Forbidden):
        bench.vault.files.move(ada, ("ada", "d", name), ("ada", name), overwrite=False)


def test_depth_and_length_of_a_path_have_limits(bench: Bench, ada: Session) -> None:
    """Those of the configuration."""
    strict = replace(bench, vault=Vault(bench.stores, Policy(depth=3, path=40)))
    path: SpacePath = ("ada",)
    for _ in range(2):
        path = (*path, "d")
        strict.vault.files.make_folder(ada, path)
    with pytest.raises(InvalidName):
        strict.put(ada, (*path, "f"), b"x")
    with pytest.raises(InvalidName):
        strict.put(ada, ("ada", "x" * 40), b"x")


@pytest.mark.parametrize("method", ["move", "copy", "restore"])
def test_what_a_folder_holds_keeps_within_the_limits_when_it_goes_elsewhere(
    bench: Bench, ada: Session, method: str
) -> None:
    """Depth and length are those of the longest path below it; refused, nothing is changed."""
    files = bench.vault.files
    for path in (("a",), ("a", "b"), ("x",), ("x", "y"), ("long" * 4,)):
        files.make_folder(ada, ("ada", *path))
    bench.put(ada, ("ada", "a", "b", "\u00e9" * 9), b"1")
    source: SpacePath = ("ada", "a")
    if method == "restore":
        files.delete(ada, source)
        source = ("ada", ".trash", files.list(ada, ("ada", ".trash")).members[0].name)
    fits, too_deep, too_long = ("ada", "x", "a"), ("ada", "x", "y", "a"), ("ada", "long" * 4, "a")
    strict = replace(bench, vault=Vault(bench.stores, Policy(depth=5, path=43))).vault.files
    before = bench.names(ada, ("ada",))

    def go(target: SpacePath) -> None:
        if method == "copy":
            strict.copy(ada, source, target, overwrite=False, deep=True)
        else:
            strict.move(ada, source, target, overwrite=False)

    for refused in (too_deep, too_long):
        with pytest.raises(InvalidName):
            go(refused)
        assert bench.names(ada, ("ada",)) == before
        assert bench.names(ada, refused[:-1]) == set()
    go(fits)
    assert bench.get(ada, (*fits, "b", "\u00e9" * 9)) == b"1"
    bench.assert_tidy()


def test_a_folder_that_is_too_deep_already_can_be_renamed_and_moved_up(bench: Bench, ada: Session) -> None:
    """The limits may have been wider when it was made."""
    files = bench.vault.files
    for path in (("a",), ("a", "b"), ("a", "b", "c"), ("a", "b", "c", "d")):
        files.make_folder(ada, ("ada", *path))
    strict = replace(bench, vault=Vault(bench.stores, Policy(depth=3))).vault.files
    strict.move(ada, ("ada", "a", "b"), ("ada", "a", "x"), overwrite=False)
    strict.move(ada, ("ada", "a", "x"), ("ada", "x"), overwrite=False)
    assert files.stat(ada, ("ada", "x", "c", "d")).folder


def test_the_longest_path_that_can_be_made_can_be_asked_for() -> None:
    """The vault's limit and the URL's are the same, whatever comes in front of a path there."""
    limits = Settings(depth=4, path=40)
    for path in (("ada", "n" * 35), ("a", "b", "c", "d")):
        naming.check(path, Policy(depth=4, path=40))
        assert request_target(f"/dav/{'/'.join(path)}/", limits).path == path
    for path in (("ada", "n" * 36), ("a", "b", "c", "d", "e")):
        with pytest.raises(InvalidName):
            naming.check(path, Policy(depth=4, path=40))
        with pytest.raises(Refusal):
            request_target(f"/dav/{'/'.join(path)}/", limits)


def test_the_spaces_own_level_holds_no_files(bench: Bench, ada: Session) -> None:
    """Spaces are made by their admin."""
    for action in (
        lambda: bench.put(ada, ("new",), b"x"),
        lambda: bench.vault.files.make_folder(ada, ("new",)),
        lambda: bench.put(ada, ("ada",), b"x"),
    ):
        with pytest.raises(Forbidden):
            action()
    with pytest.raises(NotFound):
        bench.vault.files.stat(ada, ("new",))


@pytest.mark.parametrize("label", ["", " a", "a ", ".a", "a/b", "a\\b", "a\nb", "x" * 65])
def test_a_label_that_will_not_do_is_refused(bench: Bench, ada: Session, label: str) -> None:
    """It is a part of every URL."""
    with pytest.raises(InvalidName):
        bench.vault.spaces.add(label, ada.user)


@pytest.mark.parametrize("name", ["", "a b", "a/b", "-a", ".a", "x" * 65, "a:b", "a\n", "\ud800"])
def test_a_sign_in_name_that_will_not_do_is_refused(bench: Bench, name: str) -> None:
    """No client could send it, or nobody could read it."""
    with pytest.raises(Refused):
        bench.vault.accounts.add(name, "a good password")
