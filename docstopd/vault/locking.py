"""Which locks stand in the way of a change (RFC 4918 sections 6 and 7), within one transaction."""

from collections.abc import Sequence

from docstopd.catalog import locks as store
from docstopd.catalog import nodes
from docstopd.catalog.nodes import Row
from docstopd.db import Rows
from docstopd.errors import Damaged, Locked
from docstopd.model import Guard, Micros, NodeId, UserId
from docstopd.vault.tree import Chain, Tree


def covering(rows: Rows, chain: Chain, now: Micros) -> list[store.Row]:
    """The locks on the chain's last node: its own, and infinite ones from above."""
    found = store.on(rows, [row.id for row in chain], now)
    return [lock for lock in found if lock.infinite or lock.node == chain[-1].id]


def covering_member(rows: Rows, chain: Chain, now: Micros) -> list[store.Row]:
    """The locks that a member to be made under the chain's last node would inherit."""
    return [lock for lock in store.on(rows, [row.id for row in chain], now) if lock.infinite]


def below(rows: Rows, node: Row, now: Micros) -> list[store.Row]:
    """The locks taken on anything below a node."""
    return [lock for lock in store.of_space(rows, node.space, now) if _is_below(rows, lock.node, node.id)]


def _is_below(rows: Rows, node: NodeId, top: NodeId) -> bool:
    seen: set[NodeId] = set()
    while True:
        row = nodes.get(rows, node)
        if row is None or row.parent == 0:
            return False
        if row.parent == top:
            return True
        if row.parent in seen:  # rows on the way are not checked here, and a circle has no end
            raise Damaged(f"node {row.id} lies below itself", row.id)
        seen.add(node)
        node = row.parent


def require(tree: Tree, found: Sequence[store.Row], guard: Guard, user: UserId) -> None:
    """The caller must hold, and have submitted, each exclusive lock and one of the shared ones. Raises `Locked`."""
    held = {lock.token for lock in found if lock.token in guard.tokens and lock.user == user}
    missing = [lock for lock in found if lock.exclusive and lock.token not in held]
    shared = [lock for lock in found if not lock.exclusive]
    if shared and not any(lock.token in held for lock in shared):
        missing += shared
    if missing:
        raise Locked(sorted({tree.path(lock.node) for lock in missing}))
