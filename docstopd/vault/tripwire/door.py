"""The door to the tripwire: looks at what the journal got since the last time, and raises alarms."""

import logging
from dataclasses import dataclass

from docstopd.catalog import journal as entries
from docstopd.catalog import spaces, tallies, users
from docstopd.db import Rows
from docstopd.model import SECOND, SpaceId, UserId
from docstopd.vault.journal import SYSTEM, Facts, Journal
from docstopd.vault.stores import Stores
from docstopd.vault.tripwire.counts import Counts, Excess
from docstopd.vault.tripwire.policy import TripwirePolicy

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Alarm:
    """What was journalled, with the names of the space and the user. `read_only`: the alarm made the space so."""

    excess: Excess
    space: str
    user: str
    read_only: bool


class Tripwire:
    """For one process at a time, which looks every few seconds. What an earlier one has counted is counted again."""

    def __init__(self, stores: Stores, journal: Journal, policy: TripwirePolicy) -> None:
        self._stores = stores
        self._journal = journal
        self._policy = policy
        self._counts = Counts(policy)
        self._seen: dict[bytes, int] = {}

    def look(self) -> list[Alarm]:
        """Count what is new; the alarms that were raised, durable when this returns."""
        if self._policy.off:
            return []
        self._read()
        found = [self._raise(excess) for excess in self._counts.excess(self._stores.clock())]
        return [alarm for alarm in found if alarm is not None]

    def _read(self) -> None:
        with self._stores.catalog.read() as rows:
            for stream, (seq, _hash) in entries.heads(rows):
                if stream != SYSTEM and seq > self._seen.get(stream, 0):
                    self._read_stream(rows, SpaceId(stream), seq)
                    self._seen[stream] = seq

    def _read_stream(self, rows: Rows, space: SpaceId, until: int) -> None:
        after = self._seen.get(space)
        if after is None:
            after = entries.last_at(rows, space, self._stores.clock() - int(self._policy.window * SECOND))
        self._counts.add(space, tallies.tallies(rows, space, after, until))
        self._counts.reset(space, tallies.resets(rows, space, after, until))

    def _raise(self, excess: Excess) -> Alarm | None:
        def work(rows: Rows) -> Alarm | None:
            space, user = spaces.get(rows, excess.space), users.get(rows, excess.user)
            if space is None:
                return None
            shut = self._policy.read_only and not space.read_only
            if shut:
                spaces.set_read_only(rows, space.id, True)
            facts = self._facts(excess, shut=shut)
            self._journal.append(rows, space.id, "tripwire", node=space.root, facts=facts)
            self._journal.append(rows, SYSTEM, "tripwire", facts={**facts, "space": space.id.hex()})
            return Alarm(excess, space.label, user.name if user else excess.user.hex(), shut)

        alarm = self._stores.catalog.write(work)
        if alarm is not None:
            _tell(alarm)
        # What was just written silences it at the next look; until then, this does.
        self._counts.reset(excess.space, [tallies.Reset(self._stores.clock(), UserId(excess.user))])
        return alarm

    def _facts(self, excess: Excess, *, shut: bool) -> Facts:
        return {
            "user": excess.user.hex(),
            "overwrites": excess.overwrites,
            "deletes": excess.deletes,
            "raised": excess.raised,
            "window": int(self._policy.window),
            "read_only": shut,
        }


def _tell(alarm: Alarm) -> None:
    found = alarm.excess
    _log.error(
        "the user %s changes very many files of the space %s at once: %d got another content (%d of them became noise,"
        " as encryption makes it), %d were deleted; %s",
        alarm.user,
        alarm.space,
        found.overwrites,
        found.raised,
        found.deletes,
        "the space is read-only now" if alarm.read_only else "nothing was stopped",
    )
