"""What joins the kernel's notices and the parts that judge."""

import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence

from docstopd.errors import Failed
from docstopd.watch.inotify import Notices, Place
from docstopd.watch.part import Part

TICK = 0.2
"""Seconds between two looks at what has happened."""

BLIND = 300.0
"""Seconds between two comparisons while the system gives no notices."""

REMEDY = "if this comes again, raise fs.inotify.max_queued_events"

_log = logging.getLogger(__name__)


class Watcher:
    """Watches some parts, no two of which share a folder. For one thread."""

    def __init__(
        self,
        parts: Sequence[Part],
        monotonic: Callable[[], float] = time.monotonic,
        watch: Callable[[], Notices] = Notices,
    ) -> None:
        self._parts = parts
        self._monotonic = monotonic
        self._watch = watch
        self._owners: dict[str, Part] = {}
        self._notices: Notices | None = None
        self._compared: float | None = None

    @property
    def folders(self) -> Collection[str]:
        """What is, or was, watched."""
        return self._owners.keys()

    def step(self) -> None:
        """See to what has happened since the last step, or, in the first one, since somebody last watched.

        Raises `Failed` when the system gives no notices. After any error the next step begins anew.
        """
        try:
            if self._notices is None:
                self._begin()
            else:
                self._see_to(self._notices)
        except BaseException:
            self._close()
            raise

    def finish(self) -> None:
        """See to what has happened until now; nobody watches from now on."""
        if self._notices is None:
            return
        self.step()
        self._close()
        for part in self._parts:
            part.end()

    def _begin(self) -> None:
        try:
            self._notices = self._watch()
            for part in self._parts:
                self._look_at_all(self._notices, part)
        except Failed:
            self._look_blindly()
            raise
        _log.info("%d folders are watched", len(self._owners))

    def _look_blindly(self) -> None:
        now = self._monotonic()
        if self._compared is not None and now - self._compared < BLIND:
            return
        self._compared = now
        _log.warning("stored files are compared every %.0f s, not watched", BLIND)
        for part in self._parts:
            part.compare()
            part.tick()

    def _look_at_all(self, notices: Notices, part: Part) -> None:
        """Watch first, and compare then: what happens meanwhile is told."""
        for folder, writes in part.folders().items():
            notices.add(folder, writes=writes)
            self._owners[folder] = part
        part.compare()

    def _see_to(self, notices: Notices) -> None:
        gathered = notices.take()
        self._hand_out(gathered.places)
        if gathered.lost:
            _log.warning("more happened to stored files than the kernel keeps, so all are compared; %s", REMEDY)
        for part in self._parts:
            if part.tick() or gathered.lost:
                self._look_at_all(notices, part)

    def _hand_out(self, places: Mapping[Place, int]) -> None:
        shares: dict[int, dict[Place, int]] = {}
        for place, kinds in places.items():
            shares.setdefault(id(self._owners[place[0]]), {})[place] = kinds
        for part in self._parts:
            part.see_to(shares.get(id(part), {}))

    def _close(self) -> None:
        if self._notices is not None:
            self._notices.close()
            self._notices = None
