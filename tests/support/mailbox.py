"""A real mail server on this machine: aiosmtpd, which takes nothing without TLS, and wants a user and a password."""

import contextlib
import email
import email.policy
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope

from docstopd.daemon.setup import make_certificate
from docstopd.senders.mail import MailServer


@dataclass
class Mailbox:
    """What a mail server took. `refused`: addresses that it does not take mail for."""

    port: int
    authority: Path
    certificate: Path
    key: Path
    envelopes: list[Envelope] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)

    def server(self, **more: Any) -> MailServer:
        given: dict[str, Any] = {
            "encryption": "starttls",
            "sender": "docstopd@example.org",
            "authority": self.authority,
        }
        return MailServer("127.0.0.1", self.port, **(given | more))

    def mails(self) -> list[EmailMessage]:
        """What was taken, in order."""
        contents = [envelope.content for envelope in self.envelopes]
        policy = email.policy.default
        return [email.message_from_bytes(c, policy=policy) for c in contents if isinstance(c, bytes)]

    def told(self) -> list[tuple[str, str]]:
        """(to whom, subject) of each."""
        return [(str(mail["To"]), str(mail["Subject"])) for mail in self.mails()]


def make_mailbox(folder: Path) -> Mailbox:
    """A mailbox whose server does not run yet."""
    files = make_certificate(folder, ["localhost", "127.0.0.1"])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    return Mailbox(port, files.certificate, files.certificate, files.key)


@contextlib.contextmanager
def serving(box: Mailbox, encryption: str) -> Iterator[Mailbox]:
    """Run the server; `encryption` as the configuration has it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(box.certificate, box.key)

    class Handler:
        async def handle_RCPT(self, _server: SMTP, _session: Any, envelope: Envelope, address: str, _o: Any) -> str:
            if address in box.refused:
                return "550 no such mailbox"
            envelope.rcpt_tos.append(address)
            return "250 yes"

        async def handle_DATA(self, server: SMTP, session: Any, envelope: Envelope) -> str:
            box.envelopes.append(envelope)
            box.encrypted.append(session.ssl is not None or server.transport.get_extra_info("sslcontext") is not None)
            return "250 taken"

    def authenticate(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=(data.login, data.password) == (b"audit", b"mail secret"), handled=False)

    implicit = encryption == "tls"
    controller = Controller(
        Handler(),
        hostname="127.0.0.1",
        port=box.port,
        ssl_context=context if implicit else None,
        tls_context=None if implicit else context,
        require_starttls=not implicit,
        authenticator=authenticate,
        auth_required=True,
        auth_require_tls=not implicit,
    )
    # Its own look whether it serves uses the server's context as a client's, which Python refuses.
    controller._trigger_server = lambda: socket.create_connection(("127.0.0.1", box.port)).close()  # type: ignore[method-assign]
    controller.start()
    try:
        yield box
    finally:
        controller.stop()
