"""Where checkpoints go beside the data folder: steps of the checkpoint job."""

import json
import os
from collections.abc import Callable

from docstopd.config import Config
from docstopd.daemon.forwarder import receiver_of
from docstopd.jobs.job import Work
from docstopd.senders.mail import MailServer
from docstopd.senders.syslog import Message, Severity
from docstopd.vault import Vault
from docstopd.vault.audit.checkpoints import Checkpoint
from docstopd.vault.moment import shown
from docstopd.vault.progress import Progress, Report

_MAIL = """This is a checkpoint of the journal of docstopd: it says where every stream of the journal ended.

Keep this mail. Should the journal or its checkpoints be rewritten later, then
    docstopd audit verify --note FILE
with the lines below in FILE shows it. docs/audit.md says more.

{note}"""


def anchors_of(config: Config, vault: Vault) -> dict[str, Work]:
    """The steps that the configuration asks for, after the signing."""
    steps: dict[str, Work] = {}
    folder = config.audit.copy_to
    if folder is not None:
        steps["copy"] = lambda _progress, dry: {} if dry else vault.checkpoints.copy_to(folder)
    server = mail_server_of(config)
    if server is not None and config.audit.mail_to:
        steps["mail"] = _telling(vault, "mail", lambda found: _mail(server, config.audit.mail_to, found))
    if config.audit.syslog is not None:
        steps["syslog"] = _telling(vault, "syslog", lambda found: _syslog(config, found))
    return steps


def mail_server_of(config: Config) -> MailServer | None:
    """Who takes our mail, None where there is no mail."""
    mail = config.mail
    if mail.host is None:
        return None
    password = None if mail.password is None else mail.password.locate(os.environ)
    return MailServer(mail.host, mail.port, mail.encryption, mail.sender, mail.user, password, mail.authority)


def _telling(vault: Vault, name: str, send: Callable[[Checkpoint], None]) -> Work:
    def step(_progress: Progress, dry: bool) -> Report:
        return {} if dry else {name: vault.checkpoints.tell(name, send)}

    return step


def _mail(server: MailServer, to: tuple[str, ...], found: Checkpoint) -> None:
    server.send(to, f"docstopd checkpoint of {shown(found.time)}", _MAIL.format(note=found.note))


def _syslog(config: Config, found: Checkpoint) -> None:
    receiver = receiver_of(config)
    assert receiver is not None
    try:
        fields = {"entries": str(found.entries), "note": json.dumps(found.note)}
        receiver.send([Message(found.time, Severity.NOTICE, "checkpoint", fields)])
    finally:
        receiver.close()
