"""`docstopd key`: rotation by the real program, and every way to keep the server key."""

import json
import stat
from pathlib import Path

import pytest
from daemon import Running
from service import PASSWORD, USER, Service, holds, make_service

from docstopd.config import load
from docstopd.crypto.serverkey import ServerKey
from docstopd.daemon.compose import open_vault

FILE = ("ada", "letter.txt")


@pytest.fixture
def service(tmp_path: Path) -> Service:
    """A stopped service with a letter of ada's."""
    made = make_service(tmp_path)
    made.put(FILE, b"dear grace")
    return made


def read(service: Service, password: str = PASSWORD) -> bytes:
    """The letter, by ada's password."""
    with open_vault(load(service.config)) as vault:
        session = vault.sessions.sign_in(USER, password)
        with vault.files.open(session, FILE) as content:
            return b"".join(bytes(block) for block in content.read(0, content.node.size))


def key_file(service: Service) -> Path:
    return service.data / "keys" / "server.key"


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines()


def test_the_server_key_is_rotated_and_the_old_one_retired(service: Service) -> None:
    """Between, the file has both; afterwards the old one opens nothing, and everything is readable."""
    (old,) = lines(key_file(service))
    assert service.run("key", "rotate", "server", "--retire").returncode == 0, "there is nothing to retire, and no harm"
    report = service.json("key", "rotate", "server")
    assert report["generation"] == 1 and report["rows"] > 5 and report["unreadable"] == 0
    new, still = lines(key_file(service))
    assert still == old != new
    assert read(service) == b"dear grace"
    again = service.run("key", "rotate", "server")
    assert again.returncode == 1 and "--retire" in again.stderr
    assert service.json("key", "rotate", "server", "--retire") == {"retired": 1}
    assert lines(key_file(service)) == [new]
    assert read(service) == b"dear grace"
    assert service.run("key", "backup", service.folder / "all.key").returncode == 0
    assert lines(service.folder / "all.key") == [new, old], "snapshots from before want the old one"
    code = service.run("user", "reset", "ada", secrets=(service.recovery_code, "second-password"))
    assert code.returncode == 0, code.stderr
    assert read(service, "second-password") == b"dear grace"
    key_file(service).write_text(old + "\n")
    assert service.run("space", "list").returncode == 1


def test_a_rotation_that_was_broken_off_goes_on(service: Service) -> None:
    """The file names both keys, and no row is closed anew yet: nothing may be retired, the next run does the rest."""
    with open_vault(load(service.config)) as vault:
        both = vault._stores.server.rotated()
    text = "".join(f"{key.encode()}\n" for key in both.every)
    key_file(service).write_text(text)
    refused = service.run("key", "rotate", "server", "--retire")
    assert refused.returncode == 1 and key_file(service).read_text() == text
    assert read(service) == b"dear grace"
    assert service.json("key", "rotate", "server")["generation"] == 1
    assert key_file(service).read_text() == text
    assert service.json("key", "rotate", "server", "--retire") == {"retired": 1}
    assert service.json("key", "rotate", "server")["generation"] == 2
    assert read(service) == b"dear grace"


def test_a_daemon_that_runs_stands_in_the_way(fresh_daemon: Running) -> None:
    """Its workers know one key only."""
    service = Service(fresh_daemon.folder, fresh_daemon.config, fresh_daemon.data, "", fresh_daemon.folder)
    before = key_file(service).read_text()
    for arguments in (("key", "rotate", "server"), ("key", "rotate", "server", "--retire")):
        refused = service.run(*arguments)
        assert refused.returncode == 1 and "stop it first" in refused.stderr
    assert key_file(service).read_text() == before


def test_a_space_is_rotated_by_its_owner(service: Service) -> None:
    """The report counts what went under the new key."""
    report = service.json("key", "rotate", "space", "ada", "--as", "ada", secrets=(PASSWORD,))
    assert (report["epoch"], report["data_keys"], report["nodes"]) == (2, 1, 2)
    assert read(service) == b"dear grace"
    assert service.run("key", "rotate", "space", "ada").returncode == 1


def test_a_backup_puts_a_lost_key_back(service: Service, tmp_path: Path) -> None:
    """It is a file that only its user reads; nothing of it is printed; nothing is overwritten either way."""
    target = tmp_path / "stick.key"
    done = service.run("key", "backup", target)
    secret = lines(key_file(service))[0].split()[1]
    assert done.returncode == 0 and secret not in done.stdout + done.stderr
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert target.read_bytes() == key_file(service).read_bytes()
    for refused in (target, service.data / "copy.key", service.data / "keys" / "copy.key", tmp_path / "no" / "x"):
        assert service.run("key", "backup", refused).returncode == 1
    assert service.run("key", "recover", target).returncode == 1, "it is there"
    key_file(service).unlink()
    assert service.run("key", "recover", target).returncode == 0
    assert stat.S_IMODE(key_file(service).stat().st_mode) == 0o600
    assert read(service) == b"dear grace"
    assert sorted(holds(tmp_path, secret)) == sorted([str(target), str(key_file(service))])


def test_another_key_is_not_put_in_its_place(service: Service, tmp_path: Path) -> None:
    """It is tried at the keyring first; nor is what is no key."""
    wrong, broken = tmp_path / "wrong.key", tmp_path / "broken.key"
    wrong.write_text(ServerKey.generate().encode())
    broken.write_text("docstopd-server-key-1 AAAA\n")
    key_file(service).unlink()
    for file in (wrong, broken, tmp_path / "missing"):
        assert service.run("key", "recover", file).returncode == 1
        assert not key_file(service).exists()


def test_the_public_key_verifies_certificates(service: Service) -> None:
    """The current one first; after a rotation the earlier one is still there."""
    asked = service.json("erasure", "request", "/ada/letter.txt", "--as", "ada", "--yes", secrets=(PASSWORD,))
    certificate = service.run("erasure", "certificate", asked["id"]).stdout
    (public,) = service.json("key", "public")
    assert json.loads(certificate)["signer"] == public
    service.json("key", "rotate", "server")
    service.json("key", "rotate", "server", "--retire")
    assert service.json("key", "public")[1:] == [public]
    (service.folder / "c.json").write_text(certificate)
    assert service.run("erasure", "verify", service.folder / "c.json").returncode == 0
