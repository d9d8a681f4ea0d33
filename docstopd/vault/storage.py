"""For whoever watches the files below the vault: what they should be, and where it is told that they are not."""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from docstopd.catalog import marks, stored
from docstopd.catalog.stored import Known
from docstopd.db import Rows
from docstopd.errors import Damaged, Failed
from docstopd.model import BlobId, Micros
from docstopd.vault.damage import DamageReports
from docstopd.vault.journal import SYSTEM, Facts, Journal, Seal
from docstopd.vault.snapshots.heal import Healer
from docstopd.vault.snapshots.lying import Lying
from docstopd.vault.stores import Stores

ALARMS = "storage-alarms"
"""Mark: how many alarms there were since the data folder was made."""

WATCHED = "storage-watched"
"""Mark: until when every change of a file was seen and judged."""

_log = logging.getLogger(__name__)


class What(StrEnum):
    """What somebody else has done to a file."""

    ADDED = "added"
    CHANGED = "changed"
    DELETED = "deleted"
    ACCESSIBLE = "accessible"


class Scrubbed(StrEnum):
    """What reading a blob has come to."""

    SOUND = "sound"
    HEALED = "healed"
    DAMAGED = "damaged"
    GONE = "gone"
    """No file has it any more."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """One file. `part` is whose it is (`blobs`, `catalog`, a target's name); `place` the path, for people."""

    what: What
    part: str
    place: str
    blob: BlobId | None = None
    known: Known | None = None


class Storage:
    """The door of the watcher."""

    def __init__(self, stores: Stores, journal: Journal, damage: DamageReports) -> None:
        self._stores = stores
        self._journal = journal
        self._healer = Healer(stores, journal, damage)

    # -- what should be there ---------------------------------------------------------------------------------------

    def with_keys(self, blobs: Collection[BlobId]) -> set[BlobId]:
        """Those that have a data key: only the service can have made them. Cheap."""
        return self._stores.keyring.with_keys(blobs)

    def known(self, blobs: Collection[BlobId]) -> dict[BlobId, Known]:
        """Those that a version names. Reads the whole catalog: ask for many at once."""
        if not blobs:
            return {}
        with self._stores.catalog.read() as rows:
            return stored.among(rows, blobs)

    def between(self, first: bytes, last: bytes) -> dict[BlobId, Known]:
        """All whose ids begin with `first` or more, and with less than `last`; an empty `last` is no end."""
        with self._stores.catalog.read() as rows:
            return {known.stored.blob: known for known in stored.between(rows, first, last)}

    def count(self) -> int:
        """How many there are."""
        with self._stores.catalog.read() as rows:
            return stored.count(rows)

    def at_targets(self) -> Sequence[Lying]:
        """What lies at each target."""
        return [Lying(self._stores, target) for target in self._stores.targets]

    # -- what was found ---------------------------------------------------------------------------------------------

    def alarm(self, alarm: Alarm) -> None:
        """Say it in the log, in the journal, and count it. What cannot be journalled stays in the log."""
        blob = f", blob {alarm.blob.hex()}" if alarm.blob else ""
        _log.error("storage alarm: somebody else has %s %s%s", _DONE[alarm.what], alarm.place, blob)
        try:
            self._stores.catalog.write(lambda rows: self._record(rows, alarm))
        except Failed as error:
            _log.error("this alarm could not be journalled: %s", error)

    def _record(self, rows: Rows, alarm: Alarm) -> None:
        marks.put(rows, ALARMS, str(int(marks.get(rows, ALARMS) or 0) + 1))
        facts: Facts = {"what": alarm.what.value, "part": alarm.part}
        if alarm.blob is not None:
            facts = {**facts, "blob": alarm.blob.hex()}
        if alarm.known is not None:
            facts = {**facts, "space": alarm.known.stored.space.hex()}
        node = 0 if alarm.known is None else alarm.known.stored.node
        seal = Seal.of_server(self._stores.server, {"place": alarm.place})
        self._journal.append(rows, SYSTEM, "storage-alarm", node=node, facts=facts, seal=seal)

    def alarms(self) -> int:
        """How many alarms there were, ever."""
        with self._stores.catalog.read() as rows:
            return int(marks.get(rows, ALARMS) or 0)

    def scrub(self, known: Known) -> Scrubbed:
        """Read a blob, and heal it from a target when it is bad. The journal says what became of it."""
        version = known.stored
        wrong = self._healer.look(version)
        if not wrong:
            return Scrubbed.SOUND
        with self._stores.catalog.read() as rows:
            if version.blob not in stored.among(rows, [version.blob]):
                return Scrubbed.GONE
        try:
            self._healer.heal(version, wrong)
        except (Damaged, Failed):  # said already
            return Scrubbed.DAMAGED
        return Scrubbed.HEALED

    def look(self, known: Known) -> str:
        """What is wrong with a blob, all of it read; empty for a sound one."""
        return self._healer.look(known.stored)

    # -- until when -------------------------------------------------------------------------------------------------

    def watched(self) -> Micros | None:
        """Until when every change was judged; None when nobody has ever watched."""
        with self._stores.catalog.read() as rows:
            found = marks.get(rows, WATCHED)
        return None if found is None else int(found)

    def note_watched(self, until: Micros) -> None:
        """Every change before that time is judged."""
        self._stores.catalog.write(lambda rows: marks.put(rows, WATCHED, str(until)))


_DONE = {
    What.ADDED: "added",
    What.CHANGED: "changed",
    What.DELETED: "removed",
    What.ACCESSIBLE: "opened to other hands",
}
