"""`docstopd decrypt`: the way out of a stopped data folder, or a copy of one."""

import os
import shutil
from pathlib import Path

import apsw
import pytest
from daemon import Running
from service import PASSWORD, USER, Service, holds, make_service, picture, run
from webdav import Share

LONG = "ü" * 127
BIG = bytes(range(256)) * 2500
MODIFIED = 1_600_000_000_000_000


@pytest.fixture
def service(tmp_path: Path) -> Service:
    """A stopped service whose user ada has stored some files."""
    made = make_service(tmp_path / "service")
    made.put(("ada", "letters", "first.txt"), b"dear reader", modified=MODIFIED)
    made.put(("ada", "letters", "old", "big.bin"), BIG)
    made.put(("ada", "letters", "old", LONG), b"")
    made.put(("ada", "notes.txt"), b"to do")
    return made


def decrypt(service: Service, output: Path | str, *more: str | Path, secret: str = PASSWORD):  # type: ignore[no-untyped-def]
    """Run it on the service's data folder."""
    return run("decrypt", "--data", service.data, "--user", USER, "--output", output, *more, secrets=(secret,))


def blob_of(service: Service, size: int) -> Path:
    """The blob of the file that has so many bytes."""
    database = apsw.Connection(str(service.data / "catalog.db"))
    (blob,) = database.execute("SELECT blob FROM nodes WHERE size = ?", (size,)).fetchone()
    database.close()
    return service.data / "blobs" / blob.hex()[:2] / blob.hex()


def test_everything_comes_out_as_it_went_in(service: Service, tmp_path: Path) -> None:
    """All spaces of the user: names, bytes, times; and the data folder is as it was."""
    before = picture(service.data)
    finished = decrypt(service, tmp_path / "out")
    assert finished.returncode == 0, finished.stderr
    out = tmp_path / "out" / "ada"
    assert (out / "letters" / "first.txt").read_bytes() == b"dear reader"
    assert (out / "letters" / "old" / "big.bin").read_bytes() == BIG
    assert (out / "letters" / "old" / LONG).read_bytes() == b""
    assert (out / "notes.txt").read_bytes() == b"to do"
    assert (out / "letters" / "first.txt").stat().st_mtime_ns == MODIFIED * 1000
    assert sum(len(files) for _root, _folders, files in os.walk(tmp_path / "out")) == 4
    assert (out / "notes.txt").stat().st_mode & 0o077 == 0
    assert picture(service.data) == before


def test_a_copy_opens_too_even_a_read_only_one(service: Service, tmp_path: Path) -> None:
    """With the recovery code as with the password; the server key may lie elsewhere."""
    copy, key = tmp_path / "copy", tmp_path / "server.key"
    shutil.copytree(service.data, copy)
    (copy / "keys" / "server.key").rename(key)
    shutil.rmtree(service.data)
    for path in copy.rglob("*"):
        path.chmod(0o500 if path.is_dir() else 0o400)
    finished = run(
        *("decrypt", "--data", copy, "--server-key", key, "--user", USER, "--output", tmp_path / "out"),
        secrets=(service.recovery_code,),
    )
    assert finished.returncode == 0, finished.stderr
    assert (tmp_path / "out" / "ada" / "notes.txt").read_bytes() == b"to do"


def test_only_what_is_named_comes_out(service: Service, tmp_path: Path) -> None:
    """A folder with all below it, or one file."""
    assert decrypt(service, tmp_path / "out", "/ada/letters/old", "ada/notes.txt").returncode == 0
    found = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert found == {"ada/letters/old/big.bin", f"ada/letters/old/{LONG}", "ada/notes.txt"}


def test_one_file_goes_to_the_screen(service: Service) -> None:
    """Its bytes and nothing else; two files are wrong usage, a folder is refused."""
    finished = decrypt(service, "-", "/ada/notes.txt")
    assert (finished.returncode, finished.stdout, finished.stderr) == (0, "to do", "")
    assert decrypt(service, "-", "/ada/notes.txt", "/ada/letters/first.txt").returncode == 2
    assert decrypt(service, "-", "/ada/letters").returncode == 1


def test_nothing_that_exists_is_overwritten(service: Service, tmp_path: Path) -> None:
    """Not even through a symbolic link; the others come out, and what was left out is said."""
    out = tmp_path / "out" / "ada"
    out.mkdir(parents=True)
    (out / "notes.txt").write_text("mine")
    (tmp_path / "target").mkdir()
    (out / "letters").symlink_to(tmp_path / "target")
    finished = decrypt(service, tmp_path / "out")
    assert finished.returncode == 1
    assert (out / "notes.txt").read_text() == "mine"
    assert list((tmp_path / "target").iterdir()) == []
    assert "/ada/notes.txt is left out" in finished.stderr and "/ada/letters is left out" in finished.stderr


@pytest.mark.parametrize("harm", ["changed", "cut", "gone"])
def test_damage_is_named_and_never_written(service: Service, tmp_path: Path, harm: str) -> None:
    """Exit code 3; every sound file comes out, and of the damaged one nothing."""
    blob = blob_of(service, len(BIG))
    blob.chmod(0o600)
    content = blob.read_bytes()
    if harm == "changed":
        blob.write_bytes(content[:300_000] + bytes([content[300_000] ^ 1]) + content[300_001:])
    elif harm == "cut":
        blob.write_bytes(content[:-100])
    else:
        blob.unlink()
    finished = decrypt(service, tmp_path / "out")
    assert finished.returncode == 3
    assert "/ada/letters/old/big.bin is damaged" in finished.stderr
    assert finished.stderr.count("\n") == 1
    assert sorted(path.name for path in (tmp_path / "out" / "ada" / "letters" / "old").iterdir()) == [LONG]
    assert (tmp_path / "out" / "ada" / "notes.txt").read_bytes() == b"to do"
    assert decrypt(service, "-", "/ada/letters/old/big.bin").returncode == 3


def test_a_catalog_row_that_was_edited_is_damage(service: Service, tmp_path: Path) -> None:
    """A listing that leaves a member out does not pass for a whole one."""
    database = apsw.Connection(str(service.data / "catalog.db"))
    database.execute("UPDATE nodes SET size = 6 WHERE size = 5")
    database.close()
    finished = decrypt(service, tmp_path / "out")
    assert finished.returncode == 3
    assert "/ada: members that cannot be read: 1" in finished.stderr
    assert (tmp_path / "out" / "ada" / "letters" / "first.txt").exists()


@pytest.mark.parametrize(
    ("arguments", "secret", "words"),
    [
        (("--user", USER), "wrong-password", "password or recovery code is wrong"),
        (("--user", "nobody"), PASSWORD, "there is no user 'nobody'"),
        (("--user", USER, "/ada/none.txt"), PASSWORD, "nothing of that name"),
        (("--user", USER, "/bob"), PASSWORD, "no such space"),
    ],
)
def test_what_cannot_be_opened_is_said(
    service: Service, tmp_path: Path, arguments: tuple[str, ...], secret: str, words: str
) -> None:
    """One message, exit code 1, no output."""
    finished = run("decrypt", "--data", service.data, "--output", tmp_path / "out", *arguments, secrets=(secret,))
    assert finished.returncode == 1
    assert finished.stderr.startswith("docstopd: ") and words in finished.stderr
    assert not (tmp_path / "out").exists()


def test_a_running_service_is_left_in_peace(fresh_daemon: Running, tmp_path: Path) -> None:
    """Its databases are being written. When it was killed, its last writes come out nevertheless."""
    share = Share(fresh_daemon.space_url, fresh_daemon.user, fresh_daemon.password)
    share.put("a.txt", b"acknowledged")
    arguments = ("decrypt", "--data", fresh_daemon.data, "--user", fresh_daemon.user, "--output", tmp_path / "out")
    refused = run(*arguments, secrets=(fresh_daemon.password,))
    assert refused.returncode == 1 and "docstopd is running" in refused.stderr
    os.killpg(fresh_daemon.process.pid, 9)
    fresh_daemon.process.wait()
    assert run(*arguments, secrets=(fresh_daemon.password,)).returncode == 0
    assert (tmp_path / "out" / fresh_daemon.user / "a.txt").read_bytes() == b"acknowledged"
    assert holds(fresh_daemon.data, "acknowledged") == []
