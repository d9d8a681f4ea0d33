"""nginx in front of a service, with the published configuration and nothing else that matters."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import programs

EXAMPLE = Path(__file__).parents[2] / "config" / "nginx.conf.example"
NAME = "files.example.org"
READY_WITHIN = 20.0
_TRIES = 5


@dataclass(frozen=True, slots=True)
class Proxy:
    """A running nginx. `url` ends with a slash; `certificate` is what a client must trust."""

    url: str
    port: int
    certificate: Path
    log: Path


@contextlib.contextmanager
def proxy(folder: Path, upstream: str, certificate: Path, key: Path) -> Iterator[Proxy]:
    """Run nginx in `folder` in front of the service at `upstream` until the block is left. Skips without nginx."""
    program = programs.need("nginx")
    folder.chmod(0o755)  # its workers are another user
    for _ in range(_TRIES):  # another process may take the port before nginx does
        port = _free_port()
        _configure(folder, program, port, upstream, certificate, key)
        log = folder / "error.log"
        with log.open("wb") as errors:
            process = subprocess.Popen(
                [program, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", "stderr"],
                stdin=subprocess.DEVNULL,
                stdout=errors,
                stderr=errors,
                start_new_session=True,
            )
        try:
            if _is_ready(process, port):
                yield Proxy(f"https://127.0.0.1:{port}/", port, certificate, log)
                return
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        said = log.read_text(errors="replace")
        assert "Address already in use" in said, said
    raise AssertionError("no port stayed free")


def _configure(folder: Path, program: str, port: int, upstream: str, certificate: Path, key: Path) -> None:
    """Put the published file into the least that nginx needs around it, with the test's own places."""
    server = EXAMPLE.read_text("utf-8")
    for published, ours in {
        "listen 443 ssl;": f"listen 127.0.0.1:{port} ssl;",
        "ssl_certificate /etc/ssl/certs/files.example.org.pem;": f"ssl_certificate {certificate};",
        "ssl_certificate_key /etc/ssl/private/files.example.org.key;": f"ssl_certificate_key {key};",
        "proxy_pass http://127.0.0.1:8443;": f"proxy_pass http://{urlsplit(upstream).netloc};",
    }.items():
        assert server.count(published) == 1, f"{EXAMPLE.name} has changed: {published}"
        server = server.replace(published, ours)
    (folder / "docstopd.conf").write_text(server)
    lines = [
        "daemon off;", "worker_processes 1;", f"pid {folder}/pid;", "error_log stderr warn;", *_user(),
        "events { worker_connections 256; }",
        # Debian's own file turns compression on.
        "http {", "access_log off;", "gzip on;", "gzip_types *;", "gzip_proxied any;", *_folders(folder, program),
        f"include {folder}/docstopd.conf;", "}", "",
    ]  # fmt: skip
    (folder / "nginx.conf").write_text("\n".join(lines))


def _user() -> list[str]:
    return ["user nobody nogroup;"] if os.getuid() == 0 else []


def _folders(folder: Path, program: str) -> list[str]:
    """nginx makes a folder for each module that it was built with, where it may not."""
    built = subprocess.run([program, "-V"], capture_output=True, text=True, check=True).stderr
    modules = ["client_body", "proxy"]
    modules += [name for name in ("fastcgi", "scgi", "uwsgi") if f"without-http_{name}_module" not in built]
    for name in modules:
        shutil.rmtree(folder / name, ignore_errors=True)
    return [f"{name}_temp_path {folder}/{name};" for name in modules]


def _is_ready(process: subprocess.Popen[bytes], port: int) -> bool:
    until = time.monotonic() + READY_WITHIN
    while process.poll() is None and time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
        time.sleep(0.02)
    return False


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
