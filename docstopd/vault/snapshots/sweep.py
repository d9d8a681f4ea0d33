"""What nobody has any more: blobs and keys without a version, and blobs at a target that none of its snapshots holds.

A write makes blob and key durable before the row, so that what has no row may be about to get one: it has a lease of
seven days. If most of what is there has no row, something else is wrong (an old catalog was put back), and the sweep
stops; it goes on when four leases are over and nobody has put that right.
"""

import json
import logging
from collections.abc import Sequence

from docstopd.catalog import copies, marks
from docstopd.db import Rows
from docstopd.errors import Failed, NotFound, Refused
from docstopd.model import DAY, HOUR, BlobId, Micros
from docstopd.vault.progress import Progress
from docstopd.vault.retention.holds import Cover
from docstopd.vault.snapshots import names
from docstopd.vault.snapshots.reach import Reached
from docstopd.vault.stores import Stores

LEASE: Micros = 7 * DAY
PATIENCE = 4
EVERY: Micros = 20 * HOUR
"""Orphans are rare: they are looked for once a day, however often snapshots expire."""

PAGE = 5000

FEW = 100
"""Orphans up to which nobody asks."""

SWEPT, STRANGE = "swept", "strange-snapshots"
"""Marks: when this was last done; up to which number a target has snapshots that this catalog knows nothing of."""

_log = logging.getLogger(__name__)


class Sweep:
    """One run; the caller is alone at the targets."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores

    def run(self, targets: Sequence[Reached], lost: dict[str, str], progress: Progress) -> dict[str, int]:
        """How many orphans went; nothing when the last time was less than a day ago. Raises `Refused`."""
        now = self._stores.clock()
        with self._stores.catalog.read() as rows:
            last = marks.get(rows, SWEPT)
            if (last is not None and 0 <= now - int(last) < EVERY) or _strangers(rows):
                return {}
        progress("orphans", 0, 1)
        counts = {"orphans": self._here(now), "parts": self._stores.blobs.sweep(now - LEASE)}
        for target in targets:
            try:
                counts["orphans"] += self._there(target, now)
            except (Failed, NotFound) as error:
                _log.error("target %s: %s", target.name, error)
                lost[target.name] = str(error)
        self._stores.catalog.write(lambda rows: marks.put(rows, SWEPT, str(now)))
        progress("orphans", 1, 1)
        return counts

    # -- here -------------------------------------------------------------------------------------------------------

    def _here(self, now: Micros) -> int:
        # Keys are looked at first: a key comes after its blob, so one without blob and row now belongs to nothing.
        keys = set(self._stores.keyring.blobs_with_keys())
        blobs = set(self._stores.blobs.ids())
        with self._stores.catalog.read() as rows:
            known = {blob for blob, _born, _dead in copies.every(rows)}
        old = self._aged(blobs - known, now - LEASE)
        self._brake(len(old), len(blobs), old, now)
        going = list(old) + list(keys - known - blobs)
        self._stores.keyring.remove_data_keys([BlobId(blob) for blob in going])
        for blob in old:
            self._stores.blobs.delete(blob)
        return len(going)

    def _aged(self, orphans: set[BlobId], before: Micros) -> dict[BlobId, Micros]:
        received = {blob: self._stores.blobs.received(blob) for blob in orphans}
        return {blob: time for blob, time in received.items() if time is not None and time < before}

    def _brake(self, orphans: int, total: int, ages: dict[BlobId, Micros], now: Micros) -> None:
        if orphans <= FEW or orphans * 2 <= total or max(ages.values()) < now - PATIENCE * LEASE:
            return
        raise Refused(
            f"{orphans} of {total} stored blobs have no row in the catalog, which looks like an older catalog:"
            " nothing was swept; restore the right one, or a snapshot"
        )

    # -- at a target ------------------------------------------------------------------------------------------------

    def _there(self, target: Reached, now: Micros) -> int:
        target.objects.sweep()
        target.named.keyring.sweep()
        present = {}
        for found in target.objects.list(names.BLOBS):
            blob = names.blob_of(found.name)
            if blob is not None:
                present[blob] = found.modified
        numbers = sorted(copy.number for copy in target.copies)
        with self._stores.catalog.read() as rows:
            kept = self._kept_by_holds(rows)
            going = []
            for blob, born, dead in copies.every(rows):
                there = present.pop(blob, None)
                if there is None or dead is None or blob in kept or _within(numbers, born, dead):
                    continue
                going.append(blob)
        going += [blob for blob, modified in present.items() if modified < now - LEASE]
        for blob in going:
            target.objects.delete(names.blob(blob))
        target.objects.settle()
        return len(going)

    def _kept_by_holds(self, rows: Rows) -> set[BlobId]:
        covered, kept, after = Cover(rows).covered(), set[BlobId](), copies.START
        while page := copies.lost(rows, PAGE, after):
            kept.update(one.blob for one in page if covered.covers(one.space, [one.node], [one.author]))
            after = page[-1].node, page[-1].blob
        return kept


def _strangers(rows: Rows) -> bool:
    """Whether snapshots may be at a target whose blobs and keys this catalog, restored from an older one, knows not."""
    found = marks.get(rows, STRANGE)
    if found is None:
        return False
    first, last = json.loads(found)
    return any(first <= copy.number <= last for copy in copies.all_copies(rows))


def _within(numbers: Sequence[int], born: int, dead: int) -> bool:
    return any(born <= number <= dead for number in numbers)
