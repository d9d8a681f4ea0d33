"""The server on a real socket: in step after every error, bounded in memory and patience."""

import contextlib
import os
import re
import resource
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from docstopd.errors import ConfigurationError, IncompleteBody, StateUnknown
from docstopd.http import Server, Settings, tls_context

GET = b"GET /echo HTTP/1.1\r\nHost: a\r\n\r\n"
SETTINGS = Settings(threads=3, header_timeout=2.0, body_timeout=2.0, keep_alive=5.0)


class App:
    """Echoes; /refuse answers without reading; the rest is named for what it does."""

    def __init__(self) -> None:
        self.stored: list[bytes] = []
        self.incomplete = 0
        self.environs: list[dict[str, Any]] = []

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[Any]:
        self.environs.append(environ)
        return getattr(self, "do_" + environ["PATH_INFO"].strip("/"))(environ, start)

    def do_echo(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        try:
            body = environ["wsgi.input"].read()
        except IncompleteBody:
            self.incomplete += 1
            start("400 Bad Request", [("Content-Length", "0")])
            return []
        self.stored.append(body)
        start("200 OK", [])
        return [b"<" + body + b">"]

    def do_refuse(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        start("401 Unauthorized", [("Content-Length", "6")])
        return [b"whoami"]

    def do_big(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        start("200 OK", [("Content-Length", str(64 * 2**20))])
        return (memoryview(bytes(2**18)) for _ in range(256))

    def do_sleep(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        time.sleep(0.5)
        start("200 OK", [])
        return [b"slept"]

    def do_stream(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        start("200 OK", [])
        yield b"a"
        yield b"b"

    def do_raise(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        raise FileNotFoundError("secret-path")

    def do_late(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        start("200 OK", [])
        yield b"begun"
        raise RuntimeError("oops")

    def do_unknown(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        raise StateUnknown("fsync failed")


class Running:
    """A server in a thread."""

    def __init__(self, settings: Settings, tls: ssl.SSLContext | None = None) -> None:
        self.app = App()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self.listener.getsockname()[1]
        self.server = Server(self.listener, self.app, settings, tls)
        self.failure: BaseException | None = None
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def _serve(self) -> None:
        try:
            self.server.serve()
        except StateUnknown as error:
            self.failure = error

    def connect(self) -> "Peer":
        return Peer(socket.create_connection(("127.0.0.1", self.port), timeout=10))

    def close(self, grace: float = 1.0) -> None:
        self.server.stop(grace)
        self.thread.join(10)
        assert not self.thread.is_alive()
        self.listener.close()


class Peer:
    """A client that reads responses by their framing."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.data = bytearray()

    def __enter__(self) -> "Peer":
        return self

    def __exit__(self, *exc: object) -> None:
        self.sock.close()

    def send(self, data: bytes) -> "Peer":
        self.sock.sendall(data)
        return self

    def _more(self) -> None:
        more = self.sock.recv(2**20)
        if not more:
            raise EOFError(bytes(self.data[-100:]))
        self.data += more

    def head(self) -> tuple[int, str]:
        while b"\r\n\r\n" not in self.data:
            self._more()
        head, _, self.data = self.data.partition(b"\r\n\r\n")
        return int(head[9:12]), head.decode("latin-1")

    def response(self) -> tuple[int, bytes]:
        status, head = self.head()
        length = re.search(r"(?i)content-length: (\d+)", head)
        if length is None:
            while not self.data.endswith(b"0\r\n\r\n"):
                self._more()
            body, self.data = self.data, bytearray()
            return status, bytes(body)
        while len(self.data) < int(length[1]):
            self._more()
        body, self.data = self.data[: int(length[1])], self.data[int(length[1]) :]
        return status, bytes(body)

    def closed(self) -> bool:
        with contextlib.suppress(ConnectionResetError):
            return self.sock.recv(1) == b""
        return True


@pytest.fixture
def running() -> Iterator[Running]:
    """A server of three threads."""
    server = Running(SETTINGS)
    try:
        yield server
    finally:
        server.close()


@contextlib.contextmanager
def serving(settings: Settings, tls: ssl.SSLContext | None = None) -> Iterator[Running]:
    server = Running(settings, tls)
    try:
        yield server
    finally:
        server.close()


def put(body: bytes, *fields: bytes, path: bytes = b"/echo") -> bytes:
    lines = [b"PUT " + path + b" HTTP/1.1", b"Host: a", *fields]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


CHUNKED = b"Transfer-Encoding: chunked"


def test_requests_follow_each_other_on_one_connection(running: Running) -> None:
    """With bodies of both framings between them."""
    with running.connect() as peer:
        for _ in range(3):
            assert peer.send(GET).response() == (200, b"<>")
            assert peer.send(put(b"abc", b"Content-Length: 3")).response() == (200, b"<abc>")
            wire = b"2;x=y\r\nab\r\n1\r\nc\r\n0\r\nX-Trailer: 1\r\n\r\n"
            assert peer.send(put(wire, CHUNKED)).response() == (200, b"<abc>")


def test_pipelined_requests_are_answered_in_order(running: Running) -> None:
    """Sent all at once."""
    with running.connect() as peer:
        peer.send(b"".join(put(b"%04d" % n, b"Content-Length: 4") for n in range(100)))
        assert [peer.response()[1] for _ in range(100)] == [b"<%04d>" % n for n in range(100)]


def test_a_request_may_arrive_byte_by_byte(running: Running) -> None:
    """Each in its own packet."""
    with running.connect() as peer:
        peer.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in put(b"3\r\nabc\r\n0\r\n\r\n", CHUNKED):
            peer.send(bytes([byte]))
        assert peer.response() == (200, b"<abc>")


FRAMING = {
    "length and chunked": put(b"0\r\n\r\n", b"Content-Length: 5", CHUNKED),
    "two lengths": put(b"abc", b"Content-Length: 3", b"Content-Length: 4"),
    "signed length": put(b"abc", b"Content-Length: +3"),
    "length with underscore": put(b"0123456789", b"Content-Length: 1_0"),
    "space before the colon": put(b"abc", b"Content-Length : 3"),
    "chunked twice": put(b"0\r\n\r\n", b"Transfer-Encoding: chunked, chunked"),
    "unknown coding": put(b"0\r\n\r\n", b"Transfer-Encoding: gzip, chunked"),
    "no host": b"GET /echo HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /echo HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
    "folded": b"GET /echo HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n",
    "bare line feeds": b"GET /echo HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
    "http 0.9": b"GET /echo\r\n\r\n",
    "http 2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
    "nul": b"GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n",
    "broken escape": b"GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n",
}


@pytest.mark.parametrize("name", FRAMING)
def test_ambiguous_requests_are_400_and_the_connection_closes(running: Running, name: str) -> None:
    """Nothing after them is read as a request."""
    with running.connect() as peer:
        peer.send(FRAMING[name] + GET)
        status, head = peer.head()
        assert status == 400
        assert "Connection: close" in head
        assert re.search(r"Content-Length: \d+", head)
        with pytest.raises(EOFError):
            peer.response()
            peer.head()
    assert running.app.environs == []


@pytest.mark.parametrize("size", [b"0x3", b"-3", b"1_0", b"+3", b"3 ", b"", b"g", b"FFFFFFFFFFFFFFFFFFFF"])
def test_malformed_chunks_are_400_and_the_connection_closes(running: Running, size: bytes) -> None:
    """And never stored."""
    with running.connect() as peer:
        assert peer.send(put(size + b"\r\nabc\r\n0\r\n\r\n", CHUNKED) + GET).head()[0] == 400
        assert peer.closed()
    assert running.app.stored == []


def test_trailers_are_not_the_next_request(running: Running) -> None:
    """Even when they look like one."""
    with running.connect() as peer:
        peer.send(put(b"3\r\nabc\r\n0\r\nGET: /refuse HTTP/1.1\r\nHost: b\r\n\r\n", CHUNKED) + GET)
        assert peer.response() == (200, b"<abc>")
        assert peer.response() == (200, b"<>")


def test_a_cut_upload_is_never_stored(running: Running) -> None:
    """Of either framing."""
    for wire in (put(b"abc", b"Content-Length: 10"), put(b"a\r\nabc", CHUNKED)):
        with running.connect() as peer:
            peer.send(wire).sock.shutdown(socket.SHUT_WR)
            assert peer.head()[0] == 400
    assert running.app.stored == []
    assert running.app.incomplete == 2


@pytest.mark.parametrize("field", [b"Content-Length: 4000", CHUNKED])
def test_a_short_unread_body_keeps_the_connection_in_step(running: Running, field: bytes) -> None:
    """It is thrown away where it came with its head."""
    body = b"x" * 4000 if b"Length" in field else b"FA0\r\n" + b"x" * 4000 + b"\r\n0\r\nT: 1\r\n\r\n"
    with running.connect() as peer:
        peer.send(put(body, field, path=b"/refuse") + GET)
        assert peer.response() == (401, b"whoami")
        assert peer.response() == (200, b"<>")


@pytest.mark.parametrize("field", [b"Content-Length: 60000", CHUNKED])
def test_a_body_that_nobody_reads_is_not_waited_for(running: Running, field: bytes) -> None:
    """The answer says that the connection closes, and is still read by a client that sends on."""
    with running.connect() as peer:
        started = time.monotonic()
        status, head = peer.send(put(b"", field, path=b"/refuse")).head()
        assert status == 401
        assert "Connection: close" in head
        peer.send(b"x" * 30_000)
        time.sleep(0.3)
        peer.send(b"x" * 30_000)
        assert peer.data + peer.sock.recv(10) == b"whoami"
        assert peer.closed()
        assert time.monotonic() - started < 4


def test_a_client_that_leaves_is_not_waited_for(running: Running) -> None:
    """Its connection ends when it does."""
    with running.connect() as peer:
        peer.send(put(b"x" * 100_000, b"Content-Length: 1000000000", path=b"/refuse")).head()
    until = time.monotonic() + 1
    while running.server._connections and time.monotonic() < until:
        time.sleep(0.02)
    assert not running.server._connections


def test_a_long_unread_body_closes_the_connection(running: Running) -> None:
    """And the answer is still read."""
    with running.connect() as peer:
        peer.send(put(b"x" * 1000, b"Content-Length: 1000000000", path=b"/refuse"))
        status, head = peer.head()
        assert status == 401
        assert "Connection: close" in head
        assert peer.data == b"whoami" or peer.sock.recv(6) == b"whoami"
        assert peer.closed()


def test_a_long_unread_chunked_body_closes_the_connection(running: Running) -> None:
    """After 64 KiB."""
    with running.connect() as peer:
        peer.send(put(b"30D40\r\n" + b"x" * 200_000, CHUNKED, path=b"/refuse"))
        assert peer.response() == (401, b"whoami")
        assert peer.closed()


@pytest.mark.parametrize("expect", [b"100-continue", b"100-Continue"])
def test_the_client_is_invited_when_its_body_is_read(running: Running, expect: bytes) -> None:
    """In any case of the letters, and never twice."""
    with running.connect() as peer:
        peer.send(put(b"", b"Content-Length: 3", b"Expect: " + expect))
        assert peer.head() == (100, "HTTP/1.1 100 Continue")
        assert peer.send(b"abc").response() == (200, b"<abc>")
        assert peer.send(GET).response() == (200, b"<>")


def test_an_uninvited_body_is_neither_asked_for_nor_awaited(running: Running) -> None:
    """The refusal comes at once, and the connection closes: nobody knows what the client sends next."""
    with running.connect() as peer:
        status, head = peer.send(put(b"", b"Content-Length: 3", b"Expect: 100-continue", path=b"/refuse")).head()
        assert status == 401
        assert "Connection: close" in head


def test_limits_of_the_head(running: Running) -> None:
    """A long target is 414, a long head 431; both are told before all of it is sent."""
    with running.connect() as peer:
        assert peer.send(b"GET /" + b"a" * 20_000).head()[0] == 414
    with running.connect() as peer:
        assert peer.send(b"GET /" + b"a" * 17_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n").head()[0] == 414
    with running.connect() as peer:
        assert peer.send(b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: " + b"a" * 70_000).head()[0] == 431
    with running.connect() as peer:
        assert peer.send(b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 300 + b"\r\n").head()[0] == 431


def test_an_unfinished_head_times_out(running: Running) -> None:
    """408, however steadily its bytes come."""
    with running.connect() as peer:
        started = time.monotonic()
        with contextlib.suppress(OSError):
            for byte in b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 100:
                peer.send(bytes([byte]))
                peer.sock.settimeout(0.1)
                with contextlib.suppress(TimeoutError):
                    peer.data += peer.sock.recv(4096)
                    break
        assert peer.head()[0] == 408
        assert 1.5 < time.monotonic() - started < 5


def test_a_connection_that_says_nothing_is_closed(running: Running) -> None:
    """Without a word."""
    with running.connect() as peer:
        assert peer.closed()


def test_a_stalled_body_times_out() -> None:
    """And is incomplete."""
    with serving(replace(SETTINGS, body_timeout=0.5)) as running, running.connect() as peer:
        assert peer.send(put(b"ab", b"Content-Length: 3")).head()[0] == 400
        assert running.app.incomplete == 1


def test_a_body_below_the_minimum_rate_is_cut() -> None:
    """Though it never stalls."""
    with serving(replace(SETTINGS, rate_window=0.5)) as running, running.connect() as peer:
        peer.send(put(b"", b"Content-Length: 1000"))
        peer.sock.settimeout(0.05)
        started = time.monotonic()
        with contextlib.suppress(OSError):
            while time.monotonic() - started < 5 and not running.app.incomplete:
                peer.send(b"x")
                time.sleep(0.05)
        assert running.app.incomplete == 1
        assert time.monotonic() - started < 3


def test_a_reader_that_stalls_is_cut() -> None:
    """It gives its thread back; what it got is not the whole."""
    with serving(replace(SETTINGS, body_timeout=0.5)) as running, running.connect() as peer:
        peer.send(b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n")
        time.sleep(2.0)
        got = 0
        with contextlib.suppress(ConnectionResetError):
            while more := len(peer.sock.recv(2**20)):
                got += more
        assert got < 64 * 2**20


def test_slow_peers_do_not_use_up_the_threads(running: Running) -> None:
    """Forty of them on three threads, sending and reading, and another client is answered at once."""
    with contextlib.ExitStack() as stack:
        for number in range(40):
            peer = stack.enter_context(running.connect())
            if number % 2:
                peer.send(put(b"x", b"Content-Length: 100"))
            else:
                peer.send(b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n")
        time.sleep(0.5)
        quick = stack.enter_context(running.connect())
        times = []
        for _ in range(20):
            started = time.monotonic()
            assert quick.send(GET).response() == (200, b"<>")
            times.append(time.monotonic() - started)
        assert sorted(times)[10] < 0.1


def test_bodies_held_back_from_a_refusal_use_no_thread() -> None:
    """Three hundred of them; others are answered meanwhile, and the connections end by themselves."""
    with serving(replace(SETTINGS, header_timeout=10.0)) as running, contextlib.ExitStack() as stack:
        peers = [stack.enter_context(running.connect()) for _ in range(300)]
        for peer in peers:
            peer.send(put(b"", b"Content-Length: 60000", path=b"/refuse"))
        started = time.monotonic()
        assert stack.enter_context(running.connect()).send(GET).response() == (200, b"<>")
        assert time.monotonic() - started < 2
        assert running.server.requests.alive <= 6
        assert all(peer.response() == (401, b"whoami") for peer in peers)
        assert all(peer.closed() for peer in peers)
        assert time.monotonic() - started < 8


def stalled(running: Running, source: str) -> Peer:
    """A client at `source`, of the loopback network, that begins to send a body."""
    sock = socket.create_connection(("127.0.0.1", running.port), timeout=10, source_address=(source, 0))
    return Peer(sock).send(put(b"x", b"Content-Length: 100"))


def test_one_address_holds_up_few_threads() -> None:
    """Its next slow body is cut at once; other addresses are still waited for."""
    settings = replace(SETTINGS, body_timeout=10.0, rate_window=20.0, held_up_per_address=2)
    with serving(settings) as running, contextlib.ExitStack() as stack:
        kept = [stack.enter_context(stalled(running, "127.0.0.1")) for _ in range(2)]
        time.sleep(0.3)
        assert stack.enter_context(stalled(running, "127.0.0.1")).head()[0] == 400
        kept.append(stack.enter_context(stalled(running, "127.0.0.2")))
        time.sleep(0.3)
        assert all(peer.send(b"x" * 99).response()[0] == 200 for peer in kept)


def test_slow_peers_of_many_addresses_leave_threads_for_others() -> None:
    """The bound on all threads is one on those held up."""
    settings = replace(SETTINGS, body_timeout=10.0, most_threads=8)
    with serving(settings) as running, contextlib.ExitStack() as stack:
        for number in range(1, 21):
            stack.enter_context(stalled(running, f"127.0.0.{number}"))
        time.sleep(0.3)
        assert running.server.requests.alive <= 8
        assert stack.enter_context(running.connect()).send(GET).response() == (200, b"<>")
        assert running.app.incomplete == 15


def test_half_sent_heads_use_no_thread(running: Running) -> None:
    """And no processor."""
    with contextlib.ExitStack() as stack:
        for _ in range(30):
            stack.enter_context(running.connect()).send(b"GET /echo HT")
        time.sleep(0.1)
        before = time.process_time()
        time.sleep(0.5)
        assert time.process_time() - before < 0.1
        assert running.server.requests.alive <= 3
        assert stack.enter_context(running.connect()).send(GET).response() == (200, b"<>")


def test_an_unforeseen_error_is_500_without_details(running: Running, caplog: pytest.LogCaptureFixture) -> None:
    """An OSError of the application is not mistaken for one of the connection."""
    with running.connect() as peer:
        status, body = peer.send(b"GET /raise HTTP/1.1\r\nHost: a\r\n\r\n").response()
        assert status == 500
        assert b"secret" not in body
        assert peer.closed()
    assert "failed unexpectedly" in caplog.text


def test_an_error_after_the_head_cuts_the_connection(running: Running) -> None:
    """So that the client does not take the part for the whole."""
    with running.connect() as peer:
        assert peer.send(b"GET /late HTTP/1.1\r\nHost: a\r\n\r\n").head()[0] == 200
        with pytest.raises(EOFError) as caught:
            while True:
                peer._more()
        assert not caught.value.args[0].endswith(b"0\r\n\r\n")


def test_an_unknown_state_ends_the_server() -> None:
    """`serve` raises it."""
    running = Running(SETTINGS)
    with running.connect() as peer:
        peer.send(b"GET /unknown HTTP/1.1\r\nHost: a\r\n\r\n")
        assert peer.closed()
    running.close()
    assert isinstance(running.failure, StateUnknown)


def test_head_requests_have_no_body(running: Running) -> None:
    """And the connection stays in step, for streams too."""
    with running.connect() as peer:
        for path in (b"/big", b"/stream", b"/refuse"):
            peer.send(b"HEAD " + path + b" HTTP/1.1\r\nHost: a\r\n\r\n" + GET)
            peer.head()
            assert peer.response() == (200, b"<>")


@pytest.mark.parametrize("fields", [b"Content-Length: x\r\n", b"Host: b\r\n"])
def test_a_refused_head_request_has_no_body_either(fields: bytes, running: Running) -> None:
    """RFC 9110 section 9.3.2 knows no exception for broken framing."""
    with running.connect() as peer:
        peer.send(b"HEAD /echo HTTP/1.1\r\nHost: a\r\n" + fields + b"\r\n")
        assert peer.head()[0] == 400
        assert peer.closed()
        assert peer.data == b""


def test_streams_are_chunked(running: Running) -> None:
    """And closed in HTTP/1.0."""
    with running.connect() as peer:
        peer.send(b"GET /stream HTTP/1.1\r\nHost: a\r\n\r\n")
        assert peer.response() == (200, b"1\r\na\r\n1\r\nb\r\n0\r\n\r\n")
        peer.send(b"GET /stream HTTP/1.0\r\n\r\n")
        assert "Connection: close" in peer.head()[1]
        while not peer.closed():
            pass


def test_the_environment_is_complete(running: Running) -> None:
    """As PEP 3333 wants it, with the raw target beside."""
    with running.connect() as peer:
        peer.send(
            b"GET http://b.example/%65cho?a=%20 HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: https\r\n\r\n"
        ).response()
    environ = running.app.environs[-1]
    expected = {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/echo",
        "QUERY_STRING": "a=%20",
        "REQUEST_URI": "http://b.example/%65cho?a=%20",
        "HTTP_HOST": "b.example",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_PORT": str(running.port),
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.url_scheme": "http",
    }
    assert expected.items() <= environ.items()
    assert "HTTP_X_FORWARDED_PROTO" not in environ


def test_a_trusted_proxy_speaks_for_its_client() -> None:
    """Scheme and address are the outside's."""
    with serving(replace(SETTINGS, trusted_proxies=(ip_network("127.0.0.0/8"),))) as running, running.connect() as peer:
        fields = b"Host: files.example\r\nX-Forwarded-Proto: https\r\nX-Forwarded-For: 192.0.2.1\r\n"
        assert peer.send(b"GET /echo HTTP/1.1\r\n" + fields + b"\r\n").response()[0] == 200
        environ = running.app.environs[-1]
        assert (environ["wsgi.url_scheme"], environ["REMOTE_ADDR"]) == ("https", "192.0.2.1")


def test_stopping_finishes_what_runs_and_refuses_the_rest() -> None:
    """The answer says that the connection closes."""
    running = Running(SETTINGS)
    with running.connect() as busy, running.connect() as idle:
        idle.send(GET).response()
        busy.send(b"GET /sleep HTTP/1.1\r\nHost: a\r\n\r\n")
        time.sleep(0.2)
        running.server.stop(5.0)
        status, head = busy.head()
        assert status == 200
        assert "Connection: close" in head
        assert idle.closed()
    running.close()


def test_stopping_is_not_held_up_for_longer_than_the_grace() -> None:
    """A reader that never reads is cut."""
    running = Running(SETTINGS)
    with running.connect() as peer:
        peer.send(b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n")
        time.sleep(0.2)
        started = time.monotonic()
        running.close(grace=0.3)
        assert time.monotonic() - started < 2


def test_draining_serves_idle_connections_once_more() -> None:
    """So that a reload drops none."""
    running = Running(SETTINGS)
    with running.connect() as peer:
        peer.send(GET).response()
        running.server.stop(5.0, idle=2.0)
        time.sleep(0.2)
        assert peer.send(GET).response() == (200, b"<>")
    running.close()


def test_connections_beyond_the_limit_replace_idle_ones() -> None:
    """The one that has waited longest goes first."""
    with serving(replace(SETTINGS, connections=5)) as running, contextlib.ExitStack() as stack:
        for _ in range(12):
            peer = stack.enter_context(running.connect())
            assert peer.send(GET).response() == (200, b"<>")


def test_memory_stays_bounded_whatever_is_sent(tmp_path: Path) -> None:
    """300 MB nobody asked for, a chunk of 64 MB, a head without end: less than 30 MiB more."""
    (tmp_path / "server.py").write_text(
        "import socket, sys\n"
        "from docstopd.http import Server, Settings\n"
        "def app(environ, start):\n"
        "    if environ['PATH_INFO'] == '/read':\n"
        "        buffer = memoryview(bytearray(262112))\n"
        "        while environ['wsgi.input'].readinto(buffer): pass\n"
        "    start('401 No', [('Content-Length', '0')])\n"
        "    return []\n"
        "listener = socket.create_server(('127.0.0.1', 0))\n"
        "print(listener.getsockname()[1], flush=True)\n"
        "Server(listener, app, Settings()).serve()\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, str(tmp_path / "server.py")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            ask(port, put(b"", b"Content-Length: 0", path=b"/read"))
            before = peak(process.pid)
            block = b"x" * 2**20
            ask(port, put(b"", b"Content-Length: 300000000"), *[block] * 286)
            ask(port, put(b"", CHUNKED), b"11E1A300\r\n", *[block] * 286)
            ask(port, put(b"4000000\r\n", CHUNKED, path=b"/read"), *[block] * 64, b"\r\n0\r\n\r\n")
            ask(port, b"GET / HTTP/1.1\r\n", *[b"X: " + block] * 20)
            ask(port, put(b"", CHUNKED, path=b"/read"), b"3;", *[block] * 20)
            ask(port, put(b"0\r\n", CHUNKED, path=b"/read"), *[b"X: " + block] * 20)
            assert peak(process.pid) - before < 30 * 2**20
        finally:
            process.kill()


def ask(port: int, *pieces: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as sock, contextlib.suppress(OSError):
        for piece in pieces:
            sock.sendall(piece)
        sock.recv(100)


def peak(pid: int) -> int:
    match = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    assert match is not None
    return int(match[1]) * 1024


def test_a_large_chunk_takes_no_longer_than_its_bytes(running: Running) -> None:
    """Not the square of them."""
    with running.connect() as peer:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
        peer.send(put(b"2000000\r\n" + bytes(2**25) + b"\r\n0\r\n\r\n", CHUNKED))
        status, body = peer.response()
        assert (status, len(body)) == (200, 2**25 + 2)
        assert resource.getrusage(resource.RUSAGE_SELF).ru_utime - before < 5


# -- TLS -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A self-signed certificate and its key."""
    return make_certificate(tmp_path_factory.mktemp("tls"))


def make_certificate(folder: Path) -> tuple[Path, Path]:
    import datetime

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, private = folder / "certificate.pem", folder / "key.pem"
    pem.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return pem, private


def wrapped(running: Running, trusted: Path) -> Peer:
    context = ssl.create_default_context(cafile=str(trusted))
    raw = socket.create_connection(("127.0.0.1", running.port), timeout=10)
    return Peer(context.wrap_socket(raw, server_hostname="localhost"))


def test_tls_carries_large_bodies_both_ways(certificate: tuple[Path, Path]) -> None:
    """And keeps the connection."""
    with serving(SETTINGS, tls_context(*certificate)) as running, wrapped(running, certificate[0]) as peer:
        assert peer.send(GET).response() == (200, b"<>")
        body = os.urandom(2**21)
        assert peer.send(put(body, b"Content-Length: %d" % len(body))).response() == (200, b"<" + body + b">")
        assert len(peer.send(b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n").response()[1]) == 64 * 2**20
        assert running.app.environs[-1]["wsgi.url_scheme"] == "https"


def test_plain_http_on_the_tls_port_is_told_so(certificate: tuple[Path, Path]) -> None:
    """In plain HTTP."""
    with serving(SETTINGS, tls_context(*certificate)) as running, running.connect() as peer:
        status, body = peer.send(GET).response()
        assert status == 400
        assert b"HTTPS" in body


def test_silent_handshakes_use_no_thread(certificate: tuple[Path, Path]) -> None:
    """Others are served meanwhile."""
    with serving(SETTINGS, tls_context(*certificate)) as running, contextlib.ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(running.connect()).send(b"\x16\x03\x01")
        peer = stack.enter_context(wrapped(running, certificate[0]))
        assert peer.send(GET).response() == (200, b"<>")


def test_a_refusal_is_read_over_tls_while_the_body_is_sent(certificate: tuple[Path, Path]) -> None:
    """What comes after it is thrown away undeciphered, and no processor time with it."""
    with serving(SETTINGS, tls_context(*certificate)) as running, wrapped(running, certificate[0]) as peer:
        status, head = peer.send(put(b"x" * 30_000, b"Content-Length: 60000", path=b"/refuse")).head()
        assert status == 401
        assert "Connection: close" in head
        peer.send(b"x" * 20_000)
        before = time.process_time()
        time.sleep(0.5)
        assert time.process_time() - before < 0.1
        assert peer.data + peer.sock.recv(10) == b"whoami"


def test_a_certificate_of_another_key_is_refused(certificate: tuple[Path, Path], tmp_path: Path) -> None:
    """With the names of both files."""
    other = make_certificate(tmp_path)
    with pytest.raises(ConfigurationError, match="belong together"):
        tls_context(certificate[0], other[1])


def test_old_tls_versions_are_refused(certificate: tuple[Path, Path]) -> None:
    """Below 1.2."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with serving(SETTINGS, tls_context(*certificate)) as running:
        raw = socket.create_connection(("127.0.0.1", running.port), timeout=10)
        with raw, pytest.raises((ssl.SSLError, ConnectionError)):
            context.wrap_socket(raw)


def test_session_secrets_are_never_written(
    certificate: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever SSLKEYLOGFILE says."""
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "secrets"))
    assert tls_context(*certificate).keylog_filename is None
