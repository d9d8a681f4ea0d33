"""The proof that a snapshot restores: it is restored, beside the data, and all of it is read."""

import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from docstopd.catalog import copies
from docstopd.db import durable
from docstopd.errors import Damaged, Failed, Refused
from docstopd.vault.audit.verifying import verify
from docstopd.vault.progress import Progress, Report
from docstopd.vault.snapshots.alone import DRILL, reading
from docstopd.vault.snapshots.reach import Reached, reach
from docstopd.vault.snapshots.restore import Restore, Restored, choose, every_live
from docstopd.vault.snapshots.transfer import Reading
from docstopd.vault.snapshots.verify import GivenUp
from docstopd.vault.stores import Fresh, Stores

ROOM = 1.1
"""Times what the blobs take: catalog and keyring come on top of them."""


class Drill:
    """One run: the newest snapshot of each target that can be reached."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores

    def run(self, progress: Progress, dry: bool) -> Report:
        """Restore, read and remove. Raises `Damaged` for what is not whole, `Refused` without room, `Busy`."""
        fresh = self._stores.fresh
        if fresh is None:
            raise Refused("this vault cannot restore")
        with reading(self._stores.turnstile):
            targets, lost = reach(self._stores, dry=True)
            targets = [target for target in targets if target.finished]
            if not targets:
                raise Refused("there is no snapshot to try: make one by `docstopd snapshot create`")
            if dry:
                return {target.name: target.finished[-1].number for target in targets}
            report: dict[str, str | int | bool] = {}
            for target in targets:
                restored = self._one(target, fresh, progress)
                report |= {f"{target.name}_number": restored.manifest.number, f"{target.name}_blobs": restored.blobs}
        if lost:
            raise Failed("; ".join(f"target {name}: {why}" for name, why in lost.items()))
        return report

    def _one(
        self, target: Reached, fresh: Callable[[Path], AbstractContextManager[Fresh]], progress: Progress
    ) -> Restored:
        manifest = choose(target.objects, self._stores.server, target.finished[-1].number)
        folder = self._stores.turnstile / DRILL
        _remove(folder)  # what a drill left that died
        durable.make_folder(self._stores.turnstile)
        self._require_room(int(manifest.size * ROOM))
        stores = self._stores
        restore = Restore(target.objects, target.named.keyring, stores.server, stores.clock, stores.random)
        try:
            with fresh(folder) as made:
                restored = restore.run(manifest, made, progress)
                self._judge(target, restored, made, progress)
        finally:
            _remove(folder)
        now = stores.clock()
        stores.catalog.write(lambda rows: copies.verified(rows, manifest.number, target.name, now))
        return restored

    def _require_room(self, needed: int) -> None:
        free = shutil.disk_usage(self._stores.turnstile).free
        if free < needed:
            raise Refused(
                f"the drill needs {needed >> 20} MiB of room beside the data and there are {free >> 20}: make room,"
                " or read the snapshot where it is by `docstopd snapshot verify --read-data`"
            )

    def _judge(self, target: Reached, restored: Restored, made: Fresh, progress: Progress) -> None:
        given_up = GivenUp(self._stores)
        wrong = [f"blob {blob.blob.hex()} {why}" for blob, why in restored.damaged if blob.blob not in given_up]
        known = {blob.blob for blob, _why in restored.damaged}
        left = (blob for blob in every_live(made) if blob.blob not in known)
        reader = Reading(made.blobs)
        bad = reader.check(left, lambda blobs, _bytes: progress("blobs, read again", blobs, restored.blobs))
        wrong += [f"blob {blob.blob.hex()} {why}" for blob, why in bad]
        wrong += [f"journal of {one.stream.hex()}, entry {one.seq}: {one.what}" for one in verify(made.catalog).damaged]
        if wrong:
            shown = "; ".join(wrong[:5])
            raise Damaged(f"snapshot {restored.manifest.number} on {target.name}, {len(wrong)} things wrong: {shown}")


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
