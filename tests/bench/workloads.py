"""The work: what is prepared on each server, what is measured, and how the bytes are checked."""

import base64
import hashlib
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from servers import Server

SMALL = 4096
SMALL_FILES = 64
PROPERTIES = (
    b'<?xml version="1.0" encoding="utf-8"?><D:propfind xmlns:D="DAV:"><D:prop><D:resourcetype/>'
    b"<D:getcontentlength/><D:getlastmodified/><D:getetag/></D:prop></D:propfind>"
)
"""The four properties that nearly every client asks a listing for."""


class Wrong(Exception):
    """A server gave other bytes than were stored, or failed at the work."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How much work: seconds and connections for each measurement of small requests, bytes of the large file."""

    seconds: float
    connections: int
    large: Path
    size: int
    digest: str


def large_file(folder: Path, size: int) -> tuple[Path, str]:
    """A file of random bytes and its SHA-256."""
    path, dice, digest = folder / "large", random.Random(512), hashlib.sha256()
    with path.open("wb") as file:
        for start in range(0, size, 1 << 20):
            block = dice.randbytes(min(1 << 20, size - start))
            digest.update(block)
            file.write(block)
    return path, digest.hexdigest()


def prepare(server: Server, scale: Scale) -> None:
    """Fill a server: 64 small files, and for each connection a folder of 10 and one of 1,000 members."""
    folders = ["small/", "put/", *(f"{kind}{n}/" for kind in ("ten", "thousand") for n in range(scale.connections))]
    _run(server, "sequence", [_request(server, "MKCOL", folder) for folder in folders], connections=1)
    files = [(f"small/{number}", _small(number)) for number in range(SMALL_FILES)]
    for n in range(scale.connections):
        files += [(f"ten{n}/member-{number:04}.txt", b"x" * number) for number in range(10)]
        files += [(f"thousand{n}/member-{number:04}.txt", b"x" * number) for number in range(1000)]
    puts = [_request(server, "PUT", path, body) for path, body in files]
    _run(server, "sequence", puts, connections=scale.connections)
    for number in range(SMALL_FILES):
        _same(server, f"small/{number}", _small(number))


def get_small(server: Server, scale: Scale, turn: int) -> float:
    """GET of 4 KiB files, requests per second."""
    return _repeat(server, scale, [_request(server, "GET", f"small/{number}") for number in range(SMALL_FILES)])


def put_small(server: Server, scale: Scale, turn: int) -> float:
    """PUT of new 4 KiB files, requests per second; docstopd's are durable when answered, the peers' are not."""
    server.share.make(f"put/{turn}/")
    rate = _repeat(server, scale, [_request(server, "PUT", f"put/{turn}/{{number}}", _small(turn))])
    for number in range(20):
        _same(server, f"put/{turn}/{number:08}", _small(turn))
    return rate


def propfind_0(server: Server, scale: Scale, turn: int) -> float:
    """PROPFIND of depth 0 on a file, requests per second."""
    return _listing(server, scale, "small/0", 0, 1)


def propfind_10(server: Server, scale: Scale, turn: int) -> float:
    """PROPFIND of depth 1 on an unchanged folder of 10, requests per second."""
    return _listing(server, scale, "ten0/", 1, 11)


def propfind_10_changed(server: Server, scale: Scale, turn: int) -> float:
    """The same when a member has changed since the last one; the change itself is not timed."""
    return _after_change(server, scale, "ten", 11)


def propfind_1000(server: Server, scale: Scale, turn: int) -> float:
    """PROPFIND of depth 1 on an unchanged folder of 1,000, requests per second."""
    return _listing(server, scale, "thousand0/", 1, 1001)


def propfind_1000_changed(server: Server, scale: Scale, turn: int) -> float:
    """The same when a member has changed since the last one; the change itself is not timed."""
    return _after_change(server, scale, "thousand", 1001)


def put_large(server: Server, scale: Scale, turn: int) -> float:
    """PUT of one large file, bytes per second; the first one is read back and its digest compared."""
    request = _request(server, "PUT", f"large-{turn}", length=scale.size)
    rate = _run(server, "upload", [request], file=str(scale.large))["per_second"]
    if turn == 0:
        _fetch_large(server, scale, f"large-{turn}", digest=True)
    server.share.ask("DELETE", f"large-{turn}")
    return float(rate)


def get_large(server: Server, scale: Scale, turn: int) -> float:
    """GET of one large file, bytes per second; its digest is compared beforehand."""
    if turn == 0:
        request = _request(server, "PUT", "large", length=scale.size)
        _run(server, "upload", [request], file=str(scale.large))
        _fetch_large(server, scale, "large", digest=True)
    return _fetch_large(server, scale, "large", digest=False)


WORKLOADS: Mapping[str, Callable[[Server, Scale, int], float]] = {
    "get-4k": get_small,
    "put-4k": put_small,
    "propfind-0": propfind_0,
    "propfind-10": propfind_10,
    "propfind-10-changed": propfind_10_changed,
    "propfind-1000": propfind_1000,
    "propfind-1000-changed": propfind_1000_changed,
    "put-large": put_large,
    "get-large": get_large,
}


def measure(workload: str, server: Server, scale: Scale, turn: int) -> float:
    """One measurement. What others left unwritten goes to the disk first: it is not this server's to wait for."""
    os.sync()
    return WORKLOADS[workload](server, scale, turn)


def _small(number: int) -> bytes:
    return random.Random(number).randbytes(SMALL)


def _request(
    server: Server, method: str, path: str, body: bytes = b"", *, length: int | None = None, depth: int | None = None
) -> bytes:
    """A request's bytes; `length` announces a body that is sent apart."""
    host, port = server.address
    headers = {"Host": f"{host}:{port}", **server.share.authorization()}
    if depth is not None:
        headers |= {"Depth": str(depth), "Content-Type": "application/xml"}
    if body or length is not None or method == "PUT":
        headers["Content-Length"] = str(len(body) if length is None else length)
    lines = [f"{method} {urlsplit(urljoin(server.share.url, path)).path} HTTP/1.1"]
    return "\r\n".join([*lines, *(f"{name}: {value}" for name, value in headers.items()), "", ""]).encode() + body


def _repeat(server: Server, scale: Scale, requests: list[bytes], expected: tuple[int, ...] = (200, 201, 204)) -> float:
    return float(
        _run(server, "repeat", requests, connections=scale.connections, seconds=scale.seconds, expected=expected)[
            "per_second"
        ]
    )


def _listing(server: Server, scale: Scale, path: str, depth: int, responses: int) -> float:
    _counted(server, path, depth, responses)
    return _repeat(server, scale, [_request(server, "PROPFIND", path, PROPERTIES, depth=depth)], (207,))


def _after_change(server: Server, scale: Scale, kind: str, responses: int) -> float:
    """Each connection has a folder of its own, so that no request profits from another's."""
    folders = [f"{kind}{number}/" for number in range(scale.connections)]
    changes = [_request(server, "PUT", folder + "member-0007.txt", b"{number}") for folder in folders]
    requests = [_request(server, "PROPFIND", folder, PROPERTIES, depth=1) for folder in folders]
    result = _run(
        server, "after_change", requests, changes=list(map(_text, changes)), connections=scale.connections,
        seconds=scale.seconds, expected=(200, 201, 204, 207),
    )  # fmt: skip
    _counted(server, folders[0], 1, responses)
    return float(result["per_second"])


def _fetch_large(server: Server, scale: Scale, path: str, *, digest: bool) -> float:
    result = _run(server, "download", [_request(server, "GET", path)], size=scale.size, digest=digest)
    if digest and result["digest"] != scale.digest:
        raise Wrong(f"{path} came back with other bytes")
    return float(result["per_second"])


def _counted(server: Server, path: str, depth: int, responses: int) -> None:
    answer = server.share.ask("PROPFIND", path, PROPERTIES, {"Depth": str(depth), "Content-Type": "application/xml"})
    found = answer.body.count(b"href>") // 2
    if answer.status != 207 or found != responses:
        raise Wrong(f"PROPFIND of {path} was answered {answer.status} with {found} responses, not {responses}")


def _same(server: Server, path: str, body: bytes) -> None:
    if server.share.get(path) != body:
        raise Wrong(f"{path} came back with other bytes")


def _run(server: Server, kind: str, requests: list[bytes], **more: Any) -> dict[str, Any]:
    """Run a job in a load generator's process."""
    host, port = server.address
    job = {
        "kind": kind,
        "host": host,
        "port": port,
        "expected": (200, 201, 204),
        "requests": list(map(_text, requests)),
    }
    finished = subprocess.run(
        [sys.executable, "-I", Path(__file__).with_name("load.py")],
        input=json.dumps({**job, **more}),
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    if finished.returncode:
        raise Wrong(finished.stderr)
    result: dict[str, Any] = json.loads(finished.stdout)
    if "error" in result:
        raise Wrong(result["error"])
    return result


def _text(request: bytes) -> str:
    return base64.b64encode(request).decode()
