"""The door to rollbacks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from docstopd.catalog import locks, spaces
from docstopd.errors import Failed, Forbidden, Refused
from docstopd.model import Micros
from docstopd.vault import naming
from docstopd.vault.change import Change, Changes
from docstopd.vault.journal import Facts
from docstopd.vault.progress import SILENT, Progress
from docstopd.vault.rollback.plan import Kind, Left, Plan, Step
from docstopd.vault.rollback.reading import MARK, plan_to
from docstopd.vault.rollback.steps import Contents, carry_out
from docstopd.vault.session import Session

BATCH = 100
"""Steps of one transaction: readers of other spaces wait for it."""

BYTES = 64 << 20
"""Bytes of contents that are copied before they get their places."""


@dataclass(slots=True)
class Done:
    """What a rollback did, and what it could not. `read_only`: the space was that before, and still is."""

    plan: Plan
    steps: int = 0
    left: list[Left] = field(default_factory=list)
    read_only: bool = False


class Rollback:
    """For owners: it needs their keys, since what comes back is sealed anew."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes

    def plan(self, session: Session, label: str, time: Micros) -> Plan:
        """What a rollback to `time` would do now. Raises `NotFound`, `Forbidden` for all but owners, `Refused`."""
        with self._changes.view(session, naming.normal(label)) as view:
            view.opened.require_owner()
            return plan_to(view, view.opened.space.label, time)

    def run(self, session: Session, label: str, time: Micros, progress: Progress = SILENT) -> Done:
        """Take a space back. Raises as `plan`.

        The space is read-only from its first transaction to its last; locks in it end. What one step is refused, by a
        class or for want of room, is left and told.
        """
        label = naming.normal(label)
        seq = self.plan(session, label, time).seq
        was_read_only = self._begin(session, label, seq)
        done = Done(self.plan(session, label, time), read_only=was_read_only)
        done.left += done.plan.left
        steps = done.plan.steps
        for batch in _batches(steps):
            progress("taking back", done.steps, len(steps))
            self._carry_out(session, label, done, batch)
        self._end(session, label, done)
        return done

    def _begin(self, session: Session, label: str, seq: int) -> bool:
        def work(change: Change) -> bool:
            space = change.opened.space
            change.opened.require_owner()
            if not space.read_only:
                spaces.set_read_only(change.rows, space.id, True)
            locks.remove_all(change.rows, space.id)
            change.record("rollback", space.root, (label,), {"state": "begun", "to": seq})
            return space.read_only

        return self._changes.run(session, label, work, read_only=True)

    def _end(self, session: Session, label: str, done: Done) -> None:
        def work(change: Change) -> None:
            space = change.opened.space
            if not done.read_only:
                spaces.set_read_only(change.rows, space.id, False)
            facts: Facts = {"state": "done", "to": done.plan.seq, "steps": done.steps, "left": len(done.left)}
            change.record("rollback", space.root, (label,), facts)

        self._changes.run(session, label, work, read_only=True)

    def _carry_out(self, session: Session, label: str, done: Done, steps: Sequence[Step]) -> None:
        try:
            self._together(session, label, done.plan.seq, steps)
            done.steps += len(steps)
        except (Refused, Failed) as error:
            if len(steps) > 1:  # one of them is in the way of the others: each for itself
                for step in steps:
                    self._carry_out(session, label, done, [step])
            elif isinstance(error, Forbidden) and not self._may_go_on(session, label):
                raise
            else:
                done.left.append(Left(steps[0].target, str(error)))

    def _may_go_on(self, session: Session, label: str) -> bool:
        """Whether the caller is still an owner whose credential is good."""
        try:
            self._changes.run(session, label, lambda change: change.opened.require_owner(), read_only=True)
        except (Refused, Failed):
            return False
        return True

    def _together(self, session: Session, label: str, seq: int, steps: Sequence[Step]) -> None:
        contents = Contents(self._changes, session, label)
        try:
            contents.copy([step for step in steps if step.kind in (Kind.CONTENT, Kind.CREATE)])

            def work(change: Change) -> None:
                change.also = {MARK: seq}
                contents.check_epoch(change)
                for step in steps:
                    carry_out(change, step, contents)

            self._changes.run(session, label, work, read_only=True)
        except (Refused, Failed):
            contents.drop()
            raise


def _batches(steps: Sequence[Step]) -> Iterator[list[Step]]:
    """The steps in order, in pieces of bounded number and size."""
    batch: list[Step] = []
    size = 0
    for step in steps:
        own = 0 if step.row is None else step.row.size
        if batch and (len(batch) >= BATCH or size + own > BYTES):
            yield batch
            batch, size = [], 0
        batch.append(step)
        size += own
    if batch:
        yield batch
