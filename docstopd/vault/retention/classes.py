"""Classes at work: a file gets its class while its name is in clear, and the class forbids what it forbids.

What always holds: a file keeps a class that protects it wherever it is moved. An empty file without a past, which is
what clients make before they write, is no record yet: nothing is forbidden. Nor do the files that macOS strews get a
class.
"""

from collections.abc import Sequence

from docstopd.catalog import classes as store
from docstopd.catalog.classes import State
from docstopd.catalog.nodes import Row
from docstopd.db import Rows
from docstopd.errors import Protected
from docstopd.model import SECOND, Micros, NodeId, SpaceId, SpacePath
from docstopd.vault import naming
from docstopd.vault.retention.schedule import Dates, Protect, RetentionClass, Schedule

JUST_MADE: Micros = 86_400 * SECOND
"""How old a file may be that an editor makes to move it over the one that is saved."""


def dates_of(state: State) -> Dates:
    """What a class counts from."""
    return Dates(state.received, state.changed, state.event, state.kept)


class Classes:
    """The records schedule within one transaction."""

    def __init__(self, rows: Rows, schedule: Schedule, now: Micros) -> None:
        self._rows = rows
        self._schedule = schedule
        self._now = now

    def __bool__(self) -> bool:
        return bool(self._schedule)

    # -- giving -----------------------------------------------------------------------------------------------------

    def assign(self, node: NodeId, path: SpacePath) -> None:
        """Give the file that is at `path` now (the space's label included) the class that fits it there."""
        if not self._schedule or naming.ephemeral(path[-1]):
            return
        state = store.of(self._rows, node)
        if self._protecting(state) is not None:
            return
        fitting = self._schedule.class_of(path[0], path[1:])
        name = None if fitting is None else fitting.name
        if name != (None if state is None else state.name):
            store.give(self._rows, node, name)

    def assign_all(self, files: Sequence[tuple[Row, SpacePath]]) -> None:
        """The same for all that came to a new place; folders among them have no class."""
        for row, path in files:
            if not row.folder:
                self.assign(row.id, path)

    def merge(self, moved: NodeId, into: NodeId, path: SpacePath) -> None:
        """A file becomes the new content of another. Protection that either had stays, and as long as it would have.

        An editor that saves by a move writes to the old file: what was just made is no record of its own, and the
        old one keeps its place in time.

        Raises `Protected` where both are protected and by different classes: one would lose its own.
        """
        if not self._schedule:
            return
        state = store.of(self._rows, moved)
        source, target = self._protecting(state), self._protecting(store.of(self._rows, into))
        if source is not None and target is None:
            store.inherit(self._rows, moved, into)
        elif source is not None and target is not None and source.name != target.name:
            raise Protected(
                f"the class {source.name!r} protects the one file and {target.name!r} the other: they cannot become one"
            )
        elif state is not None and source is not None:
            if state.received is None or not 0 <= self._now - state.received < JUST_MADE:
                store.join(self._rows, moved, into)
        else:
            self.assign(into, path)

    # -- forbidding -------------------------------------------------------------------------------------------------

    def protects(self, node: NodeId) -> bool:
        """Whether a file's class protects it now."""
        return self._schedule.protecting and self._protecting(store.of(self._rows, node)) is not None

    def refuse_overwriting(self, node: NodeId) -> None:
        """Raises `Protected` where a file must not get a new content."""
        if not self._schedule.protecting:
            return
        state = store.of(self._rows, node)
        klass = self._protecting(state)
        if state is not None and klass is not None and klass.protect is Protect.WORM:
            until = klass.until(dates_of(state), self._now)
            raise Protected(f"the retention class {klass.name!r} forbids to change this until {until}")

    def refuse_removal(self, node: NodeId) -> None:
        """Raises `Protected` where a node, or any file below it, must not be deleted, purged or erased."""
        if self._schedule.protecting and store.any_at_all(self._rows):
            self._refuse(store.below(self._rows, node), "this")

    def refuse_destruction(self, space: SpaceId) -> None:
        """Raises `Protected` where anything in a space must stay."""
        if self._schedule.protecting and store.any_at_all(self._rows):
            self._refuse(store.in_space(self._rows, space), "this space")

    def _refuse(self, states: Sequence[State], what: str) -> None:
        standing = [(state, klass) for state in states if (klass := self._protecting(state)) is not None]
        if not standing:
            return
        state, klass = standing[0]
        until = klass.until(dates_of(state), self._now)
        if len(states) == 1 and what == "this":
            raise Protected(f"the retention class {klass.name!r} forbids to delete this until {until}")
        raise Protected(
            f"{what} holds files that must stay ({len(standing)}); of one of them the retention class {klass.name!r}"
            f" forbids the deletion until {until}"
        )

    def _protecting(self, state: State | None) -> RetentionClass | None:
        """The class that protects a file now; None for what is no record yet."""
        if state is None or (state.size == 0 and state.versions < 2):
            return None
        klass = self._schedule.named(state.name)
        return klass if klass is not None and klass.protects(dates_of(state), self._now) else None
