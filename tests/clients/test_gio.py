"""gio and gvfs: the share as GNOME's files see it, in a session bus of the test's own."""

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import programs
import pytest
from webdav import Share

Gio = Callable[[str], str]

BACKEND = ("/usr/libexec/gvfsd-dav", "/usr/lib/gvfs/gvfsd-dav")


@pytest.fixture
def gio(share: Share, tmp_path: Path) -> Gio:
    """Mounts the share, runs a shell script with `$dav` as its URL, unmounts; returns what was printed."""
    session = programs.need("dbus-run-session")
    programs.need("gio")
    if not any(Path(backend).exists() for backend in BACKEND):
        programs.missing("gvfs-backends is not installed")
    where = urlsplit(share.url)
    url = f"dav://{share.user}@{where.netloc}{where.path.rstrip('/')}"
    (tmp_path / "runtime").mkdir(mode=0o700)

    def call(script: str) -> str:
        steps = f'set -eu\ngio mount "$dav" <password >/dev/null\n{script}\ngio mount -u "$dav"\n'
        (tmp_path / "password").write_text(share.password + "\n")
        return _in_session([session, "--", "sh", "-c", steps], url, tmp_path)

    return call


def test_a_file_copied_in_is_read_back(gio: Gio, share: Share, tmp_path: Path) -> None:
    """`gio copy` there and back, byte for byte."""
    body = os.urandom(600_001)
    (tmp_path / "local").write_bytes(body)
    gio('gio copy local "$dav/from gio"; gio copy "$dav/from gio" back')
    assert share.get("from%20gio") == body
    assert (tmp_path / "back").read_bytes() == body


def test_cat_prints_a_file_and_list_names_it(gio: Gio, share: Share) -> None:
    """Content and names, with umlauts."""
    share.put("gr%C3%BC%C3%9Fe.txt", b"hello\n")
    output = gio('gio list "$dav"; gio cat "$dav/grüße.txt"')
    assert output.splitlines() == ["grüße.txt", "hello"]


def test_save_replaces_a_file_that_did_not_change(gio: Gio, share: Share) -> None:
    """A save with the ETag that was read goes through, and one with an old ETag is refused and changes nothing."""
    share.put("document", b"first")
    etag = share.ask("HEAD", "document").headers["etag"]
    output = gio(
        f"""printf second | gio save --etag '{etag}' "$dav/document"
        printf third | gio save --etag '{etag}' "$dav/document" 2>/dev/null || echo refused"""
    )
    assert output == "refused\n"
    assert share.get("document") == b"second"


def test_save_makes_a_new_file(gio: Gio, share: Share) -> None:
    """From standard input."""
    gio('printf "some text" | gio save "$dav/new"')
    assert share.get("new") == b"some text"


def test_folders_are_made_files_renamed_moved_and_removed(gio: Gio, share: Share) -> None:
    """mkdir, rename, move and remove; a move does not overwrite unasked."""
    share.put("f", b"x")
    gio('gio mkdir "$dav/folder"; gio rename "$dav/f" g; gio move "$dav/g" "$dav/folder/g"')
    assert share.get("folder/g") == b"x"
    gio('gio remove "$dav/folder/g"; gio remove "$dav/folder"')
    assert not share.exists("folder")


def test_the_size_and_date_shown_are_the_files(gio: Gio, share: Share) -> None:
    """What the file manager shows in its columns."""
    share.put("f", b"x" * 1234)
    output = gio('gio info -a "standard::size,standard::type,time::modified" "$dav/f"')
    assert "standard::size: 1234" in output
    assert "time::modified: " in output


def _in_session(arguments: list[str], url: str, folder: Path) -> str:
    """Run in a process group of its own: the bus starts services, which must not outlive the test."""
    variables = {
        "HOME": str(folder),
        "XDG_RUNTIME_DIR": str(folder / "runtime"),
        "GVFS_DISABLE_FUSE": "1",
        "GSETTINGS_BACKEND": "memory",
        "LC_ALL": "C.UTF-8",
        "PATH": os.environ.get("PATH", os.defpath),
        "dav": url,
    }
    process = subprocess.Popen(
        arguments,
        cwd=folder,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        stdout, stderr = process.communicate(timeout=90)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert process.returncode == 0, stdout.decode() + stderr.decode()
    return stdout.decode()
