"""Restoring: a deleted node comes back into the tree, with its id, its versions and its properties."""

from docstopd.catalog import trash as store
from docstopd.catalog.nodes import Row
from docstopd.errors import AlreadyExists, Forbidden, NotFound
from docstopd.model import Guard, SpacePath, Written
from docstopd.vault import moving
from docstopd.vault.change import Change
from docstopd.vault.journal import Facts
from docstopd.vault.past import trash
from docstopd.vault.view import View


def check_source(source: SpacePath, target: SpacePath) -> None:
    """Raises `Forbidden` for what cannot be moved out of the past."""
    if source[1] != trash.AREA:
        raise Forbidden(f"what {source[1]} shows stays where it is: copy it")
    if len(source) == 2:
        raise Forbidden("the trash itself cannot be moved: move what is in it")
    if source[0] != target[0]:
        raise Forbidden("what was deleted is restored in its own space: copy it into another one")


def restore(change: Change, source: SpacePath, target: SpacePath, guard: Guard, *, overwrite: bool) -> Written:
    """Move a deleted node, or a member of one, to a place in the tree.

    A file over a file becomes that file's newest version; any other occupant goes to the trash. Raises as
    `Files.move`.
    """
    change.guard(source, guard)
    view = View(change.rows, change.opened, change.tree)
    row = trash.find(view, source[2:]).row
    head = store.head(change.rows, store.top(change.rows, row.id) or row.id) if row else None
    if row is None or head is None:
        raise NotFound("nothing of that name")
    parent, occupant = _check_target(change, target, guard, overwrite=overwrite)
    tree = change.tree.below(row.id)
    moving.check_below(change, tree, (), target)
    size = sum(each.size for each in tree)
    change.room(size, sum(each.size for each in change.tree.below(occupant.id)) if occupant else 0)
    was = trash.place_then(view, row.id, head.deleted)
    facts: Facts = {"size": row.size, "folder": bool(row.folder), "deleted": head.deleted}
    more = {"was": was} if was else {}
    if occupant is not None and not occupant.folder and not row.folder:
        return _into(change, row, parent, occupant, target, facts, more)
    if occupant is not None:
        change.discard([*parent, occupant], target, "delete")
    held = change.cover.holds_on(row.id)
    warned: Facts = {**facts, **change.warning(parent[-1], target[-1])}
    seq = change.record("restore", row.id, target, warned, **more)
    back = change.save(row._replace(parent=parent[-1].id, seq=seq), target[-1], new=False)
    store.restore(change.rows, row.id)
    moving.settle(change, tree, target, held)
    change.use(size)
    change.touch_members(parent, seq)
    return Written(change.tree.node(back, target[-1]), occupant is None)


def _check_target(change: Change, target: SpacePath, guard: Guard, *, overwrite: bool) -> tuple[list[Row], Row | None]:
    """The chain to the folder of the target, and what is there. Raises what stands in the way."""
    parent = change.parent(target)
    occupant = change.tree.child(parent[-1], target[-1])
    if occupant is None:
        change.may_add(parent, guard)
    elif not overwrite:
        raise AlreadyExists("there is something of that name")
    else:
        change.may_remove([*parent, occupant], guard)
    return parent, occupant


def _into(
    change: Change,
    row: Row,
    parent: list[Row],
    occupant: Row,
    target: SpacePath,
    facts: Facts,
    more: dict[str, SpacePath],
) -> Written:
    merged: Facts = {**facts, "blob": row.blob.hex(), "from": row.id}
    seq = change.record("restore", occupant.id, target, merged, **more)
    content = moving.take_over(change, row, occupant, target, seq)
    back = change.save(content._replace(seq=seq), target[-1], new=False)
    change.use(row.size - occupant.size)
    change.touch(parent, seq)
    return Written(change.tree.node(back, target[-1]), False)
