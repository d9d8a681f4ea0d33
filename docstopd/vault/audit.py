"""Reading the journal, and proving that nobody rewrote it."""

import json
from dataclasses import dataclass

from docstopd.catalog import journal as store
from docstopd.catalog import spaces, users
from docstopd.crypto.spacekey import SpaceKey
from docstopd.errors import NotFound
from docstopd.model import Entry, Micros
from docstopd.vault import journal, naming
from docstopd.vault.journal import Damage
from docstopd.vault.opening import open_space
from docstopd.vault.session import Session
from docstopd.vault.stores import Stores


@dataclass(frozen=True, slots=True)
class Line:
    """One entry for a reader. `details` is empty where the payload is sealed to others, or erased."""

    stream: str
    seq: int
    time: Micros
    actor: str
    action: str
    node: int
    facts: dict[str, str | int | bool]
    details: dict[str, str]


class Audit:
    """The door to the journal."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores

    def verify(self) -> tuple[int, list[Damage]]:
        """(entries checked, the first bad place of each damaged stream)."""
        return journal.count(self._stores.catalog), journal.verify(self._stores.catalog)

    def show(self, session: Session | None, label: str | None, limit: int) -> list[Line]:
        """The last entries of a space, or of `system`; with a member's session the space's paths are in clear.

        Raises `NotFound`.
        """
        label = None if label is None else naming.normal(label)
        with self._stores.catalog.read() as rows:
            stream, keys, name = bytes(journal.SYSTEM), {0: self._stores.server.journal}, "system"
            if label is not None:
                space = spaces.find(rows, naming.normal(label))
                if space is None:
                    raise NotFound(f"there is no space {label!r}")
                opened = open_space(rows, self._stores.keyring, session, label) if session else None
                stream, name = space.id, label
                keys = _journal_keys(opened.keys) if opened else {}
            found = store.latest(rows, stream, limit)
            names: dict[bytes, str] = {account.user.id: account.user.name for account in users.all_accounts(rows)}
        return [_line(entry, name, names, keys) for entry in found]


def _journal_keys(keys: dict[int, SpaceKey]) -> dict[int, bytes]:
    return {epoch: key.journal for epoch, key in keys.items()}


def _line(entry: Entry, stream: str, names: dict[bytes, str], keys: dict[int, bytes]) -> Line:
    key = keys.get(entry.epoch)
    return Line(
        stream=stream,
        seq=entry.seq,
        time=entry.time,
        actor=names.get(entry.actor, entry.actor.hex()),
        action=entry.action,
        node=entry.node,
        facts=json.loads(entry.facts),
        details=journal.read_payload(entry, key) if key else {},
    )
