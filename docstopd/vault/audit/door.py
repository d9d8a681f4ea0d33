"""Reading the journal, and proving that nobody rewrote it."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from docstopd.catalog import journal as store
from docstopd.catalog import spaces, users
from docstopd.db import Rows
from docstopd.errors import Damaged, NotFound, Refused
from docstopd.model import DAY, MemberRole, NodeId
from docstopd.vault import journal, naming
from docstopd.vault.audit.checkpoints import BadLine, Checkpoint, Checkpoints, Head
from docstopd.vault.audit.exporting import Export
from docstopd.vault.audit.marked import Marked
from docstopd.vault.audit.trail import Filter, Line, Source, Trail
from docstopd.vault.audit.verifying import Verification, verify
from docstopd.vault.opening import OpenSpace, open_space
from docstopd.vault.progress import SILENT, Progress, Report
from docstopd.vault.session import Session
from docstopd.vault.sessions import sign_in_name
from docstopd.vault.stores import Stores
from docstopd.vault.tree import Tree

WHOLE_AFTER = 7 * DAY
"""How often the job reads the whole journal again."""

EVERYTHING = Filter()

_UNKNOWN_NOTE = "a note that this service signed is not among its checkpoints: they were cut off, or replaced"


class Audit:
    """The door to the journal."""

    def __init__(self, stores: Stores, checkpoints: Checkpoints) -> None:
        self._stores = stores
        self._checkpoints = checkpoints
        self._mark = Marked(stores)

    def verify(
        self,
        since: int | None = None,
        beside: Sequence[Path] = (),
        notes: Sequence[str] = (),
        progress: Progress = SILENT,
    ) -> Verification:
        """Check the journal and what checkpoints say of it, those of the data folder and of the files `beside`.

        All of it; or what came since the newest checkpoint but `since - 1` (1 is the newest), whose signature stands
        for what was before; with 0 since the last verification, which is as good as the word of whoever can write to
        the database, but for the server key that signs it. `notes`, of checkpoints, must be among ours.
        Raises `Refused` when there is no such checkpoint, `Damaged` for a note that is none of ours.
        """
        lines = [line for path in (*beside, *self._stores.checkpoint_copies) for line in self._checkpoints.read(path)]
        lines += self._checkpoints.all()
        lines += [BadLine(0, _UNKNOWN_NOTE) for note in notes if not self._checkpoints.knows(note)]
        start: Mapping[bytes, Head] = {}
        if since:
            good = [line for line in self._checkpoints.all() if isinstance(line, Checkpoint)]
            if len(good) < since:
                raise Refused(f"there are {len(good)} checkpoints: verify the whole journal")
            start = good[-since].heads
        elif since == 0:
            start = self._mark.read().heads
        found = verify(self._stores.catalog, lines, start, progress)
        if found.whole and not since and not self._stores.read_only:
            self._mark.write(found.heads, whole=since is None)
        return found

    def run(self, progress: Progress, dry: bool) -> Report:
        """The job: what came since the last time, and once a week the whole. Raises `Damaged` with the first place."""
        mark = self._mark.read()
        whole = self._stores.clock() - mark.whole >= WHOLE_AFTER
        found = self.verify(None if whole else 0, progress=progress)
        if not found.whole:
            raise Damaged(f"the journal is damaged: {'; '.join(told(found))}")
        return {"entries": found.entries, "unanchored": found.unanchored, "whole": whole}

    def show(self, session: Session | None, label: str | None, limit: int, wanted: Filter = EVERYTHING) -> list[Line]:
        """The last entries of a space, or of `system`; with a member's session the space's paths are in clear.

        Raises `NotFound`.
        """
        return self.trail(session, label).latest(wanted, limit)

    def trail(self, session: Session | None, label: str | None = None, *, everywhere: bool = False) -> Trail:
        """A space's journal, by its label or by its id where the space is gone; the system's; or all there are.

        Raises `NotFound`.
        """
        with self._stores.catalog.read() as rows:
            names: dict[bytes, str] = {account.user.id: account.user.name for account in users.all_accounts(rows)}
            if everywhere:
                labels = {bytes(space.id): space.label for space in spaces.all_spaces(rows)}
                mine = {label for label, _ in self._of(rows, session)} if session else set()
                sources = [
                    self._source(rows, session if labels.get(stream) in mine else None, stream, labels.get(stream))
                    for stream in store.streams(rows)
                ]
            elif label is None:
                sources = [self._source(rows, None, journal.SYSTEM, None)]
            else:
                label = naming.normal(label)
                space = spaces.find(rows, label)
                stream = space.id if space is not None else _stream_of(rows, label)
                sources = [self._source(rows, session if space else None, stream, label)]
        return Trail(self._stores.catalog, sources, names)

    def export(self, session: Session | None, label: str | None) -> Export:
        """A space's journal, or all there are, with what proves it; a session puts the paths that it opens in clear.

        Raises `NotFound`.
        """
        trail = self.trail(session, label, everywhere=label is None)
        return Export(self._stores.catalog, trail, trail.sources)

    def user(self, name: str) -> bytes:
        """The id of a user, by name; by id in hexadecimal where the account is gone. Raises `NotFound`."""
        with self._stores.catalog.read() as rows:
            found = users.find(rows, sign_in_name(name))
        if found is not None:
            return found.id
        return _id_of(name, f"there is no user {name!r}; one that is gone is named by its id")

    def _of(self, rows: Rows, session: Session) -> list[tuple[str, MemberRole]]:
        return [(space.label, role) for space, role in spaces.of_user(rows, session.user.id)]

    def _source(self, rows: Rows, session: Session | None, stream: bytes, label: str | None) -> Source:
        if stream == journal.SYSTEM:
            return Source(stream, "system", self._stores.server.journals)
        if session is None or label is None:
            return Source(stream, label or stream.hex(), {})
        opened = open_space(rows, self._stores.keyring, session, label)
        keys = {epoch: key.journal for epoch, key in opened.keys.items()}
        return Source(stream, label, keys, partial(self._place, opened))

    def _place(self, opened: OpenSpace, node: NodeId) -> str:
        with self._stores.catalog.read() as rows:
            try:
                return "/".join(Tree(rows, opened).path(node)) if node else ""
            except (NotFound, Damaged):
                return ""


def _stream_of(rows: Rows, text: str) -> bytes:
    missing = f"there is no space {text!r}; the journal of one that is gone is named by its id"
    stream = _id_of(text, missing)
    if not store.last(rows, stream):
        raise NotFound(missing)
    return stream


def _id_of(text: str, missing: str) -> bytes:
    try:
        found = bytes.fromhex(text)
    except ValueError:
        found = b""
    if len(found) != 16:
        raise NotFound(missing)
    return found


def told(found: Verification) -> list[str]:
    """Each damaged place in words, by ids."""
    places = [f"stream {_stream_name(one.stream)}, entry {one.seq}: {one.what}" for one in found.damaged]
    return places + [f"checkpoints, line {one.line}: {one.what}" for one in found.bad_lines]


def _stream_name(stream: bytes) -> str:
    return "system" if stream == journal.SYSTEM else stream.hex()
