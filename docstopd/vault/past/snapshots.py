"""`.snapshots`: the space as it was, at the time of each snapshot that has not expired, or at any other.

The times of snapshots are listed; any other that is asked for by name is there as well.
"""

from collections.abc import Sequence
from functools import partial

from docstopd.catalog import versions
from docstopd.errors import NotFound
from docstopd.model import Micros
from docstopd.vault.past.naming import read_time, time_name
from docstopd.vault.past.place import Members, Place, made_up
from docstopd.vault.past.point import Point
from docstopd.vault.view import View

AREA = ".snapshots"


def find(view: View, names: Sequence[str]) -> Place:
    """What is at this path below `.snapshots`. Raises `NotFound`, `Damaged`."""
    if not names:
        root = view.tree.root()
        return Place(made_up(view, -root.id, AREA, root.modified), None, partial(_points, view))
    time = read_time(names[0])
    if time is None:
        raise NotFound("name a time such as 2026-11-24T12-00-00Z")
    return Point(view, time).find(names[1:], names[0])


def _points(view: View) -> Members:
    made = view.opened.space.created
    return Members([_point(view, time) for time in versions.snapshot_times(view.rows) if time >= made], [])


def _point(view: View, time: Micros) -> Place:
    return Place(made_up(view, -time, time_name(time), time), None)
