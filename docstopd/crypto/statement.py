"""Signed statements: JSON in one canonical form, under an Ed25519 signature (RFC 8032).

Canonical: keys sorted, no blanks, UTF-8, numbers are integers. A statement says which format it has and who signed it;
a reader says which format and which signer he expects.
"""

import json
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from docstopd import errors

_LABEL = b"docstopd/statement/v1"

Fields = Mapping[str, Any]


def canonical(value: Any) -> bytes:
    """The one form of a JSON value in which it is signed and compared."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def sign(form: str, fields: Fields, signer: Ed25519PrivateKey) -> bytes:
    """One line: the fields with `format`, `signer` (public key) and `signature`, both in hexadecimal."""
    stated = {**fields, "format": form, "signer": signer.public_key().public_bytes_raw().hex()}
    signature = signer.sign(_LABEL + canonical(stated))
    return canonical({**stated, "signature": signature.hex()}) + b"\n"


def verify(form: str, data: bytes, signer: Ed25519PublicKey) -> dict[str, Any]:
    """The fields of a statement. Raises Damaged unless `signer` signed it as `form`, Incompatible for another form."""
    try:
        stated: Any = json.loads(data)
        signature = bytes.fromhex(stated.pop("signature"))
        found = stated["format"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise errors.Damaged(f"this is no signed statement of the form {form}") from None
    if found != form:
        raise errors.Incompatible(f"a statement of the form {form} was expected and this is another")
    try:
        signer.verify(signature, _LABEL + canonical(stated))
    except (InvalidSignature, ValueError):
        raise errors.Damaged("a statement was changed, or signed with another key") from None
    if stated.get("signer") != signer.public_bytes_raw().hex():
        raise errors.Damaged("a statement names another signer than it has")
    return dict(stated)
