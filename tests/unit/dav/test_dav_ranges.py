"""Byte ranges."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docstopd.dav.ranges import parse_content_range, parse_range, parse_update_range
from docstopd.dav.refusal import Refusal


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("bytes=0-0", (0, 1)),
        ("bytes=0-9", (0, 10)),
        ("bytes=5-", (5, 5)),
        ("bytes=-3", (7, 3)),
        ("bytes=-300", (0, 10)),
        ("bytes=0-99999999999999999999999", (0, 10)),
        ("BYTES=1-2", (1, 2)),
        ("bytes=5-3", None),
        ("bytes=-", None),
        ("bytes=0-1,3-4", None),
        ("lines=0-1", None),
        ("bytes=a-b", None),
        ("bytes=+1-2", None),
        ("bytes=1_0-2", None),
        ("bytes 0-1", None),
        ("bytes=\u0661-2", None),
        ("", None),
    ],
)
def test_a_range_is_one_part_or_the_whole_file(header: str, part: tuple[int, int] | None) -> None:
    """What cannot be read is ignored, as RFC 9110 asks."""
    assert parse_range(header, 10) == part


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=10-20", "bytes=-0", "bytes=" + "9" * 5000 + "-"])
def test_a_range_outside_the_file_is_416_with_its_size(header: str) -> None:
    """So that the client can ask again."""
    with pytest.raises(Refusal) as caught:
        parse_range(header, 10)
    assert caught.value.status == 416
    assert caught.value.headers == (("Content-Range", "bytes */10"),)


@given(st.text(alphabet="bytes=0123456789-, ", max_size=30), st.integers(0, 10**6))
def test_a_part_is_always_inside_the_file(header: str, size: int) -> None:
    """And never empty."""
    try:
        part = parse_range(header, size)
    except Refusal as refusal:
        assert refusal.status == 416
        return
    if part is not None:
        start, length = part
        assert 0 <= start < size
        assert 0 < length <= size - start


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("bytes 0-4/10", (0, 5, 10)),
        ("bytes 5-9/*", (5, 10, None)),
        ("bytes 4-0/10", None),
        ("bytes 0-10/10", None),
        ("bytes */10", None),
        ("bytes=0-4/10", None),
        ("bytes 0-4", None),
        ("", None),
    ],
)
def test_a_content_range_of_a_request_is_read_strictly(header: str, part: tuple[int, int, int | None] | None) -> None:
    """It is done right or refused, never ignored."""
    assert parse_content_range(header) == part


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("append", (10, None)),
        ("bytes=2-3", (2, 4)),
        ("bytes=2-", (2, None)),
        ("bytes=-4", (6, None)),
        ("bytes=3-2", None),
        ("bytes=", None),
        ("", None),
    ],
)
def test_an_update_range_names_where_a_patch_goes(header: str, part: tuple[int, int | None] | None) -> None:
    """By SabreDAV's rules."""
    assert parse_update_range(header, 10) == part
