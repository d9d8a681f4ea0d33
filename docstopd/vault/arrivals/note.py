"""What is known of an arrival, for those alone who can open its space."""

import json
from collections.abc import Callable
from dataclasses import dataclass

from docstopd.catalog.arrivals import Arrival
from docstopd.crypto import arrival as crypto
from docstopd.crypto import hpke
from docstopd.errors import Damaged, NotFound
from docstopd.keyring import Keyring
from docstopd.model import BlobId, Micros, SpaceId, SpacePath
from docstopd.vault.opening import OpenSpace


@dataclass(frozen=True, slots=True)
class Note:
    """`path`: where it belongs, below the folder for arrivals. `modified`: what its source said. `digest`: SHA-256."""

    path: SpacePath
    modified: Micros
    size: int
    digest: bytes

    def seal(self, data_key: bytes, space: SpaceId, blob: BlobId, random: Callable[[int], bytes]) -> bytes:
        """As it is stored."""
        fields = {
            "path": list(self.path),
            "modified": self.modified,
            "size": self.size,
            "sha256": self.digest.hex(),
        }
        text = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
        return crypto.seal_note(data_key, text.encode(), space, blob, random)

    @classmethod
    def open(cls, data_key: bytes, arrival: Arrival) -> "Note":
        """The counterpart of `seal`. Raises `Damaged`, also where the row says another size than the note."""
        text = crypto.open_note(data_key, arrival.note, arrival.space, arrival.blob)
        try:
            held = json.loads(text)
            note = cls(tuple(held["path"]), int(held["modified"]), int(held["size"]), bytes.fromhex(held["sha256"]))
        except (ValueError, KeyError, TypeError):
            raise Damaged("the note of an arrival cannot be read") from None
        if note.size != arrival.size or not note.path or not all(isinstance(name, str) for name in note.path):
            raise Damaged("the note of an arrival does not belong to it")
        return note


@dataclass(frozen=True, slots=True)
class Opened:
    """An arrival in the hands of a member."""

    arrival: Arrival
    data_key: bytes
    note: Note


class Opener:
    """Opens the arrivals of one open space."""

    def __init__(self, keyring: Keyring, opened: OpenSpace) -> None:
        self._keyring = keyring
        self._opened = opened
        self._pairs: dict[int, hpke.PrivateKey] = {}

    def open(self, arrival: Arrival) -> Opened:
        """Raises `Damaged`, `Incompatible`."""
        data_key = self._data_key(arrival.blob)
        return Opened(arrival, data_key, Note.open(data_key, arrival))

    def _data_key(self, blob: BlobId) -> bytes:
        space = self._opened.space.id
        epoch, stored = self._keyring.data_key(blob, space)
        key = self._opened.keys.get(epoch)
        if key is None:
            raise Damaged("a data key belongs to another epoch")
        if not crypto.is_sealed(stored):  # it was filed, and an older catalog was restored since
            return key.unwrap_data_key(blob, stored)
        if epoch not in self._pairs:
            try:
                private = self._keyring.pair(space, epoch)[1]
            except NotFound:
                raise Damaged("a key pair of the space is missing") from None
            self._pairs[epoch] = key.unwrap_private(private)
        return crypto.open_data_key(self._pairs[epoch], stored, space, epoch, blob)
