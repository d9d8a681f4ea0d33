"""Syslog: messages (RFC 5424) over UDP (RFC 5426), TCP with counted octets (RFC 6587) and TLS (RFC 5425)."""

import datetime
import socket
import ssl
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from docstopd.errors import Failed
from docstopd.model import SECOND, Micros

TIMEOUT = 10.0
_AUTHPRIV = 10
_DATA_ID = "docstopd@32473"
"""The number is the one for examples (RFC 5612), until there is one of our own."""
_LAST_WORDS = 2.0


class Severity(IntEnum):
    """Of RFC 5424, those that are used."""

    ERROR = 3
    WARNING = 4
    NOTICE = 5
    INFO = 6


@dataclass(frozen=True, slots=True)
class Message:
    """One message. `fields` are in it twice: as structured data, and as `name="value"` in the text, in this order."""

    time: Micros
    severity: Severity
    kind: str
    fields: Mapping[str, str]


def encode(message: Message, host: str, process: int) -> bytes:
    """The message as RFC 5424 has it. No value can end itself: quotes, backslashes, brackets, controls are escaped."""
    moment = datetime.datetime.fromtimestamp(message.time // SECOND, datetime.UTC)
    stamp = f"{moment:%Y-%m-%dT%H:%M:%S}.{message.time % SECOND:06d}Z"
    fields = "".join(f' {name}="{_escaped(value)}"' for name, value in message.fields.items())
    priority, kind = _AUTHPRIV * 8 + message.severity, _word(message.kind, 32)
    head = f"<{priority}>1 {stamp} {_word(host, 255)} docstopd {process} {kind}"
    return f"{head} [{_DATA_ID}{fields}] {kind}:{fields}".encode()


def _escaped(value: str) -> str:
    shown = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in value)
    return "".join(f"\\{letter}" if letter in '"\\]' else letter for letter in shown)


def _word(text: str, most: int) -> str:
    """A header field: printable ASCII without blanks."""
    return "".join(letter for letter in text if "!" <= letter <= "~")[:most] or "-"


class Receiver:
    """Where messages go; connects when there is something to send. For one thread."""

    def __init__(self, protocol: str, host: str, port: int, authority: Path | None, process: int) -> None:
        self._protocol = protocol
        self._place = (host, port)
        self._authority = authority
        self._process = process
        self._name = socket.gethostname()
        self._socket: socket.socket | None = None

    def send(self, messages: Sequence[Message]) -> None:
        """Hand messages to the system's network; syslog has no answer. Raises `Failed`: some may have been sent."""
        try:
            if self._socket is None:
                self._socket = self._connected()
            for message in messages:
                content = encode(message, self._name, self._process)
                framed = content if self._protocol == "udp" else f"{len(content)} ".encode() + content
                self._socket.sendall(framed)
        except OSError as error:
            self._drop()
            raise self._failed(error) from None

    def check(self) -> None:
        """Raises `Failed` when the receiver has closed the connection: what was sent lately may not have arrived."""
        if self._socket is None or self._protocol == "udp":
            return
        try:
            self._socket.setblocking(False)
            try:
                gone = self._socket.recv(4096) == b""
            except (BlockingIOError, ssl.SSLWantReadError):
                gone = False
            finally:
                self._socket.settimeout(TIMEOUT)
        except OSError as error:
            self._drop()
            raise self._failed(error) from None
        if gone:
            self._drop()
            raise Failed(f"the syslog receiver {self._place[0]} closed the connection")

    def close(self) -> None:
        """End the connection and wait a moment for the other side to end it too: then it has read everything."""
        if self._socket is not None and self._protocol == "tcp":
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_WR)
                self._socket.settimeout(_LAST_WORDS)
                while self._socket.recv(4096):
                    pass
        self._drop()

    def _connected(self) -> socket.socket:
        if self._protocol == "udp":
            family, kind, number, _, address = socket.getaddrinfo(*self._place, type=socket.SOCK_DGRAM)[0]
            datagrams = socket.socket(family, kind, number)
            datagrams.connect(address)
            return datagrams
        stream = socket.create_connection(self._place, timeout=TIMEOUT)
        if self._protocol == "tcp":
            return stream
        try:
            context = ssl.create_default_context(cafile=None if self._authority is None else str(self._authority))
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            return context.wrap_socket(stream, server_hostname=self._place[0])
        except BaseException:
            stream.close()
            raise

    def _drop(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _failed(self, error: OSError) -> Failed:
        reason = f"TLS: {error.reason}" if isinstance(error, ssl.SSLError) else error.strerror or type(error).__name__
        return Failed(f"the syslog receiver {self._place[0]} cannot be reached ({reason})")
