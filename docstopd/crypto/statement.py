"""Signed statements: JSON in one canonical form (RFC 8785, JCS), under an Ed25519 signature (RFC 8032).

Only what statements need: objects with ASCII keys, arrays, texts, true, false, null and whole numbers, for which
JCS says what everybody writes: keys sorted, no blanks, UTF-8. Fractions are refused, which is where JCS is hard.
A statement says which format it has and who signed it; a reader says which format and which signer he expects.
"""

import contextlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from docstopd import errors

_LABEL = b"docstopd/statement/v1"

Fields = Mapping[str, Any]


def canonical(value: Any) -> bytes:
    """The one form of a JSON value in which it is signed and compared. Raises ValueError for what has none here."""
    _check(value)
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def sign(form: str, fields: Fields, signer: Ed25519PrivateKey) -> bytes:
    """One line: the fields with `format`, `signer` (public key) and `signature`, both in hexadecimal."""
    stated = {**fields, "format": form, "signer": signer.public_key().public_bytes_raw().hex()}
    signature = signer.sign(_LABEL + canonical(stated))
    return canonical({**stated, "signature": signature.hex()}) + b"\n"


def _check(value: Any) -> None:
    match value:
        case None | bool() | int():
            pass  # JCS knows doubles only, which are written like this below 2^53, as numbers here are
        case str():
            value.encode()  # half of a surrogate pair has none either
        case list() | tuple():
            for item in value:
                _check(item)
        case Mapping():
            for key, item in value.items():
                if not isinstance(key, str) or not key.isascii():
                    raise ValueError("a statement has ASCII keys")
                _check(item)
        case _:
            raise ValueError(f"{type(value).__name__} has no canonical form")


def parse(data: str | bytes) -> Any:
    """JSON that everybody reads alike. Raises ValueError for other text, for a key that stands twice, for fractions."""
    found: Any = json.loads(data, object_pairs_hook=_object, parse_float=_refuse, parse_constant=_refuse)
    return found


def verify_any(form: str, data: str | bytes, signers: Sequence[Ed25519PublicKey]) -> dict[str, Any]:
    """The same where one of several may have signed: a service's keys, before and after a rotation."""
    for signer in signers[1:]:
        with contextlib.suppress(errors.Damaged):
            return verify(form, data, signer)
    return verify(form, data, signers[0])


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return dict(pairs)


def _refuse(text: str) -> Any:
    raise ValueError(f"{text} is no whole number")


def verify(form: str, data: str | bytes, signer: Ed25519PublicKey) -> dict[str, Any]:
    """The fields of a statement. Raises Damaged unless `signer` signed it as `form`, Incompatible for another form."""
    try:
        stated: Any = parse(data)
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
