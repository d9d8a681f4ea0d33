"""Writing a file: the body becomes a blob first, then one transaction gives it its place (design: write order)."""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import TracebackType

from cryptography.utils import Buffer

from docstopd.blobs import BlobWriter
from docstopd.catalog import versions
from docstopd.catalog.nodes import Row
from docstopd.catalog.versions import Version
from docstopd.crypto import floe
from docstopd.crypto.spacekey import SpaceKey
from docstopd.crypto.stream import SealingStream
from docstopd.errors import DocstopdError, Failed, IsFolder, Refused, TooLarge
from docstopd.model import BlobId, Guard, Micros, SpacePath, Written
from docstopd.vault import density, naming
from docstopd.vault.change import Change, Changes
from docstopd.vault.journal import Facts
from docstopd.vault.rise import Rise
from docstopd.vault.session import Session


@dataclass(frozen=True, slots=True)
class Sealed:
    """A durable blob that has no place yet, and samples of its content.

    One that waited for its place was `received` before, and may be in snapshots since number `born`.
    """

    blob: BlobId
    size: int
    stored: int
    digest: bytes
    samples: density.Samples | None = None
    received: Micros | None = None
    born: int | None = None

    @property
    def dense(self) -> bool:
        """Whether the content looks like noise; told when it is asked, since most contents replace nothing."""
        return self.samples is not None and self.samples.dense


class BlobSealer:
    """Turns plaintext into one blob under a data key of its own."""

    def __init__(self, changes: Changes) -> None:
        self._stores = changes.stores
        self._limit = changes.policy.upload
        self.blob = BlobId(self._stores.random(16))
        self.data_key = self._stores.random(32)
        self._size = 0
        self._stored = 0
        self._samples = density.Samples()
        self._writer: BlobWriter = self._stores.blobs.create(self.blob)
        try:
            aad = floe.blob_aad(self.blob)
            self._stream = SealingStream(self.data_key, aad, self._emit, self._stores.random)
        except BaseException:  # nobody has this object yet who could abort it
            self._writer.abort()
            raise

    def write(self, data: Buffer) -> None:
        """Append plaintext. Raises `TooLarge`, `StorageFull`."""
        self._size += len(data)
        if self._limit is not None and self._size > self._limit:
            raise TooLarge(f"a file may have at most {self._limit} bytes")
        self._samples.add(data)
        self._stream.write(data)

    def finish(self) -> Sealed:
        """Seal the rest and make the blob durable."""
        self._stream.finish()
        digest = self._writer.finish()
        return Sealed(self.blob, self._size, self._stored, digest, self._samples)

    def abort(self) -> None:
        """Drop the blob, finished or not."""
        self._writer.abort()
        with contextlib.suppress(DocstopdError):
            self._stores.blobs.delete(self.blob)

    def _emit(self, data: Buffer) -> None:
        self._writer.write(data)
        self._stored += len(data)


SMALL = 65_536
"""Announced bytes up to which a body costs less than to look at its place twice; the commit looks anyway."""

Also = Callable[[Change, Row, Written], None]
"""What a caller adds to the transaction that gives a file its place."""


class Upload:
    """One file on its way in. Nothing is visible before `commit`; leaving the context without it leaves no trace.

    `size` is what the client announced, 0 if nothing: what can be checked without the body is checked at once, unless
    the body is small.
    """

    def __init__(
        self, changes: Changes, session: Session, path: SpacePath, guard: Guard, modified: Micros | None, size: int
    ) -> None:
        self._changes = changes
        self._session = session
        self._path = path
        self._guard = guard
        self._modified = modified
        self._key = self._open_space(size)
        self._sealer = BlobSealer(changes)
        self._rise = Rise(changes.stores)
        self._settled = False

    def _open_space(self, size: int) -> SpaceKey:
        """The key under which the data key will be wrapped; `_place` sees whether it is still the right one."""
        small = 0 < size <= SMALL
        known = self._session.unlocked.newest_key(self._path[0]) if small else None
        if known is not None:
            return known

        def look(change: Change) -> SpaceKey:
            if not small:
                check_place(change, self._path, self._guard, size)
            return change.opened.key

        return self._changes.preview(self._session, self._path[0], look)

    def write(self, data: Buffer) -> None:
        """Append to the body. Raises `TooLarge`, `StorageFull`."""
        self._sealer.write(data)

    def commit(self, also: Also | None = None) -> Written:
        """Give the body its place: durable, and visible to all, when this returns.

        `also` runs in the same transaction. Raises what the checks at the beginning raise: they are repeated here.
        """
        # From here on the blob may be a live one: only a refusal, which undoes the transaction, sets it free again.
        self._settled = True
        try:
            sealed = self._sealer.finish()
            keep_data_keys(self._changes, self._key, {sealed.blob: self._sealer.data_key})
            return self._rise.settled(
                lambda: self._changes.run(self._session, self._path[0], partial(self._place, sealed, also))
            )
        except (Refused, Failed):
            self._sealer.abort()
            self._changes.destroy([self._sealer.blob])
            raise

    def _place(self, sealed: Sealed, also: Also | None, change: Change) -> Written:
        key = change.opened.key
        if (key.space, key.epoch) != (self._key.space, self._key.epoch):  # a member was removed meanwhile, mostly
            keep_data_keys(self._changes, key, {sealed.blob: self._sealer.data_key})
        written, row = place_file(change, self._path, self._guard, sealed, self._modified, self._rise)
        if also is not None:
            also(change, row, written)
        return written

    def abort(self) -> None:
        """Drop what came; fine after `commit`, which it does not undo."""
        if not self._settled:
            self._sealer.abort()

    def __enter__(self) -> "Upload":
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        self.abort()


def keep_data_keys(changes: Changes, key: SpaceKey, data_keys: Mapping[BlobId, bytes]) -> None:
    """Put the data keys of blobs into the keyring, wrapped under a space key."""
    wrapped = {blob: key.wrap_data_key(blob, data_key) for blob, data_key in data_keys.items()}
    changes.stores.keyring.put_data_keys(key.space, key.epoch, wrapped)


def check_place(change: Change, path: SpacePath, guard: Guard, size: int) -> tuple[list[Row], Row | None]:
    """The checks of a write; the chain to the folder, and the file that is there. Raises as `Files.write` says."""
    parent = change.parent(path)
    change.guard(path, guard)
    target = change.tree.child(parent[-1], path[-1])
    if target is None:
        change.may_add(parent, guard)
    elif target.folder:
        raise IsFolder("there is a folder of that name")
    else:
        change.may_write([*parent, target], guard)
        change.classes.refuse_overwriting(target.id)
    change.room(size, target.size if target else 0)
    return parent, target


def place_file(
    change: Change, path: SpacePath, guard: Guard, sealed: Sealed, modified: Micros | None, rise: Rise
) -> tuple[Written, Row]:
    """Make a blob the content of the file at `path`, new or not. Raises `Unjudged`."""
    parent, target = check_place(change, path, guard, sealed.size)
    quiet = target is not None and naming.ephemeral(path[-1])
    facts = rise.facts(change, target) if target is not None and not quiet and sealed.dense else None
    return set_content(change, parent, target, path, sealed, modified, quiet=quiet, facts=facts)


def set_content(
    change: Change,
    parent: list[Row],
    target: Row | None,
    path: SpacePath,
    sealed: Sealed,
    modified: Micros | None,
    *,
    quiet: bool = False,
    facts: Facts | None = None,
) -> tuple[Written, Row]:
    """Write the version, the node and the journal entry; none if `quiet`, for a content of which no past is kept.

    `facts`: more of them for the entry.
    """
    row = target or change.make(parent[-1], path[-1], folder=False)
    when = change.now if modified is None else modified
    seq = row.seq if quiet else _record(change, parent[-1], target, row, path, sealed, facts or {})
    row = change.save(
        row._replace(blob=sealed.blob, size=sealed.size, seq=seq, modified=when), path[-1], new=target is None
    )
    version = Version(
        blob=sealed.blob,
        node=row.id,
        space=row.space,
        size=sealed.size,
        stored=sealed.stored,
        digest=sealed.digest,
        modified=when,
        received=change.now if sealed.received is None else sealed.received,
        author=change.session.user.id,
    )
    versions.add(change.rows, version, sealed.born)
    if target is not None and (target.size == 0 or naming.ephemeral(path[-1])):
        change.drop_version(target.id, target.blob)  # a placeholder, or a file that keeps no past
    change.classes.assign(row.id, path)
    change.use(sealed.size - (target.size if target else 0))
    if quiet:
        change.count_quietly()
    else:
        (change.touch if target else change.touch_members)(parent, seq)
    return Written(change.tree.node(row, path[-1]), target is None), row


def _record(
    change: Change, parent: Row, target: Row | None, row: Row, path: SpacePath, sealed: Sealed, more: Facts
) -> int:
    facts: Facts = {"size": sealed.size, "blob": sealed.blob.hex(), **more}
    if sealed.received is not None:
        facts = {**facts, "arrived": sealed.received}
    if target is None:
        return change.record("create", row.id, path, {**facts, **change.warning(parent, path[-1])})
    # Explorer and Finder make an empty file first: its content replaces nothing.
    return change.record("update", row.id, path, facts if target.size else {**facts, "filled": True})
