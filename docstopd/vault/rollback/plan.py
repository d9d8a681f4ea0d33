"""The plan of a rollback: from where everything was and is, to the steps that lead back. Pure.

Nobody else changes anything between the steps, so each begins where the one before has ended, and a path in a step is
good when its turn comes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from docstopd.catalog.nodes import Row
from docstopd.model import NodeId, SpacePath
from docstopd.vault.rollback.forest import Forest, Spot


class Kind(StrEnum):
    """What a step does."""

    TRASH = "trash"
    MOVE = "move"
    RESTORE = "restore"
    CONTENT = "content"
    CREATE = "create"


@dataclass(frozen=True, slots=True)
class Step:
    """`source`: where the node is before, empty for what is in the trash or nowhere. `row` names the content."""

    kind: Kind
    node: NodeId
    source: SpacePath
    target: SpacePath
    row: Row | None = None


@dataclass(frozen=True, slots=True)
class Left:
    """What cannot be taken back, and why."""

    path: SpacePath
    reason: str


@dataclass(frozen=True, slots=True)
class Then:
    """A node as it was. `row` has the content of then, None where nothing of it is left; `changed`: not that of now."""

    spot: Spot
    row: Row | None
    changed: bool


@dataclass(slots=True)
class Plan:
    """What is to be done, in order."""

    seq: int
    steps: list[Step] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        """How many steps of each kind, and how much is left."""
        found = {kind.value: 0 for kind in Kind}
        for step in self.steps:
            found[step.kind.value] += 1
        return found | {"left": len(self.left)}


def make_plan(seq: int, forest: Forest, then: Mapping[NodeId, Then]) -> Plan:
    """`forest`: what is there now, changed as the plan goes. `then`: those touched since that were in the tree.

    What an earlier rollback has put in the place of what is gone stands there for it.
    """
    return _Planner(seq, forest, then).run()


class _Planner:
    def __init__(self, seq: int, forest: Forest, then: Mapping[NodeId, Then]) -> None:
        self._plan = Plan(seq)
        self._forest = forest
        self._then = then
        self._new = {node for node in forest.touched if node not in then}
        self._goal = {node: was.spot for node, was in then.items()}
        self._aside: set[NodeId] = set()

    def run(self) -> Plan:
        self._trash_new()
        self._place()
        self._trash_new()
        self._fill()
        return self._plan

    # -- what came since ---------------------------------------------------------------------------------------------

    def _trash_new(self) -> None:
        """The tops of what came since, but for folders that hold something that was there."""
        forest = self._forest
        live = [node for node in self._new if forest.is_live(node)]
        holding = {above for node in self._then if forest.is_live(node) for above in forest.above(node)}
        for node in sorted(live, key=lambda node: (forest.depth(node), node)):
            if node not in holding and forest.is_live(node):
                path = forest.path(node)
                self._plan.steps.append(Step(Kind.TRASH, node, path, path))
                forest.trash(node)

    # -- where everything was ----------------------------------------------------------------------------------------

    def _place(self) -> None:
        forest = self._forest
        waiting = [node for node in self._then if node in forest.spots and self._is_elsewhere(node)]
        waiting.sort(key=lambda node: (self._depth_then(node), node))
        while waiting:
            still = [node for node in waiting if not self._try(node)]
            if len(still) == len(waiting) and not any(self._unblock(node) for node in waiting):
                break
            waiting = still
        for node in waiting:
            self._plan.left.append(Left(self._path_then(node), "the folder that held it is gone"))

    def _is_elsewhere(self, node: NodeId) -> bool:
        return self._forest.spots[node] != self._goal[node] or node in self._forest.heads

    def _try(self, node: NodeId) -> bool:
        """Take a node to its place, if it is free and there."""
        forest, goal = self._forest, self._goal[node]
        if not forest.is_live(goal.parent) or forest.is_within(goal.parent, node):
            return False
        if forest.at(goal) not in (None, node):
            return False
        self._move(node, goal)
        return True

    def _move(self, node: NodeId, goal: Spot) -> None:
        forest = self._forest
        live = forest.is_live(node)
        source = forest.path(node) if live else ()
        forest.put(node, goal)
        self._plan.steps.append(Step(Kind.MOVE if live else Kind.RESTORE, node, source, forest.path(node)))

    def _unblock(self, node: NodeId) -> bool:
        """Move what is in the way of a node aside, to the top of the space, each once; whether anything was done."""
        forest, goal = self._forest, self._goal[node]
        if not forest.is_live(goal.parent):
            return False
        if forest.is_within(goal.parent, node):
            between = [above for above in forest.above(goal.parent, itself=True) if forest.is_within(above, node)]
            movable = [above for above in between if above != node and above not in self._aside]
            return bool(movable) and self._set_aside(movable[0])
        occupant = forest.at(goal)
        if occupant is None or occupant == node:
            return False
        if occupant in self._aside or (occupant not in self._then and occupant not in self._new):
            self._goal[node] = forest.beside(goal, node)
            return True
        return self._set_aside(occupant)

    def _set_aside(self, node: NodeId) -> bool:
        self._aside.add(node)
        self._move(node, self._forest.beside(Spot(self._forest.root, self._forest.spots[node].name), node))
        return True

    def _depth_then(self, node: NodeId) -> int:
        return len(self._path_then(node))

    def _path_then(self, node: NodeId) -> SpacePath:
        names: list[str] = []
        seen = set()
        while node in self._goal and node not in seen:
            seen.add(node)
            names.append(self._goal[node].name)
            node = self._goal[node].parent
        return (*self._forest.path_or_nothing(node), *reversed(names))

    # -- contents ----------------------------------------------------------------------------------------------------

    def _fill(self) -> None:
        forest = self._forest
        for node, was in sorted(self._then.items()):
            if not was.changed:
                continue
            if was.row is None:
                self._plan.left.append(Left(self._path_then(node), "its content of then is not known any more"))
            elif node in forest.spots and forest.is_live(node):
                path = forest.path(node)
                self._plan.steps.append(Step(Kind.CONTENT, node, path, path, was.row))
            elif node not in forest.spots and forest.is_live(was.spot.parent):
                goal = was.spot if forest.at(was.spot) is None else forest.beside(was.spot, node)
                forest.put(node, goal)
                self._plan.steps.append(Step(Kind.CREATE, node, (), forest.path(node), was.row))
            elif node not in forest.spots:
                self._plan.left.append(Left(self._path_then(node), "the folder that held it is gone"))
