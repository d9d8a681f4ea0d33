"""How far the journal was verified, remembered under the server key's signature."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from docstopd.catalog import marks
from docstopd.model import Micros
from docstopd.vault.audit.checkpoints import Head
from docstopd.vault.stores import Stores

_NAME = "audit-verified"
_LABEL = b"docstopd/verified/v1"


@dataclass(frozen=True, slots=True)
class Mark:
    """`heads`: where the verified streams ended; `whole`: when all of it was last read, 0 for never."""

    heads: Mapping[bytes, Head] = field(default_factory=dict)
    whole: Micros = 0


class Marked:
    """The mark of one catalog. One that this server did not sign is none: everything is verified anew."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores

    def read(self) -> Mark:
        """The last mark."""
        with self._stores.catalog.read() as rows:
            value = marks.get(rows, _NAME)
        if value is None:
            return Mark()
        signature, _, text = value.partition(" ")
        if not any(self._is_by(key, signature, text) for key in self._stores.server.signers):
            return Mark()
        content = json.loads(text)
        heads = {bytes.fromhex(stream): (seq, bytes.fromhex(digest)) for stream, (seq, digest) in content["heads"]}
        return Mark(heads, content["whole"])

    def _is_by(self, key: Ed25519PrivateKey, signature: str, text: str) -> bool:
        try:
            key.public_key().verify(bytes.fromhex(signature), _LABEL + text.encode())
        except (InvalidSignature, ValueError):
            return False
        return True

    def write(self, heads: Mapping[bytes, Head], *, whole: bool) -> None:
        """Remember these; `whole`: they were read from their first entries."""
        since = self._stores.clock() if whole else self.read().whole
        listed = [[stream.hex(), [seq, digest.hex()]] for stream, (seq, digest) in heads.items()]
        text = json.dumps({"whole": since, "heads": listed}, separators=(",", ":"))
        signature = self._stores.server.signer.sign(_LABEL + text.encode())
        self._stores.catalog.write(lambda rows: marks.put(rows, _NAME, f"{signature.hex()} {text}"))
