"""Whether a certificate is genuine, and whether what it says is gone is gone."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from docstopd.catalog import erasures as store
from docstopd.catalog import nodes, spaces, users
from docstopd.errors import Damaged, Failed
from docstopd.model import BlobId, NodeId, SpaceId, UserId
from docstopd.vault.erasure.certificate import CERTIFICATE, Signer
from docstopd.vault.erasure.places import Place
from docstopd.vault.stores import Stores


@dataclass(frozen=True, slots=True)
class Said:
    """What a statement says was erased."""

    space: SpaceId | None
    nodes: tuple[NodeId, ...]
    spaces: tuple[SpaceId, ...]
    user: UserId | None
    blobs: tuple[BlobId, ...]

    @classmethod
    def decode(cls, what: Mapping[str, Any]) -> "Said":
        """The counterpart of `What.encode`. Raises `Damaged`."""
        try:
            return cls(
                None if what["space"] is None else SpaceId(bytes.fromhex(what["space"])),
                tuple(NodeId(int(node)) for node in what["nodes"]),
                tuple(SpaceId(bytes.fromhex(space)) for space in what["spaces"]),
                None if what["user"] is None else UserId(bytes.fromhex(what["user"])),
                tuple(BlobId(bytes.fromhex(blob)) for blob in what["blobs"]),
            )
        except (KeyError, TypeError, ValueError):
            raise Damaged("a signed statement does not say what was erased") from None


def verify(
    stores: Stores, signer: Signer, places: Sequence[Place], text: str, public: Ed25519PublicKey | None
) -> list[str]:
    """What of a certificate is still there; nothing when all is well. Raises `Damaged`, `Incompatible`."""
    fields = signer.verify(CERTIFICATE, text, public)
    if signer.service and fields.get("service") != signer.service.hex():
        raise Damaged("this certificate is another service's; check its signature with --public-key")
    said = Said.decode(fields.get("what", {}))
    checks: tuple[Callable[[], Iterator[str]], ...] = (
        lambda: _keyring(stores, said),
        lambda: _catalog(stores, said),
        lambda: _blobs(stores, said),
        lambda: _targets(fields, places, said),
    )
    return [finding for check in checks for finding in check()]


def _keyring(stores: Stores, said: Said) -> Iterator[str]:
    if count := stores.keyring.holds(said.blobs, said.spaces, said.user):
        yield f"the keyring has {count} keys of what was erased"


def _catalog(stores: Stores, said: Said) -> Iterator[str]:
    with stores.catalog.read() as rows:
        there = [node for node in said.nodes if (row := nodes.get(rows, node)) and row.space == said.space]
        versions = store.versions_of(rows, said.blobs)
        labels = [space for space in said.spaces if spaces.get(rows, space) is not None]
        user = said.user is not None and users.get(rows, said.user) is not None
    if there or versions or labels or user:
        yield (
            f"the catalog has {len(there)} files and folders, {versions} versions, {len(labels)} spaces"
            f" and {int(user)} accounts of what was erased"
        )


def _blobs(stores: Stores, said: Said) -> Iterator[str]:
    erased = set(said.blobs)
    if count := sum(blob in erased for blob in stores.blobs.ids()):
        yield f"the data folder has {count} encrypted contents of what was erased"


def _targets(fields: Mapping[str, Any], places: Sequence[Place], said: Said) -> Iterator[str]:
    """Only what the certificate says is gone already: a target that was out of reach is told later."""
    fates = {one.get("copy"): one.get("fate") for one in fields.get("copies", []) if isinstance(one, dict)}
    for place in places:
        if fates.get(f"target {place.name}: encrypted contents") != "deleted":
            continue
        try:
            count = place.holds(said.blobs)
        except Failed as error:
            yield f"target {place.name} cannot be looked at: {error}"
        else:
            if count:
                yield f"target {place.name} has {count} encrypted contents of what was erased"
