"""The daemon itself in the journal: that it started, how it is configured, that it stopped."""

import json
from collections.abc import Mapping

from docstopd.catalog import marks
from docstopd.db import Rows
from docstopd.vault.journal import SYSTEM, Facts, Journal, Seal
from docstopd.vault.stores import Stores

RUNNING = "service-running"
SETTINGS = "service-settings"

Settings = Mapping[str, str]
"""Every key of the configuration by its full name, with its value as text. Secrets are named by file, never held."""


class Service:
    """The door of the daemon. Several processes may say the same: it is written once."""

    def __init__(self, stores: Stores, journal: Journal) -> None:
        self._stores = stores
        self._journal = journal

    def started(self, run: str, version: str, settings: Settings, defaults: Settings) -> bool:
        """The run of the daemon that `run` names serves with these settings; what has changed in them is journalled.

        A run before this one that never said that it stopped was killed, or lost its power: the entry says so, and
        so does False, which is returned then.
        """

        def work(rows: Rows) -> bool:
            before = marks.get(rows, RUNNING)
            if before != run:
                self._record(rows, "start", {"version": version, "clean": not before})
                marks.put(rows, RUNNING, run)
            self._compare(rows, settings, defaults)
            return not before or before == run

        return self._stores.catalog.write(work)

    def stopped(self, run: str) -> None:
        """The run ends as it should."""

        def work(rows: Rows) -> None:
            if marks.get(rows, RUNNING) == run:
                self._record(rows, "stop", {"clean": True})
                marks.put(rows, RUNNING, "")

        self._stores.catalog.write(work)

    def refused(self, problem: str) -> None:
        """A new configuration is not taken; `problem` says what is wrong and where."""
        facts: Facts = {"outcome": "refused"}
        self._stores.catalog.write(lambda rows: self._record(rows, "configuration", facts, {"problem": problem}))

    def _compare(self, rows: Rows, settings: Settings, defaults: Settings) -> None:
        known = marks.get(rows, SETTINGS)
        before: Settings = defaults if known is None else json.loads(known)
        keys = [key for key in sorted({*before, *settings}) if before.get(key) != settings.get(key)]
        if keys:
            changes = {key: f"{before.get(key, 'nothing')} -> {settings.get(key, 'nothing')}" for key in keys}
            self._record(rows, "configuration", {"changed": " ".join(keys)}, changes)
        if keys or known is None:
            marks.put(rows, SETTINGS, json.dumps(settings, separators=(",", ":")))

    def _record(self, rows: Rows, action: str, facts: Facts, payload: Mapping[str, str] | None = None) -> None:
        seal = None if payload is None else Seal.of_server(self._stores.server, payload)
        self._journal.append(rows, SYSTEM, action, facts=facts, seal=seal)
