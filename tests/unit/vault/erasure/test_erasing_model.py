"""Whatever happens before, between and after: what was erased is nowhere, and everything else is as it was left."""

import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from snapshots import bench_with_target, restore_into
from vaults import PASSWORD, Bench, Clock

from docstopd.model import SpacePath

NAMES = st.sampled_from(["a", "b", "c"])
FOLDERS = st.sampled_from([(), ("f",), ("g",)])
DAY = 86_400


class Erasing(RuleBasedStateMachine):
    """Files in a space and two folders of it; the model is a dictionary, and the set of all contents that may be."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="docstopd-erasing-"))
        self.bench: Bench = bench_with_target(self.folder, clock=Clock())
        self.files: dict[SpacePath, bytes] = {}
        self.erased: set[bytes] = set()
        self.count = 0

    @initialize()
    def begin(self) -> None:
        self.ada = self.bench.account("ada")
        for folder in ("f", "g"):
            self.bench.vault.files.make_folder(self.ada, ("ada", folder))

    def teardown(self) -> None:
        self.bench.vault.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def blobs_below(self, path: SpacePath) -> set[bytes]:
        """Every blob that the node at a path, and all below it, have or had."""
        node = self.bench.vault.files.stat(self.ada, ("ada", *path)).id
        rows = self.bench.rows(
            "WITH RECURSIVE t(id) AS (SELECT ? UNION SELECT n.id FROM nodes n JOIN t ON n.parent = t.id)"
            " SELECT blob FROM versions WHERE node IN t",
            node,
        )
        return {row[0] for row in rows}

    @rule(folder=FOLDERS, name=NAMES)
    def put(self, folder: SpacePath, name: str) -> None:
        """A new file, or a new version."""
        self.count += 1
        content = b"content %d" % self.count
        self.bench.put(self.ada, ("ada", *folder, name), content)
        self.files[*folder, name] = content

    @rule(folder=FOLDERS, name=NAMES, into=FOLDERS, other=NAMES)
    def move(self, folder: SpacePath, name: str, into: SpacePath, other: str) -> None:
        """Over what is there, if anything is."""
        source, to = (*folder, name), (*into, other)
        if source in self.files and source != to:
            self.bench.vault.files.move(self.ada, ("ada", *source), ("ada", *to), overwrite=True)
            self.files[to] = self.files.pop(source)

    @rule(folder=FOLDERS, name=NAMES)
    def delete(self, folder: SpacePath, name: str) -> None:
        """To the trash."""
        if (*folder, name) in self.files:
            self.bench.vault.files.delete(self.ada, ("ada", *folder, name))
            del self.files[*folder, name]

    @rule(folder=FOLDERS, name=NAMES)
    def erase_file(self, folder: SpacePath, name: str) -> None:
        """With all it ever held."""
        if (*folder, name) in self.files:
            self.erased |= self.blobs_below((*folder, name))
            self.bench.vault.erasure.request_path(self.ada, ("ada", *folder, name))
            del self.files[*folder, name]

    @rule(name=st.sampled_from(["f", "g"]))
    def erase_folder(self, name: str) -> None:
        """With what was deleted out of it; it is made anew."""
        self.erased |= self.blobs_below((name,))
        self.bench.vault.erasure.request_path(self.ada, ("ada", name))
        self.files = {path: content for path, content in self.files.items() if path[0] != name or len(path) < 2}
        self.bench.vault.files.make_folder(self.ada, ("ada", name))

    @rule()
    def erase_trash(self) -> None:
        """The first thing in it."""
        trash = sorted(self.bench.names(self.ada, ("ada", ".trash")))
        if trash:
            path = ("ada", ".trash", trash[0])
            node = self.bench.vault.files.stat(self.ada, path).id
            self.erased |= {row[0] for row in self.bench.rows("SELECT blob FROM versions WHERE node = ?", node)}
            self.bench.vault.erasure.request_path(self.ada, path)

    @rule()
    def snapshot(self) -> None:
        """And the job that follows it."""
        self.bench.vault.snapshots.create()
        self.bench.clock.advance(DAY)
        self.bench.vault.erasure.expire()

    @rule()
    def rotate(self) -> None:
        """Erasing and rotating do not hinder each other."""
        self.bench.vault.rotation.space(self.ada, "ada")

    @rule()
    def restore(self) -> None:
        """The newest snapshot, beside: nothing that was erased since is in it."""
        if not self.bench.vault.snapshots.all():
            return
        place = Path(tempfile.mkdtemp(prefix="docstopd-restored-"))
        try:
            restored, _ = restore_into(self.bench, self.bench.stores.targets[0].objects, place / "data")
            assert not restored.blob_ids() & self.erased and not restored.key_ids() & self.erased
            restored.vault.sessions.sign_in("ada", PASSWORD)
            restored.assert_journal()
            restored.vault.close()
        finally:
            shutil.rmtree(place, ignore_errors=True)

    @invariant()
    def what_is_left_is_whole(self) -> None:
        """Every file reads as it was written last; no store has anything of what was erased."""
        if not hasattr(self, "ada"):
            return
        for path, content in self.files.items():
            assert self.bench.get(self.ada, ("ada", *path)) == content
        for stored in (self.bench.blob_ids(), self.bench.key_ids(), self.bench.live_ids()):
            assert not stored & self.erased
        at_target = {path.name for path in (self.folder / "target").glob("blobs/??/*")}
        assert not at_target & {blob.hex() for blob in self.erased}
        used = self.bench.vault.files.quota(self.ada, ("ada",)).used
        assert used == sum(map(len, self.files.values()))
        self.bench.assert_journal()


Erasing.TestCase.settings = settings(
    max_examples=12, stateful_step_count=14, deadline=None, suppress_health_check=list(HealthCheck)
)
test_erasing_by_a_model = Erasing.TestCase
