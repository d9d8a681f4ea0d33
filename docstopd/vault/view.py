"""A space as one transaction sees it."""

from dataclasses import dataclass

from docstopd.db import Rows
from docstopd.vault.opening import OpenSpace
from docstopd.vault.tree import Tree


@dataclass(frozen=True, slots=True)
class View:
    """An open space inside a transaction that reads, or in one that changes it."""

    rows: Rows
    opened: OpenSpace
    tree: Tree
