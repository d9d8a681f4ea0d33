"""The items to be decided on, as one transaction sees them: files in batches, deleted trees one by one."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import TypeVar

from docstopd.catalog import classes, dispositions
from docstopd.catalog import retention as store
from docstopd.catalog.retention import Head, Held, Share
from docstopd.db import Rows
from docstopd.model import Micros, NodeId
from docstopd.vault.retention.decide import Content, File, Trashed
from docstopd.vault.retention.schedule import Dates

BATCH = 500

T = TypeVar("T")


def batched(found: Sequence[T], size: int = BATCH) -> Iterator[Sequence[T]]:
    """The whole of it in pieces that one statement, or one transaction, can take."""
    for start in range(0, len(found), size):
        yield found[start : start + size]


class Items:
    """Reads the catalog for `decide`."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._approved = dispositions.approved(rows)

    def candidates(self) -> list[NodeId]:
        """The files of which something may be removed."""
        return store.candidates(self._rows)

    def files(self, nodes: Sequence[NodeId]) -> Iterator[File]:
        """These files, without those that are gone."""
        for some in batched(nodes):
            kept = store.kept(self._rows, some)
            for node, found in groupby(store.contents(self._rows, some), attrgetter("node")):
                yield self._file(node, list(found), kept.get(node))

    def _file(self, node: NodeId, found: list[Held], kept: Micros | None) -> File:
        contents = tuple(
            Content(held.blob, held.size, held.received, held.author, held.blob == held.current) for held in found
        )
        one = found[0]
        changed = max(content.received for content in contents)
        first = min(content.received for content in contents) if one.first is None else one.first
        return File(
            space=one.space,
            node=node,
            contents=contents,
            klass=one.klass,
            dates=Dates(first, changed, one.event, kept),
            approved=node in self._approved,
        )

    def trashed(self) -> Iterator[Trashed]:
        """Every deleted tree."""
        classed = classes.any_at_all(self._rows)
        for some in batched(store.heads(self._rows)):
            files = [head.node for head in some if not head.folder]
            within: dict[NodeId, list[Share]] = {}
            for share in store.shares(self._rows, files) if files else ():
                within.setdefault(share.node, []).append(share)
            for head in some:
                shares = store.shares_below(self._rows, head.node) if head.folder else within.get(head.node, [])
                yield self._tree(head, shares, classed=classed)

    def _tree(self, head: Head, shares: list[Share], *, classed: bool) -> Trashed:
        nodes = tuple(dict.fromkeys((head.node, *(share.node for share in shares))))
        return Trashed(
            space=head.space,
            node=head.node,
            deleted=head.time,
            nodes=nodes,
            authors=frozenset(share.author for share in shares if share.author is not None),
            versions=sum(share.versions for share in shares),
            bytes=sum(share.size for share in shares),
            files=tuple(self._classed(nodes)) if classed else (),
            entry=head.entry,
        )

    def _classed(self, nodes: Sequence[NodeId]) -> Iterator[File]:
        for some in batched(nodes):
            names = classes.names_of(self._rows, some)
            if names:
                yield from self.files(list(names))
