"""Connections that ask at the same moment, and a record of what each asked and was told, and when."""

import http.client
import json
import os
import re
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path as LocalPath
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

from daemon import Running
from linearizable import Operation
from tree_model import Call, Event, Outcome, Path, State, Tree
from webdav import Share

RACERS = 8
PATIENCE = 60
LOCK_BODY = (
    b'<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope>'
    b"<D:locktype><D:write/></D:locktype></D:lockinfo>"
)


@dataclass(frozen=True, slots=True)
class Field:
    """Where they race: a share, the keep-alive connections, and the process behind each."""

    share: Share
    connections: Sequence[http.client.HTTPConnection]
    behind: Sequence[int]

    def at(self, share: Share) -> "Field":
        """The same connections in another folder."""
        return Field(share, self.connections, self.behind)

    def set_up(self, tree: Tree) -> State:
        """Make an empty share hold this tree."""
        for path, content in sorted(tree, key=lambda item: len(item[0])):
            status = self.ask(0, Call("MKCOL", path) if content is None else Call("PUT", path, body=content)).status
            assert status == 201, (path, status)
        return State(tree)

    def race(self, scripts: Sequence[Sequence[Call]]) -> list[Event]:
        """Let each connection follow its script, all at once, then look at everything; what happened."""
        start = threading.Barrier(len(scripts))

        def follow(number: int, script: Sequence[Call]) -> list[Event]:
            start.wait(PATIENCE)
            return self._follow(number, script)

        with ThreadPoolExecutor(len(scripts)) as pool:
            followed = [pool.submit(follow, number, script) for number, script in enumerate(scripts)]
            history = [event for each in followed for event in each.result(PATIENCE)]
        return [*history, self._timed(0, Call("SURVEY"))]

    def _follow(self, number: int, script: Sequence[Call]) -> list[Event]:
        """One connection's part. An UNLOCK without a token gives back this connection's last lock, if it has one."""
        events: list[Event] = []
        held: dict[Path, str] = {}
        for call in script:
            if call.method == "UNLOCK" and not call.token:
                if call.path not in held:
                    continue
                call = Call("UNLOCK", call.path, token=held.pop(call.path))  # noqa: PLW2901 - the call that is made
            events.append(self._timed(number, call))
            if events[-1].outcome.token:
                held[call.path] = events[-1].outcome.token
        return events

    def _timed(self, number: int, call: Call) -> Event:
        invoked = time.monotonic()
        outcome = self.ask(number, call)
        return Operation(invoked, time.monotonic(), call, outcome)

    def ask(self, number: int, call: Call, headers: dict[str, str] | None = None) -> Outcome:
        """One request on one of the connections."""
        if call.method == "SURVEY":
            return Outcome(207, tree=frozenset(self._survey(number, ())))
        status, answered, body = self._send(number, call, headers or {})
        token = answered.get("lock-token", "").strip("<>") if call.method == "LOCK" else ""
        return Outcome(status, body if call.method == "GET" and status == 200 else b"", token, answered.get("etag", ""))

    def _send(self, number: int, call: Call, more: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        headers = self.share.authorization()
        if call.target:
            headers |= {"Destination": self._url(call.target), "Overwrite": "T" if call.overwrite else "F"}
        if call.token:
            headers["Lock-Token"] = f"<{call.token}>"
        body = call.body
        if call.method == "LOCK":
            headers |= {"Depth": "0", "Timeout": "Second-600"}
            body = LOCK_BODY
        connection = self.connections[number]
        connection.request(call.method, self._url(call.path), body or None, headers | more)
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()

    def _url(self, path: Path) -> str:
        return urlsplit(self.share.url).path + "/".join(path)

    def _survey(self, number: int, folder: Path) -> Iterator[tuple[Path, bytes | None]]:
        """Walk the tree from the top, so that what hangs nowhere is missed, and a circle would never end."""
        assert len(folder) < 2 * RACERS, "a folder holds itself"
        # The folder itself answers first; the href of a folder ends with a slash.
        status, _, body = self._send(number, Call("PROPFIND", folder), {"Depth": "1"})
        assert status == 207, (folder, status)
        for href in ElementTree.fromstring(body).findall("{DAV:}response/{DAV:}href")[1:]:
            text = unquote(href.text or "")
            path = (*folder, text.rstrip("/").rpartition("/")[2])
            if text.endswith("/"):
                yield path, None
                yield from self._survey(number, path)
            else:
                answer = self.ask(number, Call("GET", path))
                assert answer.status == 200, (path, answer)
                yield path, answer.body


@contextmanager
def field(running: Running) -> Iterator[Field]:
    """Open the connections, the same number to each of the daemon's workers."""
    workers: list[int] = json.loads((running.data / "run" / "status.json").read_text())["workers"]
    free = {worker: RACERS // len(workers) for worker in workers}
    where = urlsplit(running.url)
    with ExitStack() as stack:
        connections: list[http.client.HTTPConnection] = []
        behind: list[int] = []
        for _ in range(50 * RACERS):
            if not any(free.values()):
                break
            connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=PATIENCE)
            stack.callback(connection.close)
            connection.request("OPTIONS", "/")
            connection.getresponse().read()
            worker = _worker_behind(connection, workers)
            if free[worker]:
                free[worker] -= 1
                connections.append(connection)
                behind.append(worker)
            else:
                connection.close()
        assert len(connections) == RACERS, f"one worker never accepts: {free}"
        yield Field(Share(running.space_url, running.user, running.password), connections, behind)


def _worker_behind(connection: http.client.HTTPConnection, workers: Sequence[int]) -> int:
    """The process that holds the other end of a loopback connection."""
    ours, theirs = connection.sock.getsockname()[1], connection.sock.getpeername()[1]
    ends = rf":{theirs:04X} [0-9A-F]+:{ours:04X} .*"
    found = re.search(ends, LocalPath("/proc/net/tcp").read_text())
    assert found, "the connection is not in the kernel's table"
    wanted = f"socket:[{found[0].split()[8]}]"
    for worker in workers:
        for descriptor in LocalPath(f"/proc/{worker}/fd").iterdir():
            with suppress(OSError):  # it was closed a moment ago
                if os.readlink(descriptor) == wanted:
                    return worker
    raise AssertionError("no worker holds the connection")
