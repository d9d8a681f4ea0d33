"""Mail by SMTP (RFC 5321), submitted with TLS (RFC 8314) or to this machine."""

import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import localtime, make_msgid
from pathlib import Path
from typing import Literal

from docstopd.errors import Failed

TIMEOUT = 30.0


@dataclass(frozen=True, slots=True)
class MailServer:
    """Who takes our mail. `password` is a file; `authority` a PEM file, None for those that the system trusts."""

    host: str
    port: int
    encryption: Literal["starttls", "tls", "none"]
    sender: str
    user: str | None = None
    password: Path | None = None
    authority: Path | None = None

    def send(self, to: Sequence[str], subject: str, text: str) -> None:
        """Hand one mail over; the server has taken it when this returns. Raises `Failed`."""
        message = EmailMessage()
        message["From"] = self.sender
        message["To"] = ", ".join(to)
        message["Subject"] = subject
        message["Date"] = localtime()
        message["Message-ID"] = make_msgid(domain=self.sender.rpartition("@")[2])
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no answers by machines
        message.set_content(text)
        try:
            with self._connected() as smtp:
                if self.user is not None:
                    smtp.login(self.user, self._password())
                refused = smtp.send_message(message)
        except (smtplib.SMTPException, OSError, ValueError) as error:
            raise Failed(f"the mail server {self.host} did not take the mail ({_reason(error)})") from None
        if refused:
            raise Failed(f"the mail server {self.host} refused {len(refused)} of {len(to)} addresses")

    def _connected(self) -> smtplib.SMTP:
        if self.encryption == "tls":
            return smtplib.SMTP_SSL(self.host, self.port, timeout=TIMEOUT, context=self._context())
        smtp = smtplib.SMTP(self.host, self.port, timeout=TIMEOUT)
        try:
            if self.encryption == "starttls":
                smtp.starttls(context=self._context())
        except BaseException:
            smtp.close()
            raise
        return smtp

    def _context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=None if self.authority is None else str(self.authority))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context

    def _password(self) -> str:
        if self.password is None:
            return ""
        return self.password.read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")


def _reason(error: Exception) -> str:
    """What went wrong, without what a server may have sent back of ours."""
    match error:
        case smtplib.SMTPAuthenticationError():
            return "it refused the user or the password"
        case smtplib.SMTPResponseException():
            return f"it answered {error.smtp_code}"
        case smtplib.SMTPRecipientsRefused():
            return "it refused every address"
        case ssl.SSLError():
            return f"TLS: {error.reason}"
        case OSError():
            return error.strerror or type(error).__name__
        case _:
            return type(error).__name__
