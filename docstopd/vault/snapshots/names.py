"""What the objects at a target are called."""

import re

from docstopd.model import BlobId, Micros

SERVICE = "service.json"
"""Says whose target it is."""

BLOBS = "blobs/"
SNAPSHOTS = "snapshots/"
KEYRING = "keyring/"

ERASURES = "erasures/"
"""Signed lists of what must not come back; a restore obeys all of them."""

_BLOB = re.compile(r"blobs/([0-9a-f]{2})/(\1[0-9a-f]{30})", re.ASCII)
_SNAPSHOT = re.compile(r"snapshots/([0-9]{8,12})\.(json|catalog)", re.ASCII)
_ERASURE = re.compile(r"erasures/[0-9a-f]{32}\.json", re.ASCII)
_KEYRING = re.compile(r"keyring/([0-9]{17,20})\.keyring", re.ASCII)


def blob(id: BlobId) -> str:  # noqa: A002 - an id it is
    """A blob, as in the blob store: under the first two digits of its id."""
    return f"{BLOBS}{id.hex()[:2]}/{id.hex()}"


def blob_of(name: str) -> BlobId | None:
    """The counterpart of `blob`; None for another name."""
    found = _BLOB.fullmatch(name)
    return BlobId(bytes.fromhex(found[2])) if found else None


def manifest(number: int) -> str:
    """The manifest of a snapshot: it is written last, and without it there is no snapshot."""
    return f"{SNAPSHOTS}{number:08}.json"


def catalog(number: int) -> str:
    """The catalog of a snapshot."""
    return f"{SNAPSHOTS}{number:08}.catalog"


def number_of(name: str) -> tuple[int, bool] | None:
    """(number, whether it is the manifest) of an object of a snapshot; None for another name."""
    found = _SNAPSHOT.fullmatch(name)
    return (int(found[1]), found[2] == "json") if found else None


def erasure(id: bytes) -> str:  # noqa: A002 - as above
    """The signed list of one erasure."""
    return f"{ERASURES}{id.hex()}.json"


def is_erasure(name: str) -> bool:
    """Whether an object is such a list: other programs leave their files at a target, too."""
    return _ERASURE.fullmatch(name) is not None


def keyring(time: Micros) -> str:
    """A copy of the keyring as it was at a time."""
    return f"{KEYRING}{time:017}.keyring"


def keyring_time(name: str) -> Micros | None:
    """The counterpart of `keyring`; None for another name."""
    found = _KEYRING.fullmatch(name)
    return int(found[1]) if found else None
