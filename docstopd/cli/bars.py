"""Long work, watched: bars on a terminal, a line now and then where nobody looks. All of it on standard error."""

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from docstopd.cli.output import printable
from docstopd.vault.progress import Progress

_EVERY = 10.0
"""Seconds between two lines about the same work."""


@contextmanager
def watched() -> Iterator[Progress]:
    """What long work is given to tell how far it is."""
    if not sys.stderr.isatty():
        yield _Lines()
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bars(*columns, console=Console(file=sys.stderr), transient=True) as bars:
        yield _Shown(bars)


class _Shown:
    """One bar for each thing that is told of."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, what: str, done: int, total: int) -> None:
        if what not in self._tasks:
            self._tasks[what] = self._bars.add_task(printable(what), total=total or None)
        self._bars.update(self._tasks[what], completed=done, total=total or None)


class _Lines:
    """A line when something new begins, and every so often while it lasts."""

    def __init__(self) -> None:
        self._what = ""
        self._next = 0.0

    def __call__(self, what: str, done: int, total: int) -> None:
        if what == self._what and time.monotonic() < self._next:
            return
        self._what, self._next = what, time.monotonic() + _EVERY
        sys.stderr.write(printable(f"{what}: {done} of {total}" if total else f"{what}: {done}") + "\n")


@contextmanager
def stoppable(progress: Progress, stop: Callable[[], BaseException]) -> Iterator[Progress]:
    """`progress` that raises what `stop` makes once Ctrl-C or SIGTERM came; a second one ends the process at once."""
    came: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        came.append(number)
        signal.signal(number, signal.SIG_DFL)

    def told(what: str, done: int, total: int) -> None:
        if came:
            raise stop()
        progress(what, done, total)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
