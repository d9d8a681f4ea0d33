"""The journal: what happened, in hash-chained streams, one for each space and `system` for the rest.

An entry's hash covers everything but the payload, and the payload's commitment; so a payload can be erased and the
chain still verifies. `docs/format.md` states every byte.
"""

import hashlib
import hmac
import json
import os
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from docstopd.catalog import journal as store
from docstopd.crypto.wrap import unwrap, wrap
from docstopd.db import Database, Rows
from docstopd.model import Entry, Micros

SYSTEM = b"system"
"""The stream of what belongs to no space."""

NOBODY = b""
"""The actor of what the daemon does by itself, or of a sign-in that failed."""

NO_COMMITMENT = bytes(32)
BATCH = 1000

Facts = Mapping[str, str | int | bool]


@dataclass(frozen=True, slots=True)
class Seal:
    """Where a payload goes: the journal key of a stream, its epoch, and what is to be sealed."""

    key: bytes = field(repr=False)
    epoch: int
    payload: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Damage:
    """The first bad entry of a stream."""

    stream: bytes
    seq: int
    what: str


class Journal:
    """Appends to streams; who calls it holds the transaction."""

    def __init__(self, clock: Callable[[], Micros], random: Callable[[int], bytes] = os.urandom) -> None:
        self._clock = clock
        self._random = random

    def append(
        self,
        rows: Rows,
        stream: bytes,
        action: str,
        *,
        actor: bytes = NOBODY,
        node: int = 0,
        facts: Facts | None = None,
        seal: Seal | None = None,
    ) -> int:
        """Append one entry; its number. `facts` hold nothing personal; what is personal goes into `seal`."""
        seq, previous = store.head(rows, stream)
        seq += 1
        salt = payload = None
        commitment = NO_COMMITMENT
        if seal is not None:
            salt = self._random(16)
            text = json.dumps(seal.payload, ensure_ascii=False, separators=(",", ":")).encode()
            payload = wrap(seal.key, text, _place(stream, seq), self._random)
            commitment = hashlib.sha256(salt + payload).digest()
        entry = Entry(
            stream=stream,
            seq=seq,
            time=self._clock(),
            actor=actor,
            action=action,
            node=node,
            facts=json.dumps(facts or {}, sort_keys=True, separators=(",", ":")),
            epoch=seal.epoch if seal else 0,
            salt=salt,
            payload=payload,
            commitment=commitment,
            previous=previous,
            hash=b"",
        )
        store.append(rows, replace(entry, hash=entry_hash(entry)))
        return seq


def read_payload(entry: Entry, key: bytes) -> dict[str, str]:
    """What an entry's payload says; empty when it has none or it was erased. Raises `Damaged`."""
    if entry.payload is None:
        return {}
    found: dict[str, str] = json.loads(unwrap(key, entry.payload, _place(entry.stream, entry.seq)))
    return found


def verify(database: Database) -> list[Damage]:
    """Check every stream from its first entry to its head: the first bad place of each, none when all is sound."""
    with database.read() as rows:
        return [damage for stream in store.streams(rows) if (damage := _verify_stream(rows, stream)) is not None]


def count(database: Database) -> int:
    """How many entries all streams have by their heads."""
    with database.read() as rows:
        return sum(store.head(rows, stream)[0] for stream in store.streams(rows))


def _verify_stream(rows: Rows, stream: bytes) -> Damage | None:
    seq, previous = 0, store.ORIGIN
    for entry in _entries(rows, stream):
        seq += 1
        if entry.seq != seq:
            return Damage(stream, seq, "entry missing")
        if entry.previous != previous:
            return Damage(stream, seq, "does not follow the entry before it")
        if not _is_whole(entry):
            return Damage(stream, seq, "changed after it was written")
        if (
            entry.payload is not None
            and hashlib.sha256((entry.salt or b"") + entry.payload).digest() != entry.commitment
        ):
            return Damage(stream, seq, "its payload was exchanged")
        previous = entry.hash
    if store.head(rows, stream) != (seq, previous):
        return Damage(stream, seq + 1, "the end of the stream is missing")
    return None


def _is_whole(entry: Entry) -> bool:
    try:
        return hmac.compare_digest(entry_hash(entry), entry.hash)
    except struct.error:  # a number that no entry can have
        return False


def _entries(rows: Rows, stream: bytes) -> Iterator[Entry]:
    after = 0
    while batch := store.entries(rows, stream, after, BATCH):
        yield from batch
        after = batch[-1].seq


def entry_hash(entry: Entry) -> bytes:
    """SHA-256 over every field but salt and payload, texts with their length in front."""
    facts = entry.facts.encode()
    action = entry.action.encode()
    head = struct.pack(
        ">HQQHHQII",
        len(entry.stream),
        entry.seq,
        entry.time,
        len(entry.actor),
        len(action),
        entry.node,
        len(facts),
        entry.epoch,
    )
    return hashlib.sha256(
        b"docstopd/entry/v1" + head + entry.stream + entry.actor + action + facts + entry.commitment + entry.previous
    ).digest()


def _place(stream: bytes, seq: int) -> bytes:
    return b"docstopd/payload/v1" + stream + struct.pack(">Q", seq)
