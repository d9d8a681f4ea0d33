"""davfs2: the share mounted as a file system. Listing a mount fails on some kernels, so files are reached by name."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import programs
import pytest
from webdav import Share

CONFIGURATION = """
ask_auth 0
secrets {folder}/secrets
cache_dir {folder}/cache
use_locks 1
delay_upload 0
gui_optimize 0
file_refresh 0
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A place that the unprivileged user davfs2 can reach too, unlike pytest's own."""
    with tempfile.TemporaryDirectory(prefix="docstopd-davfs2-") as name:
        path = Path(name)
        path.chmod(0o755)
        yield path


@pytest.fixture
def before(share: Share) -> bytes:
    """What `from elsewhere` and `folder/inside` on the share hold before it is mounted: davfs2 caches listings."""
    body = os.urandom(300_000)
    share.put("from%20elsewhere", body)
    share.make("folder").put("inside", body)
    return body


@pytest.fixture
def mount(share: Share, folder: Path, before: bytes) -> Iterator[Path]:
    """The share's mount point; unmounted afterwards whatever happened."""
    program, umount = _mounter(), programs.need("umount")
    _configure(share, folder)
    point = folder / "mount"
    options = f"conf={folder}/davfs2.conf,uid={os.getuid()},gid={os.getgid()}"
    mounted = programs.run([program, share.url, point, "-o", options], cwd=folder, timeout=60)
    assert mounted.returncode == 0, programs.said(mounted)
    try:
        yield point
    finally:
        _unmount(umount, point)


def test_a_file_written_through_the_mount_is_on_the_share(mount: Path, share: Share) -> None:
    """Closed is uploaded, byte for byte."""
    body = os.urandom(600_001)
    (mount / "f").write_bytes(body)
    _until_same(share, "f", body)
    assert (mount / "f").read_bytes() == body


def test_a_file_on_the_share_is_read_through_the_mount(mount: Path, before: bytes) -> None:
    """In the mount's root and in a folder that davfs2 did not make itself."""
    for path in (mount / "from elsewhere", mount / "folder" / "inside"):
        assert path.stat().st_size == len(before)
        assert path.read_bytes() == before


def test_an_editors_safe_save_through_the_mount_keeps_the_new_content(mount: Path, share: Share) -> None:
    """Write beside it, then rename over it."""
    (mount / "document").write_bytes(b"old")
    (mount / "document.tmp").write_bytes(b"new content")
    (mount / "document.tmp").rename(mount / "document")
    _until_same(share, "document", b"new content")
    assert not share.exists("document.tmp")


def test_appending_keeps_what_was_there(mount: Path, share: Share, before: bytes) -> None:
    """Read, change, write back under a lock."""
    with (mount / "from elsewhere").open("ab") as appended:
        appended.write(b"one more line")
    _until_same(share, "from%20elsewhere", before + b"one more line")


def test_folders_are_made_renamed_and_removed(mount: Path, share: Share) -> None:
    """mkdir, mv, rm and rmdir arrive as MKCOL, MOVE and DELETE."""
    (mount / "a").mkdir()
    (mount / "a" / "f").write_bytes(b"x")
    (mount / "a").rename(mount / "b")
    _until_same(share, "b/f", b"x")
    assert not share.exists("a")
    (mount / "b" / "f").unlink()
    (mount / "b").rmdir()
    assert not share.exists("b")


def _mounter() -> str:
    program = programs.need("mount.davfs")
    if os.getuid() != 0:
        programs.missing("mounting needs root")
    if not Path("/dev/fuse").exists():
        programs.missing("/dev/fuse is not there")
    return program


def _configure(share: Share, folder: Path) -> None:
    """What mount.davfs insists on: secrets for the owner only, a cache that its group may write."""
    secrets = folder / "secrets"
    secrets.touch(0o600)
    secrets.write_text(f'{share.url} {share.user} "{share.password}"\n')
    (folder / "davfs2.conf").write_text(CONFIGURATION.format(folder=folder))
    (folder / "mount").mkdir()
    (folder / "cache").mkdir()
    shutil.chown(folder / "cache", "root", "davfs2")
    (folder / "cache").chmod(0o1775)


def _unmount(umount: str, point: Path) -> None:
    """Politely, which waits for uploads to end; then by force, so that no mount outlives the test."""
    try:
        subprocess.run([umount, point], timeout=30, check=True, capture_output=True)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        pid = Path("/run/mount.davfs", str(point).strip("/").replace("/", "-") + ".pid")
        with contextlib.suppress(FileNotFoundError, ValueError, ProcessLookupError):
            os.kill(int(pid.read_text()), signal.SIGKILL)
        subprocess.run([umount, "--internal-only", "--lazy", point], timeout=30, check=False)
        raise


def _until_same(share: Share, path: str, body: bytes) -> None:
    """davfs2 uploads after `close` has returned; wait up to twenty seconds for it."""
    deadline = time.monotonic() + 20
    while share.ask("GET", path).body != body:
        assert time.monotonic() < deadline, f"{path} did not arrive"
        time.sleep(0.1)
