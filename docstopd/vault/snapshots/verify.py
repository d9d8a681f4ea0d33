"""Reading a snapshot at a target again: is it what was written, and is all of it there?"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from docstopd.catalog import copies, export
from docstopd.catalog.copies import Stored
from docstopd.errors import Damaged, NotFound
from docstopd.model import BlobId, NodeId, SpaceId
from docstopd.targets import NamedTarget, Target
from docstopd.vault.progress import Progress
from docstopd.vault.snapshots import names, sealed
from docstopd.vault.snapshots.alone import reading
from docstopd.vault.snapshots.manifest import Manifest, read_manifest
from docstopd.vault.snapshots.reach import service_id
from docstopd.vault.snapshots.reading import digest
from docstopd.vault.snapshots.transfer import Reading
from docstopd.vault.stores import Stores


@dataclass
class Verified:
    """What was read, and what was wrong with it; `wrong` is empty for a snapshot that is whole."""

    target: str
    number: int
    blobs: int = 0
    bytes: int = 0
    wrong: list[str] = field(default_factory=list)


class Verify:
    """One snapshot at one target at a time."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores

    def run(self, named: NamedTarget, number: int, progress: Progress, *, data: bool) -> Verified:
        """Signature, catalog, and every blob's presence and size; with `data` every blob's digest. Raises `Busy`."""
        found = Verified(named.name, number)
        with reading(self._stores.turnstile):
            service = service_id(self._stores)
            try:
                manifest = read_manifest(named.objects, self._stores.server, service, number)
                self._catalog(named.objects, manifest, found, progress)
                self._blobs(named.objects, manifest, found, progress, data=data)
            except (Damaged, NotFound) as error:
                found.wrong.append(str(error))
        if data and not found.wrong:
            now = self._stores.clock()
            self._stores.catalog.write(lambda rows: copies.verified(rows, number, named.name, now))
        return found

    def _catalog(self, target: Target, manifest: Manifest, found: Verified, progress: Progress) -> None:
        progress("catalog", 0, 1)
        size, seen = digest(target.open(names.catalog(manifest.number), fresh=True))
        if (size, seen) != (manifest.catalog_size, manifest.catalog_digest):
            raise Damaged("its catalog is not the one that its manifest signs")
        progress("catalog", 1, 1)

    def _blobs(self, target: Target, manifest: Manifest, found: Verified, progress: Progress, *, data: bool) -> None:
        there = {names.blob_of(one.name): one.size for one in target.list(names.BLOBS)}
        known_bad = set(manifest.damaged)
        given_up = GivenUp(self._stores)

        def present() -> Iterator[Stored]:
            for blob in blobs_of(self._stores, target, manifest):
                found.blobs += 1
                found.bytes += blob.stored
                if blob.blob in known_bad:
                    found.wrong.append(f"blob {blob.blob.hex()} was damaged when the snapshot was made")
                elif blob.blob not in there:
                    if blob.blob not in given_up:
                        found.wrong.append(f"blob {blob.blob.hex()} is missing")
                elif there[blob.blob] != blob.stored:
                    found.wrong.append(f"blob {blob.blob.hex()} has {there[blob.blob]} bytes instead of {blob.stored}")
                else:
                    yield blob

        if data:
            bad = Reading(target).check(present(), lambda blobs, _bytes: progress("blobs", blobs, manifest.blobs))
            found.wrong += [f"blob {blob.blob.hex()} {wrong}" for blob, wrong in bad]
        else:
            for _blob in present():
                pass
            progress("blobs", found.blobs, manifest.blobs)
        if found.blobs != manifest.blobs:
            found.wrong.append(f"its catalog names {found.blobs} blobs, its manifest {manifest.blobs}")


class GivenUp:
    """Blobs that older snapshots name and that no version has any more: erased, or gone with their space."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self._known: frozenset[BlobId] | None = None

    def __contains__(self, blob: BlobId) -> bool:
        if self._known is None:  # read only when something is missing
            with self._stores.catalog.read() as rows:
                self._known = frozenset(known for known, _born, _dead in copies.every(rows))
        return blob not in self._known


def blobs_of(stores: Stores, target: Target, manifest: Manifest) -> Iterator[Stored]:
    """The blobs of a snapshot by its own catalog. Raises `Damaged` when that does not open."""
    reader = target.open(names.catalog(manifest.number))
    try:
        lines = sealed.unseal(stores.server, reader, sealed.CATALOG, manifest.service, manifest.number)
        for table, row in export.read(lines):
            if table.name in {"versions", "arrivals"}:
                version: dict[str, Any] = dict(zip(table.columns, row, strict=True))
                if version.get("dead") is None:
                    yield Stored(
                        NodeId(version.get("node", 0)),
                        BlobId(version["blob"]),
                        SpaceId(version["space"]),
                        version["stored"],
                        version["digest"],
                        version["born"],
                    )
    finally:
        reader.close()
