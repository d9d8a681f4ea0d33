"""Signed statements: one form of bytes, and a signature that any change breaks."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from docstopd.crypto.canonical import Json, canonical, parse, signed, verify
from docstopd.errors import Damaged

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))

texts = st.text(alphabet=st.characters(codec="utf-8"))
values: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(max_codepoint=126)), inner),
    max_leaves=12,
)


def test_the_canonical_form_is_that_of_rfc_8785() -> None:
    """Its example of sorting and its rules of escaping, as far as they concern what is allowed here."""
    value: Json = {"b": [True, None, 10, '€$\u000f\nA\'B"\\\\"/'], "a": {"z": -1, "": 0}}
    text = '{"a":{"":0,"z":-1},"b":[true,null,10,"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"]}'
    assert canonical(value) == text.encode()


@given(values)
def test_a_canonical_form_reads_back_as_what_it_was_made_of(value: Json) -> None:
    """And the value that was read has the same form again."""
    again = json.loads(canonical(value))
    assert again == value and canonical(again) == canonical(value)


@pytest.mark.parametrize("value", [1.5, 2**53, {"é": 1}, "\ud800", {"a": (1,)}])
def test_what_has_no_form_is_refused(value: object) -> None:
    """Fractions, numbers that JavaScript would round, keys whose order would be in question."""
    with pytest.raises(ValueError):
        canonical(value)  # type: ignore[arg-type]


@given(st.dictionaries(st.text(st.characters(max_codepoint=126)), values, min_size=1))
def test_a_signature_holds_for_one_statement_only(statement: dict[str, Json]) -> None:
    """Whatever field is changed, taken away or added, it holds no more."""
    sealed = parse(json.dumps(signed(statement, KEY)))
    verify(sealed, KEY.public_key())
    field = next(iter(statement))
    if field == "signature":
        return
    for changed in (
        {**sealed, field: ["another"]},
        {key: value for key, value in sealed.items() if key != field},
        {**sealed, "one more": 1},
        {**sealed, "signature": "00" * 64},
        {**sealed, "signature": None},
    ):
        with pytest.raises(Damaged):
            verify(changed, KEY.public_key())
    with pytest.raises(Damaged):
        verify(sealed, Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key())


@pytest.mark.parametrize("text", ["[]", '{"a":1,"a":2}', '{"a":1.0}', "{", '{"a":NaN}', "[" * 100_000])
def test_what_is_no_statement_is_damage(text: str) -> None:
    """A key that stands twice would be read in two ways."""
    with pytest.raises(Damaged):
        parse(text)
