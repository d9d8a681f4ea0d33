"""Reading the journal, and proving that nobody rewrote it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from docstopd.catalog import journal as store
from docstopd.catalog import spaces, users
from docstopd.crypto.spacekey import SpaceKey
from docstopd.errors import Damaged, NotFound, Refused
from docstopd.model import SECOND, Entry, Micros
from docstopd.vault import journal, naming
from docstopd.vault.checkpoints import Checkpoint, Checkpoints, Head
from docstopd.vault.marked import Marked
from docstopd.vault.opening import open_space
from docstopd.vault.progress import SILENT, Progress, Report
from docstopd.vault.session import Session
from docstopd.vault.stores import Stores
from docstopd.vault.verifying import Verification, verify

WHOLE_AFTER = 7 * 86_400 * SECOND
"""How often the job reads the whole journal again."""


@dataclass(frozen=True, slots=True)
class Line:
    """One entry for a reader. `details` is empty where the payload is sealed to others, or erased."""

    stream: str
    seq: int
    time: Micros
    actor: str
    action: str
    node: int
    facts: dict[str, str | int | bool]
    details: dict[str, str]


class Audit:
    """The door to the journal."""

    def __init__(self, stores: Stores, checkpoints: Checkpoints) -> None:
        self._stores = stores
        self._checkpoints = checkpoints
        self._mark = Marked(stores)

    def verify(
        self, since: int | None = None, beside: Sequence[Path] = (), progress: Progress = SILENT
    ) -> Verification:
        """Check the journal and what checkpoints say of it, those of the data folder and of the files `beside`.

        All of it; or what came since the newest checkpoint but `since - 1` (1 is the newest), whose signature stands
        for what was before; with 0 since the last verification, which is as good as the word of whoever can write to
        the database, but for the server key that signs it. Raises `Refused` when there is no such checkpoint.
        """
        lines = [line for path in beside for line in self._checkpoints.read(path)]
        lines += self._checkpoints.all()
        start: Mapping[bytes, Head] = {}
        if since:
            good = [line for line in self._checkpoints.all() if isinstance(line, Checkpoint)]
            if len(good) < since:
                raise Refused(f"there are {len(good)} checkpoints: verify the whole journal")
            start = good[-since].heads
        elif since == 0:
            start = self._mark.read().heads
        found = verify(self._stores.catalog, lines, start, progress)
        if found.whole and not since and not self._stores.read_only:
            self._mark.write(found.heads, whole=since is None)
        return found

    def run(self, progress: Progress, dry: bool) -> Report:
        """The job: what came since the last time, and once a week the whole. Raises `Damaged` with the first place."""
        mark = self._mark.read()
        whole = self._stores.clock() - mark.whole >= WHOLE_AFTER
        found = self.verify(None if whole else 0, progress=progress)
        if not found.whole:
            raise Damaged(f"the journal is damaged: {'; '.join(told(found))}")
        return {"entries": found.entries, "unanchored": found.unanchored, "whole": whole}

    def show(self, session: Session | None, label: str | None, limit: int) -> list[Line]:
        """The last entries of a space, or of `system`; with a member's session the space's paths are in clear.

        Raises `NotFound`.
        """
        label = None if label is None else naming.normal(label)
        with self._stores.catalog.read() as rows:
            stream, keys, name = bytes(journal.SYSTEM), {0: self._stores.server.journal}, "system"
            if label is not None:
                space = spaces.find(rows, naming.normal(label))
                if space is None:
                    raise NotFound(f"there is no space {label!r}")
                opened = open_space(rows, self._stores.keyring, session, label) if session else None
                stream, name = space.id, label
                keys = _journal_keys(opened.keys) if opened else {}
            found = store.latest(rows, stream, limit)
            names: dict[bytes, str] = {account.user.id: account.user.name for account in users.all_accounts(rows)}
        return [_line(entry, name, names, keys) for entry in found]


def _journal_keys(keys: dict[int, SpaceKey]) -> dict[int, bytes]:
    return {epoch: key.journal for epoch, key in keys.items()}


def _line(entry: Entry, stream: str, names: dict[bytes, str], keys: dict[int, bytes]) -> Line:
    key = keys.get(entry.epoch)
    return Line(
        stream=stream,
        seq=entry.seq,
        time=entry.time,
        actor=names.get(entry.actor, entry.actor.hex()),
        action=entry.action,
        node=entry.node,
        facts=json.loads(entry.facts),
        details=journal.read_payload(entry, key) if key else {},
    )


def told(found: Verification) -> list[str]:
    """Each damaged place in words, by ids."""
    places = [f"stream {_stream_name(one.stream)}, entry {one.seq}: {one.what}" for one in found.damaged]
    return places + [f"checkpoints, line {one.line}: {one.what}" for one in found.bad_lines]


def _stream_name(stream: bytes) -> str:
    return "system" if stream == journal.SYSTEM else stream.hex()
