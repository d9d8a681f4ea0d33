"""What lies at a target, for whoever watches it: what must be there, and whether it is what was written."""

from collections.abc import Collection

from docstopd.catalog import copies, stored
from docstopd.catalog.stored import Known
from docstopd.errors import Busy, Damaged, DocstopdError
from docstopd.model import BlobId, Micros
from docstopd.targets import NamedTarget
from docstopd.vault.snapshots import names
from docstopd.vault.snapshots.alone import reading
from docstopd.vault.snapshots.manifest import read_manifest
from docstopd.vault.snapshots.reach import service_id
from docstopd.vault.snapshots.reading import digest
from docstopd.vault.stores import Stores


class Lying:
    """One target."""

    def __init__(self, stores: Stores, target: NamedTarget) -> None:
        self._stores = stores
        self._target = target

    @property
    def name(self) -> str:
        """The target's name."""
        return self._target.name

    def busy(self) -> bool:
        """Whether a run writes to targets now: then nobody can tell what must lie there."""
        try:
            with reading(self._stores.turnstile):
                return False
        except Busy:
            return True

    def expected(self) -> dict[str, Micros]:
        """The manifests and catalogs of its finished snapshots, by name, and when each was there."""
        found = {}
        for copy in self._finished():
            found[names.manifest(copy.number)] = found[names.catalog(copy.number)] = copy.finished or 0
        return found

    def held(self, blobs: Collection[BlobId]) -> dict[BlobId, Known]:
        """Those of the blobs that one of its finished snapshots holds."""
        if not blobs:
            return {}
        numbers = [copy.number for copy in self._finished()]
        with self._stores.catalog.read() as rows:
            found = stored.among(rows, blobs)
        return {blob: known for blob, known in found.items() if any(_holds(known, number) for number in numbers)}

    def sound(self, name: str, known: Known | None) -> bool:
        """Read an object that must lie there: a blob by its row, a manifest or catalog by its signature."""
        try:
            if known is not None:
                found = digest(self._target.objects.open(name, fresh=True))
                return found == (known.stored.stored, known.stored.digest)
            return self._signed(name)
        except Damaged:
            return False
        except DocstopdError:  # it cannot be read just now, or went: what that is, is seen otherwise
            return True

    def _signed(self, name: str) -> bool:
        number, is_manifest = names.number_of(name) or (0, True)
        manifest = read_manifest(self._target.objects, self._stores.server, service_id(self._stores), number)
        if is_manifest:
            return True
        found = digest(self._target.objects.open(name, fresh=True))
        return found == (manifest.catalog_size, manifest.catalog_digest)

    def _finished(self) -> list[copies.Copy]:
        with self._stores.catalog.read() as rows:
            every = copies.all_copies(rows)
        return [copy for copy in every if copy.target == self._target.name and copy.finished is not None]


def _holds(known: Known, number: int) -> bool:
    return known.stored.born <= number and (known.dead is None or number <= known.dead)
