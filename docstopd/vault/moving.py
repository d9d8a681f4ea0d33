"""MOVE: a catalog transaction within a space; across spaces, a copy and a delete."""

from collections.abc import Callable, Collection, Sequence

from docstopd.catalog import locks as lock_store
from docstopd.catalog import nodes, versions
from docstopd.catalog.nodes import Row
from docstopd.crypto.names import longest
from docstopd.errors import AlreadyExists, Forbidden, Overlap
from docstopd.model import Guard, SpacePath, Written
from docstopd.vault import naming, properties
from docstopd.vault.change import Change
from docstopd.vault.journal import Facts


def move(change: Change, source: SpacePath, target: SpacePath, guard: Guard, *, overwrite: bool) -> Written:
    """Move a node within its space. A file over a file becomes that file's new version."""
    chain, parent, occupant = check(change, source, target, guard, overwrite=overwrite)
    if occupant is not None and not occupant.folder and not chain[-1].folder:
        return _into(change, chain, parent, occupant, source, target)
    created = occupant is None
    if occupant is not None:
        change.discard([*parent, occupant], target, "delete")
    below = nodes.below(change.rows, chain[-1].id)  # as they are: damage does not hold its folder where it is
    check_below(change, below, source, target)
    lock_store.remove_on(change.rows, [row.id for row in below])
    held = change.cover.holds_on(chain[-1].id)
    warning = change.warning(parent[-1], target[-1], chain[-1].id)
    facts: Facts = {"size": chain[-1].size, "folder": bool(chain[-1].folder), **warning}
    seq = change.record("move", chain[-1].id, target, facts, source=source)
    row = change.save(chain[-1]._replace(parent=parent[-1].id, seq=seq), target[-1], new=False)
    settle(change, below, target, held)
    change.touch_members(chain[:-1], seq)
    change.touch_members(parent, seq)
    return Written(change.tree.node(row, target[-1]), created)


def check(
    change: Change, source: SpacePath, target: SpacePath, guard: Guard, *, overwrite: bool
) -> tuple[list[Row], list[Row], Row | None]:
    """The source's chain, the target's parent's chain and what is at the target; raises what stands in the way."""
    change.guard(source, guard)
    chain = change.existing(source)
    if len(chain) == 1:
        raise Forbidden("a space cannot be moved")
    parent = change.parent(target)
    occupant = change.tree.child(parent[-1], target[-1])
    check_overlap(chain[-1], parent, occupant, chain)
    change.may_remove(chain, guard)
    if occupant is None:
        change.may_add(parent, guard)
    elif not overwrite:
        raise AlreadyExists("there is something of that name")
    else:
        change.may_remove([*parent, occupant], guard)
    return chain, parent, occupant


def check_overlap(source: Row, parent: list[Row], occupant: Row | None, chain: list[Row]) -> None:
    """Neither may hold the other: putting a tree into itself, or onto its ancestor, would lose it. Raises `Overlap`."""
    if source.id in {row.id for row in parent}:
        raise Overlap("the target lies inside the source")
    if occupant is not None and occupant.id in {row.id for row in chain}:
        raise Overlap("the source lies inside the target, or is the target")


def check_below(change: Change, tree: Sequence[Row], source: SpacePath, target: SpacePath) -> None:
    """The paths of all that a moved folder holds keep within the limits. Raises `InvalidName`.

    `tree`: the folder and all below it, parents first. Sealed names tell their lengths to 16 bytes, which is enough
    for nearly all; only for those that may be too long they are opened.
    """
    if len(target) <= len(source) and naming.length(target) <= naming.length(source):
        return
    depths = {tree[0].id: len(target)}
    for row in tree[1:]:
        depths[row.id] = depths[row.parent] + 1
    lengths = _lengths(tree, naming.length(target), lambda row: longest(row.name))
    if max(lengths) > change.policy.path:
        lengths = _lengths(tree, naming.length(target), lambda row: len((change.tree.readable(row)[1] or "").encode()))
    naming.check_length(max(depths.values()), max(lengths), change.policy)


def _lengths(tree: Sequence[Row], top: int, of_name: Callable[[Row], int]) -> Collection[int]:
    lengths = {tree[0].id: top}
    for row in tree[1:]:
        lengths[row.id] = lengths[row.parent] + 1 + of_name(row)
    return lengths.values()


def _into(
    change: Change, chain: list[Row], parent: list[Row], occupant: Row, source: SpacePath, target: SpacePath
) -> Written:
    """How Office and editors save: a new file is moved over the old one, whose node, locks and past stay."""
    moved = chain[-1]
    facts: Facts = {"size": moved.size, "blob": moved.blob.hex(), "from": moved.id}
    seq = change.record("move", occupant.id, target, facts, source=source)
    content = take_over(change, moved, occupant, target, seq)
    row = change.save(content._replace(seq=seq), target[-1], new=False)
    change.use(-occupant.size)
    change.touch_members(chain[:-1], seq)
    change.touch(parent, seq)
    return Written(change.tree.node(row, target[-1]), False)


def settle(change: Change, tree: Sequence[Row], target: SpacePath, held: list[bytes]) -> None:
    """What a tree that came to `target` is due: the classes of its new place, and the holds that were on it before."""
    if held:
        change.cover.follow(tree[0].id, held)
    if change.classes:
        change.classes.assign_all(change.paths(tree, target))


def take_over(change: Change, moved: Row, occupant: Row, target: SpacePath, seq: int) -> Row:
    """Give a file the versions and properties of another, which is gone then. The row that it is to have.

    `seq` is the entry that says so.

    What protected or held the other goes on to do so. Raises `Protected` where the file must not get a new content.
    """
    change.classes.refuse_overwriting(occupant.id)
    change.classes.merge(moved.id, occupant.id, target)
    change.cover.follow(occupant.id, change.cover.holds_on(moved.id))
    versions.reassign(change.rows, moved.id, occupant.id, seq)
    if occupant.size == 0 or naming.ephemeral(target[-1]):
        change.drop_version(occupant.id, occupant.blob)
    properties.copy(change.rows, change.opened, moved.id, change.opened, occupant.id)
    change.drop_node(moved)  # its versions are the occupant's by now
    return occupant._replace(blob=moved.blob, size=moved.size, modified=moved.modified)
