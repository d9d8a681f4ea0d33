"""Whether a content that looks like noise replaces one that did not: one fact of an entry, for the tripwire.

What is replaced shows in the transaction; to read it there would hold up all other writers. So the transaction is given
up, the content is looked at, and it is run again. Only what looks like noise and replaces something pays for that.
"""

from collections.abc import Callable
from typing import TypeVar

from docstopd.catalog.nodes import Row
from docstopd.errors import Failed, Refused
from docstopd.model import BlobId, Node
from docstopd.vault import density
from docstopd.vault.change import Change
from docstopd.vault.content import open_content
from docstopd.vault.journal import Facts
from docstopd.vault.opening import OpenSpace
from docstopd.vault.stores import Stores

T = TypeVar("T")

TRIES = 3
"""Looks at what is replaced; others may write to it all the time."""

RAISED: Facts = {"entropy": "raised"}


class Unjudged(Exception):
    """What is replaced must be looked at first."""

    def __init__(self, row: Row, node: Node, opened: OpenSpace) -> None:
        super().__init__("a content was not looked at yet")
        self.row = row
        self.node = node
        self.opened = opened


class Rise:
    """The judgement of one upload."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self._known: dict[BlobId, bool] = {}

    def settled(self, run: Callable[[], T]) -> T:
        """`run`, and once more for each content that it wants to be looked at."""
        while True:
            try:
                return run()
            except Unjudged as replaced:
                self._known[replaced.row.blob] = self._was_dense(replaced)

    def facts(self, change: Change, target: Row) -> Facts | None:
        """What the entry says of a noisy content that replaces the one of `target`. Raises `Unjudged`."""
        if target.size < density.LEAST or len(self._known) >= TRIES:
            return None
        dense = self._known.get(target.blob)
        if dense is None:
            raise Unjudged(target, change.tree.node(target, ""), change.opened)
        return None if dense else RAISED

    def _was_dense(self, replaced: Unjudged) -> bool:
        """Of what cannot be read nothing is said."""
        try:
            with open_content(self._stores, replaced.opened, replaced.row, replaced.node) as content:
                return density.is_dense(content.read(0, min(replaced.row.size, density.REACH)))
        except (Refused, Failed):
            return True
