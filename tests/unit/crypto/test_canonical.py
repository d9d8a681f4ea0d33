"""The canonical form of statements: one form of bytes for one value."""

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from docstopd.crypto.statement import canonical, sign, verify
from docstopd.errors import Damaged

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))

keys = st.text(st.characters(max_codepoint=126))
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner),
    max_leaves=12,
)


def test_the_canonical_form_is_that_of_rfc_8785() -> None:
    """Its example of sorting and its rules of escaping, as far as they concern what is allowed here."""
    value = {"b": [True, None, 10, '€$\u000f\nA\'B"\\\\"/'], "a": {"z": -1, "": 0}}
    text = '{"a":{"":0,"z":-1},"b":[true,null,10,"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"]}'
    assert canonical(value) == text.encode()


@given(values)
def test_a_canonical_form_reads_back_as_what_it_was_made_of(value: Any) -> None:
    """And the value that was read has the same form again."""
    again = json.loads(canonical(value))
    assert again == value and canonical(again) == canonical(value)


@pytest.mark.parametrize("value", [1.5, {"é": 1}, "\ud800", {"a": {1}}])
def test_what_has_no_form_is_refused(value: object) -> None:
    """Fractions, keys whose order would be in question."""
    with pytest.raises(ValueError):
        canonical(value)


@pytest.mark.parametrize("change", [('"a":1', '"a":1,"a":2'), ('"a":1', '"a":1.0'), ('"a":1', '"a":1,"a":1')])
def test_what_two_readers_would_read_differently_is_damage(change: tuple[str, str]) -> None:
    """A key that stands twice, a number that another program writes otherwise."""
    text = sign("form", {"a": 1}, KEY).decode()
    verify("form", text, KEY.public_key())
    with pytest.raises(Damaged):
        verify("form", text.replace(*change), KEY.public_key())
