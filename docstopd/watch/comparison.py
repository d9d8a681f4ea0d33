"""All blobs against all rows: presence, sizes, modes, and whose inode changed since it was last watched.

So many ids at a time that what is held in memory is bounded; each time the catalog is read once.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from docstopd.catalog.stored import Known
from docstopd.model import BlobId, Micros
from docstopd.vault.storage import Storage
from docstopd.watch.judge import Finding, blob_of, judge, on_its_way, seen_of

AT_A_TIME = 50_000
REST = 0.5
"""Of the time that a look takes, how much is rested after it: requests come first."""


class Pace(Protocol):
    """Time, as it passes and as it is spent."""

    @property
    def monotonic(self) -> Callable[[], float]:
        """Seconds."""

    @property
    def pause(self) -> Callable[[float], None]:
        """Wait."""


@dataclass(slots=True)
class Differences:
    """Blobs to be judged, those of them that no row names, paths of strangers, and folders that are not right."""

    blobs: set[BlobId] = field(default_factory=set)
    orphans: set[BlobId] = field(default_factory=set)
    strangers: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)


class Comparison:
    """One comparison. `since`: every change before that was judged."""

    def __init__(self, root: str, storage: Storage, owner: int, since: Micros, pace: Pace) -> None:
        self._root = root
        self._storage = storage
        self._owner = owner
        self._since = since
        self._pace = pace

    def run(self) -> Iterator[Differences]:
        """What is to be looked at closer, in portions."""
        share = max(1, 256 * AT_A_TIME // max(1, self._storage.count()))
        for first in range(0, 256, share):
            last = min(256, first + share)
            # Rows first: a row that is there has its file, and a file that has no row yet is looked at again.
            rows = self._storage.between(bytes([first]), bytes([last]) if last < 256 else b"")
            found = Differences(folders=self._names() if first == 0 else [])
            for number in range(first, last):
                begun = self._pace.monotonic()
                self._folder(f"{number:02x}", rows, found)
                self._pace.pause((self._pace.monotonic() - begun) * REST)
            found.blobs |= {blob for blob, known in rows.items() if known.live}
            yield found

    def _names(self) -> list[str]:
        with os.scandir(self._root) as entries:
            return sorted(entry.name for entry in entries)

    def _folder(self, name: str, rows: dict[BlobId, Known], found: Differences) -> None:
        found.folders.append(name)  # also when it is not there
        try:
            with os.scandir(f"{self._root}/{name}") as entries:
                for entry in entries:
                    self._entry(name, entry, rows, found)
        except (FileNotFoundError, NotADirectoryError):  # whoever looks at the folders says so
            return

    def _entry(self, folder: str, entry: "os.DirEntry[str]", rows: dict[BlobId, Known], found: Differences) -> None:
        blob = blob_of(folder, entry.name)
        if blob is None:
            if not on_its_way(folder, entry.name):
                found.strangers.append(entry.path)
            return
        known = rows.pop(blob, None)
        try:
            seen = seen_of(entry.stat(follow_symlinks=False))
        except FileNotFoundError:  # it went just now
            return
        if judge(seen, known, owner=self._owner, key=False, since=self._since) is not Finding.FINE:
            found.blobs.add(blob)
            if known is None:
                found.orphans.add(blob)
