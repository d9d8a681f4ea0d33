"""The sections of what goes outside: mail, and the audit with its anchors and its syslog."""

import re
from ipaddress import ip_address
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from docstopd.config.duration import Duration
from docstopd.config.place import AbsolutePath, SecretFilePlace
from docstopd.config.sections import Section

_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?", re.ASCII)
_MAILBOX = re.compile(r"[^\s@<>,;:\\\"()\[\]]{1,64}@[^\s@<>,;:\\\"()\[\]]{1,255}")
_PORTS = {"udp": 514, "tcp": 601, "tls": 6514}


def _checked_host(host: str) -> str:
    try:
        ip_address(host)
    except ValueError:
        if not _HOST.fullmatch(host):
            raise PydanticCustomError("host", "is not a host; write a name or an IP address") from None
    return host


def _checked_mailbox(text: str) -> str:
    if not text.isprintable() or not _MAILBOX.fullmatch(text):
        raise PydanticCustomError("mailbox", "is not an e-mail address; write one such as audit@example.org")
    return text


def _checked_syslog(text: str) -> str:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in _PORTS or not parts.hostname or parts.path or parts.query or parts.username or port == 0:
        raise PydanticCustomError(
            "syslog", "is not a syslog receiver; write udp://HOST:PORT, tcp://HOST:PORT or tls://HOST:PORT"
        )
    return text


def syslog_parts(address: str) -> tuple[str, str, int]:
    """Protocol, host and port of a checked address; without a port the protocol's own."""
    parts = urlsplit(address)
    assert parts.hostname is not None
    return parts.scheme, parts.hostname, parts.port or _PORTS[parts.scheme]


Host = Annotated[str, AfterValidator(_checked_host)]
Mailbox = Annotated[str, AfterValidator(_checked_mailbox)]
SyslogAddress = Annotated[str, AfterValidator(_checked_syslog)]


class MailConfig(Section):
    """The mail server that takes what docstopd sends."""

    host: Host | None = Field(default=None, description="The mail server; null for no mail at all.")
    port: int = Field(default=587, ge=1, le=65535, description="Its TCP port.")
    encryption: Literal["starttls", "tls", "none"] = Field(
        default="starttls",
        description="starttls (port 587), tls from the first byte (port 465), or none, to this machine only.",
    )
    authority: AbsolutePath | None = Field(
        default=None, description="PEM file of who must have signed its certificate; null for those the system trusts."
    )
    user: str | None = Field(default=None, min_length=1, description="The name to sign in with; null for none.")
    password: SecretFilePlace | None = Field(
        default=None, validate_default=True, description="File of the password, or credential:NAME."
    )
    sender: Mailbox = Field(default="docstopd@localhost", description="From whom the mails are.")

    @field_validator("encryption")
    @classmethod
    def _cleartext_stays_here(cls, encryption: str, info: ValidationInfo) -> str:
        if encryption == "none" and info.data.get("host") not in (None, "localhost", "127.0.0.1", "::1"):
            raise PydanticCustomError(
                "mail", "is none, and mail.host is another machine; write starttls or tls, or mail to 127.0.0.1"
            )
        return encryption

    @field_validator("password")
    @classmethod
    def _both_or_none(cls, password: object, info: ValidationInfo) -> object:
        if "user" in info.data and (password is None) != (info.data["user"] is None):
            raise PydanticCustomError("mail", "goes with mail.user; write both or none")
        return password


class AuditConfig(Section):
    """What is journalled beside every change, and where proofs and copies of the journal go."""

    reads: bool = Field(default=True, description="Whether the journal says who read which file.")
    read_window: Duration = Field(
        default=Duration(60),
        ge=Duration(1),
        le=Duration(86_400),
        description="Reads of one content with one credential from one address within this time are one entry.",
    )
    copy_to: AbsolutePath | None = Field(
        default=None, description="Folder elsewhere to which each checkpoint is appended too; null for none."
    )
    mail_to: tuple[Mailbox, ...] = Field(
        default=(), strict=False, description="Who gets each checkpoint by mail; needs mail.host."
    )
    syslog: SyslogAddress | None = Field(
        default=None,
        description="Where entries and checkpoints are forwarded: udp://HOST:PORT, tcp://HOST:PORT or tls://HOST:PORT.",
    )
    syslog_authority: AbsolutePath | None = Field(
        default=None, description="PEM file of who must have signed the receiver's certificate; null for the system's."
    )
    syslog_streams: Literal["system", "all"] = Field(
        default="system", description="Which entries: those of the system, or those of all spaces too."
    )
    syslog_details: bool = Field(
        default=False,
        description="Whether user names, and the addresses of sign-ins, are forwarded in clear; fail2ban needs that.",
    )
