"""An entry of the journal that somebody is told of, in words."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from docstopd.catalog import erasures, spaces, users
from docstopd.db import Rows
from docstopd.model import Entry, Micros, SpaceId, UserId
from docstopd.vault.journal import SYSTEM
from docstopd.vault.moment import shown
from docstopd.vault.notifications.rules import Rule, filled, rule_of

_UNKNOWN = "an unknown name"


@dataclass(frozen=True, slots=True)
class Event:
    """`user` is whom it concerns; empty for nobody."""

    rule: Rule
    time: Micros
    user: UserId
    subject: str
    text: str


class Events:
    """Puts entries into words, with the names that users and spaces have now."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def of(self, found: Iterable[Entry]) -> Iterator[Event]:
        """Those that are told of."""
        for entry in found:
            facts = json.loads(entry.facts)
            rule = rule_of(entry.action, facts, system=entry.stream == SYSTEM)
            if rule is not None:
                yield self._event(rule, entry, facts)

    def _event(self, rule: Rule, entry: Entry, facts: dict[str, str | int | bool]) -> Event:
        user = self._concerned(entry, facts)
        named = users.get(self._rows, user)
        stream = bytes.fromhex(str(facts["space"])) if "space" in facts else entry.stream
        space = None if stream == SYSTEM else spaces.get(self._rows, SpaceId(stream))
        words = {
            **facts,
            "node": entry.node,
            "when": shown(entry.time),
            "user": named.name if named else _UNKNOWN,
            "space": space.label if space else "(gone)",
        }
        return Event(rule, entry.time, user, filled(rule.subject, words), filled(rule.text, words))

    def _concerned(self, entry: Entry, facts: dict[str, str | int | bool]) -> UserId:
        if "user" in facts:
            return UserId(bytes.fromhex(str(facts["user"])))
        if "erasure" in facts:  # most of what happens to it is the daemon's doing
            erasure = erasures.get(self._rows, bytes.fromhex(str(facts["erasure"])))
            return UserId(erasure.author) if erasure else UserId(entry.actor)
        return UserId(entry.actor)
