"""The door to arrivals: the daemon brings them in, members file them."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from docstopd.catalog import arrivals as store
from docstopd.catalog import spaces
from docstopd.catalog.arrivals import Arrival
from docstopd.errors import Damaged, Failed, Incompatible, NotFound, Refused
from docstopd.model import SECOND, BlobId, MemberRole, Micros, Node, NodeId, SpaceId, SpacePath
from docstopd.vault import naming
from docstopd.vault.arrivals.intake import Intake
from docstopd.vault.arrivals.note import Opened, Opener
from docstopd.vault.arrivals.placing import INBOX, Placed, Placing, check
from docstopd.vault.change import Change, Changes
from docstopd.vault.content import Content
from docstopd.vault.session import Session
from docstopd.vault.sessions import Sessions

BATCH = 50
"""Arrivals that one transaction files: other writers wait for it."""

AT_ONCE = 4 * BATCH
"""Arrivals that a worker files before it looks whether it is to end."""

PAUSE: Micros = 60 * SECOND
"""After a run that could file nothing."""

DAMAGED = "damaged"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Waiting:
    """An arrival as a member sees it. `path`: where it is to be, None where its note cannot be read."""

    blob: BlobId
    path: SpacePath | None
    size: int
    modified: Micros | None
    received: Micros
    waits: str | None


@dataclass
class Filed:
    """What a run did; `waits` counts what was not filed, by the reason."""

    filed: int = 0
    bytes: int = 0
    waits: dict[str, int] = field(default_factory=dict)

    def add(self, placed: Placed) -> None:
        """Count one transaction more."""
        self.filed += placed.filed
        self.bytes += placed.bytes
        for reason in placed.waits.values():
            self.waits[reason] = self.waits.get(reason, 0) + 1


class Arrivals:
    """Safe for threads and processes: an arrival is filed once, whoever tries."""

    def __init__(self, changes: Changes, sessions: Sessions) -> None:
        self._changes = changes
        self._stores = changes.stores
        self._sessions = sessions
        self._paused: dict[SpaceId, Micros] = {}

    # -- in ---------------------------------------------------------------------------------------------------------

    def begin(self, label: str, path: SpacePath, modified: Micros, source: str) -> Intake:
        """Begin to take a content in, which is to be filed at `path` below the folder for arrivals.

        Raises `NotFound` for the space, `InvalidName`, `Forbidden`, `Failed`.
        """
        path = naming.normal_path(path)
        with self._stores.catalog.read() as rows:
            space = spaces.find(rows, naming.normal(label))
        if space is None:
            raise NotFound(f"there is no space {label!r}")
        check(path, space.label, self._changes)
        return Intake(self._changes, space, path, modified, source)

    def gone(self, marks: Sequence[bytes]) -> None:
        """The files that these marks stand for are durably away from where they came."""
        if marks:
            self._stores.catalog.write(lambda rows: store.unmark(rows, marks))

    # -- what waits -------------------------------------------------------------------------------------------------

    def waiting(self) -> dict[str, store.Waiting]:
        """How much waits in which space, by label."""
        with self._stores.catalog.read() as rows:
            labels = {space.id: space.label for space in spaces.all_spaces(rows)}
            return {labels[one.space]: one for one in store.waiting(rows) if one.space in labels}

    def list(self, session: Session, label: str) -> list[Waiting]:
        """What waits in a space, in the order of receipt. Raises `NotFound`."""
        with self._changes.view(session, label) as view:
            found = store.of_space(view.rows, view.opened.space.id)
            opener = Opener(self._stores.keyring, view.opened)
        return [self._shown(opener, one) for one in found]

    def _shown(self, opener: Opener, one: Arrival) -> Waiting:
        try:
            note = opener.open(one).note
        except (Damaged, Incompatible):
            return Waiting(one.blob, None, one.size, None, one.received, DAMAGED)
        return Waiting(one.blob, (INBOX, *note.path), one.size, note.modified, one.received, one.waits)

    def open(self, session: Session, label: str, blob: BlobId) -> Content:
        """The content of an arrival, to be closed by the caller. Raises `NotFound`, `Damaged`."""
        with self._changes.view(session, label) as view:
            arrival = store.get(view.rows, blob)
            opener = Opener(self._stores.keyring, view.opened)
        if arrival is None or arrival.space != view.opened.space.id:
            raise NotFound("there is no such arrival")
        one = opener.open(arrival)
        modified = one.note.modified
        node = Node(NodeId(0), arrival.space, one.note.path[-1], False, arrival.size, "", 0, modified, modified)
        reader = self._stores.blobs.open(blob)
        try:
            return Content(node, blob, one.data_key, reader)
        except BaseException:
            reader.close()
            raise

    # -- filing -----------------------------------------------------------------------------------------------------

    def file(self, session: Session, label: str, most: int | None = None) -> Filed:
        """File all that waits in a space, or the first so many. Raises `NotFound`, `Forbidden`, what storage raises."""
        label = naming.normal(label)
        with self._changes.view(session, label) as view:
            view.opened.require_writable()
            blobs = store.blobs_of(view.rows, view.opened.space.id)[:most]
        placing, filed = Placing(self._changes), Filed()
        for start in range(0, len(blobs), BATCH):
            filed.add(self._some(session, label, placing, blobs[start : start + BATCH]))
        return filed

    def _some(self, session: Session, label: str, placing: Placing, blobs: Sequence[BlobId]) -> Placed:
        """Keys are opened before the transaction: other writers need not wait for that."""
        with self._changes.view(session, label) as view:
            space = view.opened.space.id
            known = [one for blob in blobs if (one := store.get(view.rows, blob)) is not None]
            opener = Opener(self._stores.keyring, view.opened)
        found: list[Opened] = []
        damaged: dict[BlobId, str] = {}
        for one in known:
            try:
                found.append(opener.open(one))
            except (Damaged, Incompatible) as error:
                with self._stores.catalog.read() as rows:
                    if store.get(rows, one.blob) is None:
                        continue  # filed or erased meanwhile
                wrong = Damaged(f"arrival {one.blob.hex()}: {error}")
                self._changes.damage.report(space, session.user.id, wrong)
                damaged[one.blob] = DAMAGED

        def work(change: Change) -> Placed:
            placed = placing.run(found, change)
            placing.note(change, damaged)
            placed.waits |= damaged
            return placed

        return self._changes.run(session, label, work)

    def file_open(self) -> int:
        """File some of what waits in the spaces that a member who may change them has open here; how many."""
        with self._stores.catalog.read() as rows:
            waiting = store.waiting(rows)
        return sum(self._file_one(one.space) for one in waiting)

    def _file_one(self, space: SpaceId) -> int:
        now = self._stores.clock()
        if self._paused.get(space, 0) > now:
            return 0
        found = self._editor(space)
        if found is None:
            return 0
        session, label = found
        try:
            filed = self.file(session, label, AT_ONCE)
        except (Refused, Failed) as error:
            _log.warning("arrivals in space %s cannot be filed now: %s", space.hex(), error)
            self._paused[space] = now + PAUSE
            return 0
        if not filed.filed:
            _log.warning("space %s: arrivals wait: %s", space.hex(), filed.waits)
            self._paused[space] = now + PAUSE
        return filed.filed

    def _editor(self, space: SpaceId) -> tuple[Session, str] | None:
        for session in self._sessions.with_open(space):
            with self._stores.catalog.read() as rows:
                mine = spaces.of_user(rows, session.user.id)
            for one, role in mine:
                if one.id == space and role is not MemberRole.READER and not one.read_only:
                    return session, one.label
        return None
