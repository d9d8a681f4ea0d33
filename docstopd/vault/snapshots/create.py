"""Making a snapshot: what must hold when it is done is durable before anything says that it is.

Order: the number, and with the same hold of the writer's lock a view of the catalog; the sealed catalog; the keyring's
copy; blobs that are missing, read back; then the manifest, which makes a snapshot of all that; then the catalog hears
of it. A run that dies leaves blobs, which the next one finds, and a number that is nobody's, which it gives up.
"""

import hashlib
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from cryptography.utils import Buffer

from docstopd.catalog import copies, export
from docstopd.catalog.copies import Stored
from docstopd.db import Rows
from docstopd.errors import Damaged, Failed
from docstopd.model import BlobId, Micros
from docstopd.targets import TargetWriter
from docstopd.vault.journal import SYSTEM, Facts, Journal
from docstopd.vault.progress import Progress, Report
from docstopd.vault.snapshots import names, sealed
from docstopd.vault.snapshots.alone import alone
from docstopd.vault.snapshots.heal import Healer
from docstopd.vault.snapshots.keyring import replace_copy
from docstopd.vault.snapshots.manifest import Manifest
from docstopd.vault.snapshots.reach import Reached, reach, service_id, tidy
from docstopd.vault.snapshots.reading import put_small
from docstopd.vault.snapshots.transfer import Moved, Reading, Transfer
from docstopd.vault.stores import Stores

PAGE = 5000
"""Versions that are read at a time: no view stays open while blobs travel."""

_log = logging.getLogger(__name__)


@dataclass
class _Total:
    """What of the snapshot the target has not yet, or not for certain."""

    missing: int = 0
    missing_bytes: int = 0
    doubted: list[Stored] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Export:
    """The sealed catalog at one target: its size and digest; how many blobs it names, and their bytes."""

    size: int
    digest: bytes
    blobs: int
    blob_bytes: int


class Create:
    """One run over all targets."""

    def __init__(self, stores: Stores, journal: Journal, healer: Healer) -> None:
        self._stores = stores
        self._journal = journal
        self._healer = healer

    def run(self, progress: Progress, dry: bool) -> Report:
        """A snapshot to each target that can be reached; what is wrong with one does not keep the others from theirs.

        Raises `Busy` beside another run, `Refused` without a target, `Failed` when a target got none, `Damaged` when a
        blob could not be copied, because it is not what was written and no target has it: the rest is there.
        """
        with alone(self._stores.turnstile):
            targets, lost = reach(self._stores, dry=dry)
            if dry:
                return self._plan(targets)
            service = service_id(self._stores)
            targets = [tidy(self._stores, target, service) for target in targets]
            report: dict[str, str | int | bool] = {"targets": 0, "copied": 0, "copied_bytes": 0, "damaged": 0}
            if targets:
                self._create(targets, service, lost, report, progress)
        if lost:
            raise Failed("; ".join(f"no snapshot to target {name}: {why}" for name, why in lost.items()))
        if report["damaged"]:
            raise Damaged(
                f"{report['damaged']} blobs are damaged and could not be copied; the journal names their files"
            )
        return report

    def _plan(self, targets: Sequence[Reached]) -> Report:
        with self._stores.catalog.read() as rows:
            number = copies.newest(rows) + 1
        report: dict[str, str | int | bool] = {"number": number}
        for target in targets:
            total = _Total()
            for _blob in self._missing(target, number, total):
                pass
            report[f"{target.name}_copied"] = total.missing
            report[f"{target.name}_copied_bytes"] = total.missing_bytes
        return report

    def _create(
        self,
        targets: Sequence[Reached],
        service: str,
        lost: dict[str, str],
        report: dict[str, str | int | bool],
        progress: Progress,
    ) -> None:
        number, time, exports = self._export(targets, service, lost, progress)
        report["number"] = number
        for target in targets:
            if target.name not in exports:
                continue
            try:
                replace_copy(self._stores, target.named.keyring, service)
                moved, manifest = self._fill(target, service, number, time, exports[target.name], progress)
                self._finish(target, manifest, moved)
            except Failed as error:
                _log.error("snapshot %d, target %s: %s", number, target.name, error)
                lost[target.name] = str(error)
                continue
            report["targets"] = int(report["targets"]) + 1
            report["copied"] = int(report["copied"]) + moved.blobs
            report["copied_bytes"] = int(report["copied_bytes"]) + moved.bytes
            report["damaged"] = max(int(report["damaged"]), len(manifest.damaged))
            report |= {"blobs": manifest.blobs, "bytes": manifest.size}

    # -- the catalog ------------------------------------------------------------------------------------------------

    def _export(
        self, targets: Sequence[Reached], service: str, lost: dict[str, str], progress: Progress
    ) -> tuple[int, Micros, dict[str, _Export]]:
        time = self._stores.clock()

        def allot(rows: Rows) -> int:
            copies.expire_uncopied(rows, time)
            number = copies.allot(rows, time)
            for target in targets:
                copies.begin(rows, number, target.name)
            return number

        progress("catalog", 0, 1)
        with self._stores.catalog.write_and_view(allot) as (number, rows):
            head = sealed.Head(sealed.CATALOG, service, number, time)
            sink = _Sinks(targets, names.catalog(number), lost)
            sealed.seal(self._stores.server, head, export.lines(rows), sink.write, self._stores.random)
            blobs = copies.live_size(rows)
        progress("catalog", 1, 1)
        return number, time, sink.finish(*blobs)

    # -- the blobs --------------------------------------------------------------------------------------------------

    def _missing(self, target: Reached, number: int, total: _Total) -> Iterator[Stored]:
        """The snapshot's blobs that the target lacks, as they are needed; `total` is right when all were asked for.

        A file that is moved over another meanwhile takes its versions to another place in the order, which may have
        been passed by then: so it is looked again until nothing more is found.
        """
        there = {names.blob_of(found.name): found.size for found in target.objects.list(names.BLOBS)}
        newest = max((copy.number for copy in target.finished), default=0)
        first, more = True, True
        while more:
            more = False
            for blob in self._contained(number):
                if there.get(blob.blob) != blob.stored:
                    there[blob.blob] = blob.stored
                    total.missing += 1
                    total.missing_bytes += blob.stored
                    more = True
                    yield blob
                elif first and blob.born > newest:  # a run that died has copied it, and perhaps never read it back
                    total.doubted.append(blob)
            first = False

    def _contained(self, number: int) -> Iterator[Stored]:
        after = copies.START
        while True:
            with self._stores.catalog.read() as rows:
                page = copies.contained(rows, number, after, PAGE)
            if not page:
                return
            after = (page[-1].node, page[-1].blob)
            yield from page

    def _fill(
        self, target: Reached, service: str, number: int, time: Micros, catalog: _Export, progress: Progress
    ) -> tuple[Moved, Manifest]:
        total = _Total()
        what = f"blobs to {target.name}"
        transfer = Transfer(self._stores.blobs.open, target.objects)
        moved = transfer.run(self._missing(target, number, total), lambda blobs, _bytes: progress(what, blobs, 0))
        doubted = [blob for blob, _wrong in Reading(target.objects).check(total.doubted, lambda _blobs, _bytes: None)]
        second = transfer.run(doubted, lambda _blobs, _bytes: None)
        moved = Moved(moved.blobs + second.blobs, moved.bytes + second.bytes, moved.bad + second.bad)
        damaged = self._mend(transfer, moved)
        return moved, Manifest(
            service=service,
            number=number,
            target=target.name,
            time=time,
            blobs=catalog.blobs,
            size=catalog.blob_bytes,
            damaged=tuple(damaged),
            catalog_size=catalog.size,
            catalog_digest=catalog.digest,
        )

    def _mend(self, transfer: Transfer, moved: Moved) -> list[BlobId]:
        """Heal what was bad, and copy it after all; what could not be."""
        healed: list[Stored] = []
        damaged: list[BlobId] = []
        for blob, wrong in moved.bad:
            with self._stores.catalog.read() as rows:
                if not copies.has(rows, blob.node, blob.blob):
                    continue  # it was erased while it was copied
            try:
                self._healer.heal(blob, wrong)
                healed.append(blob)
            except Damaged:
                damaged.append(blob.blob)
        again = transfer.run(healed, lambda _blobs, _bytes: None)
        moved.blobs += again.blobs
        moved.bytes += again.bytes
        return damaged + [blob.blob for blob, _wrong in again.bad]

    # -- the end ----------------------------------------------------------------------------------------------------

    def _finish(self, target: Reached, manifest: Manifest, moved: Moved) -> None:
        target.objects.settle()
        put_small(target.objects, names.manifest(manifest.number), manifest.sign(self._stores.server.signer))
        target.objects.settle()
        now = self._stores.clock()
        facts: Facts = {
            "number": manifest.number,
            "target": target.name,
            "blobs": manifest.blobs,
            "bytes": manifest.size,
            "copied": moved.blobs,
            "damaged": len(manifest.damaged),
        }

        def work(rows: Rows) -> None:
            copies.finish(rows, manifest.number, target.name, now, manifest.blobs, manifest.size)
            self._journal.append(rows, SYSTEM, "snapshot", facts=facts)

        self._stores.catalog.write(work)


class _Sinks:
    """One stream to one object at each target; a target that fails is out, the others go on."""

    def __init__(self, targets: Sequence[Reached], name: str, lost: dict[str, str]) -> None:
        self._lost = lost
        self._size = 0
        self._digest = hashlib.sha256()
        self._writers: dict[str, tuple[Reached, TargetWriter]] = {}
        for target in targets:
            self._attempt(target.name, lambda target=target: self._open(target, name))  # type: ignore[misc]

    def _open(self, target: Reached, name: str) -> None:
        self._writers[target.name] = (target, target.objects.put(name))

    def _attempt(self, name: str, work: Callable[[], None]) -> None:
        try:
            work()
        except Failed as error:
            _log.error("target %s: %s", name, error)
            self._lost[name] = str(error)
            if name in self._writers:
                self._writers.pop(name)[1].abort()

    def write(self, data: Buffer) -> None:
        """Append to all."""
        self._size += len(data)
        self._digest.update(data)
        for name, (_target, writer) in list(self._writers.items()):
            self._attempt(name, lambda writer=writer: writer.write(data))  # type: ignore[misc]
        if not self._writers:
            raise Failed("; ".join(f"target {name}: {why}" for name, why in self._lost.items()))

    def finish(self, blobs: int, blob_bytes: int) -> dict[str, _Export]:
        """End all; durable when this returns."""
        for name, (target, writer) in list(self._writers.items()):
            self._attempt(name, lambda target=target, writer=writer: _end(target, writer))  # type: ignore[misc]
        return dict.fromkeys(self._writers, _Export(self._size, self._digest.digest(), blobs, blob_bytes))


def _end(target: Reached, writer: TargetWriter) -> None:
    writer.finish()
    target.objects.settle()
