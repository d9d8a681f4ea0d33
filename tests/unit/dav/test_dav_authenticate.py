"""The Authorization header, and requests of foreign pages."""

from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docstopd.dav.authenticate import read_basic
from docstopd.dav.origin import refuse_foreign
from docstopd.dav.refusal import Refusal
from docstopd.dav.request import Request
from docstopd.dav.settings import Settings
from docstopd.dav.url import PublicNames, Target


def basic(text: str | bytes) -> str:
    """Make a header as clients do."""
    return "Basic " + b64encode(text if isinstance(text, bytes) else text.encode()).decode()


@pytest.mark.parametrize(
    ("header", "pair"),
    [
        (basic("ada:secret"), ("ada", "secret")),
        (basic("ada:a:b"), ("ada", "a:b")),
        (basic("ada:"), ("ada", "")),
        (basic("jürgen:päss"), ("jürgen", "päss")),
        (basic("jürgen:päss".encode("latin-1")), ("jürgen", "päss")),
        (basic("ada:x").replace("Basic ", "bAsIc   "), ("ada", "x")),
        ("", None),
        ("Bearer ", None),
        ("Bearer", None),
        ("Digest username=ada", None),
        ("Negotiate abc", None),
    ],
)
def test_basic_credentials_are_read(header: str, pair: tuple[str, str] | None) -> None:
    """As UTF-8, or as what old Windows sends; other schemes are no credentials."""
    assert read_basic(header) == pair


@pytest.mark.parametrize(
    "header",
    ["Basic", "Basic !!!", "Basic YWRh", "Basic YWRhOng", basic(":x"), basic("a\0:x"), basic("a\n:x"), "Basic \xe4"],
)
def test_a_broken_header_is_400_and_costs_no_guess(header: str) -> None:
    """It is not counted as a failed sign-in."""
    with pytest.raises(Refusal) as caught:
        read_basic(header)
    assert caught.value.status == 400


@given(st.text(st.characters(max_codepoint=255), max_size=40))
def test_no_header_causes_anything_but_a_refusal(value: str) -> None:
    """Whatever bytes arrive."""
    for header in (value, "Basic " + value):
        try:
            read_basic(header)
        except Refusal as refusal:
            assert refusal.status == 400


def request(method: str, **environ: Any) -> Request:
    """Make a request with these headers."""
    environ = {"HTTP_HOST": "files.example.org", "wsgi.url_scheme": "https"} | environ
    return Request(environ, method, Target((), False), None, Settings(), PublicNames.of([]))


@pytest.mark.parametrize(
    ("method", "environ", "refused"),
    [
        ("PUT", {}, False),
        ("PUT", {"HTTP_SEC_FETCH_SITE": "same-origin"}, False),
        ("PUT", {"HTTP_SEC_FETCH_SITE": "none"}, False),
        ("PUT", {"HTTP_SEC_FETCH_SITE": "cross-site"}, True),
        ("DELETE", {"HTTP_SEC_FETCH_SITE": "same-site"}, True),
        ("GET", {"HTTP_SEC_FETCH_SITE": "cross-site"}, False),
        ("PUT", {"HTTP_ORIGIN": "https://files.example.org"}, False),
        ("PUT", {"HTTP_ORIGIN": "https://evil.example.org"}, True),
        ("PUT", {"HTTP_ORIGIN": "null"}, True),
        ("PUT", {"HTTP_ORIGIN": "http://files.example.org"}, True),
        ("PUT", {"HTTP_ORIGIN": "https://files.example.org:8443"}, True),
        ("PUT", {"HTTP_ORIGIN": "http://127.0.0.1", "HTTP_HOST": "127.0.0.1:45855", "wsgi.url_scheme": "http"}, True),
        ("PUT", {"HTTP_ORIGIN": "://files.example.org"}, True),
    ],
)
def test_pages_of_other_sites_cannot_write(method: str, environ: dict[str, str], refused: bool) -> None:
    """A browser sends remembered credentials along with whatever a page asks."""
    if refused:
        with pytest.raises(Refusal):
            refuse_foreign(request(method, **environ))
    else:
        refuse_foreign(request(method, **environ))
