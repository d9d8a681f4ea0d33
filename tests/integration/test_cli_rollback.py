"""`docstopd space rollback`, `read-only` and `writable`."""

import time
from pathlib import Path

from service import PASSWORD, Service, make_service

from docstopd.config import load
from docstopd.daemon.compose import open_vault
from docstopd.vault.moment import shown

SECRET = (PASSWORD,)


def damage(service: Service) -> str:
    """A file and a folder, a time, and what somebody did after it."""
    service.put(("ada", "report.txt"), b"content")
    time.sleep(1.1)
    then = shown(time.time_ns() // 1000)
    time.sleep(1.1)
    service.put(("ada", "report.txt"), b"encrypted")
    service.put(("ada", "READ ME"), b"pay")
    return then


def content(service: Service, *path: str) -> bytes:
    with open_vault(load(service.config)) as vault:
        session = vault.sessions.sign_in("ada", PASSWORD)
        with vault.files.open(session, ("ada", *path)) as found:
            return b"".join(bytes(block) for block in found.read(0, found.node.size))


def test_a_space_is_taken_back_after_its_plan_was_shown(tmp_path: Path) -> None:
    """By an owner, with his password, and with consent."""
    service = make_service(tmp_path)
    then = damage(service)
    command = ("space", "rollback", "ada", "--to", then, "--as", "ada")
    plan = service.json(*command, "--dry-run", secrets=SECRET)
    assert [(row["path"], row["what"]) for row in plan] == [("ada/READ ME", "trash"), ("ada/report.txt", "content")]
    assert content(service, "report.txt") == b"encrypted"
    unasked = service.run(*command, secrets=SECRET)
    assert unasked.returncode == 1 and "say --yes" in unasked.stderr
    assert content(service, "report.txt") == b"encrypted"
    done = service.run(*command, "--yes", secrets=SECRET)
    assert done.returncode == 0, done.stderr
    assert "ada is taken back: 2 steps." in done.stdout
    assert content(service, "report.txt") == b"content"
    again = service.run(*command, "--yes", secrets=SECRET)
    assert again.returncode == 0 and "nothing was changed" in again.stdout


def test_a_space_is_made_read_only_and_writable_by_hand(tmp_path: Path) -> None:
    """`space list` tells; what is so already is refused."""
    service = make_service(tmp_path)
    assert service.run("space", "read-only", "ada").returncode == 0
    assert service.json("space", "list")[0]["read-only"] is True
    assert service.run("space", "read-only", "ada").returncode == 1
    assert service.run("space", "writable", "ada", "--as", "ada", secrets=SECRET).returncode == 0
    assert service.json("space", "list")[0]["read-only"] is False
