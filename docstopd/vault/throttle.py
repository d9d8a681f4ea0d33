"""Growing delays after failed sign-ins, for the name and for the address, remembered across restarts.

Unknown names are counted like known ones, so that the delay tells nobody which names exist.
"""

import hashlib
import ipaddress

from docstopd.catalog import throttle as store
from docstopd.db import Database, Rows
from docstopd.errors import Throttled
from docstopd.model import SECOND, Micros
from docstopd.vault.stores import Policy


class Throttle:
    """Counts failures under digests keyed by `key`."""

    def __init__(self, database: Database, key: bytes, policy: Policy) -> None:
        self._database = database
        self._key = key
        self._policy = policy

    def check(self, name: str, address: str, now: Micros) -> None:
        """Raises `Throttled` while the name or the address is shut."""
        with self._database.read() as rows:
            until = max(store.state(rows, subject)[2] for subject, _free in self._subjects(name, address))
        if until > now:
            raise Throttled((until - now) / SECOND)

    def failed(self, rows: Rows, name: str, address: str, now: Micros) -> bool:
        """Count a failure; whether it shut the name or the address."""
        store.forget(rows, now - int(self._policy.forget * SECOND))
        shut = False
        for subject, free in self._subjects(name, address):
            failures = store.state(rows, subject)[0] + 1
            delay = self._delay(failures - free)
            # Without a delay no time at all: another's clock may be a moment behind, and must not find it shut.
            store.put(rows, subject, failures, now, now + int(delay * SECOND) if delay else 0)
            shut = shut or delay > 0
        return shut

    def succeeded(self, name: str) -> None:
        """Forget the name's failures. The address keeps its own: one valid account must not reopen it."""
        subject = self._digest("name", name)
        with self._database.read() as rows:
            known = store.state(rows, subject)[0]
        if known:
            self._database.write(lambda rows: store.clear(rows, subject))

    def _subjects(self, name: str, address: str) -> list[tuple[bytes, int]]:
        free = self._policy.free_failures
        subjects = [(self._digest("name", name), free)]
        if address:
            subjects.append((self._digest("address", _network(address)), free * self._policy.per_address_factor))
        return subjects

    def _digest(self, kind: str, text: str) -> bytes:
        return hashlib.blake2b(f"{kind}\0{text}".encode(), key=self._key, digest_size=16).digest()

    def _delay(self, beyond: int) -> float:
        if beyond <= 0:
            return 0.0
        return float(min(self._policy.longest_delay, self._policy.first_delay * 2.0 ** min(beyond - 1, 40)))


def _network(address: str) -> str:
    """IPv6 clients own a /64 and can change the rest at will."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:  # how a socket for both families shows an IPv4 client
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return address
