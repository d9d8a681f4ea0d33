"""What has an end of its own and goes when that has come. It was worth nothing since; this keeps the stores small.

Each step takes `progress` and `dry`, as jobs do; with `dry` it only counts.
"""

from collections import Counter

from docstopd.catalog import locks, runs, throttle
from docstopd.db import Rows
from docstopd.errors import NotFound
from docstopd.model import DAY, SECOND, UserId
from docstopd.vault.journal import NOBODY, SYSTEM, Facts, Journal
from docstopd.vault.progress import Progress, Report
from docstopd.vault.stores import Policy, Stores

RUNS_DAYS = 366
"""How long the ledger remembers a run; the last of each job stays."""


class Expiry:
    """The door to what ends by itself."""

    def __init__(self, stores: Stores, journal: Journal, policy: Policy) -> None:
        self._stores = stores
        self._journal = journal
        self._policy = policy

    def credentials(self, progress: Progress, dry: bool) -> Report:
        """App passwords past their end: their slots are destroyed, and the journal says whose."""
        expired = self._stores.keyring.expired_slots(self._stores.clock())
        if expired and not dry:
            # First: an entry too many is better than a change that nobody sees.
            self._stores.catalog.write(lambda rows: self._note(rows, Counter(user for user, _slot in expired)))
            for number, (user, slot) in enumerate(expired):
                progress("app passwords", number, len(expired))
                try:
                    self._stores.keyring.remove_slot(user, slot)
                except NotFound:  # its user took it back meanwhile
                    continue
        return {"app_passwords": len(expired)}

    def locks(self, progress: Progress, dry: bool) -> Report:
        """Locks past their end."""
        progress("locks", 0, 1)
        now = self._stores.clock()
        with self._stores.catalog.read() as rows:
            found = locks.count_expired(rows, now)
        if found and not dry:
            found = self._stores.catalog.write(lambda rows: locks.remove_expired(rows, now))
        return {"locks": found}

    def throttle(self, progress: Progress, dry: bool) -> Report:
        """Failed sign-ins that are too old to count."""
        progress("failed sign-ins", 0, 1)
        before = self._stores.clock() - int(self._policy.forget * SECOND)
        with self._stores.catalog.read() as rows:
            found = throttle.count_old(rows, before)
        if found and not dry:
            found = self._stores.catalog.write(lambda rows: throttle.forget(rows, before))
        return {"failed_sign_ins": found}

    def runs(self, progress: Progress, dry: bool) -> Report:
        """Runs of jobs that began more than a year ago."""
        progress("runs", 0, 1)
        before = self._stores.clock() - RUNS_DAYS * DAY
        with self._stores.catalog.read() as rows:
            found = runs.count_old(rows, before)
        if found and not dry:
            found = self._stores.catalog.write(lambda rows: runs.forget(rows, before))
        return {"runs": found}

    def _note(self, rows: Rows, users: Counter[UserId]) -> None:
        for user, count in users.items():
            facts: Facts = {"user": user.hex(), "count": count}
            self._journal.append(rows, SYSTEM, "app-password-expire", actor=NOBODY, facts=facts)
