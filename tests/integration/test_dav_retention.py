"""What retention classes and holds mean to a WebDAV client."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from dav_service import Service, serving
from webdav import Answer, Share

CLASSES = [
    {"name": "letters", "match": ["letters/**"], "keep_for": "3650d", "protect": "delete", "then": "delete"},
    {"name": "ledger", "match": ["ledger/**"], "keep_for": "3650d", "protect": "worm", "then": "review"},
]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A front with a records schedule."""
    folder: Path = tmp_path_factory.mktemp("retention")
    with serving(folder, classes=CLASSES) as running:
        yield running


@pytest.fixture(scope="module")
def space(service: Service) -> Share:
    """ada's space, with a letter and a ledger."""
    share = service.space()
    for name in ("letters", "ledger", "free"):
        share.make(name)
        share.put(f"{name}/file", b"first")
    return share


def refusal(answer: Answer) -> str:
    assert answer.status == 403
    return answer.body.decode()


@pytest.mark.parametrize("path", ["letters/file", "letters/", "ledger/file", "ledger/"])
def test_what_a_class_protects_is_not_deleted_and_the_body_says_why(space: Share, path: str) -> None:
    """403, the class and the day; also where it is below what was to be deleted."""
    assert "retention class" in refusal(space.ask("DELETE", path))
    assert space.get(path.removesuffix("file").rstrip("/") + "/file") == b"first"


def test_worm_is_not_written_by_any_method(space: Share) -> None:
    """PUT, COPY and MOVE with Overwrite; a small body and a large one."""
    for body in (b"second", bytes(200_000)):
        assert "'ledger'" in refusal(space.ask("PUT", "ledger/file", body))
    for method in ("COPY", "MOVE"):
        headers = {"Destination": f"{space.url}ledger/file", "Overwrite": "T"}
        assert "'ledger'" in refusal(space.ask(method, "free/file", headers=headers))
    assert space.get("ledger/file") == b"first" and space.get("free/file") == b"first"


def test_a_folder_is_not_put_in_the_place_of_protected_files(space: Share) -> None:
    """What would be replaced would be deleted."""
    headers = {"Destination": f"{space.url}letters/", "Overwrite": "T"}
    assert "retention class" in refusal(space.ask("MOVE", "free/", headers=headers))


def test_a_new_file_is_written_in_two_steps_as_explorer_does(space: Share) -> None:
    """First empty, then with its content; after that it is protected."""
    assert space.ask("PUT", "ledger/new", b"").status == 201
    assert space.ask("PUT", "ledger/new", b"content").status == 204
    assert space.ask("PUT", "ledger/new", b"again").status == 403


def test_a_rename_is_allowed_and_does_not_free_it(space: Share) -> None:
    """Back again, too."""
    there, back = {"Destination": f"{space.url}free/moved"}, {"Destination": f"{space.url}letters/file"}
    assert space.ask("MOVE", "letters/file", headers=there).status == 201
    assert space.ask("DELETE", "free/moved").status == 403
    assert space.ask("MOVE", "free/moved", headers=back).status == 201


def test_a_move_into_another_space_copies_nothing(service: Service, space: Share) -> None:
    """It would delete here what it made there."""
    service.vault.spaces.add("team", service.vault.accounts.find("ada"))
    headers = {"Destination": f"{service.url}dav/team/file"}
    assert "retention class" in refusal(space.ask("MOVE", "letters/file", headers=headers))
    assert service.root().ask("GET", "dav/team/file").status == 404


def test_a_confidential_hold_shows_in_no_answer(service: Service, space: Share) -> None:
    """Deleting and overwriting go on as ever: nothing of what is held is lost by them."""
    service.vault.holds.on_space("ada", "case", confidential=True)
    assert space.ask("PUT", "free/held", b"1").status == 201
    assert space.ask("PUT", "free/held", b"22").status == 204
    assert space.ask("DELETE", "free/held").status == 204
