"""Entries that wait for a moment and are appended together: what is only looked at must not cost a commit.

Reads of files and the opening of spaces are noted in memory and appended by `flush`, every second and at the end. So
these entries are at most a second late, and lost when the process is killed within that second.
"""

import logging
import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace

from docstopd.catalog import nodes, spaces, users
from docstopd.db import Rows
from docstopd.errors import Failed, Refused
from docstopd.model import SECOND, BlobId, Micros, NodeId, SpaceId, SpacePath, UserId
from docstopd.vault.journal import NOBODY, SYSTEM, Draft, Facts, Journal, Seal
from docstopd.vault.opening import OpenSpace
from docstopd.vault.session import Session
from docstopd.vault.stores import Policy, Stores

MOST_WAITING = 10_000
"""Beyond so many, whoever reads appends them himself. As many again wait while the disk is full; then some are lost."""

MOST_KNOWN = 100_000
"""Reads that are remembered as noted; beyond that they are noted anew."""

log = logging.getLogger(__name__)

_Key = tuple[NodeId, BlobId, bytes, str]


@dataclass(frozen=True, slots=True)
class _Waiting:
    stream: bytes
    draft: Draft


class Batches:
    """What waits in this process. Safe for threads."""

    def __init__(self, stores: Stores, journal: Journal, policy: Policy) -> None:
        self._stores = stores
        self._journal = journal
        self._reads = policy.reads and not stores.read_only
        self._window: Micros = int(policy.read_window * SECOND)
        self._waiting: list[_Waiting] = []
        self._known: dict[_Key, Micros] = {}
        self._lost = 0
        self._stuck = False  # the last try failed: only `housekeep` tries again, readers don't pay for it
        self._guard = threading.Lock()
        self._flushing = threading.Lock()

    def read(self, session: Session, opened: OpenSpace, node: NodeId, blob: BlobId, path: SpacePath) -> None:
        """Somebody reads a content. One entry for each content, credential and address in the policy's window.

        To be called outside of transactions: at the limit of what may wait it appends.
        """
        if not self._reads:
            return
        now = self._stores.clock()
        key = (node, blob, session.unlocked.slot, session.address)
        if self._known.get(key, 0) > now:
            return
        payload = {"path": "/".join(path), "address": session.address, "agent": session.agent}
        seal = Seal(opened.key.journal, opened.key.epoch, payload)
        draft = Draft("read", actor=session.user.id, node=node, seal=seal)
        with self._guard:
            if self._known.get(key, 0) > now:
                return
            if len(self._known) >= MOST_KNOWN:
                self._known = {known: until for known, until in self._known.items() if until > now}
                if len(self._known) >= MOST_KNOWN:
                    self._known = {}
            self._known[key] = now + self._window
            self._add(_Waiting(opened.space.id, draft))
            full = len(self._waiting) >= MOST_WAITING and not self._stuck
        if full:
            self.flush()

    def opening(self, session: Session, space: SpaceId, epoch: int) -> None:
        """A session opens a space for the first time: from now on its keys are in this process's memory."""
        if self._stores.read_only:
            return
        payload = {"address": session.address, "agent": session.agent}
        facts: Facts = {"space": space.hex(), "epoch": epoch, "slot": session.unlocked.kind.value}
        seal = Seal.of_server(self._stores.server, payload)
        draft = Draft("space-open", actor=session.user.id, facts=facts, seal=seal)
        with self._guard:  # nothing is appended here: this may be inside a transaction
            self._add(_Waiting(SYSTEM, draft))

    def _add(self, waiting: _Waiting) -> None:
        if len(self._waiting) < 2 * MOST_WAITING:
            self._waiting.append(waiting)
        else:
            self._lost += 1

    def flush(self) -> None:
        """Append what waits, in one commit. What cannot be appended now waits on, as long as there is room."""
        with self._flushing:
            with self._guard:
                taken, self._waiting = self._waiting, []
                lost, self._lost = self._lost, 0
            if not taken:
                return
            try:
                self._stores.catalog.write(lambda rows: self._append(rows, taken, lost))
            except (Failed, Refused) as error:
                self._keep(taken, lost, error)
            else:
                self._stuck = False

    def _append(self, rows: Rows, taken: list[_Waiting], lost: int) -> None:
        streams: dict[bytes, list[Draft]] = {}
        for one in taken:
            streams.setdefault(one.stream, []).append(one.draft)
        if lost:
            streams.setdefault(SYSTEM, []).append(Draft("reads-lost", actor=NOBODY, facts={"entries": lost}))
        for stream, drafts in streams.items():
            self._journal.append_all(rows, stream, self._still_sealed(rows, stream, drafts))

    def _still_sealed(self, rows: Rows, stream: bytes, drafts: list[Draft]) -> Iterable[Draft]:
        """A file, a space or an account may have been erased since: no path or address may come back in a payload."""
        if stream == SYSTEM:
            actors = {actor for actor in {draft.actor for draft in drafts} if users.get(rows, UserId(actor))}
            return (draft if draft.actor in actors else replace(draft, seal=None) for draft in drafts)
        there = nodes.existing(rows, [NodeId(draft.node) for draft in drafts]) if spaces.exists(rows, stream) else set()
        return (draft if draft.node in there else replace(draft, seal=None) for draft in drafts)

    def _keep(self, taken: list[_Waiting], lost: int, error: Exception) -> None:
        with self._guard:
            waiting = taken + self._waiting
            self._waiting = waiting[: 2 * MOST_WAITING]
            self._lost += lost + len(waiting) - len(self._waiting)
            self._stuck = True
            log.error("%d entries of reads wait, %d were lost: %s", len(self._waiting), self._lost, error)
