"""One space, folder or file as a snapshot has it, back into the tree: in its place, or beside what is there.

The snapshot's catalog says where things were; its names open under the caller's keys. Each content is opened in memory
and written through the vault's own door: under a new key, with a journal entry, within quota, class and locks.
"""

import datetime
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from docstopd.blobs import BlobReader
from docstopd.catalog import export, nodes, spaces
from docstopd.catalog import properties as property_store
from docstopd.catalog.copies import Copy
from docstopd.catalog.nodes import Row
from docstopd.db import Rows
from docstopd.errors import AlreadyExists, Damaged, Failed, IsFolder, NotFolder, NotFound, Refused
from docstopd.model import NO_GUARD, SECOND, MemberRole, Micros, Node, NodeId, SpacePath
from docstopd.targets import NamedTarget
from docstopd.vault import naming, properties
from docstopd.vault.content import Content
from docstopd.vault.files import Files
from docstopd.vault.opening import OpenSpace, open_space
from docstopd.vault.progress import Progress
from docstopd.vault.session import Session
from docstopd.vault.snapshots import names, sealed
from docstopd.vault.snapshots.alone import PICKED, reading
from docstopd.vault.snapshots.manifest import Manifest, read_manifest
from docstopd.vault.snapshots.reach import reach, service_id
from docstopd.vault.stores import Fresh, Stores
from docstopd.vault.tree import Tree

TRIES = 100


@dataclass(frozen=True, slots=True)
class When:
    """Which snapshot: that of a number, or the newest that is not younger than a time, or with neither the newest."""

    number: int | None = None
    time: Micros | None = None


@dataclass
class Picked:
    """What came back. `unchanged` had the same content already; `damaged` could not be read, each with its reason."""

    number: int
    time: Micros
    target: SpacePath
    files: int = 0
    folders: int = 0
    bytes: int = 0
    unchanged: int = 0
    damaged: list[tuple[SpacePath, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Then:
    """The snapshot's catalog, with the space open in it."""

    rows: Rows
    opened: OpenSpace
    tree: Tree


class Pick:
    """One restore of one path."""

    def __init__(self, stores: Stores, files: Files) -> None:
        self._stores = stores
        self._files = files

    def run(self, session: Session, path: SpacePath, at: When, progress: Progress, *, beside: bool) -> Picked:
        """Restore `path` with all below it. What is there and not in the snapshot stays as it is.

        Raises `NotFound` for a snapshot or a path that is not there, `Forbidden` for a reader, `Busy`, and what
        `Files.write` raises: what was written until then stays.
        """
        path = naming.normal_path(path)
        self._files.require_editor(session, path)
        with reading(self._stores.turnstile):
            named, copy = self._choose(at)
            manifest = read_manifest(named.objects, self._stores.server, service_id(self._stores), copy.number)
            progress("catalog", 0, 1)
            with self._imported(named, manifest) as fresh, fresh.catalog.read() as rows:
                then = self._open(session, path, rows)
                top = then.tree.find(path[1:])[-1]
                target = self._beside(session, path, manifest) if beside else path
                picked = Picked(manifest.number, manifest.time, target)
                self._parents(session, target)
                self._restore(session, then, top, target, picked, progress)
        return picked

    # -- the snapshot -----------------------------------------------------------------------------------------------

    def _choose(self, at: When) -> tuple[NamedTarget, Copy]:
        targets, lost = reach(self._stores, dry=True)
        found = [(target.named, copy) for target in targets for copy in target.finished]
        if at.number is not None:
            found = [one for one in found if one[1].number == at.number]
        elif at.time is not None:
            found = [one for one in found if one[1].created <= at.time]
        if not found:
            why = "".join(f"; target {name}: {reason}" for name, reason in lost.items())
            raise NotFound(f"there is no such snapshot; `docstopd snapshot list` shows those that are{why}")
        return max(found, key=lambda one: one[1].number)

    @contextmanager
    def _imported(self, named: NamedTarget, manifest: Manifest) -> Iterator[Fresh]:
        if self._stores.fresh is None:
            raise Refused("this vault cannot restore")
        folder = self._stores.turnstile / PICKED / self._stores.random(8).hex()
        try:
            with self._stores.fresh(folder) as fresh:
                self._load(named, manifest, fresh)
                yield fresh
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _load(self, named: NamedTarget, manifest: Manifest, fresh: Fresh) -> None:
        reader = named.objects.open(names.catalog(manifest.number))
        try:
            lines = sealed.unseal(self._stores.server, reader, sealed.CATALOG, manifest.service, manifest.number)
            fresh.catalog.write(lambda rows: export.load(rows, lines, leave_out=("journal",)))
        finally:
            reader.close()

    def _open(self, session: Session, path: SpacePath, rows: Rows) -> _Then:
        """The space as it was, under the keys that the caller has now."""
        with self._stores.catalog.read() as live:
            opened = open_space(live, self._stores.keyring, session, path[0])
        past = next((space for space in spaces.all_spaces(rows) if space.id == opened.space.id), None)
        if past is None:
            raise NotFound("the snapshot has no such space: it was made later")
        then = OpenSpace(past, MemberRole.OWNER, opened.keys)
        return _Then(rows, then, Tree(rows, then))

    # -- the tree ---------------------------------------------------------------------------------------------------

    def _beside(self, session: Session, path: SpacePath, manifest: Manifest) -> SpacePath:
        if len(path) == 1:
            return self._free(session, (*path, _label(manifest.time)))
        stem, dot, ending = path[-1].rpartition(".")
        if not stem:
            stem, dot, ending = path[-1], "", ""
        return self._free(session, (*path[:-1], f"{stem} ({_label(manifest.time)}){dot}{ending}"))

    def _free(self, session: Session, path: SpacePath) -> SpacePath:
        for number in range(TRIES):
            candidate = path if not number else (*path[:-1], f"{path[-1]} {number + 1}")
            try:
                self._files.stat(session, candidate)
            except NotFound:
                return candidate
        raise AlreadyExists("there are too many restored copies of this beside it already")

    def _parents(self, session: Session, path: SpacePath) -> None:
        for depth in range(2, len(path)):
            self._folder(session, path[:depth])

    def _folder(self, session: Session, path: SpacePath) -> bool:
        try:
            self._files.make_folder(session, path)
        except AlreadyExists:
            if not self._files.stat(session, path).folder:
                raise NotFolder("a file lies where the snapshot has a folder; restore beside it") from None
            return False
        return True

    def _restore(
        self, session: Session, then: _Then, top: Row, target: SpacePath, picked: Picked, progress: Progress
    ) -> None:
        below = nodes.below(then.rows, top.id)
        paths: dict[NodeId, SpacePath] = {top.id: target}
        for number, row in enumerate(below):
            progress("files", number, len(below))
            if row.id != top.id:
                if row.parent not in paths:
                    continue  # its folder could not be read, which was said
                try:
                    paths[row.id] = (*paths[row.parent], then.tree.name(then.tree.checked(row)))
                except Damaged as error:
                    picked.damaged.append(((*paths[row.parent], f"node {row.id}"), str(error)))
                    continue
            self._one(session, then, row, paths[row.id], picked)
        progress("files", len(below), len(below))

    def _one(self, session: Session, then: _Then, row: Row, path: SpacePath, picked: Picked) -> None:
        if row.folder:
            if len(path) > 1 and self._folder(session, path):
                picked.folders += 1
                self._properties(session, then, row, path)
            return
        try:
            if self._is_there(session, row, path):
                picked.unchanged += 1
                return
            with (
                self._content(then.opened, row) as content,
                self._files.write(session, path, modified=row.modified, expected=row.size) as upload,
            ):
                for block in content.read(0, row.size):
                    upload.write(block)
                upload.commit()
        except Damaged as error:
            picked.damaged.append((path, str(error)))
            return
        self._properties(session, then, row, path)
        picked.files += 1
        picked.bytes += row.size

    def _is_there(self, session: Session, row: Row, path: SpacePath) -> bool:
        try:
            found = self._files.stat(session, path)
        except NotFound:
            return False
        if found.folder:
            raise IsFolder("a folder lies where the snapshot has a file; restore beside it")
        return found.etag == row.blob.hex()

    def _properties(self, session: Session, then: _Then, row: Row, path: SpacePath) -> None:
        wanted = properties.read(then.opened.keys, property_store.of_node(then.rows, row.id)).get(row.id, {})
        if wanted:
            self._files.patch(session, path, NO_GUARD, list(wanted.items()))

    def _content(self, opened: OpenSpace, row: Row) -> Content:
        epoch, wrapped = self._stores.keyring.data_key(row.blob, row.space)
        key = opened.keys.get(epoch)
        if key is None:
            raise Damaged("a data key belongs to another epoch")
        node = Node(row.id, row.space, "", False, row.size, "", row.seq, row.created, row.modified)
        reader = self._reader(row)
        try:
            return Content(node, row.blob, key.unwrap_data_key(row.blob, wrapped), reader)
        except BaseException:
            reader.close()
            raise

    def _reader(self, row: Row) -> BlobReader:
        """From here if it is here, else from the first target that has it."""
        try:
            return self._stores.blobs.open(row.blob)
        except Damaged as error:
            for named in self._stores.targets:
                try:
                    return named.objects.open(names.blob(row.blob))
                except (NotFound, Failed):
                    continue
            raise error from None


def _label(time: Micros) -> str:
    """The snapshot's time as a part of a name: no colon, which Windows has no use for."""
    moment = datetime.datetime.fromtimestamp(time // SECOND, datetime.UTC)
    return f"restored {moment:%Y-%m-%d %H.%M.%S}"
