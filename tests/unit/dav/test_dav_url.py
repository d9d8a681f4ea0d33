"""Request targets, Destination and hrefs."""

from unicodedata import normalize
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docstopd.dav.refusal import Refusal
from docstopd.dav.settings import Settings
from docstopd.dav.url import PublicNames, Target, href, reference, request_target
from docstopd.errors import InvalidName, NotFound, Refused

LIMITS = Settings()
NAMES = PublicNames.of(["files.example.org", "https://dav.example.org:8443"])
names = st.text(
    st.characters(blacklist_categories=["Cs", "Cc", "Cn"], blacklist_characters="/"), min_size=1, max_size=20
).filter(lambda name: name not in (".", ".."))


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        ("/", None),
        ("/dav", ()),
        ("/dav/", ()),
        ("/dav/ada", ("ada",)),
        ("/dav/ada/a%20b", ("ada", "a b")),
        ("/dav/ada/a%3Fb%23c;d", ("ada", "a?b#c;d")),
        ("/dav/ada/what?logout", ("ada", "what")),
        ("/dav/ada/100%25", ("ada", "100%")),
        ("/dav/ada/%2525", ("ada", "%25")),
        ("/dav/ada//x", ("ada", "x")),
        ("http://host:8080/dav/ada/x", ("ada", "x")),
        ("HTTP://host", None),
        ("/dav/ada/%c3%a9", ("ada", "é")),
        ("/dav/ada/e%CC%81", ("ada", "é")),
        ("/dav/ada/\xc3\xa9", ("ada", "é")),
        ("/dav/Ada/README", ("Ada", "README")),
    ],
)
def test_a_request_target_becomes_the_names_that_were_meant(raw: str, path: tuple[str, ...] | None) -> None:
    """Decoded once, in NFC, with the query aside."""
    assert request_target(raw, LIMITS).path == path


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        ("/other", NotFound),
        ("/DAV/ada", NotFound),
        ("/dav/ada/%", Refusal),
        ("/dav/ada/%zz", Refusal),
        ("/dav/ada/a%2Fb", InvalidName),
        ("/dav/ada/a%2fb", InvalidName),
        ("/dav/ada/%00", InvalidName),
        ("/dav/ada/%0a", InvalidName),
        ("/dav/ada/%7f", InvalidName),
        ("/dav/ada/..", InvalidName),
        ("/dav/ada/%2e%2e/x", InvalidName),
        ("/dav/ada/./x", InvalidName),
        ("/dav/ada/%ff", Refusal),
        ("/dav/ada/%ed%a0%80", Refusal),
        ("/dav/ada/%c0%af", Refusal),
        ("/dav/ada/a#b", Refusal),
        ("/dav/ada/" + "x" * 256, Refusal),
        ("/dav/ada/" + "%c3%a9" * 128, Refusal),
        ("/dav" + "/d" * 65, Refusal),
        ("/dav/" + "/".join(["x" * 200] * 30), Refusal),
        ("dav/ada", Refusal),
        ("ftp://host/dav/", Refusal),
    ],
)
def test_a_hostile_request_target_is_refused(raw: str, error: type[Refused]) -> None:
    """With an error that becomes a 4xx."""
    with pytest.raises(error):
        request_target(raw, LIMITS)


def test_a_name_of_exactly_the_limit_is_accepted() -> None:
    """255 bytes of UTF-8, not characters."""
    name = "é" * 127 + "x"
    assert request_target("/dav/ada/" + quote(name), LIMITS).path == ("ada", name)


@given(st.lists(names, min_size=1, max_size=5), st.booleans())
def test_every_path_survives_the_way_out_and_in(path: list[str], folder: bool) -> None:
    """An href parses back to the path it was made from, as a request target and as a Destination."""
    wanted = tuple(normalize("NFC", name) for name in path)
    url = href(wanted, folder=folder)
    assert request_target(url, LIMITS) == Target(wanted, folder)
    assert reference(url, "host", NAMES, LIMITS) == Target(wanted, folder)
    assert reference(f"http://host{url}", "host", NAMES, LIMITS) == Target(wanted, folder)
    assert url.isascii()
    assert unquote(url).endswith("/") == folder


@given(st.text(st.characters(max_codepoint=255), max_size=60))
def test_no_target_or_destination_causes_anything_but_a_refusal(raw: str) -> None:
    """Whatever bytes arrive."""
    for parse in (lambda: request_target("/" + raw, LIMITS), lambda: reference(raw, "host:1", NAMES, LIMITS)):
        try:
            result = parse()
        except Refused:
            continue
        assert result is None or result.path is None or all(name and "/" not in name for name in result.path)


@pytest.mark.parametrize(
    ("value", "host"),
    [
        ("/dav/ada/x", "any"),
        ("http://host:8080/dav/ada/x", "host:8080"),
        ("https://host:8080/dav/ada/x", "host:8080"),
        ("http://HOST:8080/dav/ada/x", "Host:8080"),
        ("http://host/dav/ada/x", "host:8080"),
        ("https://host:443/dav/ada/x", "host"),
        ("http://host:80/dav/ada/x", "host"),
        ("https://files.example.org/dav/ada/x", "10.0.0.1:8080"),
        ("https://dav.example.org:8443/dav/ada/x", "10.0.0.1:8080"),
        ("https://dav.example.org/dav/ada/x", "10.0.0.1:8080"),
        ("http://[::1]:8080/dav/ada/x", "[::1]:8080"),
        ("http://[::1]/dav/ada/x", "[::1]"),
        ("  /dav/ada/x ", "any"),
    ],
)
def test_a_destination_here_is_recognised(value: str, host: str) -> None:
    """Under the name asked for, under any configured one, with or without its port, or by its path alone."""
    found = reference(value, host, NAMES, LIMITS)
    assert found is not None
    assert found.path == ("ada", "x")


@pytest.mark.parametrize(
    "value",
    [
        "http://other/dav/ada/x",
        "http://host:9999/dav/ada/x",
        "https://dav.example.org:9/dav/ada/x",
        "http://ada:pw@host:8080/dav/ada/x",
        "http://host.evil/dav/ada/x",
        "http:///dav/ada/x",
    ],
)
def test_a_destination_elsewhere_is_not_ours(value: str) -> None:
    """Neither another host nor another port."""
    assert reference(value, "host:8080", NAMES, LIMITS) is None


@pytest.mark.parametrize(
    ("origin", "scheme", "host", "own"),
    [
        ("http://127.0.0.1:45855", "http", "127.0.0.1:45855", True),
        ("http://127.0.0.1", "http", "127.0.0.1:45855", False),
        ("http://127.0.0.1:80", "http", "127.0.0.1", True),
        ("http://127.0.0.1:443", "http", "127.0.0.1", False),
        ("https://HOST", "https", "host:443", True),
        ("http://host", "https", "host", False),
        ("https://host", "http", "host", False),
        ("https://[::1]:8080", "https", "[::1]:8080", True),
        ("https://files.example.org", "http", "10.0.0.1:8080", True),
        ("http://files.example.org", "http", "10.0.0.1:8080", True),
        ("http://files.example.org", "https", "10.0.0.1:8080", False),
        ("https://files.example.org:8080", "http", "10.0.0.1:8080", False),
        ("https://dav.example.org:8443", "http", "10.0.0.1:8080", True),
        ("https://dav.example.org", "https", "10.0.0.1:8080", False),
        ("http://dav.example.org:8443", "http", "10.0.0.1:8080", False),
        ("null", "http", "null", False),
        ("http://", "http", "", False),
        ("https://host/", "https", "host", False),
        ("https://host, https://evil", "https", "host", False),
    ],
)
def test_an_origin_is_ours_when_scheme_host_and_port_are(origin: str, scheme: str, host: str, own: bool) -> None:
    """Unlike a Destination: another port is another program, and its pages are not ours."""
    assert NAMES.are_origin(origin, scheme, host) == own


@pytest.mark.parametrize(
    "value", ["", "x", "//host/dav/x", "/dav/ada/a?b", "/dav/ada/a#b", "http://host/dav/a?", "mailto:x"]
)
def test_a_malformed_destination_is_refused_and_never_cut_short(value: str) -> None:
    """A name whose ? or # is not escaped must not lose its end."""
    with pytest.raises(Refusal) as caught:
        reference(value, "host", NAMES, LIMITS)
    assert caught.value.status == 400
