"""Which files are finished: those that have not changed for a while, looked at again and again."""

from collections.abc import Callable, Sequence

from docstopd.watch.dropfolder import Identity, Place, Seen

EMPTY_LONGER = 12
"""Times as long for a file without content: most programs make one first, and fill it then."""


class Settling:
    """What is known of a folder's files from earlier looks. Times are seconds of a clock that never jumps."""

    def __init__(self, settle: float, clock: Callable[[], float]) -> None:
        self._settle = settle
        self._clock = clock
        self._known: dict[Place, tuple[Identity, float]] = {}
        self._later: dict[Place, float] = {}

    def ready(self, found: Sequence[Seen]) -> list[Seen]:
        """Those that are finished, small ones first: many small files need not wait for a huge one."""
        now = self._clock()
        before, self._known = self._known, {}
        for seen in found:
            known = before.get(seen.place)
            same = known is not None and known[0] == seen.identity
            self._known[seen.place] = known if known is not None and same else (seen.identity, now)
            if not same:
                self._later.pop(seen.place, None)
        self._later = {place: until for place, until in self._later.items() if place in self._known}
        return sorted((one for one in found if self._is_ready(one, now)), key=lambda one: one.identity.size)

    def _is_ready(self, seen: Seen, now: float) -> bool:
        wait = self._settle if seen.identity.size else self._settle * EMPTY_LONGER
        since = self._known[seen.place][1]
        return now - since >= wait and self._later.get(seen.place, 0.0) <= now

    def postpone(self, place: Place, seconds: float) -> None:
        """Leave a file alone for so long, unless it changes."""
        self._later[place] = self._clock() + seconds

    def begin_again(self, place: Place) -> None:
        """A file was changed while it was taken."""
        self._known.pop(place, None)

    @property
    def pending(self) -> bool:
        """Whether there are files that will be finished before anything else happens."""
        return len(self._known) > len(self._later)
