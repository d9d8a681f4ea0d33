"""A state machine over files and folders, against a dict: same tree, same bytes, nothing left behind."""

import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from vaults import open_bench

from docstopd.errors import AlreadyExists, IsFolder, NotFolder, NotFound, Overlap, ParentMissing, Refused
from docstopd.model import NO_GUARD, SpacePath
from docstopd.vault import naming

NAMES = st.sampled_from(["a", "b", "\u00e9", "._m"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map(lambda names: ("s", *names))
BODIES = st.sampled_from([b"", b"x", b"some content", bytes(300_000)])

Tree = dict[SpacePath, bytes | None]
"""Content by path; None is a folder."""


class Model:
    """What files and folders do, in as few words as can be."""

    def __init__(self) -> None:
        self.tree: Tree = {("s",): None}
        self.properties: dict[SpacePath, dict[str, str]] = {}

    def below(self, path: SpacePath) -> list[SpacePath]:
        return [known for known in self.tree if known[: len(path)] == path]

    def check_parent(self, path: SpacePath) -> None:
        if self.tree.get(path[:-1], b"") is not None:
            raise ParentMissing

    def write(self, path: SpacePath, body: bytes) -> None:
        self.check_parent(path)
        if path in self.tree and self.tree[path] is None:
            raise IsFolder
        self.tree[path] = body

    def make_folder(self, path: SpacePath) -> None:
        self.check_parent(path)
        if path in self.tree:
            raise AlreadyExists
        self.tree[path] = None

    def delete(self, path: SpacePath) -> None:
        if path not in self.tree:
            raise NotFound
        for known in self.below(path):
            del self.tree[known]
            self.properties.pop(known, None)

    def transfer(self, source: SpacePath, target: SpacePath, *, overwrite: bool, deep: bool, move: bool) -> None:
        if source not in self.tree:
            raise NotFound
        self.check_parent(target)
        chain = {source[:n] for n in range(1, len(source) + 1)}
        found = self.below(source) if deep else [source]
        inside = target[: len(source)] == source and target != source
        if (inside and (move or len(found) > 1)) or target in chain:
            raise Overlap
        if target in self.tree and not overwrite:
            raise AlreadyExists
        moved = {(*target, *path[len(source) :]): self.tree[path] for path in found}
        properties = {
            (*target, *path[len(source) :]): self.properties[path] for path in found if path in self.properties
        }
        if target in self.tree:
            self.delete(target)
        if move:
            self.delete(source)
        self.tree |= moved
        self.properties |= {path: dict(values) for path, values in properties.items()}

    def patch(self, path: SpacePath, name: str, value: str | None) -> None:
        if path not in self.tree:
            raise NotFound
        own = self.properties.setdefault(path, {})
        if value is None:
            own.pop(name, None)
        else:
            own[name] = value


class FilesMachine(RuleBasedStateMachine):
    """Does the same to a vault and to the model: the outcomes and the trees are the same."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="docstopd-model-"))
        self.bench = open_bench(self.folder)
        self.ada = self.bench.account("ada")
        self.bench.vault.spaces.add("s", self.ada.user)
        self.files = self.bench.vault.files
        self.model = Model()

    def teardown(self) -> None:
        try:
            assert self.bench.vault.audit.verify()[1] == []
            assert self.bench.blob_ids() == self.bench.key_ids() == self.bench.live_ids()
        finally:
            self.bench.vault.close()
            shutil.rmtree(self.folder)

    def both(self, touched: list[SpacePath], model, vault) -> None:  # type: ignore[no-untyped-def]
        """The same outcome; and if it was a change, new etags from the places that it touched up to the root."""
        before = {path: self.etag(path) for path in self.ancestors(touched)}
        wanted = got = None
        try:
            model()
        except Refused as error:
            wanted = type(error)
        try:
            vault()
        except Refused as error:
            got = type(error)
        assert got is wanted
        for path, etag in before.items():
            if self.model.tree.get(path, b"") is None and etag is not None:
                assert (self.etag(path) == etag) is (wanted is not None), path

    def ancestors(self, touched: list[SpacePath]) -> set[SpacePath]:
        return {path[:n] for path in touched for n in range(1, len(path))}

    def etag(self, path: SpacePath) -> str | None:
        try:
            return self.files.stat(self.ada, path).etag
        except NotFound:
            return None

    @rule(path=PATHS, body=BODIES)
    def write(self, path: SpacePath, body: bytes) -> None:
        # A file that macOS strews is written again without anything above it being told.
        quiet = naming.ephemeral(path[-1]) and self.model.tree.get(path) is not None
        touched = [] if quiet else [path]
        before = self.etag(path), self.etag(path[:-1])
        self.both(touched, lambda: self.model.write(path, body), lambda: self.bench.put(self.ada, path, body))
        if quiet:
            assert (self.etag(path) != before[0], self.etag(path[:-1])) == (True, before[1])

    @rule(path=PATHS)
    def make_folder(self, path: SpacePath) -> None:
        self.both([path], lambda: self.model.make_folder(path), lambda: self.files.make_folder(self.ada, path))

    @rule(path=PATHS)
    def delete(self, path: SpacePath) -> None:
        self.both([path], lambda: self.model.delete(path), lambda: self.files.delete(self.ada, path))

    @rule(source=PATHS, to=PATHS, overwrite=st.booleans())
    def move(self, source: SpacePath, to: SpacePath, overwrite: bool) -> None:
        self.both(
            [source, to],
            lambda: self.model.transfer(source, to, overwrite=overwrite, deep=True, move=True),
            lambda: self.files.move(self.ada, source, to, overwrite=overwrite),
        )

    @rule(source=PATHS, to=PATHS, overwrite=st.booleans(), deep=st.booleans())
    def copy(self, source: SpacePath, to: SpacePath, overwrite: bool, deep: bool) -> None:
        self.both(
            [to],
            lambda: self.model.transfer(source, to, overwrite=overwrite, deep=deep, move=False),
            lambda: self.files.copy(self.ada, source, to, overwrite=overwrite, deep=deep),
        )

    @rule(path=PATHS, name=st.sampled_from(["{x}p", "{x}q"]), value=st.sampled_from(["<v/>", "<w>1</w>", None]))
    def patch(self, path: SpacePath, name: str, value: str | None) -> None:
        self.both(
            [path],
            lambda: self.model.patch(path, name, value),
            lambda: self.files.patch(self.ada, path, NO_GUARD, [(name, value)]),
        )

    @invariant()
    def the_trees_are_the_same(self) -> None:
        seen: Tree = {}
        properties: dict[SpacePath, dict[str, str]] = {}

        def walk(path: SpacePath) -> None:
            seen[path] = None
            listing = self.files.list(self.ada, path)
            for node in listing.members:
                own = self.files.properties(self.ada, [node]).get(node.id)
                if own:
                    properties[(*path, node.name)] = own
                if node.folder:
                    walk((*path, node.name))
                else:
                    seen[(*path, node.name)] = self.bench.get(self.ada, (*path, node.name))

        walk(("s",))
        assert seen == self.model.tree
        assert properties == {path: own for path, own in self.model.properties.items() if own}

    @invariant()
    def the_quota_counts_what_is_there(self) -> None:
        sizes = sum(len(body) for body in self.model.tree.values() if body)
        assert self.files.quota(self.ada, ("s",)).used == sizes

    @invariant()
    def a_file_is_not_a_folder(self) -> None:
        for path, body in list(self.model.tree.items())[:3]:
            try:
                self.files.list(self.ada, path)
                assert body is None
            except NotFolder:
                assert body is not None


TestFiles = FilesMachine.TestCase
TestFiles.settings = settings(
    max_examples=25, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
