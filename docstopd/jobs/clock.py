"""The clock guard: what destroys by age waits while the clock is in doubt.

A clock that jumps ten years ahead makes everything old enough to go. Against that, wall time is compared with the time
since boot (which counts on while the machine sleeps, and which nobody sets), and across a reboot with when it was last
seen. `docs/jobs.md` says what this protects against and what not.
"""

import json
import logging
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path

from docstopd.errors import Damaged, Refused
from docstopd.model import DAY, HOUR, SECOND, Micros
from docstopd.vault.marks import Marks, Step

_log = logging.getLogger(__name__)

APART: Micros = HOUR
"""Farther apart than this, two clocks contradict each other."""

_SEEN: Micros = 300 * SECOND  # how old the last sight of wall time may get before it is written down again
_MARK = "clock"

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
"""Linux draws it anew at each boot."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The clocks at one moment: wall time, time since boot, and which boot that was; "" where that cannot be known."""

    wall: Micros
    ticks: Micros
    boot: str

    def follows(self, earlier: "Reading") -> bool:
        """Whether the machine did not boot between the two."""
        return self.ticks >= earlier.ticks and (self.boot == earlier.boot or not self.boot or not earlier.boot)


def read_clocks(boot_id: Path = BOOT_ID) -> Reading:
    """The system's clocks. CLOCK_BOOTTIME counts on in suspend, where CLOCK_MONOTONIC stands still."""
    try:
        boot = boot_id.read_text(encoding="ascii").strip()
    except OSError:  # hidden, as from a service with ProcSubset=pid; a boot then shows by the ticks, which begin anew
        boot = ""
    return Reading(time.time_ns() // 1000, time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000, boot)


class Doubt(StrEnum):
    """Why the clock is in doubt. `JUMP`: it was set, or stood wrong for long; an admin has to say that it is right.

    `ABSENCE`: the machine was off for longer than an hour, if its clock is right; the doubt ends after an hour in
    which the clock was steady.
    """

    JUMP = "jump"
    ABSENCE = "absence"


@dataclass(frozen=True, slots=True)
class Wait:
    """Found at `found` (wall time), by so many microseconds; an admin ends it or, after an absence, `until` (ticks)."""

    doubt: Doubt
    found: Micros
    by: Micros
    until: Micros = 0

    def __str__(self) -> str:
        if self.doubt is Doubt.ABSENCE:
            return (
                f"the machine was off for {_length(self.by)}, or its clock is wrong; until it has been steady for an"
                " hour, or an admin says that it is right (`docstopd job clock --accept`), nothing is removed"
            )
        way = "ahead" if self.by > 0 else "back"
        return (
            f"the clock has jumped {_length(abs(self.by))} {way}; until an admin says that it is right"
            " (`docstopd job clock --accept`), nothing is removed"
        )


@dataclass(frozen=True, slots=True)
class State:
    """What is remembered: a reading to compare with, the wall time seen last, and what waits."""

    at: Reading
    seen: Micros
    wait: Wait | None = None


def judge(state: State, now: Reading, longest_absence: Micros) -> Wait | None:
    """Whether the clocks contradict what is remembered of them."""
    if now.follows(state.at):
        by = (now.wall - state.at.wall) - (now.ticks - state.at.ticks)
        return Wait(Doubt.JUMP, now.wall, by) if abs(by) > APART else None
    by = now.wall - state.seen
    if by < -APART or by > longest_absence:
        return Wait(Doubt.JUMP, now.wall, by)
    return Wait(Doubt.ABSENCE, now.wall, by, now.ticks + HOUR) if by > APART else None


def look(state: State | None, now: Reading, longest_absence: Micros) -> State:
    """What is to be remembered next."""
    if state is None:
        return State(now, now.wall)
    found = judge(state, now, longest_absence)
    rebooted = not now.follows(state.at)
    if found is not None:
        # A jump that waits for an admin is not made harmless by an absence after it.
        standing = state.wait if state.wait is not None and state.wait.doubt is Doubt.JUMP else None
        return State(now, now.wall, found if found.doubt is Doubt.JUMP or standing is None else standing)
    # The reading is renewed daily: a crystal's drift does not add up over the years, nor do small steps within a day.
    at = now if rebooted or now.ticks - state.at.ticks > DAY else state.at
    seen = now.wall if abs(now.wall - state.seen) > _SEEN else state.seen
    return State(at, seen, _left(state.wait, now, rebooted=rebooted))


def _left(wait: Wait | None, now: Reading, *, rebooted: bool) -> Wait | None:
    if wait is None or wait.doubt is Doubt.JUMP:
        return wait
    if rebooted:
        return replace(wait, until=now.ticks + HOUR)
    return None if now.ticks >= wait.until else wait


class ClockGuard:
    """The guard of one data folder, shared by its processes through a mark in the catalog."""

    def __init__(self, marks: Marks, read: Callable[[], Reading], longest_absence: float) -> None:
        self._marks = marks
        self._read = read
        self._longest = int(longest_absence * SECOND)

    def look(self) -> Wait | None:
        """Compare the clocks, and remember them; a new doubt is journalled and logged. What waits, None if nothing."""
        now = self._read()

        def step(old: str | None) -> Step:
            before = None if old is None else _decode(old)
            after = look(before, now, self._longest)
            if after.wait is None or (before is not None and after.wait == before.wait):
                return Step(_encode(after))
            if before is not None and before.wait is not None and before.wait.found == after.wait.found:
                return Step(_encode(after))  # the same doubt, after another reboot
            action = f"clock-{after.wait.doubt.value}"
            return Step(_encode(after), action, {"seconds": after.wait.by // SECOND})

        before = self._marks.get(_MARK)
        wait = _decode(self._marks.advance(_MARK, step)).wait
        if wait is not None and (before is None or _decode(before).wait != wait):
            _log.error("%s", wait)
        return wait

    def may_destroy(self) -> None:
        """Raises `Refused` while the clock is in doubt."""
        wait = self.look()
        if wait is not None:
            raise Refused(str(wait))

    def may_go_on(self) -> None:
        """The same in the midst of a run; writes nothing, so that it can be asked anywhere."""
        wait = self.standing()
        if wait is not None:
            raise Refused(str(wait))

    def standing(self) -> Wait | None:
        """What waits, or would from now on; writes nothing."""
        old = self._marks.get(_MARK)
        return None if old is None else look(_decode(old), self._read(), self._longest).wait

    def accept(self) -> None:
        """An admin says that the clock is right as it is now; journalled."""
        now = self._read()
        self._marks.advance(_MARK, lambda _old: Step(_encode(State(now, now.wall)), "clock-accept"))
        _log.warning("the clock was accepted as right by an admin")


def _encode(state: State) -> str:
    return json.dumps(asdict(state), separators=(",", ":"))


def _decode(text: str) -> State:
    try:
        held = json.loads(text)
        wait = held["wait"]
        found = None if wait is None else Wait(**{**wait, "doubt": Doubt(wait["doubt"])})
        return State(Reading(**held["at"]), held["seen"], found)
    except (ValueError, TypeError, KeyError):
        raise Damaged("what was remembered of the clock is not what was written; see `docstopd job clock`") from None


def _length(span: Micros) -> str:
    hours = span / HOUR
    if hours < 48:
        return f"{hours:.1f} hours"
    return f"{hours / 24:.0f} days" if hours < 24 * 730 else f"{hours / 24 / 365.25:.1f} years"
