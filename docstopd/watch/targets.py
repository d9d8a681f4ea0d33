"""The folder of a target: manifests, catalogs and blobs of the snapshots that lie there.

Runs write there, by whichever process, one at a time and under a lock. So while a run is at the targets nothing is
judged; when it has ended, the catalog says what must lie there. What no snapshot needs may come and go.
"""

import os
import stat
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from docstopd.catalog.stored import Known
from docstopd.model import BlobId, Micros
from docstopd.vault.snapshots.lying import Lying
from docstopd.vault.storage import Alarm, Storage, What
from docstopd.watch.inotify import TOUCHED, WRITTEN, Place
from docstopd.watch.judge import MODE, Seen, blob_of, see

PART = ".part"
BLOBS, SNAPSHOTS = "blobs", "snapshots"
LOOK_AGAIN = 10.0
"""Seconds after which it is looked whether a disk was attached."""


class TargetFiles:
    """See `Part`."""

    def __init__(
        self, lying: Lying, root: Path, storage: Storage, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._lying = lying
        self._root = str(root)
        self._storage = storage
        self._monotonic = monotonic
        self._owner = os.geteuid()
        self._touched: dict[Place, int] = {}
        self._watched: Mapping[str, bool] = {}
        self._looked = monotonic()
        self._said: dict[str, tuple[What, Micros]] = {}

    def folders(self) -> Mapping[str, bool]:
        """Those that are there: a target's disk may be away, and its folders are made as they are needed."""
        self._watched = dict.fromkeys(self._there(), True)
        return self._watched

    def _there(self) -> list[str]:
        names = [self._root, f"{self._root}/{SNAPSHOTS}", f"{self._root}/{BLOBS}", *map(self._folder, range(256))]
        return [folder for folder in names if Path(folder).is_dir()]

    def see_to(self, places: Mapping[Place, int]) -> None:
        """See `Part.see_to`."""
        for place, kinds in places.items():
            if not place[1].endswith(PART):
                self._touched[place] = self._touched.get(place, 0) | kinds

    def compare(self) -> None:
        """See `Part.compare`. What was found is judged in `tick`, when no run is there."""
        for folder in self._there():
            with os.scandir(folder) as entries:
                places = [(folder, entry.name) for entry in entries if not entry.name.endswith(PART)]
            self._touched.update({place: self._touched.get(place, 0) for place in places})
        if self._watched:  # of a target that is away nothing is missing
            expected = [f"{self._root}/{name}".rpartition("/") for name in self._lying.expected()]
            self._touched.update({(folder, name): self._touched.get((folder, name), 0) for folder, _, name in expected})

    def tick(self) -> bool:
        """See `Part.tick`."""
        now = self._monotonic()
        if self._touched and not self._lying.busy():
            touched, self._touched = self._touched, {}
            self._judge(touched)
            return self._watched.keys() != set(self._there())
        if now - self._looked >= LOOK_AGAIN:
            self._looked = now
            return self._watched.keys() != set(self._there())
        return False

    def end(self) -> None:
        """Nothing is kept."""

    # -- judging ----------------------------------------------------------------------------------------------------

    def _judge(self, touched: Mapping[Place, int]) -> None:
        expected = self._lying.expected()
        places = {f"{folder}/{name}"[len(self._root) + 1 :]: kinds for (folder, name), kinds in touched.items()}
        blobs = {blob: name for name in places if (blob := _blob_of(name)) is not None}
        newest = max(expected.values(), default=0)
        for name in places.keys() & expected.keys():
            self._judge_one(name, expected[name], places[name], None)
        for blob, known in self._lying.held(blobs).items():
            self._judge_one(blobs[blob], newest, places[blobs[blob]], known)

    def _judge_one(self, name: str, finished: Micros, kinds: int, known: Known | None) -> None:
        """An object that must lie there since it was `finished`."""
        seen = see(f"{self._root}/{name}")
        if seen is None:
            self._alarm(What.DELETED, name, known, seen)
        elif not stat.S_ISREG(seen.mode) or (known is not None and seen.size != known.stored.stored):
            self._alarm(What.CHANGED, name, known, seen)
        elif stat.S_IMODE(seen.mode) != MODE or seen.owner != self._owner:
            self._alarm(What.ACCESSIBLE, name, known, seen)
        elif self._is_doubted(kinds, seen, finished, known) and not self._lying.sound(name, known):
            self._alarm(What.CHANGED, name, known, seen)

    def _is_doubted(self, kinds: int, seen: Seen, finished: Micros, known: Known | None) -> bool:
        """Whether only its content tells. Runs rename what is written; a comparison leaves blobs to `verify`."""
        if kinds & (WRITTEN | TOUCHED):
            return True
        return seen.changed > finished and (kinds != 0 or known is None)

    def _alarm(self, what: What, name: str, known: Known | None, seen: Seen | None) -> None:
        state = (what, seen.changed if seen else 0)
        if self._said.get(name) != state:
            self._said[name] = state
            blob = known.stored.blob if known else None
            self._storage.alarm(Alarm(what, f"target {self._lying.name}", f"{self._root}/{name}", blob, known))

    def _folder(self, number: int) -> str:
        return f"{self._root}/{BLOBS}/{number:02x}"


def _blob_of(name: str) -> BlobId | None:
    """The blob whose object has that name."""
    words = name.split("/")
    return blob_of(words[1], words[2]) if len(words) == 3 and words[0] == BLOBS else None
