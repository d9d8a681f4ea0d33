"""Taking one content in for a space that is locked: blob and key durable, then the row that makes it an arrival."""

import hashlib
from functools import partial
from types import TracebackType

from cryptography.utils import Buffer

from docstopd.catalog import arrivals as store
from docstopd.catalog import spaces
from docstopd.catalog.arrivals import Arrival
from docstopd.crypto import arrival as crypto
from docstopd.crypto import hpke
from docstopd.db import Rows
from docstopd.errors import Failed, NotFound, Refused
from docstopd.model import SECOND, Micros, Space, SpacePath
from docstopd.vault.arrivals.note import Note
from docstopd.vault.change import Changes
from docstopd.vault.journal import NOBODY, Facts
from docstopd.vault.upload import BlobSealer, Sealed

MARKED: Micros = 30 * 86_400 * SECOND
"""How long it is remembered that a file was taken which then went by other hands, or never."""


class Intake:
    """One content on its way in. Leaving the context without `commit` leaves no trace.

    `source` names where it comes from in the journal: the name of a drop folder, nothing personal.
    """

    def __init__(self, changes: Changes, space: Space, path: SpacePath, modified: Micros, source: str) -> None:
        self._changes = changes
        self._stores = changes.stores
        self._space = space
        self._path = path
        self._modified = modified
        self._source = source
        self._digest = hashlib.sha256()
        self._sealer = BlobSealer(changes)
        self._settled = False

    def write(self, data: Buffer) -> None:
        """Append to the content. Raises `TooLarge`, `StorageFull`."""
        self._digest.update(data)
        self._sealer.write(data)

    def commit(self, identity: bytes) -> bytes:
        """Make it an arrival: durable when this returns. What has come before, as `identity` and content say, is none.

        Returns the mark by which it would be known if it came again, to be given to `Arrivals.gone`. Raises
        `NotFound` when the space is gone, and what storage raises: nothing is left then.
        """
        self._settled = True
        mark = hashlib.blake2b(self._digest.digest() + identity, key=self._stores.server.taken, digest_size=32).digest()
        try:
            sealed = self._sealer.finish()
            self._keep_key(self._space.epoch)
            note = Note(self._path, self._modified, sealed.size, self._digest.digest())
            is_new = self._stores.catalog.write(partial(self._enter, sealed, note, mark))
        except (Refused, Failed):
            self._drop()
            raise
        if not is_new:
            self._drop()
        return mark

    def _keep_key(self, epoch: int) -> None:
        """The data key into the keyring, sealed to the space: from now on nobody without its key opens the blob."""
        space, blob = self._space.id, self._sealer.blob
        public = hpke.PublicKey.decode(self._stores.keyring.pair(space, epoch)[0])
        sealed = crypto.seal_data_key(public, self._sealer.data_key, space, epoch, blob)
        self._stores.keyring.put_data_keys(space, epoch, {blob: sealed})

    def _enter(self, sealed: Sealed, note: Note, mark: bytes, rows: Rows) -> bool:
        space = spaces.get(rows, self._space.id)
        if space is None:
            raise NotFound("the space is gone")
        if space.epoch != self._space.epoch:  # a member was removed meanwhile: his key must not open this
            self._keep_key(space.epoch)
        now = self._stores.clock()
        if not store.mark(rows, mark, now):
            return False
        store.forget_marks(rows, now - MARKED)
        arrival = Arrival(
            blob=sealed.blob,
            space=space.id,
            size=sealed.size,
            stored=sealed.stored,
            digest=sealed.digest,
            received=now,
            note=note.seal(self._sealer.data_key, space.id, sealed.blob, self._stores.random),
        )
        store.add(rows, arrival)
        facts: Facts = {"blob": sealed.blob.hex(), "size": sealed.size, "source": self._source}
        self._changes.journal.append(rows, space.id, "arrival", actor=NOBODY, facts=facts)
        return True

    def _drop(self) -> None:
        self._sealer.abort()
        self._changes.destroy([self._sealer.blob])

    def __enter__(self) -> "Intake":
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        if not self._settled:
            self._sealer.abort()
