"""The body of a sync-collection report."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docstopd.dav.refusal import Refusal
from docstopd.dav.settings import Settings
from docstopd.dav.sync import Wanted, read_wanted
from docstopd.dav.xml_body import parse
from docstopd.errors import InvalidSyncToken
from docstopd.model import SpaceId
from docstopd.vault import SYNC_LIMIT
from docstopd.vault.synctoken import Token, read_token


def read(limit: str = "", token: str = "", level: str = "infinite") -> Wanted:
    """Read a body made of these."""
    body = (
        f'<D:sync-collection xmlns:D="DAV:"><D:sync-token>{token}</D:sync-token><D:sync-level>{level}</D:sync-level>'
        f'{limit}<D:prop><D:getetag/><p xmlns="x:"/></D:prop></D:sync-collection>'
    )
    return read_wanted(parse(body.encode()), Settings())


def nresults(text: str) -> str:
    """A limit."""
    return f"<D:limit><D:nresults>{text}</D:nresults></D:limit>"


def test_a_body_says_what_is_wanted() -> None:
    """White space around texts means nothing."""
    wanted = read(nresults(" 7\n"), "\n urn:x ", " 1 ")
    assert (wanted.token, wanted.deep, wanted.limit) == ("urn:x", False, 7)
    assert wanted.query.dead
    assert read().deep


@pytest.mark.parametrize(
    ("limit", "most"), [("", SYNC_LIMIT), (nresults("1001"), SYNC_LIMIT), (nresults("9" * 5000), SYNC_LIMIT)]
)
def test_no_answer_is_longer_than_the_services_own_limit(limit: str, most: int) -> None:
    """However large a number is asked for."""
    assert read(limit).limit == most


@given(st.text(st.characters(exclude_categories=["Cc", "Cs", "Cn"], exclude_characters="<&>"), max_size=12))
def test_any_text_as_a_limit_is_read_or_refused(text: str) -> None:
    """Never another error."""
    try:
        assert 1 <= read(nresults(text)).limit <= SYNC_LIMIT
    except Refusal as refusal:
        assert refusal.status in {400, 507}


seqs = st.integers(1, 10**18 - 1)
marks = st.binary(min_size=8, max_size=8).map(bytes.hex)


@given(
    st.builds(
        Token,
        st.binary(min_size=16, max_size=16).map(SpaceId),
        seqs,
        marks,
        st.just(""),
    )
    | st.builds(Token, st.just(SpaceId(bytes(16))), seqs, marks, marks, st.lists(seqs, min_size=1).map(tuple))
    | st.builds(
        Token,
        st.just(SpaceId(bytes(16))),
        seqs,
        marks,
        marks,
        st.just(()),
        st.tuples(st.integers(1, 99), st.binary(min_size=16, max_size=16).map(bytes.hex)),
    )
)
def test_a_token_reads_back_as_it_was_written(token: Token) -> None:
    """With a place in it or without."""
    assert read_token(str(token)) == token


@given(st.text())
def test_any_text_as_a_token_is_refused_alike(text: str) -> None:
    """Never another error."""
    for each in (text, f"urn:docstopd:sync:{text}"):
        with pytest.raises(InvalidSyncToken):
            read_token(each)
