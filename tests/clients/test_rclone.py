"""rclone: a folder of 500 oddly named files there and back, as both kinds of server that it knows."""

import json
import os
import subprocess
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from subprocess import CompletedProcess

import odd_names
import programs
import pytest
from webdav import Share

Rclone = Callable[..., "CompletedProcess[bytes]"]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The local folder; tests only read it."""
    root = tmp_path_factory.mktemp("odd") / "tree"
    root.mkdir()
    odd_names.plant(root)
    assert len(odd_names.files(root)) == odd_names.FILES
    return root


@pytest.fixture(params=["other", "owncloud"])
def vendor(request: pytest.FixtureRequest) -> str:
    """The dialect that rclone speaks: plain WebDAV, or with ownCloud's headers for times and checksums."""
    return str(request.param)


@pytest.fixture
def rclone(vendor: str, share: Share, tmp_path: Path) -> Rclone:
    """Runs rclone with a remote `share:`; insists on success."""
    program = programs.need("rclone")
    obscured = subprocess.run([program, "obscure", "-"], input=share.password.encode(), capture_output=True, check=True)
    settings = {"TYPE": "webdav", "URL": share.url, "VENDOR": vendor, "USER": str(share.user)}
    variables = {f"RCLONE_CONFIG_SHARE_{name}": value for name, value in settings.items()}
    variables |= {"RCLONE_CONFIG_SHARE_PASS": obscured.stdout.decode().strip(), "RCLONE_CONFIG": os.devnull}

    def call(*arguments: str | Path, stdin: bytes = b"") -> "CompletedProcess[bytes]":
        finished = programs.run(
            [program, *arguments, "--retries", "1", "--low-level-retries", "1"],
            cwd=tmp_path, environment=variables, stdin=stdin, timeout=240,
        )  # fmt: skip
        assert finished.returncode == 0, programs.said(finished)
        return finished

    return call


def test_a_tree_of_500_odd_names_is_the_same_when_read_back(rclone: Rclone, tree: Path) -> None:
    """`rclone check --download` compares every byte in both directions; a first copy may need no retry."""
    rclone("copy", tree, "share:tree", "--create-empty-src-dirs")
    rclone("check", tree, "share:tree", "--download")


def test_a_tree_that_comes_back_has_every_name(rclone: Rclone, tree: Path, tmp_path: Path) -> None:
    """Copied out again, files and folders have the names they had, in the same Unicode form."""
    rclone("copy", tree, "share:tree", "--create-empty-src-dirs")
    rclone("copy", "share:tree", tmp_path / "back", "--create-empty-src-dirs")
    names = [{str(path.relative_to(root)) for path in root.rglob("*")} for root in (tree, tmp_path / "back")]
    assert names[0] == names[1]


def test_a_second_copy_sends_nothing(rclone: Rclone, tree: Path) -> None:
    """What is there already is recognised, by size or by time as the vendor allows."""
    rclone("copy", tree, "share:tree")
    again = rclone("copy", tree, "share:tree", "--use-json-log", "--verbose")
    assert b"Copied" not in again.stderr, programs.said(again)


def test_moving_and_removing_a_folder_takes_all_of_it(rclone: Rclone, share: Share, tree: Path) -> None:
    """A rename on the server keeps every file; a purge leaves none."""
    rclone("copy", tree, "share:tree")
    rclone("moveto", "share:tree", "share:moved")
    rclone("check", tree, "share:moved", "--download")
    assert not share.exists("tree")
    rclone("purge", "share:moved")
    assert not share.exists("moved")


def test_a_copy_on_the_server_is_independent_of_its_source(rclone: Rclone, share: Share) -> None:
    """After the source has changed, the copy has the old content."""
    share.put("source", b"old")
    rclone("copyto", "share:source", "share:copy")
    share.put("source", b"new and longer")
    assert rclone("cat", "share:copy").stdout == b"old"


def test_a_stream_of_unknown_length_is_stored_and_read_in_parts(rclone: Rclone) -> None:
    """`rcat` sends as it reads; `cat` with an offset fetches just that part."""
    body = os.urandom(700_000)
    rclone("rcat", "share:streamed", stdin=body)
    assert rclone("cat", "share:streamed", "--offset", "262100", "--count", "100").stdout == body[262_100:262_200]
    assert rclone("cat", "share:streamed").stdout == body


@pytest.mark.parametrize("vendor", ["owncloud"], indirect=True)
def test_times_of_files_are_kept_for_owncloud(rclone: Rclone, tmp_path: Path) -> None:
    """`X-OC-Mtime` becomes the modification date, to the second, also when only the date is changed later."""
    local = tmp_path / "local"
    local.mkdir()
    (local / "f").write_bytes(b"x")
    for then in (1_000_000_000, 1_234_567_890):
        os.utime(local / "f", (then, then))
        rclone("copy", local, "share:times")
        [listed] = json.loads(rclone("lsjson", "share:times").stdout)
        assert datetime.fromisoformat(listed["ModTime"]).timestamp() == then


@pytest.mark.parametrize("vendor", ["owncloud"], indirect=True)
def test_an_edit_that_keeps_the_length_is_sent(rclone: Rclone, tmp_path: Path) -> None:
    """Which is why the README names this vendor: for `other` rclone compares lengths only."""
    local = tmp_path / "local"
    local.mkdir()
    for then, content in ((1_000_000_000, b"one"), (1_234_567_890, b"two")):
        (local / "f").write_bytes(content)
        os.utime(local / "f", (then, then))
        rclone("copy", local, "share:edited")
        assert rclone("cat", "share:edited/f").stdout == content


def test_what_was_overwritten_or_deleted_is_browsed_and_fetched_back(rclone: Rclone, share: Share) -> None:
    """Versions and the trash are folders like others to a client; a deleted folder moves back on the server."""
    space, folder = share.url.rstrip("/").rsplit("/", 1)
    share.put("doc.txt", b"first")
    share.put("doc.txt", b"second, and longer")
    share.make(f"gone-{folder}").put("f", b"x")
    rclone("purge", f"share:gone-{folder}")
    top = ("--webdav-url", space)  # the past lies at the top of the space
    versions = f"share:.versions/{folder}/doc.txt"
    first, second = rclone("lsf", versions, *top).stdout.decode().split()
    assert second > first
    assert rclone("cat", f"{versions}/{first}", *top).stdout == b"first"
    rclone("copyto", f"{versions}/{first}", f"share:{folder}/doc.txt", "--ignore-times", *top)
    assert share.get("doc.txt") == b"first"
    deleted = rclone("lsf", "--dirs-only", "share:.trash", *top).stdout.decode().splitlines()
    [name] = [name.rstrip("/") for name in deleted if name.startswith(f"gone-{folder} (deleted")]
    assert rclone("cat", f"share:.trash/{name}/f", *top).stdout == b"x"
    rclone("moveto", f"share:.trash/{name}", f"share:{folder}/back", *top)
    assert share.get("back/f") == b"x"
