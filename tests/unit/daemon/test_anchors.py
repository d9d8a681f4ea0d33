"""Anchors of checkpoints: a second folder and mail, by a real mail server with TLS."""

import email
import email.policy
from collections.abc import Iterator
from dataclasses import replace
from mailbox import Mailbox, make_mailbox, serving
from pathlib import Path

import pytest
from vaults import Bench, open_bench

from docstopd.config import Config
from docstopd.daemon.anchors import anchors_of
from docstopd.daemon.setup import make_certificate
from docstopd.errors import Damaged, Failed
from docstopd.vault import Vault
from docstopd.vault.progress import SILENT


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    folder = tmp_path / "data"
    folder.mkdir()
    opened = open_bench(folder)
    opened.account("ada")
    yield opened
    opened.vault.close()


@pytest.fixture(params=["starttls", "tls"])
def mailbox(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Mailbox]:
    with serving(make_mailbox(tmp_path / "tls"), request.param) as box:
        yield box


def config_of(bench: Bench, mailbox: Mailbox, tmp_path: Path, encryption: str) -> Config:
    secret = tmp_path / "mail-password"
    secret.write_text("mail secret\n")
    return Config.model_validate(
        {
            "data": str(bench.folder),
            "mail": {
                "host": "127.0.0.1", "port": mailbox.port, "encryption": encryption, "user": "audit",
                "password": str(secret), "authority": str(mailbox.authority), "sender": "docstopd@example.org",
            },
            "audit": {"mail_to": ["auditor@example.org", "second@example.org"]},
        }
    )  # fmt: skip


@pytest.mark.filterwarnings("ignore:Requiring AUTH")  # aiosmtpd does not know that TLS from the first byte is TLS
def test_a_checkpoint_is_mailed_once_and_proves_itself(
    bench: Bench, mailbox: Mailbox, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Over TLS; the mail's text is enough for `audit verify --note`."""
    step = anchors_of(config_of(bench, mailbox, tmp_path, request.node.callspec.params["mailbox"]), bench.vault)["mail"]
    assert step(SILENT, False) == {"mail": False}
    bench.vault.checkpoints.sign()
    assert step(SILENT, True) == {}
    assert step(SILENT, False) == {"mail": True}
    assert step(SILENT, False) == {"mail": False}
    (envelope,) = mailbox.envelopes
    assert mailbox.encrypted == [True]
    assert envelope.rcpt_tos == ["auditor@example.org", "second@example.org"]
    content: bytes = envelope.content  # type: ignore[assignment]
    message = email.message_from_bytes(content, policy=email.policy.default)
    text = message.get_content().replace("\r\n", "\n")
    newest = bench.vault.checkpoints.newest()
    assert newest is not None and newest.note in text
    assert bench.vault.audit.verify(notes=[newest.note]).whole


@pytest.mark.parametrize("mailbox", ["starttls"], indirect=True)
def test_mail_that_cannot_be_sent_safely_is_not_sent(mailbox: Mailbox, tmp_path: Path) -> None:
    """A stranger's certificate, a wrong password; no secret is in the message."""
    stranger = make_certificate(tmp_path / "other", ["127.0.0.1"]).certificate
    wrong = tmp_path / "wrong"
    wrong.write_text("wrong secret")
    for server, reason in (
        (mailbox.server(authority=stranger), "TLS"),
        (mailbox.server(user="audit", password=wrong), "refused the user or the password"),
        (mailbox.server(), "answered 530"),
        (replace(mailbox.server(), port=1), "refused"),
    ):
        with pytest.raises(Failed, match=reason) as failed:
            server.send(["auditor@example.org"], "x", "y")
        assert "secret" not in str(failed.value)
    assert mailbox.envelopes == []


def test_the_copy_follows_the_file_and_tells_when_one_was_changed(bench: Bench, tmp_path: Path) -> None:
    """It is brought up to date, however many checkpoints it missed."""
    elsewhere = tmp_path / "elsewhere"
    with pytest.raises(Failed, match="no folder"):
        bench.vault.checkpoints.copy_to(elsewhere)
    elsewhere.mkdir()
    copy, file = elsewhere / "checkpoints", bench.folder / "checkpoints"
    for number in range(4):
        bench.account(f"user{number}")
        bench.vault.checkpoints.sign()
        if number % 2:
            assert bench.vault.checkpoints.copy_to(elsewhere) == {"copied": 2}
            assert copy.read_bytes() == file.read_bytes()
    with copy.open("ab") as torn:
        torn.write(b'{"note":"half')
    assert bench.vault.checkpoints.copy_to(elsewhere) == {"copied": 0}
    assert copy.read_bytes() == file.read_bytes()
    lines = file.read_bytes().splitlines(keepends=True)
    for changed in (lines[:-1], [lines[1], *lines[1:]]):
        file.write_bytes(b"".join(changed))
        with pytest.raises(Damaged):
            bench.vault.checkpoints.copy_to(elsewhere)


def test_a_journal_that_was_cut_with_its_checkpoints_is_found_by_the_anchors(bench: Bench, tmp_path: Path) -> None:
    """By the copy in the other folder, and by a note alone."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    bench.vault.checkpoints.sign()
    early = (bench.folder / "checkpoints").read_bytes()
    last = len(bench.actions(b"system"))
    bench.vault.accounts.set_enabled("ada", enabled=True)
    bench.vault.checkpoints.sign()
    bench.vault.checkpoints.copy_to(elsewhere)
    newest = bench.vault.checkpoints.newest()
    assert newest is not None
    bench.edit("DELETE FROM journal WHERE stream = ? AND seq > ?", b"system", last)
    (digest,) = bench.rows("SELECT hash FROM journal WHERE stream = ? AND seq = ?", b"system", last)[0]
    bench.edit("UPDATE heads SET seq = ?, hash = ? WHERE stream = ?", last, digest, b"system")
    (bench.folder / "checkpoints").write_bytes(early)
    assert bench.vault.audit.verify().whole  # all that lies on this disk agrees
    assert not bench.vault.audit.verify(notes=[newest.note]).whole
    found = bench.vault.audit.verify(beside=[elsewhere / "checkpoints"])
    assert [(one.stream, one.seq) for one in found.damaged] == [(b"system", last + 1)]
    configured = Vault(replace(bench.stores, checkpoint_copies=(elsewhere / "checkpoints",)), bench.policy)
    assert not configured.audit.verify().whole
    with pytest.raises(Damaged):
        configured.audit.run(SILENT, False)


def test_a_note_of_another_service_is_refused(bench: Bench) -> None:
    """It says nothing about this journal."""
    bench.vault.checkpoints.sign()
    newest = bench.vault.checkpoints.newest()
    assert newest is not None
    with pytest.raises(Damaged):
        bench.vault.audit.verify(notes=[newest.note.replace("entries ", "entries 1")])
