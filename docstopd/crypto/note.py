"""Signed notes (c2sp.org/signed-note): a text for people and programs, with Ed25519 signatures under it."""

import base64
import binascii
import hashlib
from collections.abc import Iterable

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from docstopd.errors import Damaged

_ED25519 = b"\x01"
_LEAD = "\N{EM DASH} "


def sign(text: str, name: str, key: Ed25519PrivateKey) -> str:
    """The note of `text`, which ends with a newline, signed by `key` under `name`, which has no blank and no plus."""
    signature = _key_id(name, key.public_key()) + key.sign(text.encode())
    return f"{text}\n{_LEAD}{name} {base64.b64encode(signature).decode()}\n"


def verified(note: str, name: str, keys: Iterable[Ed25519PublicKey]) -> str:
    """The text of a note that one of `keys` signed under `name`. Raises `Damaged` for any other."""
    text, blank, signatures = note.rpartition("\n\n")
    if not blank or not signatures.endswith("\n"):
        raise Damaged("this is no signed note")
    text += "\n"
    known = {_key_id(name, key): key for key in keys}
    for line in signatures[:-1].split("\n"):
        signer, _, encoded = line.removeprefix(_LEAD).rpartition(" ")
        if not line.startswith(_LEAD) or signer != name:
            continue
        try:
            decoded = base64.b64decode(encoded, validate=True)
            key = known[decoded[:4]]
            key.verify(decoded[4:], text.encode())
        except (binascii.Error, KeyError, InvalidSignature):
            continue
        return text
    raise Damaged("no signature under this note is ours")


def verifier_key(name: str, key: Ed25519PublicKey) -> str:
    """The public key as a line of text, for whoever verifies notes elsewhere."""
    encoded = base64.b64encode(_ED25519 + key.public_bytes_raw()).decode()
    return f"{name}+{_key_id(name, key).hex()}+{encoded}"


def _key_id(name: str, key: Ed25519PublicKey) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + _ED25519 + key.public_bytes_raw()).digest()[:4]
