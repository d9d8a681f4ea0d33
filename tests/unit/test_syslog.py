"""Syslog: the message's form, what no value can do to it, and the three ways it goes."""

import contextlib
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docstopd.daemon.setup import make_certificate
from docstopd.errors import Failed
from docstopd.senders.syslog import Message, Receiver, Severity, encode

MESSAGE = Message(1_700_000_000_123_456, Severity.WARNING, "sign-in", {"outcome": "refused", "user": "ada"})
FORM = re.compile(
    r"<(\d{1,3})>1 (\S+) (\S{1,255}) (\S{1,48}) (\S{1,128}) (\S{1,32})"
    r' \[docstopd@32473((?: [!-<>-Z^-~]{1,32}="(?:[^"\\\]]|\\["\\\]])*")*)\] (.*)',
    re.DOTALL,
)
VALUE = re.compile(r' ([^= "\]]+)="((?:[^"\\\]]|\\["\\\]])*)"')


def test_a_message_has_the_form_of_rfc_5424() -> None:
    """Header, structured data, text."""
    assert encode(MESSAGE, "host.example", 7).decode() == (
        "<84>1 2023-11-14T22:13:20.123456Z host.example docstopd 7 sign-in"
        ' [docstopd@32473 outcome="refused" user="ada"] sign-in: outcome="refused" user="ada"'
    )


@given(st.dictionaries(st.sampled_from(["user", "address", "what"]), st.text(), min_size=1))
def test_no_value_can_end_itself_or_the_line(fields: dict[str, str]) -> None:
    """Whatever it holds, a reader gets each field with its own value, on one line."""
    encoded = encode(Message(0, Severity.INFO, "x", fields), "h", 1).decode()
    match = FORM.fullmatch(encoded)
    assert match is not None
    assert "\n" not in encoded and "\r" not in encoded and "\0" not in encoded
    assert [name for name, _ in VALUE.findall(match[7])] == list(fields)
    assert [name for name, _ in VALUE.findall(match[8])] == list(fields)


class Collected:
    """A receiver of one protocol, and the messages that it read."""

    def __init__(self, protocol: str, context: ssl.SSLContext | None = None) -> None:
        self.got: list[str] = []
        self._context = context
        self._socket = socket.socket(type=socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        self._peers: list[socket.socket] = []
        if protocol != "udp":
            self._socket.listen()
        threading.Thread(target=self._datagrams if protocol == "udp" else self._streams, daemon=True).start()

    def _datagrams(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                self.got.append(self._socket.recv(65_536).decode())

    def _streams(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                peer = self._socket.accept()[0]
                with contextlib.suppress(OSError, ValueError):
                    self._read(peer)

    def _read(self, peer: socket.socket) -> None:
        if self._context is not None:
            peer = self._context.wrap_socket(peer, server_side=True)
        self._peers.append(peer)
        with peer, peer.makefile("rb") as file:
            while True:
                length = b""
                while (digit := file.read(1)) != b" ":
                    if not digit:
                        return
                    length += digit
                self.got.append(file.read(int(length)).decode())

    def hang_up(self) -> None:
        for peer in self._peers:
            with contextlib.suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self.hang_up()

    def wait(self, count: int) -> list[str]:
        deadline = time.monotonic() + 10
        while len(self.got) < count and time.monotonic() < deadline:
            time.sleep(0.01)
        return self.got


@pytest.fixture
def collect() -> Iterator[Callable[..., Collected]]:
    made: list[Collected] = []

    def new(protocol: str, context: ssl.SSLContext | None = None) -> Collected:
        made.append(Collected(protocol, context))
        return made[-1]

    yield new
    for one in made:
        one.close()


@pytest.fixture
def tls(tmp_path: Path) -> tuple[ssl.SSLContext, Path]:
    files = make_certificate(tmp_path, ["localhost", "127.0.0.1"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    return context, files.certificate


@pytest.mark.parametrize("protocol", ["udp", "tcp", "tls"])
def test_messages_arrive(protocol: str, collect: Callable[..., Collected], tls: tuple[ssl.SSLContext, Path]) -> None:
    """Whole, in order, each by itself."""
    far = collect(protocol, tls[0] if protocol == "tls" else None)
    receiver = Receiver(protocol, "127.0.0.1", far.port, tls[1], 7)
    receiver.send([MESSAGE, MESSAGE])
    receiver.check()
    receiver.send([MESSAGE])
    got = far.wait(3)
    assert len(got) == 3
    assert all(FORM.fullmatch(message) for message in got)
    receiver.close()


def test_a_receiver_with_another_certificate_gets_nothing(
    collect: Callable[..., Collected], tls: tuple[ssl.SSLContext, Path], tmp_path: Path
) -> None:
    """Neither one that nobody vouches for, nor one of another name."""
    far = collect("tls", tls[0])
    stranger = make_certificate(tmp_path / "other", ["localhost"])
    for authority, host in ((stranger.certificate, "127.0.0.1"), (None, "127.0.0.1")):
        with pytest.raises(Failed, match="TLS"):
            Receiver("tls", host, far.port, authority, 7).send([MESSAGE])
    assert far.got == []


def test_a_receiver_that_is_gone_is_found(collect: Callable[..., Collected]) -> None:
    """At once when nobody listens, at the next look when it hangs up; then the next message connects anew."""
    far = collect("tcp")
    receiver = Receiver("tcp", "127.0.0.1", far.port, None, 7)
    receiver.send([MESSAGE])
    far.wait(1)
    far.hang_up()

    def look() -> None:
        for _ in range(200):
            receiver.check()
            time.sleep(0.01)

    with pytest.raises(Failed):
        look()
    receiver.send([MESSAGE])
    assert len(far.wait(2)) == 2
    receiver.close()
    far.close()
    with pytest.raises(Failed, match="cannot be reached"):
        Receiver("tcp", "127.0.0.1", far.port, None, 7).send([MESSAGE])
