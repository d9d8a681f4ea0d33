"""Whether a recorded history could have happened one operation after the other.

The search of Wing and Gong ("Testing and Verifying Concurrent Objects", 1993): take any operation that no unfinished
one precedes, see whether the model allows its outcome, go on with the rest, come back where the model refuses. What was
taken and the state that it led to are remembered, so that no such pair is searched twice (Lowe, "Testing for
linearizability", 2017).
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Call = TypeVar("Call")
Outcome = TypeVar("Outcome")
State = TypeVar("State", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Operation(Generic[Call, Outcome]):
    """One call and what came of it. Times are of one monotonic clock, in seconds."""

    invoked: float
    returned: float
    call: Call
    outcome: Outcome


def linearization(
    history: Sequence[Operation[Call, Outcome]], start: State, step: Callable[[State, Call, Outcome], State | None]
) -> list[Operation[Call, Outcome]] | None:
    """An order that explains the history: it keeps that of operations apart in time, and the model allows each outcome.

    `step` gives the state after a call had that outcome in a state, None where it cannot have had it. Without any such
    order the result is None: the history is not linearizable.
    """
    operations = sorted(history, key=lambda operation: operation.invoked)
    everything = (1 << len(operations)) - 1
    seen: set[tuple[int, State]] = set()
    order: list[Operation[Call, Outcome]] = []
    open_ends: list[tuple[int, list[tuple[int, State]]]] = [(0, _choices(operations, 0, start, step))]
    while open_ends:
        taken, choices = open_ends[-1]
        if taken == everything:
            return order
        if not choices:
            open_ends.pop()
            if order:
                order.pop()
            continue
        index, state = choices.pop()
        now_taken = taken | 1 << index
        if (now_taken, state) not in seen:
            seen.add((now_taken, state))
            order.append(operations[index])
            open_ends.append((now_taken, _choices(operations, now_taken, state, step)))
    return None


def _choices(
    operations: Sequence[Operation[Call, Outcome]],
    taken: int,
    state: State,
    step: Callable[[State, Call, Outcome], State | None],
) -> list[tuple[int, State]]:
    """What may come next, with the state after it; the last one is tried first: the one that returned first."""
    left = [index for index in range(len(operations)) if not taken >> index & 1]
    soonest = min((operations[index].returned for index in left), default=0.0)
    found = []
    for index in sorted(left, key=lambda each: -operations[each].returned):
        operation = operations[index]
        if operation.invoked <= soonest:
            after = step(state, operation.call, operation.outcome)
            if after is not None:
                found.append((index, after))
    return found
