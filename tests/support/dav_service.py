"""The WebDAV front over a real vault behind the real HTTP server, in this process: for tests that ask it directly."""

import contextlib
import http.client
import socket
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from webdav import Answer, Share

from docstopd.config import Config
from docstopd.daemon.compose import dav_settings, open_vault
from docstopd.daemon.setup import make_data
from docstopd.dav import DavApplication
from docstopd.http import Server, Settings
from docstopd.vault import Vault

PASSWORD = "correct horse battery staple"


@dataclass(frozen=True, slots=True)
class Service:
    """A running front with the users `ada` and `bob`. `url` ends with a slash."""

    url: str
    vault: Vault
    data: Path
    open: contextlib.ExitStack

    @property
    def authority(self) -> str:
        """Host and port."""
        return self.url.split("/")[2]

    def space(self, user: str = "ada") -> Share:
        """A user's personal space, asked for by that user."""
        return Share(f"{self.url}dav/{user}/", user, PASSWORD)

    def root(self, user: str = "ada") -> Share:
        """The server's root, asked for by a user."""
        return Share(self.url, user, PASSWORD)

    def raw(self, data: bytes, timeout: float = 20) -> bytes:
        """Send bytes as they are and return all that comes back until the server closes or a whole answer is there."""
        host, _, port = self.authority.partition(":")
        with socket.create_connection((host, int(port)), timeout=timeout) as connection:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            received = bytearray()
            while block := connection.recv(65536):
                received += block
            return bytes(received)

    def connection(self) -> "Connection":
        """A connection that stays open from one request to the next."""
        host, _, port = self.authority.partition(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=30)
        self.open.callback(connection.close)
        return Connection(connection)


@dataclass(frozen=True, slots=True)
class Connection:
    """One keep-alive connection."""

    http: http.client.HTTPConnection
    headers: dict[str, str] = field(default_factory=dict)

    def ask(self, method: str, target: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
        """Send one request, with headers and target as they are given."""
        self.http.request(method, target, body, {**self.headers, **(headers or {})})
        response = self.http.getresponse()
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())


@contextlib.contextmanager
def serving(folder: Path, **sections: Any) -> Iterator[Service]:
    """Make a data folder in `folder`, and serve it on a free port until the block is left."""
    config = Config.model_validate({"data": folder / "data", **sections})
    make_data(config, None)
    with contextlib.ExitStack() as stack:
        vault = stack.enter_context(open_vault(config))
        for user in ("ada", "bob"):
            vault.accounts.add(user, PASSWORD)
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        server = Server(listener, DavApplication(vault, dav_settings(config)), Settings())
        thread = threading.Thread(target=server.serve, name="dav-service")
        thread.start()
        stack.callback(thread.join)
        stack.callback(server.stop, 5.0)
        host, port = listener.getsockname()
        connections = stack.enter_context(contextlib.ExitStack())
        yield Service(f"http://{host}:{port}/", vault, config.data, connections)
