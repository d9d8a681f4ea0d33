"""Finished answers in memory, for fronts that may have to give them again.

They hold names in clear. So they hang on what a credential has unlocked, beside the keys that opened them, and nothing
else refers to them: they go when the keys go.
"""

import threading
import weakref
from collections import OrderedDict
from collections.abc import Hashable
from itertools import count
from typing import Protocol


class Weighed(Protocol):
    """What can be kept: it knows how many bytes it will take at most."""

    @property
    def size(self) -> int:
        """Bytes."""


class Room:
    """The memory that the kept answers of a process take, all together: `size` bytes at most, 0 to keep none."""

    def __init__(self, size: int) -> None:
        self._size = size
        self.most = size // 2
        self.turn = threading.Lock()
        self.clock = count()
        self._shelves: weakref.WeakSet[Kept] = weakref.WeakSet()

    def shelf(self) -> "Kept":
        """A place for the answers of one credential."""
        shelf = Kept(self)
        with self.turn:
            self._shelves.add(shelf)
        return shelf

    def tidy(self) -> None:
        """Let go what was not asked for the longest, whosever it is, until the rest fits. The caller has the turn."""
        while sum(shelf.size for shelf in self._shelves) > self._size:
            min(self._shelves, key=lambda shelf: shelf.oldest).drop_oldest()


class Kept:
    """The answers of one credential by what was asked. Safe to use from several threads."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._answers: OrderedDict[Hashable, tuple[int, int, Weighed]] = OrderedDict()
        self.size = 0

    @property
    def most(self) -> int:
        """Bytes of the largest answer that is kept; a larger one would take the place of too many others."""
        return self._room.most

    @property
    def oldest(self) -> float:
        """When the answer that was not asked for the longest was asked for, by the room's clock."""
        return next(iter(self._answers.values()))[0] if self._answers else float("inf")

    def get(self, asked: Hashable) -> object | None:
        """What was kept under this question."""
        with self._room.turn:
            found = self._answers.get(asked)
            if found is None:
                return None
            self._answers[asked] = (next(self._room.clock), *found[1:])
            self._answers.move_to_end(asked)
        return found[2]

    def put(self, asked: Hashable, answer: Weighed) -> None:
        """Keep an answer, in place of an older one, if it is not too large."""
        size = answer.size
        with self._room.turn:
            self._drop(asked)
            if size <= self._room.most:
                self._answers[asked] = (next(self._room.clock), size, answer)
                self.size += size
                self._room.tidy()

    def drop_oldest(self) -> None:
        """Let go what was not asked for the longest. The caller has the room's turn."""
        self._drop(next(iter(self._answers)))

    def drop_all(self) -> None:
        """Let go everything."""
        with self._room.turn:
            self._answers.clear()
            self.size = 0

    def _drop(self, asked: Hashable) -> None:
        found = self._answers.pop(asked, None)
        if found is not None:
            self.size -= found[1]
