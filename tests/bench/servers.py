"""The servers that are compared: each started on a folder and a port of its own, stopped with its whole group."""

import contextlib
import json
import os
import platform
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import daemon
import programs
import yaml
from webdav import Share

READY_WITHIN = 30.0
WORKERS = 2
THREADS = 10


class NotInstalled(Exception):
    """The program is not on this machine; the benchmark goes on without it."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server that is ready. `share` is an empty writable collection; `sendfile` says that GET bypasses user space."""

    name: str
    what: str
    share: Share
    pid: int
    sendfile: bool = False

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        where = urlsplit(self.share.url)
        assert where.hostname is not None
        assert where.port is not None
        return where.hostname, where.port

    def peak_memory(self) -> dict[str, int]:
        """Peak resident bytes of its processes that still live: `sum` of all peaks and the `largest` one."""
        peaks = [_peak(pid) for pid in _family(self.pid)]
        return {"sum": sum(peaks), "largest": max(peaks, default=0)}


@contextlib.contextmanager
def docstopd(folder: Path) -> Iterator[Server]:
    """docstopd as `quickstart` sets it up, without TLS, with two workers."""
    with _docstopd(folder, "docstopd", {}) as server:
        yield server


@contextlib.contextmanager
def docstopd_unread(folder: Path) -> Iterator[Server]:
    """The same without a journal of reads: what these cost."""
    with _docstopd(folder, "docstopd-unread", {"audit": {"reads": False}}) as server:
        yield server


@contextlib.contextmanager
def _docstopd(folder: Path, name: str, more: dict[str, Any]) -> Iterator[Server]:
    first = daemon.start(folder)
    daemon.stop(first)
    settings = yaml.safe_load(first.config.read_text()) | more
    settings.setdefault("http", {})["workers"] = WORKERS
    first.config.write_text(yaml.safe_dump(settings))
    with daemon.running(folder) as running:
        share = Share(f"{running.url}dav/{first.user}/", first.user, first.password)
        yield Server(name, f"docstopd {version('docstopd')}, {WORKERS} workers", share, running.process.pid)


@contextlib.contextmanager
def wsgidav(folder: Path) -> Iterator[Server]:
    """Plain WsgiDAV on cheroot with ten threads, anybody may write."""
    port = _free_port()
    settings = {
        "host": "127.0.0.1",
        "port": port,
        "server": "cheroot",
        "server_args": {"numthreads": THREADS},
        "provider_mapping": {"/": str(_root(folder))},
        "simple_dc": {"user_mapping": {"*": True}},
        "verbose": 0,
    }
    (folder / "wsgidav.json").write_text(json.dumps(settings))
    arguments = [_program("wsgidav"), "--config", str(folder / "wsgidav.json")]
    with _served(arguments, folder, port) as pid:
        yield Server("wsgidav", f"WsgiDAV {version('wsgidav')} on cheroot, {THREADS} threads", _open_share(port), pid)


@contextlib.contextmanager
def copyparty(folder: Path) -> Iterator[Server]:
    """copyparty as it comes; `--daw` lets PUT replace files."""
    port = _free_port()
    options = ["-q", "-i", "127.0.0.1", "-p", str(port), "--daw", "-v", f"{_root(folder)}::rwmd"]
    with _served([_program("copyparty"), *options], folder, port) as pid:
        yield Server("copyparty", _first_line("copyparty", "--version"), _open_share(port), pid, sendfile=True)


@contextlib.contextmanager
def apache(folder: Path) -> Iterator[Server]:
    """Apache's mod_dav_fs with the event MPM and sendfile, without access log."""
    port, program = _free_port(), _program("apache2")
    (folder / "apache.conf").write_text(_apache_configuration(folder, port))
    options = ["-f", str(folder / "apache.conf"), "-D", "FOREGROUND"]
    with _served([program, *options], folder, port) as pid:
        what = _first_line("apache2", "-v").partition(": ")[2]
        yield Server("apache", f"{what} mod_dav_fs", _open_share(port), pid, sendfile=True)


@contextlib.contextmanager
def rclone(folder: Path) -> Iterator[Server]:
    """`rclone serve webdav` of a folder."""
    with _rclone("rclone", folder, str(_root(folder)), {}) as server:
        yield server


@contextlib.contextmanager
def rclone_crypt(folder: Path) -> Iterator[Server]:
    """`rclone serve webdav` of a folder through its encryption, names included."""
    password = subprocess.run([_program("rclone"), "obscure", "benchmark"], capture_output=True, text=True, check=True)
    settings = {"TYPE": "crypt", "REMOTE": str(_root(folder)), "PASSWORD": password.stdout.strip()}
    variables = {f"RCLONE_CONFIG_SECRET_{name}": value for name, value in settings.items()}
    with _rclone("rclone-crypt", folder, "secret:", variables) as server:
        yield server


SERVERS: dict[str, Callable[[Path], contextlib.AbstractContextManager[Server]]] = {
    "docstopd": docstopd,
    "docstopd-unread": docstopd_unread,
    "wsgidav": wsgidav,
    "copyparty": copyparty,
    "apache": apache,
    "rclone": rclone,
    "rclone-crypt": rclone_crypt,
}


def machine() -> str:
    """What all of it ran on."""
    return f"{os.cpu_count()} cores, Linux {platform.release()}, Python {platform.python_version()}"


@contextlib.contextmanager
def _rclone(name: str, folder: Path, remote: str, variables: dict[str, str]) -> Iterator[Server]:
    port = _free_port()
    options = ["serve", "webdav", remote, "--addr", f"127.0.0.1:{port}", "--log-level", "ERROR"]
    with _served([_program("rclone"), *options], folder, port, {**variables, "RCLONE_CONFIG": os.devnull}) as pid:
        what = _first_line("rclone", "version") + " serve webdav" + (", crypt" if variables else "")
        yield Server(name, what, _open_share(port), pid)


@contextlib.contextmanager
def _served(arguments: list[str], folder: Path, port: int, variables: dict[str, str] | None = None) -> Iterator[int]:
    """Run a peer in a group of its own until the block is left; yields its process id once it accepts connections."""
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            arguments,
            cwd=folder,
            env={**os.environ, "HOME": str(folder), **(variables or {})},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        _wait_for(process, port, folder / "log")
        yield process.pid
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait_for(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + READY_WITHIN
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise AssertionError(f"{process.args!r} did not start:\n{log.read_text(errors='replace')[-2000:]}")


def _program(name: str) -> str:
    found = programs.find(name)
    if found is None:
        raise NotInstalled(f"{name} is not installed")
    return found


def _root(folder: Path) -> Path:
    """The folder that a peer serves; Apache writes to it as another user than root."""
    root = folder / "root"
    root.mkdir(exist_ok=True)
    return root


def _open_share(port: int) -> Share:
    return Share(f"http://127.0.0.1:{port}/")


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def _first_line(name: str, option: str) -> str:
    """What a program says of its own version."""
    said = subprocess.run([_program(name), option], capture_output=True, text=True, check=True)
    return said.stdout.partition("\n")[0].strip()


def _apache_configuration(folder: Path, port: int) -> str:
    root, state = _root(folder), folder / "state"
    state.mkdir()
    modules = Path("/usr/lib/apache2/modules")
    if not (modules / "mod_dav_fs.so").exists():
        raise NotInstalled("Apache's mod_dav_fs is not installed")
    identity = ""
    if os.getuid() == 0:
        identity = "User www-data\nGroup www-data"
        for path in (root, state):
            shutil.chown(path, "www-data", "www-data")
    loaded = {"mpm_event": "mpm_event", "authz_core": "authz_core", "dav": "dav", "dav_fs": "dav_fs"}
    return "\n".join([
        *(f"LoadModule {name}_module {modules}/mod_{file}.so" for name, file in loaded.items()),
        identity,
        f"ServerRoot {folder}", "ServerName localhost", f"Listen 127.0.0.1:{port}", f"PidFile {folder}/pid",
        f"ErrorLog {folder}/errors", f"Mutex file:{state}", f"DavLockDB {state}/locks", f"DocumentRoot {root}",
        "KeepAliveTimeout 60", "MaxKeepAliveRequests 0", "EnableSendfile On",
        f"<Directory {root}>", "Require all granted", "AllowOverride None", "Dav On", "</Directory>", "",
    ])  # fmt: skip


def _family(pid: int) -> set[int]:
    """A process and all that descend from it."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # The name in parentheses may hold spaces; the parent is the second word after it.
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    family, grown = {pid}, True
    while grown:
        children = {child for child, parent in parents.items() if parent in family}
        grown = not children <= family
        family |= children
    return family


def _peak(pid: int) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0
