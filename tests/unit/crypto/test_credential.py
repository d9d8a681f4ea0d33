"""Credentials as people type them."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docstopd import errors
from docstopd.crypto.credential import credential_bytes, new_app_password, new_recovery_code
from docstopd.model import SlotKind

CODES = [(SlotKind.APP_PASSWORD, new_app_password), (SlotKind.RECOVERY_CODE, new_recovery_code)]


@pytest.mark.parametrize(("kind", "new"), CODES)
@given(st.binary(min_size=20, max_size=20))
def test_a_code_carries_its_random_bytes(kind, new, data):
    """All 160 bits."""
    assert credential_bytes(kind, new(lambda _: data)) == data


@pytest.mark.parametrize(("kind", "new"), CODES)
def test_a_code_may_be_typed_in_any_case_with_any_blanks_and_dashes(kind, new):
    """From paper, and from a phone's keyboard."""
    text = new(os.urandom)
    bare = text.replace("-", "")
    for typed in (text.upper(), text.lower(), bare, f" {text}\n", bare[:3] + " - " + bare[3:], "\t".join(bare)):
        assert credential_bytes(kind, typed) == credential_bytes(kind, text)


def test_codes_have_their_printed_form():
    """Four groups of eight, and eight of four."""
    assert [len(group) for group in new_app_password().split("-")] == [8] * 4
    assert [len(group) for group in new_recovery_code().split("-")] == [4] * 8
    assert new_app_password(bytes) == "-".join(["aaaaaaaa"] * 4)
    assert new_recovery_code(lambda n: b"\xff" * n) == "-".join(["ZZZZ"] * 8)


def test_letters_that_look_like_digits_are_read_as_these_in_a_recovery_code():
    """It is written down by hand."""
    assert credential_bytes(SlotKind.RECOVERY_CODE, "OoIiLl" + "0" * 26) == credential_bytes(
        SlotKind.RECOVERY_CODE, "001111" + "0" * 26
    )


@pytest.mark.parametrize("kind", [SlotKind.APP_PASSWORD, SlotKind.RECOVERY_CODE])
@pytest.mark.parametrize(
    "text", ["", "short", "a" * 31, "a" * 33, "!" * 32, "\u00e4" * 32, "a" * 31 + "=", "\ud83d" * 32]
)
def test_what_cannot_be_a_code_is_a_wrong_credential(kind, text):
    """And never an error of the program."""
    with pytest.raises(errors.Unauthenticated):
        credential_bytes(kind, text)


def test_a_password_is_the_same_from_every_keyboard():
    """Decomposed letters and a no-break space."""
    assert credential_bytes(SlotKind.PASSWORD, "Gru\u0308\u00dfe\u00a0!") == "Gr\u00fc\u00dfe !".encode()


def test_a_password_keeps_its_case_and_its_blanks():
    """Nothing else is changed."""
    assert credential_bytes(SlotKind.PASSWORD, " a-B ") == b" a-B "
    assert credential_bytes(SlotKind.PASSWORD, "\ufb01") == "\ufb01".encode()


@pytest.mark.parametrize("text", ["", "\ud83d"])
def test_what_cannot_be_a_password_is_a_wrong_credential(text):
    """Empty, or not carried by UTF-8."""
    with pytest.raises(errors.Unauthenticated):
        credential_bytes(SlotKind.PASSWORD, text)
