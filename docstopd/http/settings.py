"""What the server is told: sizes, patience and whom to believe."""

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network


@dataclass(frozen=True, slots=True)
class Settings:
    """The server's limits. Times are seconds, sizes bytes, the rate bytes a second.

    `threads` are kept ready; one that a slow peer holds up does not count, so up to `most_threads` may exist (twice
    `threads` where that is more). A peer beyond that is cut off rather than waited for; so is one whose address (in
    IPv6: whose /64 network) holds up `held_up_per_address` threads. A trusted proxy's client counts, not the proxy.
    `header_timeout` covers the TLS handshake and a request's head, from the first byte to the last. `body_timeout` is
    the longest pause inside a body, either way. `minimum_rate` is judged over each `rate_window` seconds spent waiting
    for the peer. `keep_alive` is how long an idle connection stays.
    """

    threads: int = 10
    most_threads: int = 256
    held_up_per_address: int = 128
    connections: int = 1000
    keep_alive: float = 10.0
    header_timeout: float = 15.0
    body_timeout: float = 60.0
    minimum_rate: int = 1024
    rate_window: float = 20.0
    max_header: int = 64 * 1024
    max_uri: int = 16 * 1024
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
