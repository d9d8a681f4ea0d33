"""What an answer about a node rests on, so that one that was made before can be given again.

Each change of a space appends an entry to its journal in the same transaction, and notes it on the node and on all
above. So nothing changed in a space while its last entry is the same, and nothing at or below a node while the node's
own last entry is. The few changes without an entry are counted for the space as a whole. Only locks leave no mark:
whoever tells them asks whether there are any.
"""

from dataclasses import dataclass, replace

from docstopd.catalog import locks as lock_store
from docstopd.model import MemberRole, Micros, NodeId, Space, SpaceId, SpacePath
from docstopd.vault import locking
from docstopd.vault.view import View


@dataclass(frozen=True, slots=True)
class Basis:
    """As long as it is the same, so is what can be told of a node and its members to callers of that role.

    `seq`: the last entry at or below the node. `head`: the space's, for what is the space's alone (quota, sync token).
    `quiet`: how often anything in the space changed without an entry.
    """

    space: SpaceId
    role: MemberRole
    node: NodeId
    seq: int
    head: int
    quiet: int


def look(view: View, path: SpacePath, known: Basis | None, *, locks: bool, now: Micros) -> Basis | None:
    """What an answer about the node at `path` rests on; None if `locks`, and one is on it, above it or on a member.

    `known` is what was found at the path before: while nothing in the space has changed, it is still there. Raises
    `NotFound`.
    """
    space, role = view.opened.space, view.opened.acting
    locks = locks and lock_store.are_any(view.rows)
    if known is not None and _nothing_changed(known, space) and not locks:
        return known if known.role is role else replace(known, role=role)
    chain = view.tree.find(path[1:])
    node = chain[-1]
    if locks and (locking.covering(view.rows, chain, now) or lock_store.on_members(view.rows, node.id, now)):
        return None
    return Basis(space.id, role, node.id, node.seq, space.seq, space.quiet)


def _nothing_changed(known: Basis, space: Space) -> bool:
    return (known.space, known.head, known.quiet) == (space.id, space.seq, space.quiet)
