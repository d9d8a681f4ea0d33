"""Marks: what the daemon has to remember across restarts, one value for each name."""

from collections.abc import Callable
from dataclasses import dataclass, field

from docstopd.catalog import marks as store
from docstopd.db import Rows
from docstopd.vault.journal import NOBODY, SYSTEM, Facts, Journal
from docstopd.vault.stores import Stores


@dataclass(frozen=True, slots=True)
class Step:
    """What a mark becomes; with an `action`, the journal of the system says so."""

    value: str
    action: str = ""
    facts: Facts = field(default_factory=dict)


class Marks:
    """The door to the marks."""

    def __init__(self, stores: Stores, journal: Journal) -> None:
        self._catalog = stores.catalog
        self._journal = journal

    def get(self, name: str) -> str | None:
        """What a mark says, None before it was first set."""
        with self._catalog.read() as rows:
            return store.get(rows, name)

    def advance(self, name: str, step: Callable[[str | None], Step]) -> str:
        """Set a mark by what it says now, in one transaction; its new value. Nothing is written when it stays."""
        old = self.get(name)
        if step(old) == Step(old or ""):
            return old or ""

        def work(rows: Rows) -> str:
            new = step(store.get(rows, name))
            store.put(rows, name, new.value)
            if new.action:
                self._journal.append(rows, SYSTEM, new.action, actor=NOBODY, facts=new.facts)
            return new.value

        return self._catalog.write(work)
