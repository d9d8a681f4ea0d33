"""What the standing holds cover. Every removal asks, inside its own transaction: a hold placed meanwhile is obeyed.

A hold on a user covers the account, each version that the user wrote, wherever it lies, and the spaces of which the
user is the only owner. A hold on a space covers all in it. A hold on a file or folder covers it and all below it, and
goes with it wherever it is moved.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from docstopd.catalog import holds as store
from docstopd.catalog.holds import Hold
from docstopd.db import Rows
from docstopd.errors import Held
from docstopd.model import NodeId, SpaceId, UserId


@dataclass(frozen=True, slots=True)
class Covered:
    """Everything that is covered, as plain sets: for deciding without a store. `nodes` holds all below its heads."""

    users: frozenset[UserId] = frozenset()
    spaces: frozenset[SpaceId] = frozenset()
    nodes: frozenset[NodeId] = frozenset()

    def covers(self, space: SpaceId, nodes: Sequence[NodeId], authors: Iterable[UserId]) -> bool:
        """See `decide.Holds`."""
        return space in self.spaces or not self.nodes.isdisjoint(nodes) or not self.users.isdisjoint(authors)


NOTHING = Covered()


class Cover:
    """The standing holds as one transaction sees them. `covers_*` answer, `refuse_*` raise `Held`."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._holds = {hold.id: hold for hold in store.standing(rows)}
        self._users: dict[bytes, Hold] = {}
        self._spaces: dict[bytes, Hold] = {}
        self._heads: dict[NodeId, Hold] = {}
        if not self._holds:
            return
        # What members may know of goes last: it is the one that is named, where there are several.
        for hold in sorted(self._holds.values(), key=lambda hold: not hold.confidential):
            if hold.kind == "user":
                self._users[hold.subject] = hold
                self._spaces.update(dict.fromkeys(store.only_owned(rows, UserId(hold.subject)), hold))
            elif hold.kind == "space":
                self._spaces[hold.subject] = hold
        for node, held in store.standing_heads(rows):
            self._heads[node] = self._holds[held]

    def __bool__(self) -> bool:
        return bool(self._holds)

    # -- one thing --------------------------------------------------------------------------------------------------

    def covers_node(self, node: NodeId) -> bool:
        """Whether the node must stay: it is held, or its space, or anything above it (in the trash or not)."""
        return self.on_node(node) is not None

    def covers_tree(self, node: NodeId) -> bool:
        """Whether the node or anything below it must stay, a version by a held user among it."""
        return self.on_tree(node) is not None

    def covers_version(self, author: UserId, node: NodeId) -> bool:
        """Whether a version by this author of this file must stay."""
        return author in self._users or self.covers_node(node)

    # -- which hold it is -------------------------------------------------------------------------------------------

    def on_user(self, user: UserId) -> Hold | None:
        """A hold on the account."""
        return self._users.get(user)

    def on_space(self, space: SpaceId) -> Hold | None:
        """A hold on the space, or on something in it."""
        if not self._holds:
            return None
        if space in self._spaces:
            return self._spaces[space]
        for head, hold in self._heads.items():
            if store.space_of(self._rows, head) == space:
                return hold
        return next(
            (hold for user, hold in self._users.items() if store.wrote_in(self._rows, UserId(user), space)), None
        )

    def on_node(self, node: NodeId) -> Hold | None:
        """A hold on the node, its space, or what it lies in."""
        if not self._holds:
            return None
        space = store.space_of(self._rows, node)
        if space in self._spaces:
            return self._spaces[space]
        if not self._heads:
            return None
        return next((self._heads[one] for one in store.ancestry(self._rows, node) if one in self._heads), None)

    def on_tree(self, node: NodeId) -> Hold | None:
        """A hold on the node, what it lies in, or anything below it."""
        found = self.on_node(node)
        if found is not None or not self._holds:
            return found
        below = store.all_below(self._rows, [node])
        found = next((self._heads[one] for one in below if one in self._heads), None)
        if found is not None:
            return found
        return next(
            (hold for user, hold in self._users.items() if store.wrote_any(self._rows, UserId(user), node)), None
        )

    def holds_on(self, node: NodeId) -> list[bytes]:
        """Every hold whose own heads cover the node: what must follow it when it leaves them."""
        if not self._heads:
            return []
        above = set(store.ancestry(self._rows, node))
        return sorted({held for head, held in store.standing_heads(self._rows) if head in above})

    def follow(self, node: NodeId, holds: list[bytes]) -> None:
        """Let these holds go on to cover a node that came to another place, where they do not cover that too."""
        here = set(self.holds_on(node)) if holds else set()
        for hold in holds:
            if hold not in here:
                store.cover(self._rows, hold, node)

    def covers(self, space: SpaceId, nodes: Sequence[NodeId], authors: Iterable[UserId]) -> bool:
        """Whether any of it is covered; see `decide.Holds`."""
        if not self._holds:
            return False
        if space in self._spaces or not self._users.keys().isdisjoint(authors):
            return True
        if not self._heads:
            return False
        return not self._heads.keys().isdisjoint(nodes) or self.covers_node(nodes[0])

    # -- for removals -----------------------------------------------------------------------------------------------

    def refuse_user(self, user: UserId) -> None:
        """Raises `Held` where the account must stay."""
        _refuse(self.on_user(user))

    def refuse_space(self, space: SpaceId) -> None:
        """Raises `Held` where the space must stay."""
        _refuse(self.on_space(space))

    def refuse_tree(self, node: NodeId) -> None:
        """Raises `Held` where the node, or anything below it, must stay."""
        _refuse(self.on_tree(node))

    def covered(self) -> Covered:
        """All that is covered, as sets."""
        if not self._holds:
            return NOTHING
        return Covered(
            users=frozenset(map(UserId, self._users)),
            spaces=frozenset(map(SpaceId, self._spaces)),
            nodes=frozenset(store.all_below(self._rows, list(self._heads))),
        )


def _refuse(hold: Hold | None) -> None:
    """A confidential hold is not spoken of: who asks may be the one who must not know."""
    if hold is None:
        return
    if hold.confidential:
        raise Held("this must not be removed at present; ask who runs the service")
    raise Held(f"hold {hold.id.hex()} covers this: nothing of it is removed until the hold is released")
