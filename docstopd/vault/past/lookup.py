"""From a path to what is there of a space's past."""

from collections.abc import Callable, Mapping, Sequence

from docstopd.model import SpacePath
from docstopd.vault.past import snapshots, trash, versions
from docstopd.vault.past.place import Place
from docstopd.vault.view import View

_AREAS: Mapping[str, Callable[[View, Sequence[str]], Place]] = {
    versions.AREA: versions.find,
    trash.AREA: trash.find,
    snapshots.AREA: snapshots.find,
}


def find(view: View, path: SpacePath) -> Place:
    """What is at a path of the past (`naming.is_past`), in NFC. Raises `NotFound`, `Damaged`."""
    return _AREAS[path[1]](view, path[2:])
