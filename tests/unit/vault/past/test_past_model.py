"""A state machine over a space and its past, against dicts: versions, trash, restoring, purging, every time again."""

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from vaults import Bench, open_bench

from docstopd.errors import AlreadyExists, IsFolder, NotFound, Overlap, ParentMissing, Refused
from docstopd.model import NodeId, SpacePath
from docstopd.vault.past.naming import time_name

NAMES = st.sampled_from(["a", "b", "c.txt"])
PICK = st.integers(0, 9)
DEEPEST = 4

ROOT: SpacePath = ()


@dataclass(frozen=True, slots=True)
class Thing:
    """A file or folder: its id, and its content; a folder has none."""

    id: int
    content: bytes | None


Tree = dict[SpacePath, Thing]


@dataclass
class Model:
    """A space: what is there, what was deleted (by the head's id, with what lay below it), and every content."""

    tree: Tree = field(default_factory=lambda: {ROOT: Thing(0, None)})
    trash: dict[int, Tree] = field(default_factory=dict)
    versions: dict[int, list[bytes]] = field(default_factory=dict)
    merged: dict[int, int] = field(default_factory=dict)

    def below(self, path: SpacePath) -> Tree:
        return {known[len(path) :]: thing for known, thing in self.tree.items() if known[: len(path)] == path}

    def folder_for(self, path: SpacePath) -> None:
        above = self.tree.get(path[:-1])
        if above is None or above.content is not None:
            raise ParentMissing

    def take(self, path: SpacePath) -> Tree:
        taken = self.below(path)
        self.tree = {known: thing for known, thing in self.tree.items() if known[: len(path)] != path}
        return taken

    def delete(self, path: SpacePath) -> None:
        if path not in self.tree:
            raise NotFound
        taken = self.take(path)
        self.trash[taken[ROOT].id] = taken

    def place(self, path: SpacePath, things: Tree, *, overwrite: bool) -> None:
        """Put what was taken somewhere: a file over a file is merged into it."""
        there, top = self.tree.get(path), things[ROOT]
        if there is not None and not overwrite:
            raise AlreadyExists
        if there is not None and there.content is not None and top.content is not None:
            self.versions[there.id] = sorted(self.versions[there.id] + self.versions.pop(top.id), key=int)
            self.merged[top.id] = there.id
            things = {ROOT: Thing(there.id, top.content)}
        elif there is not None:
            self.delete(path)
        self.tree |= {(*path, *known): thing for known, thing in things.items()}

    def move(self, source: SpacePath, target: SpacePath, *, overwrite: bool) -> None:
        if source not in self.tree:
            raise NotFound
        self.folder_for(target)
        if target[: len(source)] == source or source[: len(target)] == target:
            raise Overlap
        if target in self.tree and not overwrite:
            raise AlreadyExists
        self.place(target, self.take(source), overwrite=True)

    def restore(self, head: int, inside: SpacePath, target: SpacePath, *, overwrite: bool) -> None:
        self.folder_for(target)
        if target in self.tree and not overwrite:
            raise AlreadyExists
        lying = self.trash[head]
        things = {path[len(inside) :]: thing for path, thing in lying.items() if path[: len(inside)] == inside}
        rest = {path: thing for path, thing in lying.items() if path[: len(inside)] != inside}
        del self.trash[head]
        if rest:
            self.trash[head] = rest
        self.place(target, things, overwrite=True)

    def purge(self, head: int) -> set[int]:
        """Every id that is gone then, with those that became its versions."""
        gone = {thing.id for thing in self.trash.pop(head).values()}
        while more := {merged for merged, into in self.merged.items() if into in gone} - gone:
            gone |= more
        return gone


class PastMachine(RuleBasedStateMachine):
    """Does the same to a vault and to the model; what was, is found again."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="docstopd-past-"))
        self.bench: Bench = open_bench(self.folder)
        self.ada = self.bench.account("ada")
        self.bench.vault.spaces.add("s", self.ada.user)
        self.files = self.bench.vault.files
        self.model = Model()
        self.history: list[tuple[int, Tree]] = []
        self.written = 0
        self.remember()

    def teardown(self) -> None:
        try:
            for time, tree in self.history:
                self.compare(time, tree)
            self.bench.assert_tidy()
        finally:
            self.bench.vault.close()
            shutil.rmtree(self.folder)

    def remember(self) -> None:
        self.bench.clock.advance(1)
        self.history.append((self.bench.clock(), dict(self.model.tree)))
        self.bench.clock.advance(1)

    def both(self, model: Callable[[], object], vault: Callable[[], object]) -> bool:
        """The same outcome; whether it was a change."""
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
        self.remember()
        return wanted is None

    def folder_of(self, pick: int) -> SpacePath:
        """Some folder of the tree."""
        found = [path for path, thing in self.model.tree.items() if thing.content is None and len(path) < DEEPEST]
        return found[pick % len(found)]

    def something(self, pick: int) -> SpacePath:
        """Some path of the tree; where nothing is, if there is nothing."""
        found = [path for path in self.model.tree if path]
        return found[pick % len(found)] if found else ("none",)

    def deleted(self, head: int) -> SpacePath:
        """Where a head of the trash is shown."""
        (name,) = [node.name for node in self.files.list(self.ada, ("s", ".trash")).members if node.id == head]
        return ("s", ".trash", name)

    @initialize()
    def furnish(self) -> None:
        """A few folders and files, so that there is something to move and delete."""
        for pick, name in ((0, "a"), (0, "b"), (1, "b")):
            self.make_folder(pick, name)
        for pick, name in ((0, "c.txt"), (1, "c.txt"), (3, "c.txt"), (1, "a")):
            self.write(pick, name)

    # -- what happens -----------------------------------------------------------------------------------------------

    @rule(pick=PICK, name=NAMES)
    def write(self, pick: int, name: str) -> None:
        path = (*self.folder_of(pick), name)
        self.written += 1
        content = str(self.written).encode()

        def model() -> None:
            self.model.folder_for(path)
            known = self.model.tree.get(path)
            if known is not None and known.content is None:
                raise IsFolder
            self.model.tree[path] = Thing(known.id if known else -1, content)

        if self.both(model, lambda: self.bench.put(self.ada, ("s", *path), content)):
            node = self.files.stat(self.ada, ("s", *path)).id
            self.settle(path, node)
            self.model.versions.setdefault(node, []).append(content)

    @rule(pick=PICK, name=NAMES)
    def make_folder(self, pick: int, name: str) -> None:
        path = (*self.folder_of(pick), name)

        def model() -> None:
            self.model.folder_for(path)
            if path in self.model.tree:
                raise AlreadyExists
            self.model.tree[path] = Thing(-1, None)

        if self.both(model, lambda: self.files.make_folder(self.ada, ("s", *path))):
            self.settle(path, self.files.stat(self.ada, ("s", *path)).id)

    def settle(self, path: SpacePath, node: NodeId) -> None:
        """Give what is new the id that the vault gave it."""
        known = self.model.tree[path]
        assert known.id in {-1, node}
        for tree in (self.model.tree, self.history[-1][1]):
            tree[path] = Thing(node, known.content)

    @precondition(lambda self: len(self.model.tree) > 1)
    @rule(pick=PICK)
    def delete(self, pick: int) -> None:
        path = self.something(pick)
        self.both(lambda: self.model.delete(path), lambda: self.files.delete(self.ada, ("s", *path)))

    @precondition(lambda self: len(self.model.tree) > 1)
    @rule(pick=PICK, into=PICK, name=NAMES, overwrite=st.booleans())
    def move(self, pick: int, into: int, name: str, overwrite: bool) -> None:
        source, to = self.something(pick), (*self.folder_of(into), name)
        if self.muddles(self.model.tree.get(source), to):
            return
        self.both(
            lambda: self.model.move(source, to, overwrite=overwrite),
            lambda: self.files.move(self.ada, ("s", *source), ("s", *to), overwrite=overwrite),
        )

    @precondition(lambda self: self.model.trash)
    @rule(pick=PICK, member=PICK, into=PICK, name=NAMES, overwrite=st.booleans())
    def restore(self, pick: int, member: int, into: int, name: str, overwrite: bool) -> None:
        to = (*self.folder_of(into), name)
        head, lying = list(self.model.trash.items())[pick % len(self.model.trash)]
        inside = list(lying)[member % len(lying)]
        if self.muddles(lying[inside], to):
            return
        source = (*self.deleted(head), *inside)
        self.both(
            lambda: self.model.restore(head, inside, to, overwrite=overwrite),
            lambda: self.files.move(self.ada, source, ("s", *to), overwrite=overwrite),
        )

    def muddles(self, thing: Thing | None, target: SpacePath) -> bool:
        """Whether what has another file's past would go over a third file: whose it was is not known any more."""
        there = self.model.tree.get(target)
        return bool(thing and there and thing.content and there.content and thing.id in self.model.merged.values())

    @precondition(lambda self: self.model.trash)
    @rule(pick=PICK)
    def purge(self, pick: int) -> None:
        head = list(self.model.trash)[pick % len(self.model.trash)]
        (found,) = self.bench.rows("SELECT id, deleted FROM nodes WHERE id = ?", head)
        purged = self.bench.vault.past.purge.run([found])
        gone = self.model.purge(head)
        assert purged.files + purged.folders + len([one for one in gone if one in self.model.merged]) == len(gone)
        for _, tree in self.history:  # what lay in a folder that has been purged is found no more
            lost = [path for path, thing in tree.items() if thing.id in gone]
            for path in [known for known in tree if any(known[: len(above)] == above for above in lost)]:
                del tree[path]
        self.remember()

    @rule(pick=PICK)
    def restore_a_version(self, pick: int) -> None:
        """A copy over the file is its newest content."""
        files = [path for path, thing in self.model.tree.items() if thing.content is not None]
        if not files:
            return
        path = files[pick % len(files)]
        place = ("s", ".versions", *path)
        members = self.files.list(self.ada, place).members
        member = members[pick % len(members)]
        content = self.bench.get(self.ada, (*place, member.name))
        self.files.copy(self.ada, (*place, member.name), ("s", *path), overwrite=True, deep=True)
        assert self.bench.get(self.ada, ("s", *path)) == content
        self.written += 1
        self.bench.put(self.ada, ("s", *path), str(self.written).encode())  # tell it from the one it came from
        node = self.model.tree[path].id
        self.model.versions[node] += [content, str(self.written).encode()]
        self.model.tree[path] = Thing(node, str(self.written).encode())
        self.remember()

    # -- what is seen -----------------------------------------------------------------------------------------------

    @rule(pick=st.integers(0, 99))
    def look_back(self, pick: int) -> None:
        self.compare(*self.history[pick % len(self.history)])

    def compare(self, time: int, tree: Tree) -> None:
        """What is shown of a time is what was there, but for what was purged; by listing, and by asking for each."""
        top = ("s", ".snapshots", time_name(time))
        wanted = {path: thing.content for path, thing in tree.items() if path}
        assert self.seen(top) == wanted
        for path, content in wanted.items():
            assert self.files.stat(self.ada, (*top, *path)).folder is (content is None)

    def seen(self, top: SpacePath) -> dict[SpacePath, bytes | None]:
        """All below a path."""
        found: dict[SpacePath, bytes | None] = {}
        waiting: list[SpacePath] = [()]
        while waiting:
            path = waiting.pop()
            for node in self.files.list(self.ada, (*top, *path)).members:
                here = (*path, node.name)
                assert here not in found
                found[here] = None if node.folder else self.bench.get(self.ada, (*top, *here))
                if node.folder:
                    waiting.append(here)
        return found

    @invariant()
    def the_tree_is_as_it_should_be(self) -> None:
        assert self.seen(("s",)) == {path: thing.content for path, thing in self.model.tree.items() if path}

    @invariant()
    def the_trash_holds_what_was_deleted(self) -> None:
        shown = self.files.list(self.ada, ("s", ".trash")).members
        assert {node.id for node in shown} == set(self.model.trash)
        for node in shown:
            lying = self.model.trash[node.id]
            assert node.folder is (lying[ROOT].content is None)
            place = ("s", ".trash", node.name)
            if node.folder:
                assert self.seen(place) == {path: thing.content for path, thing in lying.items() if path}
            else:
                assert self.bench.get(self.ada, place) == lying[ROOT].content

    @invariant()
    def every_content_is_a_version(self) -> None:
        for path, thing in self.model.tree.items():
            if thing.content is not None:
                place = ("s", ".versions", *path)
                names = [node.name for node in self.files.list(self.ada, place).members]
                contents = [self.bench.get(self.ada, (*place, name)) for name in names]
                assert sorted(contents) == sorted(self.model.versions[thing.id])

    @invariant()
    def only_the_tree_counts_for_the_quota(self) -> None:
        sizes = sum(len(thing.content) for thing in self.model.tree.values() if thing.content)
        assert self.files.quota(self.ada, ("s",)).used == sizes


TestPast = PastMachine.TestCase
TestPast.settings = settings(
    max_examples=15, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
