"""The certificate of an erasure: what went, how, and what became of every copy. `docs/erasure.md` states each field."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from docstopd.catalog.erasures import Erasure
from docstopd.crypto import statement
from docstopd.model import DAY, BlobId, Micros, NodeId
from docstopd.vault.erasure.subject import Step, Subject, steps
from docstopd.vault.moment import shown

Json = str | int | bool | None | Sequence["Json"] | Mapping[str, "Json"]

CERTIFICATE = "docstopd-erasure-certificate-1"
LIST = "docstopd-erasure-list-1"

METHOD = (
    "The keys of the contents were destroyed: each content was encrypted under a random key of 256 bits of its own"
    " (AES-256-GCM, FLOE), kept in the keyring alone. Rows were removed with the overwriting of their bytes"
    " (SQLite secure_delete), the logs of both databases were merged and cut to nothing, and the files of both were"
    " searched byte by byte for what was removed. Encrypted contents were deleted."
)
EXCLUSIONS = (
    "copies that people, their programs or devices made of the contents, by download, synchronisation or export",
    "other files that somebody made by copying: each is a file of its own",
    "copies of the data folder or of a target that were made by other means than docstopd",
    "in the journal, without any name: that something was there, when, its sizes and the ids of who did what",
    "entries of other files that once lay in an erased folder may hold its name, encrypted under the space's key",
    "what storage devices keep of overwritten or deleted blocks, which holds no key in clear",
)


@dataclass(frozen=True, slots=True)
class Signer:
    """Who certifies: the service, its key, and the public keys that it ever signed with."""

    service: bytes
    key: Ed25519PrivateKey
    known: Sequence[Ed25519PublicKey]

    def sign(self, form: str, fields: Mapping[str, Json]) -> str:
        """The signed statement, one line of JSON."""
        return statement.sign(form, {"service": self.service.hex(), **fields}, self.key).decode()

    def verify(self, form: str, text: str, public: Ed25519PublicKey | None = None) -> Mapping[str, Any]:
        """The fields of a statement, signed by that key or by one of the service's own.

        Raises `Damaged`, and `Incompatible` for a statement of another form.
        """
        return statement.verify_any(form, text, self.known if public is None else [public])


@dataclass(frozen=True, slots=True)
class What:
    """Everything that was erased, by ids that mean nothing outside."""

    subject: Subject
    nodes: Sequence[NodeId]
    blobs: Sequence[BlobId]

    def encode(self) -> dict[str, Json]:
        """For a statement."""
        subject = self.subject
        return {
            "space": subject.spaces[0].hex() if subject.node is not None else None,
            "nodes": [int(node) for node in self.nodes],
            "spaces": [space.hex() for space in subject.whole_spaces],
            "user": None if subject.user is None else subject.user.hex(),
            "blobs": [blob.hex() for blob in self.blobs],
        }


@dataclass(frozen=True, slots=True)
class Copies:
    """The places at which copies can be, by name, and how many days a copy of the keyring lives."""

    places: Sequence[str]
    keyring_days: int


def erasure_list(signer: Signer, erasure: Erasure, what: What) -> str:
    """What targets are told: it must never come back."""
    return signer.sign(
        LIST,
        {
            "erasure": erasure.id.hex(),
            "kind": erasure.kind,
            "time": shown(erasure.done or erasure.requested),
            "head": what.subject.node,
            "what": what.encode(),
        },
    )


def certificate(signer: Signer, erasure: Erasure, what: What, copies: Copies, now: Micros) -> str:
    """The signed certificate as it can be given at this moment."""
    return signer.sign(
        CERTIFICATE,
        {
            "erasure": erasure.id.hex(),
            "kind": erasure.kind,
            "state": erasure.state,
            "issued": shown(now),
            "requested": shown(erasure.requested),
            "requested_by": erasure.author.hex() or "operator",
            "what": what.encode(),
            "method": METHOD,
            "copies": _copies(erasure, copies),
            "final": None if erasure.final is None else shown(erasure.final),
            "exclusions": list(EXCLUSIONS),
        },
    )


def _copies(erasure: Erasure, copies: Copies) -> list[Json]:
    done = steps(erasure)
    found: list[Json] = [
        _fate("catalog: rows and sealed names", "removed", Step(erasure.done or 0)),
        _fate("keyring: keys", "destroyed", done["keys"]),
        _fate("catalog and keyring: every byte of their files", "searched, nothing found", done["wiped"]),
        _fate("data folder: encrypted contents", "deleted", done["blobs"]),
    ]
    for place in copies.places:
        found.append(_fate(f"target {place}: encrypted contents", "deleted", done.get(f"target {place}")))
        expected = done["keys"].time + copies.keyring_days * DAY
        found.append(_fate(f"target {place}: copies of the keyring", "gone", done.get(f"keyring {place}"), expected))
    return found


def _fate(copy: str, fate: str, step: Step | None, expected: Micros | None = None) -> Json:
    if step is None:
        return {"copy": copy, "fate": "pending", "expected": None if expected is None else shown(expected)}
    return {"copy": copy, "fate": fate, "time": shown(step.time), "count": step.count}
