"""Reverse proxies: whom to believe."""

from ipaddress import ip_network

import pytest

from docstopd.http.proxy import Proxies
from docstopd.http.rejection import Rejection

NETWORKS = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


def seen(peer: str, **told: str) -> tuple[dict[str, object], dict[str, str]]:
    environ: dict[str, object] = {"REMOTE_ADDR": peer, "wsgi.url_scheme": "http"}
    fields = {"HTTP_HOST": "inner", **{f"HTTP_X_FORWARDED_{name.upper()}": value for name, value in told.items()}}
    Proxies(NETWORKS).apply(environ, fields)
    return environ, fields


def test_a_stranger_is_not_believed() -> None:
    """And what it says never reaches the application."""
    environ, fields = seen("192.0.2.1", proto="https", host="evil", **{"for": "10.0.0.1"})
    assert environ == {"REMOTE_ADDR": "192.0.2.1", "wsgi.url_scheme": "http"}
    assert fields == {"HTTP_HOST": "inner"}


@pytest.mark.parametrize("peer", ["10.1.2.3", "fd00::1", "::ffff:10.1.2.3"])
def test_a_proxy_is_believed(peer: str) -> None:
    """Scheme, host and client address are those of the outside."""
    environ, fields = seen(peer, proto="https", host="files.example:8443", **{"for": "192.0.2.7"})
    assert environ == {"REMOTE_ADDR": "192.0.2.7", "wsgi.url_scheme": "https"}
    assert fields == {"HTTP_HOST": "files.example:8443"}


@pytest.mark.parametrize(
    ("chain", "client"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("1.1.1.1, 192.0.2.7", "192.0.2.7"),
        ("1.1.1.1, 192.0.2.7, 10.9.9.9", "192.0.2.7"),
        ("10.9.9.9", "10.9.9.9"),
        ("nonsense, 10.9.9.9", "10.9.9.9"),
        ("nonsense", "10.0.0.1"),
        ("", "10.0.0.1"),
        ("192.0.2.7:5000", "192.0.2.7"),
        ("[2001:DB8::0:1]:5000", "2001:db8::1"),
        ("2001:0db8::1", "2001:db8::1"),
    ],
)
def test_the_client_is_the_last_stranger_of_the_chain(chain: str, client: str) -> None:
    """What stands before it is its own word; an address has one spelling."""
    assert seen("10.0.0.1", **{"for": chain})[0]["REMOTE_ADDR"] == client


def test_a_strange_scheme_is_ignored_and_a_strange_host_refused() -> None:
    """Both would end up in links."""
    assert seen("10.0.0.1", proto="ftp")[0]["wsgi.url_scheme"] == "http"
    with pytest.raises(Rejection):
        seen("10.0.0.1", host="a b")
