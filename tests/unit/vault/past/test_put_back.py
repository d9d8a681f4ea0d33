"""Putting back: what a command does for somebody who has deleted too much."""

import pytest
from trashed import trashed
from vaults import START, Bench

from docstopd.errors import NotFound, Refused
from docstopd.model import SpacePath
from docstopd.vault import Session

FILE = ("ada", "docs", "2023", "report.txt")


def make(bench: Bench, ada: Session, content: bytes = b"1") -> None:
    """The file, with the folders that it needs."""
    for length in (2, 3):
        if len(bench.names(ada, FILE[: length - 1]) & {FILE[length - 1]}) == 0:
            bench.vault.files.make_folder(ada, FILE[:length])
    bench.put(ada, FILE, content)


def put_back(bench: Bench, ada: Session, name: str) -> SpacePath:
    """Put the one deleted thing of that name back."""
    return bench.vault.past.put_back(ada, "ada", trashed(bench, ada, name)[-1])


def test_it_goes_to_where_it_was(bench: Bench, ada: Session) -> None:
    """And is out of the trash."""
    make(bench, ada)
    bench.vault.files.delete(ada, FILE)
    assert put_back(bench, ada, "report.txt") == FILE
    assert bench.get(ada, FILE) == b"1"
    assert bench.vault.past.deleted(ada, "ada") == []


def test_folders_that_have_gone_are_made_again(bench: Bench, ada: Session) -> None:
    """Empty but for what was put back."""
    make(bench, ada)
    bench.put(ada, ("ada", "docs", "other"), b"x")
    bench.vault.files.delete(ada, FILE)
    bench.vault.files.delete(ada, ("ada", "docs"))
    assert put_back(bench, ada, "report.txt") == FILE
    assert bench.names(ada, ("ada", "docs")) == {"2023"}
    bench.assert_tidy()


def test_beside_what_has_its_name_by_now_it_gets_another(bench: Bench, ada: Session) -> None:
    """As often as need be; nothing is replaced."""
    for content in (b"1", b"22", b"333"):
        make(bench, ada, content)
        bench.vault.files.delete(ada, FILE)
    make(bench, ada, b"now")
    bench.clock.now = START + 86_400_000_000
    for node in bench.vault.past.deleted(ada, "ada"):
        bench.vault.past.put_back(ada, "ada", node.name)
    names = ("report.txt", "report (restored 2023-11-15).txt", "report (restored 2023-11-15 2).txt")
    contents = [bench.get(ada, (*FILE[:-1], name)) for name in names]
    assert contents == [b"now", b"1", b"22"]
    bench.assert_tidy()


def test_a_file_where_its_folder_was_stands_in_the_way(bench: Bench, ada: Session) -> None:
    """And stays."""
    make(bench, ada)
    bench.vault.files.delete(ada, FILE)
    bench.vault.files.delete(ada, ("ada", "docs"))
    bench.put(ada, ("ada", "docs"), b"a file")
    with pytest.raises(Refused):
        put_back(bench, ada, "report.txt")
    assert bench.get(ada, ("ada", "docs")) == b"a file"
    assert len(bench.vault.past.deleted(ada, "ada")) == 2


def test_where_nobody_can_tell_its_place_it_goes_to_the_top(bench: Bench, ada: Session) -> None:
    """The journal's payloads may have been erased."""
    make(bench, ada)
    bench.vault.files.delete(ada, FILE)
    bench.edit("UPDATE journal SET salt = NULL, payload = NULL WHERE action = 'delete'")
    assert put_back(bench, ada, "report.txt") == ("ada", "report.txt")


def test_a_name_that_is_not_in_the_trash_is_not_found(bench: Bench, ada: Session) -> None:
    """Nor is a live file put anywhere."""
    make(bench, ada)
    with pytest.raises(NotFound):
        bench.vault.past.put_back(ada, "ada", "report.txt")
