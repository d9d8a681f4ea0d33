"""What users did lately, second by second, and who did more than the limits allow. No clock, no store."""

from collections.abc import Iterable
from dataclasses import dataclass

from docstopd.catalog.tallies import Reset, Tally
from docstopd.model import SECOND, Micros, SpaceId, UserId
from docstopd.vault.tripwire.policy import TripwirePolicy


@dataclass(frozen=True, slots=True)
class Excess:
    """One user did too much in one space: how much within the window."""

    space: SpaceId
    user: UserId
    overwrites: int
    deletes: int
    raised: int


class Counts:
    """The tallies of the last window."""

    def __init__(self, policy: TripwirePolicy) -> None:
        self._policy = policy
        self._window: Micros = int(policy.window * SECOND)
        self._tallies: dict[tuple[SpaceId, UserId], list[Tally]] = {}
        self._silent: dict[tuple[SpaceId, UserId], Micros] = {}

    def add(self, space: SpaceId, tallies: Iterable[Tally]) -> None:
        """More of what was done."""
        for tally in tallies:
            self._tallies.setdefault((space, tally.user), []).append(tally)

    def reset(self, space: SpaceId, resets: Iterable[Reset]) -> None:
        """An alarm silences its user for a window; who makes a space writable lets all begin anew."""
        for reset in resets:
            for key in [known for known in self._tallies if known[0] == space and reset.user in (b"", known[1])]:
                self._tallies[key] = [tally for tally in self._tallies[key] if tally.second + SECOND > reset.time]
            if reset.user:
                self._silent[space, reset.user] = reset.time + self._window

    def excess(self, now: Micros) -> list[Excess]:
        """Who is beyond a limit now. What is older than the window is forgotten."""
        self._silent = {key: until for key, until in self._silent.items() if until > now}
        recent = {key: [tally for tally in found if tally.second > now - self._window] for key, found in self._all()}
        self._tallies = {key: found for key, found in recent.items() if found}
        sums = [_sum(*key, found) for key, found in self._all() if key not in self._silent]
        return [excess for excess in sums if self._is_beyond(excess)]

    def _all(self) -> Iterable[tuple[tuple[SpaceId, UserId], list[Tally]]]:
        return self._tallies.items()

    def _is_beyond(self, found: Excess) -> bool:
        policy = self._policy
        pairs = (
            (found.overwrites, policy.overwrites),
            (found.deletes, policy.deletes),
            (found.raised, policy.raised),
        )
        return any(limit is not None and count > limit for count, limit in pairs)


def _sum(space: SpaceId, user: UserId, found: list[Tally]) -> Excess:
    return Excess(
        space,
        user,
        sum(tally.overwrites for tally in found),
        sum(tally.deletes for tally in found),
        sum(tally.raised for tally in found),
    )
