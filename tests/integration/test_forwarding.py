"""A real daemon that forwards its journal to a syslog receiver."""

import re
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
from daemon import Running
from webdav import Share


class Collector:
    """A receiver over TCP; `text` is all that it read."""

    def __init__(self) -> None:
        self.text = ""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                peer = self._listener.accept()[0]
                with peer:
                    while data := peer.recv(65_536):
                        self.text += data.decode()

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def wait(self, pattern: str, within: float = 40.0) -> str:
        """The first match, once it is there."""
        deadline = time.monotonic() + within
        while (found := re.search(pattern, self.text)) is None:
            assert time.monotonic() < deadline, f"{pattern} did not come; there is:\n{self.text}"
            time.sleep(0.1)
        return found[0]


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    yield made
    made.close()


def test_a_daemon_forwards_what_happens(fresh_daemon: Running, collector: Collector) -> None:
    """From the reload that names the receiver on: what changed in the configuration, and a failed sign-in."""
    with fresh_daemon.config.open("a") as file:
        file.write(f"\naudit:\n  syslog: tcp://127.0.0.1:{collector.port}\n  syslog_details: true\n")
    fresh_daemon.process.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + 40
    while "the new configuration is in force" not in fresh_daemon.log():
        assert time.monotonic() < deadline, fresh_daemon.log()
        time.sleep(0.1)
    share = Share(fresh_daemon.space_url, fresh_daemon.user, "a wrong password")
    seen = ""
    while not seen and time.monotonic() < deadline:  # the new keeper may begin after the first of them
        assert share.ask("GET", "x").status == 401
        time.sleep(2)
        seen = collector.text
    collector.wait(r'sign-in: outcome="refused" address="127\.0\.0\.1" user="\w+" stream="system" seq="\d+"')
    lengths = re.findall(r"(\d+) (<\d+>1 .*?)(?=\d+ <\d+>1 |$)", collector.text, re.DOTALL)
    assert lengths and all(int(length) == len(message.encode()) for length, message in lengths)
