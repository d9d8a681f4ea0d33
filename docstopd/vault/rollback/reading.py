"""What a plan is made from: what the journal says was touched since a time, where it was then and where it is."""

import json
from dataclasses import dataclass, field, replace

from docstopd.catalog import journal, nodes, trash
from docstopd.catalog.nodes import Row
from docstopd.errors import Damaged, Incompatible, NotFound
from docstopd.model import Entry, Micros, NodeId, SpacePath
from docstopd.vault.history import QUIET
from docstopd.vault.journal import BATCH, read_payload
from docstopd.vault.past.point import Point
from docstopd.vault.rollback.forest import Forest, Spot
from docstopd.vault.rollback.plan import Left, Plan, Then, make_plan
from docstopd.vault.view import View

AS, FOR, MARK = "as", "for", "rollback"
"""Facts of what a rollback did: of which old content a new one is a copy; in whose place a file was made; to where."""


@dataclass(slots=True)
class _Touched:
    """`first`: the first entry about each node. `copies`: the content that a rollback gave it, and of which it is one.

    `instead`: what a rollback made in the place of a node that is gone.
    """

    first: dict[NodeId, Entry] = field(default_factory=dict)
    copies: dict[NodeId, tuple[str, str]] = field(default_factory=dict)
    instead: dict[NodeId, NodeId] = field(default_factory=dict)


def plan_to(view: View, label: str, time: Micros) -> Plan:
    """The plan that takes a space back to a time. Raises `NotFound` for a time before it was made, `Refused`."""
    point = Point(view, time)
    touched = _touched(view, point.seq)
    then: dict[NodeId, Then] = {}
    lost: list[Left] = []
    for node, entry in touched.first.items():
        if node == view.opened.space.root or node > point.newest:
            continue
        try:
            found = _then(view, point, touched, node)
        except (Damaged, NotFound) as error:
            lost.append(Left(_path_of(view, entry), str(error)))
            continue
        if found is not None:
            then[node] = found
        elif nodes.get(view.rows, node) is None and not point.was_deleted(node):
            lost.append(Left(_path_of(view, entry), "it was destroyed"))
    for old in [old for old in then if old in touched.instead]:
        new = _replacement(view, touched, old)
        if new is not None:
            then[new] = _then_of(view, touched, new, then.pop(old))
    plan = make_plan(point.seq, _forest(view, label, set(touched.first), then), then)
    plan.left += lost
    return plan


def _touched(view: View, after: int) -> _Touched:
    found = _Touched()
    space = view.opened.space.id
    while batch := journal.entries_but(view.rows, space, after, BATCH, QUIET):
        for entry in batch:
            facts = json.loads(entry.facts)
            node = NodeId(entry.node)
            found.first.setdefault(node, entry)
            if "from" in facts:
                found.first.setdefault(NodeId(int(facts["from"])), entry)
            if AS in facts:
                found.copies[node] = (facts["blob"], facts[AS])
            if FOR in facts:
                found.instead[NodeId(int(facts[FOR]))] = node
        after = batch[-1].seq
    return found


def _then(view: View, point: Point, touched: _Touched, node: NodeId) -> Then | None:
    """A node as it was; None for what is gone, and for what was in the trash."""
    place = point.place(node)
    if place is None:
        return None
    return _then_of(view, touched, node, Then(Spot(*place), point.content_of(node), True))


def _then_of(view: View, touched: _Touched, node: NodeId, then: Then) -> Then:
    """The same, with whether `node` has that content by now."""
    row, now = then.row, nodes.get(view.rows, node)
    if row is None or row.folder:
        return replace(then, changed=row is None)
    same = now is not None and (now.blob == row.blob or touched.copies.get(node) == (now.blob.hex(), row.blob.hex()))
    return replace(then, changed=not same)


def _replacement(view: View, touched: _Touched, node: NodeId) -> NodeId | None:
    """What an earlier rollback has made in the place of a node that is gone."""
    while node in touched.instead:
        node = touched.instead[node]
    return node if nodes.get(view.rows, node) is not None else None


def _forest(view: View, label: str, touched: set[NodeId], then: dict[NodeId, Then]) -> Forest:
    spots: dict[NodeId, Spot] = {}
    heads: set[NodeId] = set()
    root = view.opened.space.root
    waiting = [*touched, *(was.spot.parent for was in then.values())]
    while waiting:
        node = waiting.pop()
        row = None if node in spots or node == root else nodes.get(view.rows, node)
        if row is None:
            continue
        spots[node] = Spot(row.parent, view.tree.name_or_number(row))
        if trash.head(view.rows, node) is not None:
            heads.add(node)
        waiting.append(row.parent)
    return Forest(label, root, spots, heads, {node for node in touched if node in spots})


def _path_of(view: View, entry: Entry) -> SpacePath:
    """Where an entry says that something was."""
    key = view.opened.keys.get(entry.epoch)
    try:
        payload = read_payload(entry, key.journal) if key else {}
    except (Damaged, Incompatible):
        payload = {}
    return tuple(payload.get("source", payload.get("path", f"{view.opened.space.label}/?{entry.node}")).split("/"))


def path_in_trash(view: View, row: Row) -> SpacePath:
    """The names of a deleted node, from the head of its tree down, without the head's own. Raises `NotFound`."""
    names: list[str] = []
    while trash.head(view.rows, row.id) is None:
        names.append(view.tree.name(view.tree.checked(row)))
        above = nodes.get(view.rows, row.parent)
        if above is None:
            raise NotFound("it is not in the trash")
        row = above
    return tuple(reversed(names))
