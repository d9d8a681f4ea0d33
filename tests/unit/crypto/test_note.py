"""Signed notes and Merkle roots, against what their specifications say."""

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from docstopd.crypto import merkle, note
from docstopd.errors import Damaged

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
NAME = "docstopd/test"
TEXT = "docstopd/test\n2\nAAAA\n"


def test_a_note_is_the_text_a_blank_line_and_the_signature() -> None:
    """As c2sp.org/signed-note has it: the key's id is in front of the signature."""
    lines = note.sign(TEXT, NAME, KEY).split("\n")
    assert lines[:4] == [*TEXT.split("\n")]
    dash, name, encoded = lines[4].split(" ")
    public = KEY.public_key().public_bytes_raw()
    decoded = base64.b64decode(encoded)
    assert (dash, name, lines[5:]) == ("—", NAME, [""])
    assert decoded[:4] == hashlib.sha256(NAME.encode() + b"\n\x01" + public).digest()[:4]
    KEY.public_key().verify(decoded[4:], TEXT.encode())
    assert note.verifier_key(NAME, KEY.public_key()).startswith(f"{NAME}+{decoded[:4].hex()}+")


def test_a_note_opens_among_other_signatures() -> None:
    """Witnesses may sign below us."""
    signed = note.sign(TEXT, NAME, KEY) + "— witness/x AAAA\n"
    assert note.verified(signed, NAME, [KEY.public_key()]) == TEXT


@pytest.mark.parametrize("position", range(0, 140, 3))
def test_any_changed_letter_is_found(position: int) -> None:
    """In the text, in the name and in the signature."""
    signed = note.sign(TEXT, NAME, KEY)
    place = position % len(signed)
    changed = signed[:place] + ("B" if signed[place] != "B" else "C") + signed[place + 1 :]
    with pytest.raises(Damaged):
        note.verified(changed, NAME, [KEY.public_key()])


def test_another_key_opens_nothing() -> None:
    """Nor does the right key under another name."""
    signed = note.sign(TEXT, NAME, KEY)
    with pytest.raises(Damaged):
        note.verified(signed, NAME, [Ed25519PrivateKey.generate().public_key()])
    with pytest.raises(Damaged):
        note.verified(signed, "docstopd/other", [KEY.public_key()])


@given(st.lists(st.binary(max_size=4), max_size=40))
def test_the_root_is_that_of_the_rfc(leaves: list[bytes]) -> None:
    """Compared with the recursive definition of RFC 6962."""

    def defined(part: list[bytes]) -> bytes:
        if not part:
            return hashlib.sha256().digest()
        if len(part) == 1:
            return hashlib.sha256(b"\0" + part[0]).digest()
        split = 1 << ((len(part) - 1).bit_length() - 1)
        return hashlib.sha256(b"\1" + defined(part[:split]) + defined(part[split:])).digest()

    assert merkle.root(leaves) == defined(leaves)
