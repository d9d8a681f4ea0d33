"""Reverse proxies: `X-Forwarded-*` is believed only from configured addresses, and never reaches the application."""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address

from docstopd.http.fields import check_host

_FORWARDED = (
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PORT",
    "HTTP_FORWARDED",
    "HTTP_X_REAL_IP",
)


class Proxies:
    """The networks whose machines may speak for others."""

    def __init__(self, networks: Sequence[IPv4Network | IPv6Network]) -> None:
        self._networks = tuple(networks)
        self.trusts = lru_cache(maxsize=1024)(self._trusts)

    def _trusts(self, address: str) -> bool:
        """Whether the machine at `address` is a trusted proxy."""
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped:
            parsed = parsed.ipv4_mapped
        return any(parsed in network for network in self._networks)

    def apply(self, environ: dict[str, object], fields: dict[str, str]) -> None:
        """Set scheme, host and client address from a trusted peer's fields; drop them all from `fields`.

        `environ` must hold REMOTE_ADDR, the peer's. The client is the last address of `X-Forwarded-For` that is not a
        trusted proxy itself: what stands before it is the client's own word. Raises Rejection for a malformed host.
        """
        told = {name: value for name in _FORWARDED if (value := fields.pop(name, None)) is not None}
        if not told or not self.trusts(str(environ["REMOTE_ADDR"])):
            return
        protocol = _last(told.get("HTTP_X_FORWARDED_PROTO", "")).lower()
        if protocol in ("http", "https"):
            environ["wsgi.url_scheme"] = protocol
        host = _last(told.get("HTTP_X_FORWARDED_HOST", ""))
        if host:
            check_host(host)
            fields["HTTP_HOST"] = host
        client = self._client(told.get("HTTP_X_FORWARDED_FOR", ""))
        if client:
            environ["REMOTE_ADDR"] = client

    def _client(self, chain: str) -> str | None:
        nearest = None
        for hop in reversed(chain.split(",")):
            address = _address(hop.strip())
            if address is None:
                return nearest
            nearest = address
            if not self.trusts(address):
                break
        return nearest


def _last(value: str) -> str:
    """The nearest proxy's word, which it appended."""
    return value.rpartition(",")[2].strip()


def _address(hop: str) -> str | None:
    """An address in its one spelling, so that throttling counts it once; None when it is none."""
    bare = hop[1:].partition("]")[0] if hop.startswith("[") else hop
    if bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        return str(ip_address(bare))
    except ValueError:
        return None
