"""cadaver: neon's interactive client, driven by a script on standard input."""

import re
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import programs
import pytest
from webdav import Share

Cadaver = Callable[[str], str]


@pytest.fixture
def at_home(share: Share, tmp_path: Path) -> Path:
    """A home folder whose `.netrc` lets cadaver sign in without asking."""
    netrc = tmp_path / ".netrc"
    netrc.touch(0o600)
    netrc.write_text(f'machine {urlsplit(share.url).hostname} login {share.user} password "{share.password}"\n')
    return tmp_path


@pytest.fixture
def cadaver(share: Share, at_home: Path) -> Cadaver:
    """Runs a script of commands in the share and returns what was printed; any `failed` fails the test."""
    program = programs.need("cadaver")

    def call(script: str) -> str:
        finished = programs.run([program, share.url], cwd=at_home, stdin=f"{script}\nquit\n", timeout=60)
        output = programs.said(finished)
        assert finished.returncode == 0, output
        assert "failed" not in output, output
        return output

    return call


def test_a_file_put_is_listed_got_moved_copied_and_deleted(cadaver: Cadaver, share: Share, at_home: Path) -> None:
    """The everyday commands, in one session."""
    (at_home / "local").write_bytes(b"some content\n" * 1000)
    cadaver("mkcol folder\nput local folder/one\nls folder\nget folder/one back\nmove folder/one folder/two\n"
            "copy folder/two folder/three\ndelete folder/two\n")  # fmt: skip
    assert (at_home / "back").read_bytes() == (at_home / "local").read_bytes()
    assert share.get("folder/three") == (at_home / "local").read_bytes()
    assert not share.exists("folder/one")
    assert not share.exists("folder/two")


def test_a_collection_moves_copies_and_goes_with_all_its_members(cadaver: Cadaver, share: Share) -> None:
    """`rmcol` leaves nothing behind; a copy is deep."""
    share.make("a").make("b").put("f", b"x")
    cadaver("move a moved\ncopy moved copied\nrmcol moved\n")
    assert not share.exists("moved")
    assert share.get("copied/b/f") == b"x"


def test_a_property_set_is_read_back(cadaver: Cadaver, share: Share) -> None:
    """A dead property, and its name among the others of the file."""
    share.put("f", b"x")
    output = cadaver("propset f colour dark-red\npropget f colour\npropnames f\n")
    assert "Value of colour is: dark-red" in output
    assert output.count("colour") >= 3


def test_a_file_locked_by_cadaver_is_closed_to_others_until_it_is_unlocked(
    share: Share, cadaver: Cadaver, at_home: Path
) -> None:
    """The holder of the lock writes; anyone else gets 423; afterwards anyone writes again."""
    share.put("f", b"before")
    (at_home / "local").write_bytes(b"by the holder")
    with programs.conversation([programs.need("cadaver"), share.url], cwd=at_home) as say:
        say("lock f")
        _until(lambda: share.ask("PUT", "f", b"by another").status == 423)
        say("put local f")
        _until(lambda: share.get("f") == b"by the holder")
        say("unlock f")
        _until(lambda: share.ask("PUT", "f", b"afterwards").status == 204)
    assert share.get("f") == b"afterwards"
    assert "dav:" in cadaver("discover f")


def test_locking_a_name_without_a_file_makes_an_empty_file(cadaver: Cadaver, share: Share) -> None:
    """RFC 4918 section 7.3: the name is taken by the lock's holder."""
    cadaver("lock new\nunlock new\n")
    assert share.get("new") == b""


def test_names_with_spaces_and_umlauts_are_found(cadaver: Cadaver, share: Share, at_home: Path) -> None:
    """neon escapes in lower case; the names are the same ones."""
    (at_home / "local").write_bytes(b"x")
    cadaver('put local "für alle 100%.txt"\n')
    assert share.get("f%C3%BCr%20alle%20100%25.txt") == b"x"


def _until(condition: Callable[[], bool]) -> None:
    """Wait up to ten seconds for what the client was told to do to show on the server."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "cadaver did not do it within ten seconds"
        time.sleep(0.05)


def test_what_was_deleted_is_listed_and_restored(cadaver: Cadaver, share: Share, at_home: Path) -> None:
    """The trash is a collection; `move` out of it restores, a version is got as any file."""
    folder = share.url.rstrip("/").rsplit("/", 1)[1]
    share.put(f"lost-{folder}", b"content")
    share.put("kept", b"1")
    share.put("kept", b"22")
    listed = cadaver(f"delete lost-{folder}\ncd ..\nls .trash\nls .versions/{folder}/kept\n")
    [name] = set(re.findall(rf"lost-{folder} \(deleted [0-9-]+ [0-9a-f]+\)", listed))
    first = min(re.findall(r"[0-9-]{10}T[0-9.-]{15}Z", listed))
    cadaver(f'cd ..\nmove ".trash/{name}" {folder}/lost\nget .versions/{folder}/kept/{first} back\n')
    assert share.get("lost") == b"content"
    assert (at_home / "back").read_bytes() == b"1"
