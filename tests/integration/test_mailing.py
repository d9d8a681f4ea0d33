"""Notifications reach people by a real mail server, from a real keeper."""

import time
from collections.abc import Callable
from mailbox import Mailbox, make_mailbox, serving
from pathlib import Path

import apsw
import pytest
from configured import configured
from service import run
from vaults import PASSWORD, Bench, open_bench

from docstopd.errors import Failed
from docstopd.model import Role
from docstopd.vault import Policy
from docstopd.vault.notifications import NotifyPolicy, To

PATIENCE = 120.0

pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH")  # TLS from the first byte is TLS


def secret(folder: Path) -> Path:
    path = folder / "mail-password"
    path.write_text("mail secret\n")
    return path


def until(said: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not said():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.2)


def looks_at_the_journal(data: Path) -> bool:
    """Whether the keeper knows from where on it tells."""
    connection = apsw.Connection(str(data / "catalog.db"))
    try:
        return connection.execute("SELECT 1 FROM marks WHERE name = 'notified'").fetchone() is not None
    finally:
        connection.close()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    folder = tmp_path / "data"
    folder.mkdir()
    made = open_bench(folder, Policy(notify=NotifyPolicy(to={"credential": To.BOTH})))
    made.account("root", Role.ADMIN)
    made.account("ada")
    made.vault.notifications.take()
    return made


@pytest.mark.parametrize("encryption", ["starttls", "tls"])
def test_mails_go_by_tls_and_one_refused_address_holds_no_other_up(
    bench: Bench, tmp_path: Path, encryption: str
) -> None:
    """Once it is taken, it comes."""
    box = make_mailbox(tmp_path / "tls")
    server = box.server(encryption=encryption, user="audit", password=secret(tmp_path))
    ada = bench.vault.sessions.sign_in("ada", PASSWORD)
    bench.vault.accounts.add_app_password(ada, PASSWORD, "laptop", None)
    bench.vault.notifications.take()
    with pytest.raises(Failed):  # nobody is there
        bench.vault.notifications.deliver(server.send)
    bench.clock.advance(600)
    with serving(box, encryption):
        box.refused = {"root@example.org"}
        with pytest.raises(Failed):
            for _ in range(3):
                bench.vault.notifications.deliver(server.send)
        bench.vault.notifications.deliver(server.send)
        assert box.told() == [("ada@example.org", "docstopd: a new app password")]
        box.refused = set()
        bench.clock.advance(3600)
        bench.vault.notifications.deliver(server.send)
    assert sorted(to for to, _ in box.told()) == ["ada@example.org", "root@example.org"]
    assert all(box.encrypted)
    assert all(mail["Auto-Submitted"] == "auto-generated" for mail in box.mails())
    bench.vault.close()


def test_a_daemon_tells_the_user_of_a_new_app_password_though_the_server_was_down(tmp_path: Path) -> None:
    """Within a minute of the server's return."""
    box: Mailbox = make_mailbox(tmp_path / "tls")
    mail = {
        "host": "127.0.0.1", "port": box.port, "authority": str(box.authority), "user": "audit",
        "password": str(secret(tmp_path)), "sender": "docstopd@example.org",
    }  # fmt: skip
    folder = tmp_path / "service"
    folder.mkdir()
    with configured(folder, mail=mail) as running:
        new = run("user", "add", "bob", "--email", "bob@example.org", secrets=(PASSWORD,), config=running.config)
        assert new.returncode == 0, new.stderr
        until(lambda: looks_at_the_journal(running.data))
        made = run("user", "app-password", "add", "bob", secrets=(PASSWORD,), config=running.config)
        assert made.returncode == 0, made.stderr
        until(lambda: "mails wait to be sent" in running.log())
        with serving(box, "starttls"):
            until(lambda: ("bob@example.org", "docstopd: a new app password") in box.told())
