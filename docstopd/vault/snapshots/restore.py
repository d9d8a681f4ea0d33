"""A whole snapshot, into stores that are new and empty. What was erased since is gone before anybody is served.

Needs the server key and no other: contents and names stay sealed on the way.
"""

import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from docstopd.catalog import copies, export, marks, nodes, spaces
from docstopd.catalog.copies import Stored
from docstopd.crypto.serverkey import ServerKey
from docstopd.db import Rows
from docstopd.errors import Damaged, DocstopdError, Incompatible, NotFound, Refused
from docstopd.keyring import export as keyring_export
from docstopd.model import Micros, SpaceId
from docstopd.targets import Found, Target
from docstopd.vault.journal import SYSTEM, Facts, Journal
from docstopd.vault.progress import Progress
from docstopd.vault.snapshots import names, sealed
from docstopd.vault.snapshots.keyring import copies_at
from docstopd.vault.snapshots.manifest import Manifest, read_manifest
from docstopd.vault.snapshots.reading import digest, service_of, small
from docstopd.vault.snapshots.sweep import STRANGE
from docstopd.vault.snapshots.transfer import Reading, Transfer
from docstopd.vault.stores import Fresh

PAGE = 5000

NODE_GAP = 1 << 20
"""Ids of nodes that are passed over: those given out after the snapshot, which are lost, are not given out again."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Restored:
    """What was restored. `damaged`: blobs that the target has not, or not as they were, each with its reason."""

    manifest: Manifest
    blobs: int
    bytes: int
    erased: int
    damaged: Sequence[tuple[Stored, str]]


def choose(target: Target, server: ServerKey, number: int | None) -> Manifest:
    """The manifest of a snapshot at a target, of the newest good one without a number.

    `server` has the keys before it (`with_earlier`). Raises `NotFound` where there is none, `Refused` for a target of
    nobody or another server key, `Damaged`.
    """
    service = service_of(target)
    if service is None:
        raise NotFound("there are no snapshots: this is no target, or it is empty")
    numbers = sorted(_manifests(target.list(names.SNAPSHOTS)), reverse=True)
    if number is not None:
        if number not in numbers:
            raise NotFound(f"there is no snapshot {number}; there are {', '.join(map(str, sorted(numbers))) or 'none'}")
        return read_manifest(target, server, service, number)
    wrong: Refused = NotFound("there is no snapshot on this target")
    for newest in numbers:
        try:
            return read_manifest(target, server, service, newest)
        except (Damaged, Incompatible) as error:
            _log.warning("the manifest of snapshot %d is passed over: %s", newest, error)
            wrong = Refused(
                "no manifest on this target bears the signature of this server key: give the key that belongs to it"
            )
    raise wrong


def _manifests(found: Iterator[Found]) -> Iterator[int]:
    for one in found:
        number, is_manifest = names.number_of(one.name) or (0, False)
        if is_manifest:
            yield number


@dataclass(frozen=True, slots=True)
class Restore:
    """One restore; `keyring` is where the keyring's copies lie."""

    target: Target
    keyring: Target
    server: ServerKey
    clock: Callable[[], Micros]
    random: Callable[[int], bytes]

    def run(self, manifest: Manifest, fresh: Fresh, progress: Progress) -> Restored:
        """All of it, durable when this returns. What `fresh` has of the blobs already is read, and kept if it is good.

        Raises `Damaged` for a catalog or keyring that is not what was written; single blobs are reported instead.
        """
        progress("catalog", 0, 1)
        self._catalog(manifest, fresh)
        progress("keyring", 0, 1)
        self._keyring(manifest, fresh)
        lists = [found.name for found in self.target.list(names.ERASURES) if names.is_erasure(found.name)]
        erased = fresh.obey([small(self.target, name).decode() for name in lists])
        with fresh.keyring.read() as rows:
            epochs = keyring_export.newest_epochs(rows)
        fresh.catalog.write(lambda rows: self._amend(rows, manifest, epochs))
        blobs, size, damaged = self._blobs(manifest, fresh, progress)
        fresh.blobs.settle()
        fresh.catalog.write(lambda rows: self._record(rows, manifest, damaged))
        return Restored(manifest, blobs, size, erased, damaged)

    # -- the stores -------------------------------------------------------------------------------------------------

    def _catalog(self, manifest: Manifest, fresh: Fresh) -> None:
        name = names.catalog(manifest.number)
        if digest(self.target.open(name)) != (manifest.catalog_size, manifest.catalog_digest):
            raise Damaged(f"{name} is not the catalog that its manifest signs; take another snapshot, by --number")
        reader = self.target.open(name)
        try:
            lines = sealed.unseal(self.server, reader, sealed.CATALOG, manifest.service, manifest.number)
            fresh.catalog.write(lambda rows: export.load(rows, lines))
        finally:
            reader.close()

    def _keyring(self, manifest: Manifest, fresh: Fresh) -> None:
        """The newest copy that opens: it has every key that any snapshot needs. One with a time to come goes last."""
        wrong: DocstopdError | None = None
        now = self.clock()
        for name, _time in sorted(copies_at(self.keyring), key=lambda copy: copy[1] > now):
            reader = self.keyring.open(name)
            try:
                lines = sealed.unseal(self.server, reader, sealed.KEYRING, manifest.service)
                fresh.keyring.write(lambda rows, lines=lines: keyring_export.load(rows, lines))  # type: ignore[misc]
            except (Damaged, Incompatible) as error:
                _log.error("%s is passed over: %s", name, error)
                wrong = error
            else:
                return
            finally:
                reader.close()
        if wrong is not None:
            raise wrong
        raise Refused("there is no copy of the keyring: say where it is, by --keyring; without it nothing opens")

    def _amend(self, rows: Rows, manifest: Manifest, epochs: Mapping[SpaceId, int]) -> None:
        """What is known now and was not when the catalog was exported: this snapshot is whole; others came after it.

        The keyring is newer than the catalog: keys may be wrapped under a later epoch, which a member who was removed
        since does not have.
        """
        now = self.clock()
        for space in spaces.all_spaces(rows):
            if epochs.get(space.id, 0) > space.epoch:
                spaces.set_epoch(rows, space.id, epochs[space.id])
        # First: with its last copy a snapshot expires, and its catalog names the copies of itself as unfinished.
        copies.finish(rows, manifest.number, manifest.target, manifest.time, manifest.blobs, manifest.size)
        for copy in copies.all_copies(rows):
            if copy.finished is None:
                copies.remove(rows, copy.number, copy.target, now)
        nodes.pass_over(rows, NODE_GAP)
        later = [n for n in self._numbers() if n > manifest.number]
        for number in later:
            try:
                found = read_manifest(self.target, self.server, manifest.service, number)
            except (Damaged, Incompatible, NotFound):
                copies.adopt(rows, number, now)
                continue
            copies.adopt(rows, number, found.time)
            copies.finish(rows, number, manifest.target, found.time, found.blobs, found.size)
        if later:
            marks.put(rows, STRANGE, json.dumps([manifest.number + 1, max(later)]))
        copies.expire_uncopied(rows, now)

    def _numbers(self) -> set[int]:
        found = (names.number_of(one.name) for one in self.target.list(names.SNAPSHOTS))
        return {one[0] for one in found if one is not None}

    # -- the blobs --------------------------------------------------------------------------------------------------

    def _blobs(self, manifest: Manifest, fresh: Fresh, progress: Progress) -> tuple[int, int, list[tuple[Stored, str]]]:
        there = {names.blob_of(found.name): found.size for found in _listed(fresh.blobs)}
        kept: list[Stored] = []
        total = [0, 0]

        def lacking() -> Iterator[Stored]:
            for blob in every_live(fresh):
                total[0] += 1
                total[1] += blob.stored
                if there.get(blob.blob) == blob.stored:
                    kept.append(blob)
                else:
                    yield blob

        transfer = Transfer(lambda blob: self.target.open(names.blob(blob)), fresh.blobs, verify=False)
        moved = transfer.run(lacking(), lambda blobs, _bytes: progress("blobs", blobs, manifest.blobs))
        again = [
            blob for blob, _wrong in Reading(fresh.blobs).check(kept, lambda blobs, _bytes: progress("blobs", blobs, 0))
        ]
        damaged = moved.bad + transfer.run(again, lambda _blobs, _bytes: None).bad
        return total[0], total[1], damaged

    def _record(self, rows: Rows, manifest: Manifest, damaged: Sequence[tuple[Stored, str]]) -> None:
        journal = Journal(self.clock, self.random)
        facts: Facts = {"number": manifest.number, "time": manifest.time, "damaged": len(damaged)}
        journal.append(rows, SYSTEM, "restore", facts=facts)
        for blob, wrong in damaged:
            what = f"blob {blob.blob.hex()} could not be restored: {wrong}"
            journal.append(rows, blob.space, "damage", node=blob.node, facts={"what": what})


def every_live(fresh: Fresh) -> Iterator[Stored]:
    """Every blob that a file of a restored catalog has."""
    after = copies.START
    while True:
        with fresh.catalog.read() as rows:
            page = copies.live(rows, after, PAGE)
        if not page:
            return
        after = (page[-1].node, page[-1].blob)
        yield from page


def _listed(target: Target) -> Iterator[Found]:
    try:
        yield from target.list(names.BLOBS)
    except NotFound:
        return
