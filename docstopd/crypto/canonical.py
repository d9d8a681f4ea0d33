"""One form of bytes for one JSON value (RFC 8785, JCS), so that it can be signed, and the signature on it.

Only what signed statements need: objects with ASCII keys, arrays, texts, true, false, null and whole numbers below
2^53, for which JCS says what everybody writes. Fractions are refused, which is where JCS is hard.
"""

import json
from collections.abc import Mapping
from typing import cast

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from docstopd.errors import Damaged

Json = str | int | bool | None | list["Json"] | dict[str, "Json"]

SIGNATURE = "signature"
"""The field of a signed object that holds its signature; all others are what is signed."""

_LARGEST = 2**53 - 1


def canonical(value: Json) -> bytes:
    """The bytes of a value. Raises ValueError for what has no form here."""
    _check(value)
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def _check(value: object) -> None:
    match value:
        case None | bool():
            pass
        case int():
            if abs(value) > _LARGEST:
                raise ValueError("a number beyond 2^53 has no canonical form")
        case str():
            value.encode()  # half of a surrogate pair has none either
        case list():
            for item in value:
                _check(item)
        case dict():
            for key, item in value.items():
                if not isinstance(key, str) or not key.isascii():
                    raise ValueError("a signed object has ASCII keys")
                _check(item)
        case _:
            raise ValueError(f"{type(value).__name__} has no canonical form")


def signed(statement: Mapping[str, Json], signer: Ed25519PrivateKey) -> dict[str, Json]:
    """The statement with its signature, in hex: Ed25519 over the canonical form of all other fields."""
    bare = {key: value for key, value in statement.items() if key != SIGNATURE}
    return {**bare, SIGNATURE: signer.sign(canonical(bare)).hex()}


def parse(text: str | bytes) -> dict[str, Json]:
    """A JSON object as it was written. Raises `Damaged` for what is none, or has a key twice or a fraction."""
    try:
        found = json.loads(text, object_pairs_hook=_object, parse_float=_refuse, parse_constant=_refuse)
        canonical(found)
    except (ValueError, RecursionError) as error:
        raise Damaged(f"this is no signed statement: {error}") from None
    if not isinstance(found, dict):
        raise Damaged("this is no signed statement: it is no JSON object")
    return cast(dict[str, Json], found)


def verify(statement: Mapping[str, Json], public: Ed25519PublicKey) -> None:
    """Raises `Damaged` unless the statement bears a signature of that key over all of its other fields."""
    bare = {key: value for key, value in statement.items() if key != SIGNATURE}
    try:
        public.verify(bytes.fromhex(str(statement.get(SIGNATURE))), canonical(bare))
    except (InvalidSignature, ValueError):
        raise Damaged("the signature is not that of this key over this statement") from None


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return dict(pairs)


def _refuse(text: str) -> Json:
    raise ValueError(f"{text} is no whole number")
