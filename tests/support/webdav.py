"""A WebDAV client of a few lines, for looking at a share from beside the client under test."""

import base64
import http.client
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit


@dataclass(frozen=True, slots=True)
class Answer:
    """One response, read whole. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Share:
    """A collection on a server and who asks. `url` ends with a slash; `user` is None for a server without accounts."""

    url: str
    user: str | None = None
    password: str = ""

    def at(self, path: str) -> "Share":
        """The collection at `path` (percent-encoded) below this one."""
        return Share(urljoin(self.url, path.rstrip("/") + "/"), self.user, self.password)

    def authorization(self) -> dict[str, str]:
        """The header of Basic authentication (RFC 7617), or nothing."""
        if self.user is None:
            return {}
        return {"Authorization": "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()}

    def ask(
        self, method: str, path: str = "", body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send one request on a connection of its own; `path` is percent-encoded and relative to the collection."""
        where = urlsplit(urljoin(self.url, path))
        assert where.hostname is not None
        connection = http.client.HTTPConnection(where.hostname, where.port, timeout=60)
        try:
            connection.request(method, where.path, body, {**self.authorization(), **(headers or {})})
            response = connection.getresponse()
            return Answer(
                response.status,
                {name.lower(): value for name, value in response.getheaders()},
                response.read(),
            )
        finally:
            connection.close()

    def put(self, path: str, body: bytes) -> None:
        """Store a file; anything but success fails the test."""
        answer = self.ask("PUT", path, body)
        assert answer.status in {200, 201, 204}, answer

    def get(self, path: str) -> bytes:
        """Read a file whole; anything but success fails the test."""
        answer = self.ask("GET", path)
        assert answer.status == 200, answer
        return answer.body

    def make(self, path: str) -> "Share":
        """Make a collection and return it."""
        answer = self.ask("MKCOL", path)
        assert answer.status == 201, answer
        return self.at(path)

    def exists(self, path: str) -> bool:
        """Whether something is mapped there."""
        answer = self.ask("PROPFIND", path, headers={"Depth": "0"})
        assert answer.status in {207, 404}, answer
        return answer.status == 207
