"""What a space that is read-only means to a WebDAV client."""

from collections.abc import Iterator

import pytest
from dav_service import Service, serving

PRIVILEGES = b'<propfind xmlns="DAV:"><prop><current-user-privilege-set/></prop></propfind>'


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(tmp_path_factory.mktemp("read-only")) as running:
        yield running


def test_every_change_is_refused_with_the_reason_and_no_privilege_to_write_is_told(service: Service) -> None:
    """Until it is writable again; what was answered before is not answered again."""
    space = service.space()
    space.put("file", b"first")

    def may_write() -> bool:
        return b"write-content" in space.ask("PROPFIND", "", PRIVILEGES, {"Depth": "0"}).body

    label = "ada"
    assert may_write()
    service.vault.spaces.set_read_only(None, label, True)
    assert not may_write()
    for method, path in (("PUT", "file"), ("PUT", "new"), ("DELETE", "file"), ("MKCOL", "folder")):
        answer = space.ask(method, path, b"x" if method == "PUT" else None)
        assert answer.status == 403
        assert b"read-only for now" in answer.body
    assert space.get("file") == b"first"
    service.vault.spaces.set_read_only(None, label, False)
    assert may_write()
    assert space.ask("PUT", "file", b"second").status == 204
