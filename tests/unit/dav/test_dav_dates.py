"""HTTP dates."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docstopd.dav.dates import http_date, iso_date, parse_http_date


@given(st.integers(0, 253_402_300_799))
def test_a_date_survives_the_way_out_and_in(seconds: int) -> None:
    """To the second, whatever the locale."""
    assert parse_http_date(http_date(seconds * 1_000_000 + 999_999)) == seconds
    assert iso_date(seconds * 1_000_000) == time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds)).zfill(20)


@pytest.mark.parametrize("micros", [-1, -(10**18), 10**18, 10**30])
def test_a_time_that_no_date_can_write_becomes_the_nearest(micros: int) -> None:
    """A strange time must not break a listing."""
    assert http_date(micros) in ("Thu, 01 Jan 1970 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT")
    assert iso_date(micros).endswith("Z")


@given(st.text(alphabet="ThuJan0123456789:, -GMT", max_size=40))
def test_no_date_header_raises(value: str) -> None:
    """None is the answer to what is no date."""
    assert parse_http_date(value) is None or isinstance(parse_http_date(value), int)
