"""Giving up snapshots whose time is over, and then what no snapshot holds any more.

Order: a manifest goes first, so that what is left of its snapshot is none; then its catalog; then the catalog here
hears of it. Of versions that no snapshot holds the keys are destroyed first, then the rows go, then the blobs, here and
at the targets. Whatever a crash leaves of that is swept later. A hold keeps its versions, wherever they lie.
"""

import logging
from collections.abc import Callable, Sequence
from functools import partial

from docstopd.catalog import copies
from docstopd.catalog.copies import Copy, Dead
from docstopd.db import Rows
from docstopd.errors import Failed, NotFound
from docstopd.model import BlobId
from docstopd.vault.journal import SYSTEM, Facts, Journal
from docstopd.vault.progress import Progress, Report
from docstopd.vault.retention.holds import Cover
from docstopd.vault.retention.keep import keep
from docstopd.vault.snapshots import names
from docstopd.vault.snapshots.alone import alone
from docstopd.vault.snapshots.keyring import renew
from docstopd.vault.snapshots.reach import Reached, reach, service_id
from docstopd.vault.snapshots.sweep import Sweep
from docstopd.vault.stores import SnapshotPolicy, Stores

BATCH = 500
"""Versions that one transaction removes: other writers wait for it."""

_log = logging.getLogger(__name__)


class Expire:
    """One run over all targets; without any, only what lies here is swept."""

    def __init__(self, stores: Stores, journal: Journal, policy: SnapshotPolicy) -> None:
        self._stores = stores
        self._journal = journal
        self._policy = policy

    def run(self, progress: Progress, dry: bool) -> Report:
        """Do it, or with `dry` say how many snapshots would go. Raises `Busy`, `Failed` when a target fails."""
        with alone(self._stores.turnstile):
            targets, lost = reach(self._stores, dry=dry) if self._stores.targets else ([], {})
            going = self._going(targets)
            if dry:
                return {"snapshots": len(going)}
            for number, (target, copy) in enumerate(going):
                progress("snapshots", number, len(going))
                self._attempt(target, lost, partial(self._give_up, target, copy))
            self._give_up_without()
            self._renew(targets, lost)
            removed = self._remove_lost(targets, lost, progress)
            self._leave(targets)
            swept = Sweep(self._stores).run(targets, lost, progress)
        if lost:
            raise Failed("; ".join(f"target {name}: {why}" for name, why in lost.items()))
        return {"snapshots": len(going), "versions": removed, **swept}

    def _attempt(self, target: Reached, lost: dict[str, str], work: Callable[[], None]) -> None:
        try:
            work()
        except (Failed, NotFound) as error:
            _log.error("target %s: %s", target.name, error)
            lost[target.name] = str(error)

    # -- snapshots --------------------------------------------------------------------------------------------------

    def _going(self, targets: Sequence[Reached]) -> list[tuple[Reached, Copy]]:
        return [(target, copy) for target in targets for copy in self.expired(target.finished)]

    def expired(self, finished: Sequence[Copy]) -> list[Copy]:
        """Those of one target's copies that no rule keeps. The newest always stays."""
        times = [copy.created for copy in finished]
        reasons = keep(times, self._policy.keep, self._policy.zone, self._stores.clock())
        newest = max((copy.number for copy in finished), default=0)
        return [copy for copy, why in zip(finished, reasons, strict=True) if not why and copy.number != newest]

    def _give_up(self, target: Reached, copy: Copy) -> None:
        target.objects.delete(names.manifest(copy.number))
        target.objects.settle()
        target.objects.delete(names.catalog(copy.number))
        target.objects.settle()
        self._forget(copy)

    def _forget(self, copy: Copy) -> None:
        def work(rows: Rows) -> None:
            last = copies.remove(rows, copy.number, copy.target, self._stores.clock())
            facts: Facts = {"number": copy.number, "target": copy.target, "last": last}
            self._journal.append(rows, SYSTEM, "snapshot-expired", facts=facts)

        self._stores.catalog.write(work)

    def _give_up_without(self) -> None:
        """Copies at targets that the configuration does not name any more: they expire by the same rules, unseen."""
        named = {target.name for target in self._stores.targets}
        with self._stores.catalog.read() as rows:
            strange = [copy for copy in copies.all_copies(rows) if copy.target not in named]
        for name in {copy.target for copy in strange}:
            finished = [copy for copy in strange if copy.target == name and copy.finished is not None]
            for copy in self.expired(finished):
                self._forget(copy)

    def _renew(self, targets: Sequence[Reached], lost: dict[str, str]) -> None:
        if not targets:
            return
        service = service_id(self._stores)
        for target in targets:
            self._attempt(
                target,
                lost,
                partial(self._renew_one, target, service),
            )

    def _renew_one(self, target: Reached, service: str) -> None:
        renew(self._stores, target.named.keyring, service, self._policy.keyring_days)

    # -- versions ---------------------------------------------------------------------------------------------------

    def _remove_lost(self, targets: Sequence[Reached], lost: dict[str, str], progress: Progress) -> int:
        removed, after = 0, copies.START
        while True:
            page, gone = self._stores.catalog.write(partial(self._remove_page, after))
            if not page:
                return removed
            after = page[-1].node, page[-1].blob
            for blob in gone:
                self._stores.blobs.delete(blob)
            for target in targets:
                self._attempt(target, lost, partial(_delete, target, gone))
            removed += len(gone)
            progress("versions", removed, 0)

    def _remove_page(self, after: tuple[int, bytes], rows: Rows) -> tuple[list[Dead], list[BlobId]]:
        """Keys and rows of the next versions. The keys go inside the transaction: a hold cannot come in between."""
        page = copies.lost(rows, BATCH, after)
        covered = Cover(rows).covered()
        going = [version for version in page if not covered.covers(version.space, [version.node], [version.author])]
        blobs = [version.blob for version in going]
        if blobs:
            self._stores.keyring.remove_data_keys(blobs)
            copies.forget(rows, going)
        return page, blobs

    def _leave(self, targets: Sequence[Reached]) -> None:
        """What only snapshots hold need not lie here as well, once it lies at a target in each of them."""
        if targets:
            with self._stores.catalog.read() as rows:
                away = copies.away(rows)
            for blob in away:
                self._stores.blobs.delete(blob)


def _delete(target: Reached, blobs: Sequence[BlobId]) -> None:
    for blob in blobs:
        target.objects.delete(names.blob(blob))
    if blobs:
        target.objects.settle()
