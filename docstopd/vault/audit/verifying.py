"""Proving that nobody rewrote the journal: each stream's chain, and what checkpoints say of it.

The chain shows every edit, removal, insertion and exchange of an entry, unless all that follows was written anew too.
A checkpoint, which the database's writer cannot sign, shows that, and an end that was cut off. What came after the
newest checkpoint rests on the chain alone, so it is counted apart.
"""

import hashlib
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from docstopd.catalog import journal as store
from docstopd.db import Database
from docstopd.errors import Damaged
from docstopd.model import Micros
from docstopd.vault.audit.checkpoints import BadLine, Checkpoint, Head
from docstopd.vault.journal import chain_hash
from docstopd.vault.moment import shown
from docstopd.vault.progress import SILENT, Progress

BATCH = 2000

_NOTHING: Head = (0, store.ORIGIN)


@dataclass(frozen=True, slots=True)
class Damage:
    """The first bad entry of a stream."""

    stream: bytes
    seq: int
    what: str


class Verification(NamedTuple):
    """What was found. `entries` were read; `damaged` has the first bad place of each stream that is not sound.

    `checkpoints` good ones were compared, `bad_lines` were not what was written. `heads`: where the sound streams end;
    `anchored`: the last entry of each that a checkpoint signs, so what follows rests on the chain alone.
    """

    entries: int
    damaged: list[Damage]
    checkpoints: int
    bad_lines: list[BadLine]
    heads: dict[bytes, Head]
    anchored: dict[bytes, int]

    @property
    def whole(self) -> bool:
        """Whether nothing is wrong."""
        return not self.damaged and not self.bad_lines

    @property
    def unanchored(self) -> int:
        """Entries of sound streams that no checkpoint signs yet."""
        return sum(seq - min(seq, self.anchored.get(stream, 0)) for stream, (seq, _hash) in self.heads.items())


class _End(NamedTuple):
    """Where a stream ends by its head, and the highest number that an entry of it has."""

    head: Head
    last: int


class _Claim(NamedTuple):
    """A checkpoint's word about one stream."""

    seq: int
    hash: bytes
    time: Micros


def verify(
    database: Database,
    checkpoints: Iterable[Checkpoint | BadLine] = (),
    since: Mapping[bytes, Head] | None = None,
    progress: Progress = SILENT,
) -> Verification:
    """Check every stream to its end, from its first entry or from the heads in `since`, which are taken as proven.

    Entries that are appended meanwhile are left to the next time. A `Damaged` of the database itself comes out only
    where not even the streams can be told.
    """
    since = since or {}
    claims, good, bad_lines = _claims(checkpoints)
    with database.read() as rows:
        known = dict(store.heads(rows))
        ends = {stream: _End(known.get(stream, _NOTHING), store.last(rows, stream)) for stream in store.streams(rows)}
    total = sum(max(0, end.last - since.get(stream, _NOTHING)[0]) for stream, end in ends.items())
    done, damaged, heads, anchored = 0, [], {}, {}
    for stream in sorted({*ends, *claims, *since}):
        walk = _Walk(database, stream, since.get(stream), claims.get(stream, []), progress, done, total)
        found = walk.run(ends.get(stream))
        done += walk.entries
        if found is not None:
            damaged.append(found)
        else:
            heads[stream] = (walk.seq, walk.previous)
            anchored[stream] = walk.claimed
    return Verification(done, damaged, good, bad_lines, heads, anchored)


def _claims(checkpoints: Iterable[Checkpoint | BadLine]) -> tuple[dict[bytes, list[_Claim]], int, list[BadLine]]:
    claims: dict[bytes, set[_Claim]] = {}
    good, bad_lines = 0, []
    for line in checkpoints:
        if isinstance(line, BadLine):
            bad_lines.append(line)
            continue
        good += 1
        for stream, (seq, digest) in line.moved.items():
            claims.setdefault(stream, set()).add(_Claim(seq, digest, line.time))
    return {stream: sorted(found) for stream, found in claims.items()}, good, bad_lines


class _Walk:
    """One stream, from where it is proven to its end. `claimed`: the last entry that a checkpoint vouched for."""

    def __init__(
        self,
        database: Database,
        stream: bytes,
        since: Head | None,
        claims: list[_Claim],
        progress: Progress,
        done: int,
        total: int,
    ) -> None:
        self._database = database
        self._stream = stream
        self._since = since
        self._progress = progress
        self._done = done
        self._total = total
        self.seq, self.previous = since or _NOTHING
        self.claimed = max((claim.seq for claim in claims if claim.seq <= self.seq), default=0)
        self._claims = [claim for claim in claims if claim.seq > self.seq]
        self._claims.reverse()  # the next one is at the end
        self.entries = 0

    def run(self, end: _End | None) -> Damage | None:
        """The first bad place, None when all is sound."""
        try:
            return self._run(end or _End(_NOTHING, 0))
        except Damaged as error:
            return Damage(self._stream, self.seq + 1, f"cannot be read: {error}")

    def _run(self, end: _End) -> Damage | None:
        if self._since is not None:
            with self._database.read() as rows:
                if store.hash_of(rows, self._stream, self.seq) != self.previous:
                    return Damage(self._stream, self.seq, "is not the entry that was found sound before")
        last = max(end.head[0], end.last)
        first = None if self._since is None else self.seq + 1
        while batch := self._read(first, last):
            found = self._check(batch)
            if found is not None:
                return found
            first = self.seq + 1
            self._progress("journal", self._done + self.entries, self._total)
        if end.head != (self.seq, self.previous):
            return Damage(self._stream, self.seq + 1, "the end of the stream is missing")
        if self._claims:
            claim = self._claims[-1]
            what = f"the end of the stream is missing: the checkpoint of {shown(claim.time)} signs entry {claim.seq}"
            return Damage(self._stream, self.seq + 1, what)
        return None

    def _read(self, first: int | None, last: int) -> list[tuple[Any, ...]]:
        try:
            with self._database.read() as rows:
                return store.chain(rows, self._stream, first, last, BATCH)
        except Damaged:  # somewhere in there: what is before it is looked at first, so that the place can be named
            with self._database.read() as rows:
                return store.chain(rows, self._stream, first, last, 1)

    def _check(self, batch: list[tuple[Any, ...]]) -> Damage | None:
        seq, previous = self.seq, self.previous
        for row in batch:
            seq += 1
            self.entries += 1
            wrong = _wrong(self._stream, seq, previous, row)
            if wrong is not None:
                return Damage(self._stream, seq, wrong)
            previous = row[-1]
            while self._claims and self._claims[-1].seq == seq:
                claim = self._claims.pop()
                if claim.hash != previous:
                    what = f"this entry, or one up to {seq}, was written anew: the checkpoint of {shown(claim.time)}"
                    return Damage(self._stream, self.claimed + 1, f"{what} signs another entry {seq}")
                self.claimed = seq
        self.seq, self.previous = seq, previous
        return None


def _wrong(stream: bytes, seq: int, previous: bytes, row: tuple[Any, ...]) -> str | None:
    """What is wrong with an entry that should be number `seq` after one with the hash `previous`."""
    of, number, time, actor, action, node, facts, epoch, salt, payload, commitment, before, digest = row
    if (of, number) != (stream, seq):
        return "entry missing" if of == stream and number > seq else "an entry stands here that does not belong here"
    if before != previous:
        return "does not follow the entry before it"
    try:
        expected = chain_hash(stream, seq, time, actor, action, node, facts, epoch, commitment, before)
        sealed = None if payload is None else hashlib.sha256(salt + payload).digest()
    except (struct.error, TypeError, AttributeError):  # what no entry can have
        return "changed after it was written"
    if expected != digest:
        return "changed after it was written"
    # A payload that is gone was erased, which the chain survives; a salt alone was put there.
    if sealed != commitment if payload is not None else salt is not None:
        return "its payload was exchanged"
    return None
