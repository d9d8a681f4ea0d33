"""The journal: what happened, in hash-chained streams, one for each space and `system` for the rest.

An entry's hash covers everything but the payload, and the payload's commitment; so a payload can be erased and the
chain still verifies. `docs/format.md` states every byte.
"""

import hashlib
import json
import os
import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from docstopd.catalog import journal as store
from docstopd.crypto.serverkey import ServerKey
from docstopd.crypto.wrap import unwrap, wrap
from docstopd.db import Rows
from docstopd.model import Entry, Micros

SYSTEM = b"system"
"""The stream of what belongs to no space."""

NOBODY = b""
"""The actor of what the daemon does by itself, or of a sign-in that failed."""

NO_COMMITMENT = bytes(32)
_ENTRY_LABEL = b"docstopd/entry/v1"
_ENTRY_NUMBERS = struct.Struct(">HQQHHQII")
"""Lengths of stream, actor, action and facts among seq, time, node and epoch, in the order that the hash has them."""
BATCH = 1000

# `json.dumps` makes such an encoder at each call, which costs more than what it writes.
_payload_text = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_facts_text = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode

Facts = Mapping[str, str | int | bool]


@dataclass(frozen=True, slots=True)
class Seal:
    """Where a payload goes: the journal key of a stream, its epoch, and what is to be sealed."""

    key: bytes = field(repr=False)
    epoch: int
    payload: Mapping[str, str] = field(repr=False)

    @classmethod
    def of_server(cls, server: ServerKey, payload: Mapping[str, str]) -> "Seal":
        """For an entry of `system`, under the current server key."""
        return cls(server.journal, server.generation, payload)


@dataclass(frozen=True, slots=True)
class Draft:
    """What an entry says. `facts` hold nothing personal; what is personal goes into `seal`."""

    action: str
    actor: bytes = NOBODY
    node: int = 0
    facts: Facts = field(default_factory=dict)
    seal: Seal | None = None


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
        """Append one entry; its number. The arguments are those of a `Draft`."""
        entry = self._entry(stream, *store.head(rows, stream), Draft(action, actor, node, facts or {}, seal))
        store.append(rows, entry)
        return entry.seq

    def append_all(self, rows: Rows, stream: bytes, drafts: Iterable[Draft]) -> None:
        """Append many entries to one stream, which costs less than one by one."""
        seq, previous = store.head(rows, stream)
        entries = []
        for draft in drafts:
            entries.append(self._entry(stream, seq, previous, draft))
            seq, previous = entries[-1].seq, entries[-1].hash
        store.append_all(rows, entries)

    def _entry(self, stream: bytes, last: int, previous: bytes, draft: Draft) -> Entry:
        """The entry after number `last`, whose hash is `previous`."""
        seq = last + 1
        seal = draft.seal
        salt = payload = None
        commitment = NO_COMMITMENT
        if seal is not None:
            salt = self._random(16)
            text = _payload_text(seal.payload).encode()
            payload = wrap(seal.key, text, _place(stream, seq), self._random)
            commitment = hashlib.sha256(salt + payload).digest()
        time, facts, epoch = self._clock(), _facts_text(draft.facts), seal.epoch if seal else 0
        digest = chain_hash(
            stream, seq, time, draft.actor, draft.action, draft.node, facts, epoch, commitment, previous
        )
        return Entry(
            stream=stream,
            seq=seq,
            time=time,
            actor=draft.actor,
            action=draft.action,
            node=draft.node,
            facts=facts,
            epoch=epoch,
            salt=salt,
            payload=payload,
            commitment=commitment,
            previous=previous,
            hash=digest,
        )


def read_payload(entry: Entry, key: bytes) -> dict[str, str]:
    """What an entry's payload says; empty when it has none or it was erased. Raises `Damaged`."""
    if entry.payload is None:
        return {}
    found: dict[str, str] = json.loads(unwrap(key, entry.payload, _place(entry.stream, entry.seq)))
    return found


def entry_hash(entry: Entry) -> bytes:
    """The hash that an entry has in its chain."""
    return chain_hash(
        entry.stream, entry.seq, entry.time, entry.actor, entry.action, entry.node, entry.facts, entry.epoch,
        entry.commitment, entry.previous,
    )  # fmt: skip


def chain_hash(
    stream: bytes,
    seq: int,
    time: Micros,
    actor: bytes,
    action: str,
    node: int,
    facts: str,
    epoch: int,
    commitment: bytes,
    previous: bytes,
) -> bytes:
    """SHA-256 over every field of an entry but salt and payload, texts with their length in front.

    Whoever verifies may give it what no entry can have: raises struct.error, TypeError or AttributeError then.
    """
    what, said = action.encode(), facts.encode()
    numbers = _ENTRY_NUMBERS.pack(len(stream), seq, time, len(actor), len(what), node, len(said), epoch)
    return hashlib.sha256(_ENTRY_LABEL + numbers + stream + actor + what + said + commitment + previous).digest()


def _place(stream: bytes, seq: int) -> bytes:
    return b"docstopd/payload/v1" + stream + struct.pack(">Q", seq)
