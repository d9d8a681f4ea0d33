"""Names and their padding."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docstopd import errors
from docstopd.crypto import padding
from docstopd.crypto.names import NameCipher

SPACE, PARENT = b"S" * 16, 7
CIPHER = NameCipher(bytes(range(64)))
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=100)


@given(TEXT)
def test_a_name_comes_back_in_its_nfc_form(name):
    """Whatever the characters."""
    import unicodedata

    assert CIPHER.open(CIPHER.seal(name, SPACE, PARENT), SPACE, PARENT) == unicodedata.normalize("NFC", name)


def test_one_name_has_one_ciphertext_whoever_typed_it():
    """Lookups are equality, and macOS sends decomposed letters."""
    assert CIPHER.seal("U\u0308ber", SPACE, PARENT) == CIPHER.seal("\u00dcber", SPACE, PARENT)


def test_a_name_tells_its_length_to_sixteen_bytes_only():
    """1 + 16 + whole blocks."""
    assert {len(CIPHER.seal("a" * n, SPACE, PARENT)) for n in range(16)} == {33}
    assert len(CIPHER.seal("a" * 16, SPACE, PARENT)) == 49


def test_a_name_belongs_to_its_space_and_its_folder():
    """The same name elsewhere looks different, and cannot be moved by who edits the catalog."""
    sealed = CIPHER.seal("name", SPACE, PARENT)
    for space, parent, cipher in (
        (b"T" * 16, PARENT, CIPHER),
        (SPACE, 8, CIPHER),
        (SPACE, PARENT, NameCipher(bytes(64))),
    ):
        assert cipher.seal("name", space, parent) != sealed
        with pytest.raises(errors.Damaged):
            cipher.open(sealed, space, parent)


def test_every_changed_byte_of_a_name_is_noticed():
    """Flipped bits and cut ends."""
    sealed = CIPHER.seal("a name of some length", SPACE, PARENT)
    for bit in range(len(sealed) * 8):
        changed = bytearray(sealed)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(errors.Incompatible if bit < 8 else errors.Damaged):
            CIPHER.open(changed, SPACE, PARENT)
    for size in range(len(sealed)):
        with pytest.raises(errors.Damaged):
            CIPHER.open(sealed[:size], SPACE, PARENT)


def test_half_a_surrogate_pair_is_no_name():
    """UTF-8 cannot carry it."""
    with pytest.raises(errors.InvalidName):
        CIPHER.seal("\ud83d", SPACE, PARENT)


def test_a_name_key_has_64_bytes():
    """AES-256 twice; a shorter one would silently be AES-128."""
    with pytest.raises(ValueError, match="64"):
        NameCipher(bytes(32))


@given(st.binary(max_size=70))
def test_padding_comes_off_again(data):
    """Zeros and 0x80 at the end included."""
    padded = padding.pad(data)
    assert len(padded) % 16 == 0
    assert len(data) < len(padded) <= len(data) + 16
    assert padding.unpad(padded) == data


@pytest.mark.parametrize("data", [b"", bytes(16), b"a" * 16, b"a" * 14 + b"\x81\0", b"\x80", b"\x80" + bytes(31)])
def test_padding_that_was_never_put_on_is_damage(data):
    """No marker, a wrong one, no whole block, or a block too many."""
    with pytest.raises(errors.Damaged):
        padding.unpad(data)
