"""Reading the journal for people: one stream or all, newest first or as it grows, by who, what, where and when."""

import heapq
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

from docstopd.catalog import journal as store
from docstopd.catalog.journal import Wanted
from docstopd.db import Database
from docstopd.errors import Damaged, Incompatible
from docstopd.model import Entry, Micros, NodeId, SpacePath
from docstopd.vault.journal import SYSTEM, read_payload

PAGE = 500
_UNREADABLE = {"damage": "the payload of this entry is not what was written"}


@dataclass(frozen=True, slots=True)
class Line:
    """One entry for a reader. `details` is empty where the payload is sealed to others, or erased.

    `stream` and `actor` are names where there are such; `stream_id` and `by` are the ids, in hexadecimal.
    """

    stream: str
    stream_id: str
    seq: int
    time: Micros
    actor: str
    by: str
    action: str
    node: int
    facts: dict[str, str | int | bool]
    details: dict[str, str]


@dataclass(frozen=True, slots=True)
class Filter:
    """What is looked for; what is left as it is lets everything through.

    `user`: the id of who did it, or of whom it says something. `path`: it, or what is below it; only entries whose
    details can be read have one.
    """

    user: bytes = b""
    actions: frozenset[str] = frozenset()
    outcome: str = ""
    path: SpacePath = ()
    since: Micros | None = None
    until: Micros | None = None

    @property
    def columns(self) -> Wanted:
        """The part of it that the catalog can tell."""
        return Wanted(self.user, tuple(sorted(self.actions)), self.since, self.until)

    def fits(self, line: Line) -> bool:
        """The rest of it."""
        if self.outcome and line.facts.get("outcome", "done") != self.outcome:
            return False
        return not self.path or any(
            tuple(line.details.get(name, "").split("/"))[: len(self.path)] == self.path for name in ("path", "source")
        )


_BY_NODE = frozenset({"damage", "heal"})
"""What jobs write without any key: the owner needs the path, to see which file it is."""


@dataclass(frozen=True, slots=True)
class Source:
    """A stream to be read: its name for people, and the journal keys that are at hand, by epoch.

    `place` tells the path at which a node is now, empty where it is gone: for what was written down without keys.
    """

    stream: bytes
    name: str
    keys: Mapping[int, bytes] = field(repr=False)
    place: Callable[[NodeId], str] | None = None


class Trail:
    """Some streams, read in short transactions, so that a long look holds nobody up."""

    def __init__(self, database: Database, sources: list[Source], names: Mapping[bytes, str]) -> None:
        self._database = database
        self.sources = sources
        self._names = names
        self._seen: dict[bytes, int] = {}

    def latest(self, wanted: Filter, limit: int) -> list[Line]:
        """The last entries that fit, oldest first; `following` goes on behind them."""
        with self._database.read() as rows:
            self._seen = {source.stream: store.head(rows, source.stream)[0] for source in self.sources}
        streams = [self._backwards(source, wanted) for source in self.sources]
        found = list(islice(heapq.merge(*streams, key=lambda line: (-line.time, -line.seq)), limit))
        return found[::-1]

    def following(self, wanted: Filter) -> list[Line]:
        """What was appended since the last call, oldest first."""
        found: list[Line] = []
        for source in self.sources:
            while batch := self._next(source):
                self._seen[source.stream] = batch[-1].seq
                lines = [self.line(source, entry) for entry in batch if _is_wanted(entry, wanted.columns)]
                found += [line for line in lines if wanted.fits(line)]
        return sorted(found, key=lambda line: (line.time, line.seq))

    def line(self, source: Source, entry: Entry) -> Line:
        """An entry in words. Where its payload is damaged it says so."""
        key = source.keys.get(entry.epoch)
        try:
            details = read_payload(entry, key) if key else {}
        except (Damaged, Incompatible, ValueError):
            details = _UNREADABLE
        if entry.action in _BY_NODE and source.place is not None and (path := source.place(NodeId(entry.node))):
            details = {**details, "path": path}
        return Line(
            stream=source.name,
            stream_id="system" if entry.stream == SYSTEM else entry.stream.hex(),
            seq=entry.seq,
            time=entry.time,
            actor=self._names.get(entry.actor, entry.actor.hex()),
            by=entry.actor.hex(),
            action=entry.action,
            node=entry.node,
            facts=json.loads(entry.facts),
            details=details,
        )

    def _backwards(self, source: Source, wanted: Filter) -> Iterator[Line]:
        before = self._seen[source.stream] + 1
        while True:
            with self._database.read() as rows:
                page = store.search(rows, source.stream, before, PAGE, wanted.columns)
            for entry in page:
                line = self.line(source, entry)
                if wanted.fits(line):
                    yield line
            if len(page) < PAGE:
                return
            before = page[-1].seq

    def _next(self, source: Source) -> list[Entry]:
        with self._database.read() as rows:
            return store.entries(rows, source.stream, self._seen.get(source.stream, 0), PAGE)


def _is_wanted(entry: Entry, wanted: Wanted) -> bool:
    return (
        (not wanted.user or wanted.user == entry.actor or wanted.user.hex() in entry.facts)
        and (not wanted.actions or entry.action in wanted.actions)
        and (wanted.since is None or entry.time >= wanted.since)
        and (wanted.until is None or entry.time < wanted.until)
    )
