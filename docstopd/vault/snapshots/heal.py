"""A blob that is damaged or gone comes back from a target, once its digest is the one that the catalog has."""

import logging

from docstopd.catalog import copies
from docstopd.catalog.copies import Stored
from docstopd.db import Rows
from docstopd.errors import Damaged, Failed, NotFound
from docstopd.model import BlobId
from docstopd.targets import NamedTarget
from docstopd.vault.damage import DamageReports
from docstopd.vault.journal import NOBODY, Journal
from docstopd.vault.snapshots import names
from docstopd.vault.snapshots.reading import digest
from docstopd.vault.stores import Stores

_log = logging.getLogger(__name__)


class Healer:
    """Heals single blobs of the blob store, whoever found them to be bad."""

    def __init__(self, stores: Stores, journal: Journal, damage: DamageReports) -> None:
        self._stores = stores
        self._journal = journal
        self._damage = damage

    def check(self, blob: BlobId) -> bool:
        """Read the blob that a file has, and heal it when it is not what was written; whether it was sound.

        True also for one that no file has any more. Raises `Damaged` when it is bad and no target has it.
        """
        with self._stores.catalog.read() as rows:
            stored = copies.find(rows, blob)
        if stored is None:
            return True
        wrong = self.look(stored)
        if wrong:
            self.heal(stored, wrong)
        return not wrong

    def look(self, blob: Stored) -> str:
        """What is wrong with a blob as it lies on the medium; empty for a sound one."""
        try:
            size, found = digest(self._stores.blobs.open(blob.blob, fresh=True))
        except Damaged as error:
            return str(error)
        if (size, found) == (blob.stored, blob.digest):
            return ""
        return f"blob {blob.blob.hex()} is not what was written"

    def heal(self, blob: Stored, wrong: str) -> str:
        """Replace it, durably; the name of the target that had it. In the journal of the space either way.

        Raises `Damaged` when no target has it, or none that can be reached.
        """
        for target in self._stores.targets:
            try:
                if self._fetch(target, blob):
                    self._note(blob, target)
                    return target.name
            except (NotFound, Damaged, Failed) as error:
                _log.warning("blob %s cannot be had from target %s: %s", blob.blob.hex(), target.name, error)
        damage = Damaged(wrong, blob.node)
        self._damage.report(blob.space, NOBODY, damage)
        raise damage

    def _fetch(self, target: NamedTarget, blob: Stored) -> bool:
        reader = target.objects.open(names.blob(blob.blob), fresh=True)
        writer = self._stores.blobs.create(blob.blob, replace=True)
        try:
            size, found = digest(reader, writer.write)
            good = (size, found) == (blob.stored, blob.digest)
            if good:
                writer.finish()
            return good
        finally:
            writer.abort()

    def _note(self, blob: Stored, target: NamedTarget) -> None:
        facts = {"blob": blob.blob.hex(), "target": target.name}
        _log.warning("blob %s of node %d was bad, and is healed from target %s", facts["blob"], blob.node, target.name)

        def work(rows: Rows) -> None:
            self._journal.append(rows, blob.space, "heal", node=blob.node, facts=facts)

        self._stores.catalog.write(work)
