"""Signed statements."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from docstopd.crypto import statement
from docstopd.errors import Damaged, Incompatible

SIGNER = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = SIGNER.public_key()
FIELDS = {"number": 2**53 + 1, "text": "naïve", "list": [1, None, {"b": 1, "a": 2}]}


def test_a_statement_says_what_was_signed() -> None:
    """With its form and its signer; it is one line."""
    data = statement.sign("form/1", FIELDS, SIGNER)
    assert statement.verify("form/1", data, PUBLIC) == {
        **FIELDS,
        "format": "form/1",
        "signer": PUBLIC.public_bytes_raw().hex(),
    }
    assert data.endswith(b"\n")
    assert data.count(b"\n") == 1


def test_the_form_is_frozen() -> None:
    """Another program must be able to write the same bytes."""
    assert statement.canonical({"b": [1, "ü"], "a": None}) == '{"a":null,"b":[1,"ü"]}'.encode()
    body = {"a": 1, "format": "form/1", "signer": PUBLIC.public_bytes_raw().hex()}
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    signature = SIGNER.sign(b"docstopd/statement/v1" + text.encode()).hex()
    assert json.loads(statement.sign("form/1", {"a": 1}, SIGNER))["signature"] == signature


def test_every_changed_byte_is_found() -> None:
    """In fields, signer and signature."""
    data = statement.sign("form/1", FIELDS, SIGNER)
    for at in range(len(data) - 1):
        changed = bytearray(data)
        changed[at] ^= 1
        with pytest.raises((Damaged, Incompatible)):
            statement.verify("form/1", bytes(changed), PUBLIC)


def test_another_signer_or_form_is_refused() -> None:
    """A statement cannot choose who must have signed it, nor what it is."""
    other = Ed25519PrivateKey.generate()
    with pytest.raises(Damaged):
        statement.verify("form/1", statement.sign("form/1", FIELDS, other), PUBLIC)
    with pytest.raises(Incompatible):
        statement.verify("form/2", statement.sign("form/1", FIELDS, SIGNER), PUBLIC)
    for data in (b"", b"[]", b"1", b"{}", b'{"signature":5}', b"\xff", b"[" * 100_000):
        with pytest.raises(Damaged):
            statement.verify("form/1", data, PUBLIC)
