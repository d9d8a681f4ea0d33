"""Copies of the keyring: apart from the rest, one at a time, and none older than it may be.

Its values are wrapped under the keystore key already; the whole is sealed once more, under a key of its own. A key that
was destroyed lives on in the copy that was made before: so each new copy ends the older ones, which are overwritten.
The name has the time as of which it is a copy: what was destroyed before is not in it. A clock that ran ahead has left
names that are not true; such a copy is none that anybody relies on, and the next one ends it as well.
"""

from collections.abc import Callable

from docstopd.crypto.keystore import Keystore
from docstopd.crypto.serverkey import ServerKey
from docstopd.keyring import EARLIER, export
from docstopd.model import DAY, Micros
from docstopd.targets import Target
from docstopd.vault.snapshots import names, sealed
from docstopd.vault.stores import Stores


def replace_copy(stores: Stores, target: Target, service: str) -> None:
    """Put a copy of the keyring as of now, durably, then remove all others. Raises `Failed`."""
    time = stores.clock()
    name = names.keyring(time)
    head = sealed.Head(sealed.KEYRING, service, 0, time)
    writer = target.put(name)
    try:
        with stores.keyring.exported() as lines:
            sealed.seal(stores.server, head, lines, writer.write, stores.random)
        writer.finish()
    except BaseException:
        writer.abort()
        raise
    target.settle()
    remove_copies(target, lambda other: other != time)


def remove_copies(target: Target, goes: Callable[[Micros], bool]) -> int:
    """Wipe the copies whose times go; how many."""
    old = [name for name, time in copies_at(target) if goes(time)]
    for name in old:
        target.delete(name, wipe=True)
    if old:
        target.settle()
    return len(old)


def copies_at(target: Target) -> list[tuple[str, Micros]]:
    """(name, time) of each copy at a target, newest first."""
    found = [(found.name, names.keyring_time(found.name)) for found in target.list(names.KEYRING)]
    return sorted(((name, time) for name, time in found if time is not None), key=lambda one: -one[1])


def with_earlier(server: ServerKey, target: Target, service: str) -> ServerKey:
    """The server key with those before it, which the newest copy of the keyring holds: older snapshots open by them."""
    for name, _time in copies_at(target)[:1]:
        reader = target.open(name)
        try:
            found = export.fact(sealed.unseal(server, reader, sealed.KEYRING, service), EARLIER)
        finally:
            reader.close()
        if found is not None:
            keystore = Keystore(server.keystore, [key.keystore for key in server.previous])
            return server.with_earlier(keystore.open(b"fact" + EARLIER.encode(), found))
    return server


def renew(stores: Stores, target: Target, service: str, days: int) -> bool:
    """Replace a copy that has become too old; remove it when that fails. Whether there is a copy that may lie there."""
    newest = next((time for _name, time in copies_at(target)), None)
    now = stores.clock()
    limit = now - days * DAY
    if newest is None or limit < newest <= now:
        return newest is not None
    try:
        replace_copy(stores, target, service)
    finally:
        remove_copies(target, lambda time: time <= limit)
    return True
