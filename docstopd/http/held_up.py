"""How many threads slow peers hold up, all together and for each address."""

from collections import Counter
from ipaddress import IPv6Address, ip_address

_NETWORK_BITS = 64  # what one household or machine is given in IPv6


class HeldUp:
    """A count with two limits. Not thread-safe: the caller has a lock."""

    def __init__(self, most: int, most_of_one: int) -> None:
        self.most = most
        self.count = 0
        self._most_of_one = most_of_one
        self._by_origin: Counter[str | int] = Counter()

    def enter(self, address: str) -> bool:
        """Count one more for `address`; False, and nothing counted, beyond a limit.

        Without an address, on a Unix socket, the peer is a proxy that speaks for many: only the whole counts.
        """
        origin = _origin(address)
        if self.count >= self.most or (address and self._by_origin[origin] >= self._most_of_one):
            return False
        self.count += 1
        self._by_origin[origin] += 1
        return True

    def leave(self, address: str) -> None:
        """Take back one `enter` that was granted."""
        origin = _origin(address)
        self.count -= 1
        self._by_origin[origin] -= 1
        if not self._by_origin[origin]:
            del self._by_origin[origin]


def _origin(address: str) -> str | int:
    """What one client cannot have many of: an IPv4 address, an IPv6 network."""
    if ":" not in address:
        return address
    parsed = ip_address(address)
    if not isinstance(parsed, IPv6Address):
        return address
    return str(parsed.ipv4_mapped) if parsed.ipv4_mapped else int(parsed) >> _NETWORK_BITS
