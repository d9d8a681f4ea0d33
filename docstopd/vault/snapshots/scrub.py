"""Every stored blob is read again once in so many days, a share of them in each run, no faster than told.

A mark says which version was last read, and when. The order is that of the catalog's rows: new files come last.
"""

import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from docstopd.catalog import copies, marks
from docstopd.catalog.copies import Stored
from docstopd.db import Rows
from docstopd.errors import Damaged
from docstopd.model import DAY, HOUR, Micros
from docstopd.vault.journal import SYSTEM, Facts, Journal
from docstopd.vault.progress import Progress, Report
from docstopd.vault.snapshots.heal import Healer
from docstopd.vault.stores import SnapshotPolicy, Stores

_log = logging.getLogger(__name__)

MARK = "scrub"
PAGE = 200
FIRST: Micros = HOUR
"""What the first run counts as: nobody knows when the last one was."""

AHEAD = 1.25
"""The share is taken so much larger, so that a run that comes late does not make the round late."""


@dataclass(frozen=True, slots=True)
class _Place:
    """After which version the last run stopped, and when."""

    after: tuple[int, bytes]
    time: Micros | None


@dataclass
class _Found:
    """How far a run is, and what it found."""

    after: tuple[int, bytes]
    blobs: int = 0
    bytes: int = 0
    healed: int = 0
    damaged: int = 0


class Scrub:
    """One run."""

    def __init__(
        self,
        stores: Stores,
        journal: Journal,
        healer: Healer,
        policy: SnapshotPolicy,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._stores = stores
        self._journal = journal
        self._healer = healer
        self._policy = policy
        self._pause = pause

    def run(self, progress: Progress, dry: bool) -> Report:
        """Read this run's share; `dry` says how much that is. Raises `Damaged` when a blob could not be healed."""
        now = self._stores.clock()
        with self._stores.catalog.read() as rows:
            place = _parsed(marks.get(rows, MARK))
            count, size = copies.live_size(rows)
        share = self._share(place, size, now)
        if dry:
            return {"blobs": count, "bytes": size, "share": share}
        found = self._read(place.after, share, progress)
        self._keep(found.after, now)
        facts: Facts = {"blobs": found.blobs, "bytes": found.bytes, "healed": found.healed, "damaged": found.damaged}
        if found.healed or found.damaged:
            self._stores.catalog.write(lambda rows: self._journal.append(rows, SYSTEM, "scrub", facts=facts))
        if found.damaged:
            raise Damaged(f"{found.damaged} blobs are damaged and no target has them; see the journals of their spaces")
        return facts

    def _read(self, after: tuple[int, bytes], share: int, progress: Progress) -> "_Found":
        found, begun, anew = _Found(after), time.monotonic(), False
        while found.bytes < share:
            page = self._page(found.after)
            if not page:  # all that there is was read: a new round begins, in this run at most one
                begins_anew, found.after = found.after != copies.START and not anew, copies.START
                if not begins_anew:
                    break
                anew = True
                continue
            for blob in page:
                self._look(blob, found)
                self._slow_down(found.bytes, begun)
                if found.bytes >= share:
                    break
            self._keep(found.after, None)
            progress("bytes", min(found.bytes, share), share)
        return found

    def _look(self, blob: Stored, found: "_Found") -> None:
        wrong = self._healer.look(blob)
        if wrong and self._is_live(blob):
            try:
                self._healer.heal(blob, wrong)
                found.healed += 1
            except Damaged:
                found.damaged += 1
        found.blobs += 1
        found.bytes += blob.stored
        found.after = (blob.node, blob.blob)

    def _share(self, place: _Place, size: int, now: Micros) -> int:
        passed = FIRST if place.time is None else max(0, now - place.time)
        part = passed / (self._policy.scrub_days * DAY) * AHEAD
        return max(1, int(size * min(1.0, part)))

    def _page(self, after: tuple[int, bytes]) -> list[Stored]:
        with self._stores.catalog.read() as rows:
            return copies.live(rows, after, PAGE)

    def _is_live(self, blob: Stored) -> bool:
        """Whether the file still has it: it may have been replaced, and removed, while it was read."""
        with self._stores.catalog.read() as rows:
            return copies.is_live(rows, blob.node, blob.blob)

    def _slow_down(self, read: int, begun: float) -> None:
        early = read / self._policy.scrub_rate - (time.monotonic() - begun)
        if early > 0:
            self._pause(early)

    def _keep(self, after: tuple[int, bytes], now: Micros | None) -> None:
        def work(rows: Rows) -> None:
            when = _parsed(marks.get(rows, MARK)).time if now is None else now
            marks.put(rows, MARK, json.dumps([after[0], after[1].hex(), when]))

        self._stores.catalog.write(work)


def _parsed(text: str | None) -> _Place:
    if text is None:
        return _Place(copies.START, None)
    try:
        node, blob, when = json.loads(text)
        return _Place((int(node), bytes.fromhex(blob)), None if when is None else int(when))
    except (TypeError, ValueError, RecursionError):
        _log.error("the mark of the scrub is damaged; it begins anew")
        return _Place(copies.START, None)
