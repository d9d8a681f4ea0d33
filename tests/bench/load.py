"""The load generator: a process of its own that reads one job from standard input and prints what it measured.

It speaks HTTP/1.1 over raw sockets with keep-alive. Requests are ready-made bytes; of an answer it reads the status,
`Content-Length` or the end of the chunks, and counts the rest. One thread waits on all connections at once, so that
the generator takes as little as possible of the processors that the servers need.
"""

import base64
import hashlib
import json
import mmap
import select
import socket
import sys
import time
from collections.abc import Callable, Iterator
from itertools import count, cycle
from typing import Any

BUFFER = 256 * 1024
PATIENCE = 120.0
WARM_UP = 0.3
"""Seconds of the same work before the clock starts."""


class Unexpected(Exception):
    """A server answered with a status that the job did not expect, or not at all."""


class Connection:
    """One keep-alive connection; it opens itself anew when the server has closed it."""

    def __init__(self, address: tuple[str, int], expected: frozenset[int]) -> None:
        self._address = address
        self._expected = expected
        self._request = b""
        self.reopened = -1
        self._open()

    def _open(self) -> None:
        self.socket = socket.create_connection(self._address, timeout=PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._closing = False
        self.reopened += 1

    def send(self, request: bytes) -> None:
        """Send a request; afterwards `receive` until it says that the answer is complete."""
        if self._closing:
            self.socket.close()
            self._open()
        self._request, self._head, self._left, self._chunked, self._tail = request, b"", -1, False, b""
        self.socket.sendall(request)

    def receive(self) -> bool:
        """Take what has arrived; True when the answer is complete."""
        data = self.socket.recv(BUFFER)
        if not data:
            return self._ended()
        if self._left < 0 and not self._chunked:
            self._head += data
            end = self._head.find(b"\r\n\r\n")
            if end < 0:
                return False
            data = self._parse(end)
        if self._chunked:
            # A chunk of XML never ends with the five bytes that end the body.
            self._tail = (self._tail + data)[-5:]
            return self._tail == b"0\r\n\r\n"
        self._left -= len(data)
        return self._left <= 0

    def _parse(self, end: int) -> bytes:
        head, rest = self._head[: end + 2].lower(), self._head[end + 4 :]
        status = int(head[9:12])
        if status not in self._expected:
            raise Unexpected(f"{self._request[:120]!r} was answered {self._head[:400]!r}")
        self._closing = b"\r\nconnection: close" in head
        self._chunked = b"\r\ntransfer-encoding: chunked" in head
        at = head.find(b"\r\ncontent-length:")
        if at >= 0:
            self._left = int(head[at + 17 : head.index(b"\r\n", at + 17)])
        elif not self._chunked:
            self._left = 0 if status == 204 else sys.maxsize
        return rest

    def _ended(self) -> bool:
        """The server closed: the end of a body without length, or of an idle connection (then ask again)."""
        self._closing = True
        if self._left > sys.maxsize // 2:
            return True
        if self._head:
            raise Unexpected(f"{self._request[:120]!r}: the answer was cut off")
        self.send(self._request)
        return False


class Pool:
    """All connections of a job, and one place to wait for them."""

    def __init__(self, job: dict[str, Any]) -> None:
        expected = frozenset(job["expected"])
        self.connections = [Connection((job["host"], job["port"]), expected) for _ in range(job["connections"])]

    def run(self, next_request: Callable[[int], bytes | None], until: float = float("inf")) -> int:
        """Keep every connection busy until the time is up or no request is left; the number of answers."""
        waiting: dict[int, tuple[int, int]] = {}  # descriptor: (connection, how often it had been reopened)
        with select.epoll() as poll:

            def watch(index: int) -> None:
                connection = self.connections[index]
                number, entry = connection.socket.fileno(), (index, connection.reopened)
                if waiting.get(number) != entry:
                    waiting[number] = entry
                    poll.register(number, select.EPOLLIN)

            for index, connection in enumerate(self.connections):
                if (request := next_request(index)) is not None:
                    connection.send(request)
                    watch(index)
            done = 0
            while waiting:
                for number, _ in self._ready(poll):
                    index = waiting[number][0]
                    connection = self.connections[index]
                    if connection.receive():
                        done += 1
                        request = next_request(index) if time.perf_counter() < until else None
                        if request is None:
                            del waiting[number]
                            poll.unregister(number)
                            continue
                        connection.send(request)
                    if connection.reopened != waiting[number][1]:
                        # Closing the old socket took it out of the poll; the new one may have the same number.
                        del waiting[number]
                        watch(index)
            return done

    @staticmethod
    def _ready(poll: select.epoll) -> list[tuple[int, int]]:
        ready = poll.poll(PATIENCE)
        if not ready:
            raise Unexpected(f"no answer in {PATIENCE:.0f} s")
        return ready

    def reopened(self) -> int:
        """How often a server closed a connection, which costs it and us time."""
        return sum(connection.reopened for connection in self.connections)


def sequence(job: dict[str, Any]) -> dict[str, Any]:
    """Send each request once."""
    requests = map(base64.b64decode, job["requests"])
    return {"done": Pool(job).run(lambda _: next(requests, None))}


def repeat(job: dict[str, Any]) -> dict[str, Any]:
    """Send the requests over and over for `seconds`; a request with a `{number}` gets a new one each time."""
    pool, requests = Pool(job), _endless([base64.b64decode(each) for each in job["requests"]])
    pool.run(lambda _: next(requests), time.perf_counter() + min(WARM_UP, job["seconds"]))
    began = time.perf_counter()
    done = pool.run(lambda _: next(requests), began + job["seconds"])
    return {"per_second": done / (time.perf_counter() - began), "reopened": pool.reopened()}


def after_change(job: dict[str, Any]) -> dict[str, Any]:
    """Change something by one request on each connection, then time one other request on each; for `seconds` in all."""
    pool, changes = Pool(job), [_endless([base64.b64decode(each)]) for each in job["changes"]]
    requests = [base64.b64decode(each) for each in job["requests"]]
    done, timed, until = 0, 0.0, time.perf_counter() + job["seconds"]
    while time.perf_counter() < until:
        pool.run(_once(lambda index: next(changes[index])))
        began = time.perf_counter()
        done += pool.run(_once(lambda index: requests[index]))
        timed += time.perf_counter() - began
    return {"per_second": done / timed, "reopened": pool.reopened()}


def upload(job: dict[str, Any]) -> dict[str, Any]:
    """Send a local file as the body of one request."""
    with open(job["file"], "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as body:
        head = base64.b64decode(job["requests"][0])
        pool = Pool({**job, "connections": 1})
        began = time.perf_counter()
        connection = pool.connections[0]
        connection.send(head)
        with memoryview(body) as view:
            connection.socket.sendall(view)
        while not connection.receive():
            pass
        return {"per_second": len(body) / (time.perf_counter() - began)}


def download(job: dict[str, Any]) -> dict[str, Any]:
    """Fetch one large file; with `digest`, its SHA-256 too, which costs time."""
    with socket.create_connection((job["host"], job["port"]), timeout=PATIENCE) as sock:
        began = time.perf_counter()
        sock.sendall(base64.b64decode(job["requests"][0]))
        head = b""
        while b"\r\n\r\n" not in head:
            head += sock.recv(1) or b"\r\n\r\n"
        if int(head[9:12]) != 200:
            raise Unexpected(f"a large GET was answered {head!r}")
        digest, buffer, left = hashlib.sha256(), bytearray(BUFFER), job["size"]
        while left:
            got = sock.recv_into(buffer, min(left, BUFFER))
            if not got:
                raise Unexpected(f"a large GET ended {left} bytes early")
            if job["digest"]:
                digest.update(memoryview(buffer)[:got])
            left -= got
        return {"per_second": job["size"] / (time.perf_counter() - began), "digest": digest.hexdigest()}


def _endless(requests: list[bytes]) -> Iterator[bytes]:
    """The requests in turn. `{number}` is replaced by eight digits, its own length, so no length changes."""
    parts = [request.partition(b"{number}") for request in requests]
    if not any(marker for _, marker, _ in parts):
        yield from cycle(requests)
    for number, (before, marker, after) in zip(count(), cycle(parts)):
        yield b"%s%08d%s" % (before, number, after) if marker else before


def _once(request: Callable[[int], bytes]) -> Callable[[int], bytes | None]:
    """One request for each connection, then none."""
    served: set[int] = set()

    def following(index: int) -> bytes | None:
        if index in served:
            return None
        served.add(index)
        return request(index)

    return following


JOBS = {job.__name__: job for job in (sequence, repeat, after_change, upload, download)}


def main() -> None:
    """Run the job on standard input; print one JSON object, with `error` when a server misbehaved."""
    job = json.load(sys.stdin)
    try:
        result = JOBS[job["kind"]](job)
    except (Unexpected, OSError) as error:
        result = {"error": f"{type(error).__name__}: {error}"}
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main()
