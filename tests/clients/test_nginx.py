"""nginx as a reverse proxy that ends TLS, with the configuration that is published: nobody notices it."""

import hashlib
import http.client
import os
import re
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import nginx
import programs
import pytest
from configured import configured
from daemon import Running
from webdav import Answer, Share

from docstopd.daemon.setup import make_certificate

PUBLIC = f"https://{nginx.NAME}"
SUMMARY = re.compile(r"of (\d+) tests run: (\d+) passed, (\d+) failed")
LARGE = 5_000_001


@dataclass(frozen=True, slots=True)
class Front:
    """nginx, and docstopd behind it."""

    proxy: nginx.Proxy
    behind: Running

    @property
    def direct(self) -> Share:
        """The user's space, past nginx."""
        return Share(self.behind.space_url, self.behind.user, self.behind.password)

    def connect(self) -> http.client.HTTPSConnection:
        """A connection to nginx that verifies its certificate."""
        trusting = ssl.create_default_context(cafile=str(self.proxy.certificate))
        return http.client.HTTPSConnection("127.0.0.1", self.proxy.port, timeout=30, context=trusting)

    def ask(self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None) -> Answer:
        """One request to a path below the user's space."""
        connection = self.connect()
        try:
            given = {**self.direct.authorization(), **(headers or {})}
            connection.request(method, f"/dav/{self.behind.user}/{path}", body, given)  # type: ignore[arg-type]
            answer = connection.getresponse()
            return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        finally:
            connection.close()


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """docstopd as the example says, on a free port, and nginx in front."""
    programs.need("nginx")
    folder = tmp_path_factory.mktemp("nginx")
    made = make_certificate(folder / "tls", [nginx.NAME, "localhost", "127.0.0.1"])
    told = {"public_names": [PUBLIC], "trusted_proxies": ["127.0.0.1/32"]}
    (folder / "docstopd").mkdir()
    (folder / "proxy").mkdir()
    with (
        configured(folder / "docstopd", http=told) as behind,
        nginx.proxy(folder / "proxy", behind.url, made.certificate, made.key) as proxy,
    ):
        yield Front(proxy, behind)
        said = proxy.log.read_text(errors="replace")
        assert "[warn]" not in said, said
        assert "[emerg]" not in said, said


@pytest.fixture
def files(front: Front, request: pytest.FixtureRequest) -> str:
    """The path of a new folder, with a slash at its end."""
    name = re.sub(r"\W", "-", request.node.name)
    front.direct.make(name)
    return f"{name}/"


@pytest.mark.parametrize("suite", ["basic", "copymove", "props", "locks", "http"])
def test_litmus_passes_through_nginx(suite: str, front: Front, files: str, tmp_path: Path) -> None:
    """Every test of every suite: each Destination says https, while docstopd itself speaks plain HTTP."""
    litmus = programs.need("litmus")
    url = f"{front.proxy.url}dav/{front.behind.user}/{files}"
    finished = programs.run(
        [litmus, url, front.behind.user, front.behind.password], cwd=tmp_path, environment={"TESTS": suite}
    )
    output = programs.said(finished)
    counted = SUMMARY.search(output)
    assert counted, output
    ran, passed, failed = map(int, counted.groups())
    assert ran == passed > 0, output
    assert failed == 0, output
    assert finished.returncode == 0, output


@pytest.mark.parametrize("host", [nginx.NAME, f"{nginx.NAME}:443", None])
@pytest.mark.parametrize("method", ["MOVE", "COPY"])
def test_a_destination_under_the_public_name_is_ours(method: str, host: str | None, front: Front, files: str) -> None:
    """Whether the client asked for that name or came by the address."""
    front.direct.put(f"{files}a%20b;c%3F", b"content")
    headers = {"Destination": f"{PUBLIC}/dav/{front.behind.user}/{files}%C3%A9%20%3B"} | (
        {"Host": host} if host else {}
    )
    assert front.ask(method, f"{files}a%20b;c%3F", headers=headers).status == 201
    assert front.direct.get(f"{files}%C3%A9%20%3B") == b"content"
    assert front.direct.exists(f"{files}a%20b;c%3F") == (method == "COPY")


@pytest.mark.parametrize("destination", ["https://other.example.org", "https://files.example.org:8444"])
def test_a_destination_under_another_name_is_refused(destination: str, front: Front, files: str) -> None:
    """Nor does the client's own X-Forwarded-Host make it ours: nginx takes it away."""
    front.direct.put(f"{files}f", b"content")
    told = {"X-Forwarded-Host": destination.removeprefix("https://"), "Host": nginx.NAME}
    headers = {"Destination": f"{destination}/dav/{front.behind.user}/{files}g", **told}
    assert front.ask("MOVE", f"{files}f", headers=headers).status == 403
    assert front.direct.get(f"{files}f") == b"content"


@pytest.mark.parametrize("chunked", [False, True])
def test_a_large_file_goes_up_and_down_whole(chunked: bool, front: Front, files: str) -> None:
    """With an announced length and without; the digest and the ETag are the same on both ways."""
    content = os.urandom(LARGE)
    body = (content[at : at + 70_000] for at in range(0, LARGE, 70_000)) if chunked else content
    put = front.ask("PUT", f"{files}large", body)
    assert put.status == 201, put
    got = front.ask("GET", f"{files}large")
    assert hashlib.sha256(got.body).digest() == hashlib.sha256(content).digest()
    assert got.headers["etag"] == put.headers["etag"]
    assert not got.headers["etag"].startswith("W/")


def test_a_part_of_a_large_file_is_answered_as_a_part(front: Front, files: str) -> None:
    """206 with the bytes asked for."""
    content = os.urandom(LARGE)
    front.direct.put(f"{files}large", content)
    got = front.ask("GET", f"{files}large", headers={"Range": "bytes=4000000-4000099"})
    assert (got.status, got.body) == (206, content[4_000_000:4_000_100])


def test_an_upload_that_is_cut_off_leaves_the_old_content(front: Front, files: str) -> None:
    """nginx passes the end on: what came is not taken for all."""
    front.direct.put(f"{files}f", b"old")
    connection = front.connect()
    headers = {**front.direct.authorization(), "Content-Length": str(LARGE)}
    connection.putrequest("PUT", f"/dav/{front.behind.user}/{files}f")
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders(bytes(100_000))
    connection.close()
    assert front.direct.get(f"{files}f") == b"old"


def test_text_keeps_its_strong_tag_for_a_client_that_takes_gzip(front: Front, files: str) -> None:
    """Compressed on the way, the answer would have a weak one, and If-Match would never hold."""
    front.direct.put(f"{files}page.html", b"<p>" * 5000)
    got = front.ask("GET", f"{files}page.html", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in got.headers
    put = front.ask("PUT", f"{files}page.html", b"new", {"If-Match": got.headers["etag"]})
    assert put.status == 204


def test_a_long_path_of_many_escapes_goes_through(front: Front, files: str) -> None:
    """Longer than the 8 KiB that nginx takes by itself."""
    folders = "/".join(["%C3%A9" * 100] * 15)
    assert len(folders) > 8192
    assert front.ask("GET", f"{files}{folders}").status == 404
