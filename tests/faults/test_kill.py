"""`kill -9` of everything, at any moment, under concurrent writes: what was acknowledged is there, and whole."""

import dataclasses
import hashlib
import http.client
import random
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from daemon import Running, command, environment, kill, start, stop
from webdav import Share

ROUNDS = 50
WRITERS = 6
SIZES = (0, 1, 4096, 70_000, 262_112, 1_200_000, 3_000_000)


def content(name: str, number: int, size: int) -> bytes:
    """Bytes that no other file and no other version of this one has."""
    seed = hashlib.sha256(f"{name}/{number}".encode()).digest()
    return (seed * (size // 32 + 1))[:size]


@dataclass
class Writer:
    """Writes its own few files again and again; remembers what was acknowledged and what was under way."""

    share: Share
    name: str
    seed: int
    acknowledged: dict[str, str] = field(default_factory=dict)
    under_way: dict[str, set[str]] = field(default_factory=dict)
    count: int = 0

    def run(self, until: threading.Event) -> None:
        """Until the server is gone, or it is told to stop."""
        chance = random.Random(self.seed)
        while not until.is_set():
            name = f"{self.name}-{chance.randrange(4)}"
            body = content(name, self.count, chance.choice(SIZES))
            self.count += 1
            digest = hashlib.sha256(body).hexdigest()
            self.under_way.setdefault(name, set()).add(digest)
            try:
                done = self._safe_save(name, body) if chance.random() < 0.3 else self._put(name, body)
            except (OSError, http.client.HTTPException):
                return
            if done:
                self.acknowledged[name] = digest
                self.under_way[name] = set()

    def _put(self, name: str, body: bytes) -> bool:
        return self.share.ask("PUT", name, body).status in {201, 204}

    def _safe_save(self, name: str, body: bytes) -> bool:
        """As editors do: a new file, moved over the old one."""
        if self.share.ask("PUT", f"{name}.tmp", body).status not in {201, 204}:
            return False
        target = {"Destination": self.share.url + name, "Overwrite": "T"}
        return self.share.ask("MOVE", f"{name}.tmp", headers=target).status in {201, 204}

    def check(self, share: Share) -> None:
        """Each file has the content that was acknowledged last, or one that was under way; and that is known now."""
        for name in {*self.acknowledged, *self.under_way}:
            answer = share.ask("GET", name)
            if answer.status == 404:
                assert name not in self.acknowledged, f"{name} was acknowledged and is gone"
                continue
            assert answer.status == 200, f"{name}: {answer.status}"
            found = hashlib.sha256(answer.body).hexdigest()
            allowed = {self.acknowledged.get(name)} | self.under_way.get(name, set())
            assert found in allowed, f"{name} has {len(answer.body)} bytes that nobody wrote last"
            self.acknowledged[name] = found
            self.under_way[name] = set()


def one_round(running: Running, password: str, writers: list[Writer], seconds: float) -> None:
    """Write for a while, then cut the power."""
    stopped = threading.Event()
    threads = []
    for writer in writers:
        writer.share = Share(running.space_url, running.user, password)
        threads.append(threading.Thread(target=writer.run, args=(stopped,)))
    for thread in threads:
        thread.start()
    time.sleep(seconds)
    kill(running.process)
    stopped.set()
    for thread in threads:
        thread.join()


def test_acknowledged_files_survive_fifty_kills(tmp_path: Path) -> None:
    """Each round: concurrent overwrites and safe-saves, SIGKILL to the group, restart, every file looked at."""
    chance = random.Random(20)
    first = running = start(tmp_path)
    password, user = first.password, first.user
    writers = [Writer(Share(first.space_url), f"w{n}", n) for n in range(WRITERS)]
    try:
        for _ in range(ROUNDS):
            one_round(running, password, writers, chance.uniform(0.05, 0.8))
            running = start(tmp_path)
            share = Share(f"{running.url}dav/{user}/", user, password)
            running = dataclasses.replace(running, user=user, space_url=share.url)
            for writer in writers:
                writer.check(share)
        verified = subprocess.run(
            [*command(), "audit", "verify", "--config", str(running.config)],
            capture_output=True,
            text=True,
            env=environment(),
            timeout=60,
            check=False,
        )
        assert verified.returncode == 0, verified.stdout + verified.stderr
        assert sum(writer.count for writer in writers) > ROUNDS * WRITERS
        stop(running)
    finally:
        kill(running.process)
