"""Removing, inside a transaction that decided it: single versions, or a file with all that it was."""

from dataclasses import dataclass, field

from docstopd.catalog import holds, nodes, spaces, trash, versions
from docstopd.catalog.versions import Version
from docstopd.db import Rows
from docstopd.model import BlobId, Micros, NodeId, SpaceId
from docstopd.vault.journal import Journal
from docstopd.vault.retention.decide import Decision


@dataclass(slots=True)
class Removed:
    """What a transaction removed. `leftovers` are blobs that nothing names once it is durable."""

    files: int = 0
    versions: int = 0
    bytes: int = 0
    leftovers: list[BlobId] = field(default_factory=list)


class Removal:
    """The removals of one transaction."""

    def __init__(self, rows: Rows, journal: Journal, now: Micros) -> None:
        self._rows = rows
        self._journal = journal
        self._now = now
        self.done = Removed()

    def drop(self, found: list[Decision]) -> None:
        """Remove old versions of one file; one entry for all of them. Nothing that a client sees of it changes."""
        space, node = found[0].space, found[0].node
        for decision in found:
            self._drop_blob(node, decision.blob)
        size = sum(decision.bytes for decision in found)
        self._journal.append(
            self._rows, space, "version-drop", node=node, facts={"versions": len(found), "bytes": size}
        )
        self.done.versions += len(found)
        self.done.bytes += size

    def destroy(self, space: SpaceId, node: NodeId, klass: str) -> list[Version]:
        """Remove a file, wherever it is, with every version; those versions.

        What snapshots hold of it lives on in these until they expire.
        """
        row, past = nodes.get(self._rows, node), versions.of_node(self._rows, node)
        if row is None:
            return []
        above = [one for one in holds.ancestry(self._rows, node) if one != node]
        in_tree = trash.top(self._rows, node) is None
        for version in past:
            self._drop_blob(node, version.blob)
        trash.remove(self._rows, node)
        size = sum(version.size for version in past)
        seq = self._journal.append(
            self._rows, space, "dispose", node=node, facts={"class": klass, "versions": len(past), "bytes": size}
        )
        if in_tree:
            spaces.use(self._rows, space, -row.size)
            nodes.touch(self._rows, above, seq)
            nodes.members_changed(self._rows, row.parent, seq, self._now)
        self.done.files += 1
        self.done.versions += len(past)
        self.done.bytes += size
        return past

    def _drop_blob(self, node: NodeId, blob: BlobId) -> None:
        if versions.drop(self._rows, node, blob):
            self.done.leftovers.append(blob)
