"""Changes since a sync token: a client that applies them has what the server has."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule
from vaults import Bench, open_bench

from docstopd.errors import InvalidSyncToken, NotFolder, NotFound, Refused
from docstopd.model import NO_GUARD, MemberRole, Node, SpacePath
from docstopd.vault import Report, Session, naming

SPACE = ("ada",)
FOLDER = ("ada", "folder")


@dataclass
class Client:
    """Keeps a copy of one folder, by reports alone."""

    bench: Bench
    session: Session
    path: SpacePath
    deep: bool
    limit: int
    token: str = ""
    tree: dict[SpacePath, tuple[Node, dict[str, str]]] = field(default_factory=dict)

    def step(self) -> Report:
        """One report, applied."""
        report = self.bench.vault.sync.report(self.session, self.path, self.token, deep=self.deep, limit=self.limit)
        dead = self.bench.vault.files.properties(self.session, [node for _, node in report.changed])
        changed = [path for path, _ in report.changed]
        removed = [path for path, _ in report.removed]
        assert len(changed) + len(removed) <= self.limit
        assert len({*changed, *removed}) == len(changed) + len(removed)
        if not report.more and ":m" not in self.token:  # the first answers end with the state at their beginning
            assert report.token == self.bench.vault.sync.token(self.session, self.path)
        for path in removed:
            self.tree.pop(path, None)
        for path, node in report.changed:
            assert path[:-1] == self.path or path[:-1] in self.tree, "a member came before its folder"
            self.tree[path] = node, dict(dead.get(node.id, {}))
        self.token = report.token
        return report

    def catch_up(self) -> int:
        """All that there is to know; how many reports it took."""
        for count in range(1, 500):
            if not self.step().more:
                return count
        raise AssertionError("the reports do not come to an end")

    def server(self) -> dict[SpacePath, tuple[Node, dict[str, str]]]:
        """What the folder holds."""
        files, found, waiting = self.bench.vault.files, {}, [self.path]
        while waiting:
            folder = waiting.pop()
            for node in files.list(self.session, folder).members:
                path = (*folder, node.name)
                found[path] = node, dict(files.properties(self.session, [node]).get(node.id, {}))
                if node.folder and self.deep:
                    waiting.append(path)
        return found


def client(bench: Bench, session: Session, path: SpacePath = SPACE, *, deep: bool = True, limit: int = 1000) -> Client:
    """A client that knows the folder."""
    made = Client(bench, session, path, deep, limit)
    made.catch_up()
    made.catch_up()
    assert made.tree == made.server()
    return made


def told(report: Report) -> tuple[list[SpacePath], list[SpacePath]]:
    """Changed and removed paths below the space."""
    names = lambda paths: sorted(path[1:] for path in paths)  # noqa: E731
    return names(path for path, _ in report.changed), names(path for path, _ in report.removed)


def fill(bench: Bench, session: Session, *paths: str) -> None:
    """Make files, and folders where a path ends in a slash."""
    for text in paths:
        path = ("ada", *text.strip("/").split("/"))
        if text.endswith("/"):
            bench.vault.files.make_folder(session, path)
        else:
            bench.put(session, path, text.encode())


class TestAReport:
    """Tells what changed, once."""

    def test_begins_with_the_members_or_the_whole_tree(self, bench: Bench, ada: Session) -> None:
        """By the level asked for."""
        fill(bench, ada, "a/", "a/b", "c")
        sync = bench.vault.sync
        assert told(sync.report(ada, SPACE, "", deep=False)) == ([("a",), ("c",)], [])
        assert told(sync.report(ada, SPACE, "", deep=True)) == ([("a",), ("a", "b"), ("c",)], [])
        assert told(sync.report(ada, ("ada", "a"), "", deep=True)) == ([("a", "b")], [])

    def test_tells_a_change_with_the_folders_above(self, bench: Bench, ada: Session) -> None:
        """Their etags changed too; level 1 sees the member that holds it."""
        fill(bench, ada, "a/", "a/b/", "a/b/c", "other/")
        deep, flat = client(bench, ada), client(bench, ada, deep=False)
        bench.put(ada, ("ada", "a", "b", "c"), b"2")
        bench.put(ada, ("ada", "a", "b", "c"), b"3")
        assert told(deep.step()) == ([("a",), ("a", "b"), ("a", "b", "c")], [])
        assert told(flat.step()) == ([("a",)], [])
        assert told(deep.step()) == told(flat.step()) == ([], [])

    def test_tells_that_a_file_of_macos_came_and_went_and_not_that_it_was_written_again(
        self, bench: Bench, ada: Session
    ) -> None:
        """Its content is told as it is when something else is to be told of it."""
        fill(bench, ada, "a/")
        known, path = client(bench, ada), ("ada", "a", "._b")
        bench.put(ada, path, b"")
        bench.put(ada, path, b"1")
        assert told(known.step()) == ([("a",), ("a", "._b")], [])
        assert known.tree == known.server()
        token = bench.vault.sync.token(ada, SPACE)
        bench.put(ada, path, b"22")
        assert bench.vault.sync.token(ada, SPACE) == token
        assert told(known.step()) == ([], [])
        bench.vault.files.delete(ada, path)
        assert told(known.step()) == ([("a",)], [("a", "._b")])

    def test_tells_removed_members_by_the_paths_that_they_had(self, bench: Bench, ada: Session) -> None:
        """A folder with all that it held; what came and went in between as well (section 3.5.2)."""
        fill(bench, ada, "a/", "a/b/", "a/b/c")
        known = client(bench, ada)
        fill(bench, ada, "brief")
        bench.vault.files.delete(ada, ("ada", "brief"))
        bench.vault.files.delete(ada, ("ada", "a"))
        report = known.step()
        assert told(report) == ([], [("a",), ("a", "b"), ("a", "b", "c"), ("brief",)])
        assert {path[-1]: folder for path, folder in report.removed} == {"a": 1, "b": 1, "c": 0, "brief": 0}

    def test_tells_a_rename_as_a_removal_and_a_change(self, bench: Bench, ada: Session) -> None:
        """A file over a file, too."""
        fill(bench, ada, "a", "b")
        known = client(bench, ada)
        bench.vault.files.move(ada, ("ada", "a"), ("ada", "b"), overwrite=True)
        bench.vault.files.move(ada, ("ada", "b"), ("ada", "c"), overwrite=False)
        assert told(known.step()) == ([("c",)], [("a",), ("b",)])

    @pytest.mark.parametrize("limit", [1, 2, 3])
    def test_tells_a_moved_folder_before_what_it_holds_though_it_changed_once_more(
        self, bench: Bench, ada: Session, limit: int
    ) -> None:
        """However short the answers are."""
        fill(bench, ada, "a/", "a/in/", "a/in/c")
        known = client(bench, ada, limit=limit)
        bench.vault.files.move(ada, ("ada", "a"), ("ada", "b"), overwrite=False)
        bench.vault.files.patch(ada, ("ada", "b"), NO_GUARD, [("{x}p", "<v/>")])
        known.catch_up()
        assert known.tree == known.server()

    def test_tells_all_that_a_moved_folder_holds(self, bench: Bench, ada: Session) -> None:
        """At the new place, and gone at the old one."""
        fill(bench, ada, "a/", "a/b/", "a/b/c")
        known = client(bench, ada)
        bench.vault.files.move(ada, ("ada", "a"), ("ada", "z"), overwrite=False)
        new, old = told(known.step())
        assert new == [("z",), ("z", "b"), ("z", "b", "c")]
        assert old == [("a",), ("a", "b"), ("a", "b", "c")]

    def test_removes_what_a_folder_held_whose_place_was_taken(self, bench: Bench, ada: Session) -> None:
        """Even if it left the folder after its move, or one further up moved before."""
        fill(bench, ada, "t/", "t/a/", "t/a/stays", "t/a/goes", "t/a/b/", "t/a/b/c", "t/a/b/d")
        known = client(bench, ada)
        move = bench.vault.files.move
        move(ada, ("ada", "t"), ("ada", "u"), overwrite=False)
        move(ada, ("ada", "u", "a"), ("ada", "z"), overwrite=False)
        move(ada, ("ada", "z", "b"), ("ada", "y"), overwrite=False)
        bench.vault.files.delete(ada, ("ada", "z", "goes"))
        bench.vault.files.delete(ada, ("ada", "y", "d"))
        fill(bench, ada, "t/", "t/a/", "t/a/b/", "t/a/new")
        new, old = told(known.step())
        assert {("t", "a", "stays"), ("t", "a", "goes"), ("t", "a", "b", "c"), ("t", "a", "b", "d")} <= set(old)
        assert {("t", "a"), ("t", "a", "b"), ("t", "a", "new"), ("y", "c"), ("z", "stays")} <= set(new)
        assert known.tree == known.server()

    def test_tells_a_change_of_properties(self, bench: Bench, ada: Session) -> None:
        """And has them."""
        fill(bench, ada, "a")
        known = client(bench, ada)
        bench.vault.files.patch(ada, ("ada", "a"), NO_GUARD, [("{x}y", "<y/>")])
        assert told(known.step()) == ([("a",)], [])
        assert known.tree["ada", "a"][1] == {"{x}y": "<y/>"}

    def test_tells_nothing_of_locks_reads_and_members(self, bench: Bench, ada: Session) -> None:
        """The token stays the same, so a client that compares it does not ask."""
        fill(bench, ada, "a")
        known = client(bench, ada)
        before = known.token
        lock, _ = bench.vault.locks.lock(ada, ("ada", "a"), exclusive=True, infinite=False, owner="", timeout=600)
        bench.get(ada, ("ada", "a"))
        bench.vault.locks.unlock(ada, ("ada", "a"), lock.token)
        bench.vault.spaces.set_quota("ada", 1 << 30)
        assert told(known.step()) == ([], [])
        assert known.token == before

    def test_leaves_out_what_cannot_be_read_and_says_so(self, bench: Bench, ada: Session) -> None:
        """It is not removed: the client keeps what it has."""
        fill(bench, ada, "a", "b")
        known = client(bench, ada)
        bench.put(ada, ("ada", "a"), b"2")
        bench.put(ada, ("ada", "b"), b"2")
        bench.edit("UPDATE nodes SET size = 77 WHERE id = ?", known.tree["ada", "a"][0].id)
        assert told(known.step()) == ([("b",)], [])
        assert told(bench.vault.sync.report(ada, SPACE, "", deep=True)) == ([("b",)], [])
        space = bench.vault.spaces.mine(ada)[0].id
        assert "damage" in bench.actions(space)

    def test_of_a_file_or_of_nothing_is_refused(self, bench: Bench, ada: Session) -> None:
        """Only folders have members."""
        fill(bench, ada, "a")
        with pytest.raises(NotFolder):
            bench.vault.sync.report(ada, ("ada", "a"), "", deep=True)
        with pytest.raises(NotFound):
            bench.vault.sync.report(ada, ("ada", "b"), "", deep=True)
        bench.account("bob")
        with pytest.raises(NotFound):
            bench.vault.sync.report(ada, ("bob",), "", deep=True)


class TestATruncatedReport:
    """Goes on where it ended."""

    def test_of_the_first_answers_loses_no_change_made_meanwhile(self, bench: Bench, ada: Session) -> None:
        """The token at the end is that of the beginning, so the next answer tells it."""
        fill(bench, ada, "a/", *(f"a/{n}" for n in range(7)), "b/", *(f"b/{n}" for n in range(7)))
        known = Client(bench, ada, SPACE, deep=True, limit=3)
        assert known.step().more
        bench.vault.files.move(ada, ("ada", "a"), ("ada", "b", "a"), overwrite=False)
        known.step()
        bench.vault.files.delete(ada, ("ada", "b", "3"))
        fill(bench, ada, "a/")
        known.catch_up()
        known.catch_up()
        assert known.tree == known.server()

    def test_of_the_first_answers_tells_no_member_before_its_folder_which_moved_meanwhile(
        self, bench: Bench, ada: Session
    ) -> None:
        """What was told of it has another path by now; the changes tell folder and members at the new one."""
        fill(bench, ada, "a/", *(f"a/{n}" for n in range(7)))
        known = Client(bench, ada, SPACE, deep=True, limit=3)
        assert known.step().more
        bench.vault.files.move(ada, ("ada", "a"), ("ada", "z"), overwrite=False)
        known.catch_up()
        known.catch_up()
        assert known.tree == known.server()

    @pytest.mark.parametrize("size", [3, 30])
    def test_of_one_entry_that_moved_more_than_fits(self, bench: Bench, ada: Session, size: int) -> None:
        """The place within it is in the token."""
        fill(bench, ada, "a/", *(f"a/{n}" for n in range(size)))
        known = client(bench, ada, limit=4)
        bench.vault.files.move(ada, ("ada", "a"), ("ada", "z"), overwrite=False)
        known.step()
        bench.vault.files.move(ada, ("ada", "z", "1"), ("ada", "one"), overwrite=False)
        known.catch_up()
        assert known.tree == known.server()

    def test_reads_no_more_of_a_long_journal_than_it_tells(
        self, bench: Bench, ada: Session, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Where no folder moved, the work is that of the answer."""
        known = client(bench, ada, limit=5)
        fill(bench, ada, *(f"{n:02}" for n in range(30)))
        monkeypatch.setattr("docstopd.vault.history.BATCH", 4)
        monkeypatch.setattr("docstopd.vault.syncing.MOST_ENTRIES", 12)
        assert known.catch_up() >= 6
        assert known.tree == known.server()

    def test_of_a_client_too_far_behind_begins_anew(
        self, bench: Bench, ada: Session, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The work for one answer is bounded."""
        fill(bench, ada, "a/")
        known = client(bench, ada)
        bench.vault.files.move(ada, ("ada", "a"), ("ada", "b"), overwrite=False)
        fill(bench, ada, *(f"{n:02}" for n in range(30)))
        monkeypatch.setattr("docstopd.vault.syncing.MOST_ENTRIES", 12)
        with pytest.raises(InvalidSyncToken):
            known.step()


class TestAToken:
    """Is good for the space and the past that it is of."""

    @pytest.mark.parametrize(
        "change",
        [
            lambda token: token + "0",
            lambda token: token + ":",
            lambda token: token.upper(),
            lambda token: " " + token,
            lambda token: token + "\n",
            lambda token: "http://example.org/sync/1",
            lambda token: token.rsplit(":", 2)[0] + ":999999999999999999:" + "0" * 16,
            lambda token: token.rsplit(":", 2)[0] + ":0:" + "0" * 16,
            lambda token: token.rsplit(":", 1)[0] + ":" + "0" * 16,
            lambda token: token + ":" + "0" * 16 + ":m1",
            lambda token: token + ":" + "0" * 16 + ":c1." + "0" * 32,
            lambda token: token + ":" + "0" * 16 + ":m" + ".".join(["1"] * 20_000),
        ],
    )
    def test_that_was_never_given_is_refused(self, bench: Bench, ada: Session, change) -> None:  # type: ignore[no-untyped-def]
        """Garbage, the future, another past, another request's place."""
        token = bench.vault.sync.token(ada, SPACE)
        with pytest.raises(InvalidSyncToken):
            bench.vault.sync.report(ada, SPACE, change(token), deep=True)

    def test_of_another_space_is_refused(self, bench: Bench, ada: Session) -> None:
        """Even one of the same number."""
        bench.vault.spaces.add("other", ada.user)
        with pytest.raises(InvalidSyncToken):
            bench.vault.sync.report(ada, ("other",), bench.vault.sync.token(ada, SPACE), deep=True)

    def test_with_a_place_is_good_for_its_own_request_only(self, bench: Bench, ada: Session) -> None:
        """The place means nothing in another folder or at another level."""
        fill(bench, ada, "folder/", "a", "b")
        token = bench.vault.sync.report(ada, SPACE, "", deep=True, limit=1).token
        bench.vault.sync.report(ada, SPACE, token, deep=True)
        for path, deep in ((SPACE, False), (FOLDER, True)):
            with pytest.raises(InvalidSyncToken):
                bench.vault.sync.report(ada, path, token, deep=deep)

    def test_tells_no_name(self, bench: Bench, ada: Session) -> None:
        """Tokens end up in logs and databases of clients."""
        fill(bench, ada, "secret/", *(f"secret/secret{n}" for n in range(5)))
        known = Client(bench, ada, SPACE, deep=True, limit=2)
        tokens = [known.step().token, known.step().token]
        known.catch_up()
        bench.vault.files.move(ada, ("ada", "secret"), ("ada", "secret2"), overwrite=False)
        tokens += [known.step().token, known.step().token]
        assert not any("secret" in token for token in tokens)

    def test_whose_journal_went_another_way_is_refused(self, bench: Bench, ada: Session, tmp_path: Path) -> None:
        """A catalog that came back from a copy has the same numbers for other changes."""
        bench.put(ada, ("ada", "a"), b"1")
        copy = tmp_path / "copy"
        shutil.copytree(tmp_path, copy, ignore=shutil.ignore_patterns("copy"))
        bench.put(ada, ("ada", "b"), b"1")
        token = bench.vault.sync.token(ada, SPACE)
        restored = open_bench(copy)
        try:
            session = restored.vault.sessions.sign_in("ada", "correct horse battery")
            restored.put(session, ("ada", "c"), b"1")
            restored.put(session, ("ada", "d"), b"1")
            with pytest.raises(InvalidSyncToken):
                restored.vault.sync.report(session, SPACE, token, deep=True)
        finally:
            restored.vault.close()

    @pytest.mark.parametrize("edit", ["payload = NULL, salt = NULL", "payload = zeroblob(60)"])
    def test_since_which_a_payload_was_erased_or_damaged_is_refused(
        self, bench: Bench, ada: Session, edit: str
    ) -> None:
        """What was removed there is not known: only a new beginning loses nothing."""
        fill(bench, ada, "a", "b")
        known = client(bench, ada)
        bench.vault.files.delete(ada, ("ada", "a"))
        bench.edit(f"UPDATE journal SET {edit} WHERE action = 'delete'")
        with pytest.raises(InvalidSyncToken):
            known.step()
        known.token, known.tree = "", {}
        known.catch_up()
        bench.put(ada, ("ada", "c"), b"1")
        known.catch_up()
        assert known.tree == known.server()

    def test_lives_on_into_another_epoch(self, bench: Bench, ada: Session) -> None:
        """Entries of both are read with their own key."""
        bob = bench.account("bob")
        bench.vault.spaces.grant(ada, "ada", bob.user, MemberRole.EDITOR)
        fill(bench, ada, "a")
        known = client(bench, ada)
        bench.put(bob, ("ada", "b"), b"1")
        bench.vault.spaces.revoke(ada, "ada", bob.user)
        bench.vault.files.move(ada, ("ada", "a"), ("ada", "c"), overwrite=False)
        assert told(known.step()) == ([("b",), ("c",)], [("a",)])


@pytest.mark.parametrize("path", [SPACE, FOLDER, (*FOLDER, "sub")])
def test_a_folders_etag_moves_with_every_kind_of_change_below_it(bench: Bench, ada: Session, path: SpacePath) -> None:
    """getctag is the same tag."""
    files, below = bench.vault.files, (*FOLDER, "sub")
    fill(bench, ada, "folder/", "folder/sub/", "other/")
    changes = (
        lambda: bench.put(ada, (*below, "f"), b"1"),
        lambda: bench.put(ada, (*below, "f"), b"2"),
        lambda: files.patch(ada, (*below, "f"), NO_GUARD, [("{x}y", "<y/>")]),
        lambda: files.patch(ada, (*below, "f"), NO_GUARD, [("{x}y", None)]),
        lambda: files.patch(ada, (*below, "f"), NO_GUARD, [], modified=7),
        lambda: files.copy(ada, (*below, "f"), (*below, "g"), overwrite=False, deep=True),
        lambda: files.move(ada, (*below, "f"), (*below, "g"), overwrite=True),
        lambda: files.move(ada, (*below, "g"), ("ada", "other", "g"), overwrite=True),
        lambda: files.move(ada, ("ada", "other", "g"), (*below, "g"), overwrite=True),
        lambda: files.make_folder(ada, (*below, "in")),
        lambda: files.delete(ada, (*below, "in")),
        lambda: files.delete(ada, (*below, "g")),
    )
    tags = [files.stat(ada, path).etag]
    for change in changes:
        change()
        tags.append(files.stat(ada, path).etag)
    assert len(set(tags)) == len(tags)


NAMES = st.sampled_from(["a", "b", "c", "._m"])
PATHS = st.lists(NAMES, min_size=1, max_size=4).map(lambda names: ("s", *names))
FOLDERS = st.lists(st.sampled_from(["a", "b"]), min_size=1, max_size=2).map(lambda names: ("s", *names))
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""Nothing here is about what a disk keeps."""

CLIENTS = [
    (("s",), True, 3),
    (("s",), True, 1000),
    (("s",), False, 2),
    (("s", "a"), True, 1),
    (("s", "a"), False, 1000),
    (("s", "a", "b"), True, 3),
    (("s", "b", "a"), False, 3),
]


Tree = dict[SpacePath, tuple[Node, dict[str, str]]]


def same_but_for_macos(known: Tree, true: Tree) -> bool:
    """Whether a client knows all that reports tell: of files that macOS strews, a new content is not among it."""

    def plain(tree: Tree) -> Tree:
        return {
            path: (node._replace(size=0, etag="", modified=0), dead)
            if naming.ephemeral(path[-1]) and not node.folder
            else (node, dead)
            for path, (node, dead) in tree.items()
        }

    return plain(known) == plain(true)


class SyncMachine(RuleBasedStateMachine):
    """Clients that ask now and then, answer by answer, of a tree that goes on changing."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="docstopd-sync-", dir=MEMORY))
        self.bench = open_bench(self.folder)
        self.ada = self.bench.account("ada")
        self.bench.vault.spaces.add("s", self.ada.user)
        self.files = self.bench.vault.files
        self.clients = [Client(self.bench, self.ada, path, deep, limit) for path, deep, limit in CLIENTS]

    def teardown(self) -> None:
        try:
            for each in self.clients:
                self.settle(each)
        finally:
            self.bench.vault.close()
            shutil.rmtree(self.folder)

    def settle(self, each: Client) -> None:
        """The first answers end where they began; a second round tells what changed since. A third tells nothing."""
        try:
            each.catch_up()
            each.catch_up()
        except (NotFound, NotFolder):
            return  # the client keeps what it has: the folder may come back
        assert same_but_for_macos(each.tree, each.server())
        report = each.step()
        assert (report.changed, report.removed, report.more) == ([], [], False)

    def attempt(self, *work) -> None:  # type: ignore[no-untyped-def]
        for each in work:
            with contextlib.suppress(Refused):
                each()

    @rule(path=PATHS, body=st.sampled_from([b"", b"x"]))
    def write(self, path: SpacePath, body: bytes) -> None:
        self.attempt(lambda: self.bench.put(self.ada, path, body))

    @rule(paths=st.lists(PATHS, min_size=1, max_size=4))
    def make_folders(self, paths: Iterable[SpacePath]) -> None:
        for path in paths:
            for length in range(2, len(path) + 1):
                self.attempt(lambda part=path[:length]: self.files.make_folder(self.ada, part))

    @rule(path=PATHS)
    def delete(self, path: SpacePath) -> None:
        self.attempt(lambda: self.files.delete(self.ada, path))

    @rule(source=PATHS, to=PATHS)
    def move(self, source: SpacePath, to: SpacePath) -> None:
        self.attempt(lambda: self.files.move(self.ada, source, to, overwrite=True))

    @rule(source=FOLDERS, to=FOLDERS, name=NAMES, other=NAMES)
    def move_away_and_fill_the_place(self, source: SpacePath, to: SpacePath, name: str, other: str) -> None:
        self.attempt(
            lambda: self.files.move(self.ada, source, to, overwrite=True),
            lambda: self.files.delete(self.ada, (*to, name)),
            lambda: self.files.make_folder(self.ada, source),
            lambda: self.bench.put(self.ada, (*source, other), b"new"),
        )

    @rule(pick=st.integers(0, 9), inside=st.booleans(), to=PATHS)
    def restore(self, pick: int, inside: bool, to: SpacePath) -> None:
        """Something out of the trash, or a member of it."""
        trash = ("s", ".trash")
        found = self.files.list(self.ada, trash).members
        if found:
            head = found[pick % len(found)]
            source = (*trash, head.name)
            members = self.files.list(self.ada, source).members if inside and head.folder else []
            self.attempt(
                lambda: self.files.move(self.ada, (*source, *(node.name for node in members[:1])), to, overwrite=True)
            )

    @rule(source=PATHS, to=PATHS)
    def copy(self, source: SpacePath, to: SpacePath) -> None:
        self.attempt(lambda: self.files.copy(self.ada, source, to, overwrite=True, deep=True))

    @rule(path=PATHS, value=st.sampled_from(["<v/>", None]))
    def patch(self, path: SpacePath, value: str | None) -> None:
        self.attempt(lambda: self.files.patch(self.ada, path, NO_GUARD, [("{x}p", value)]))

    @rule(which=st.integers(0, len(CLIENTS) - 1))
    def one_answer(self, which: int) -> None:
        with contextlib.suppress(NotFound, NotFolder):
            self.clients[which].step()

    @rule(which=st.integers(0, len(CLIENTS) - 1))
    def all_answers(self, which: int) -> None:
        self.settle(self.clients[which])


TestSyncing = SyncMachine.TestCase
TestSyncing.settings = settings(
    max_examples=60, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
