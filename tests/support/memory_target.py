"""A target in memory, as good as any other; a test can see and change what is in it."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from docstopd.errors import NotFound
from docstopd.targets import Found


@dataclass
class MemoryTarget:
    """`objects` is what is durable; `clock` gives the times."""

    objects: dict[str, bytes] = field(default_factory=dict)
    times: dict[str, int] = field(default_factory=dict)
    waiting: dict[str, bytes] = field(default_factory=dict)
    guard: threading.Lock = field(default_factory=threading.Lock)
    now: int = 0

    def put(self, name: str) -> "MemoryWriter":
        return MemoryWriter(self, name)

    def open(self, name: str, *, fresh: bool = False) -> "MemoryReader":
        try:
            return MemoryReader(self.objects[name])
        except KeyError:
            raise NotFound(f"there is no {name}") from None

    def list(self, prefix: str) -> Iterator[Found]:
        for name, content in list(self.objects.items()):
            if name.startswith(prefix):
                yield Found(name, len(content), self.times.get(name, 0))

    def delete(self, name: str, *, wipe: bool = False) -> None:
        self.objects.pop(name, None)

    def settle(self) -> None:
        with self.guard:
            finished, self.waiting = self.waiting, {}
        self.objects.update(finished)
        self.times.update(dict.fromkeys(finished, self.now))

    def sweep(self) -> None:
        pass


class MemoryWriter:
    def __init__(self, target: MemoryTarget, name: str) -> None:
        self._target = target
        self._name = name
        self._content = bytearray()

    def write(self, data: Any) -> None:
        self._content += data

    def finish(self) -> None:
        with self._target.guard:
            self._target.waiting[self._name] = bytes(self._content)

    def abort(self) -> None:
        pass


class MemoryReader:
    def __init__(self, content: bytes) -> None:
        self._content = content
        self.size = len(content)

    def read_into(self, offset: int, target: memoryview) -> int:
        piece = self._content[offset : offset + len(target)]
        target[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        pass
