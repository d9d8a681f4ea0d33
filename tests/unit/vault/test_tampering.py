"""Whoever can write to the disk, but has no key, can take things away and can show nothing that was not written."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from vaults import PASSWORD, Bench, open_bench

from docstopd.errors import Damaged, DocstopdError, NotFound, Unauthenticated
from docstopd.model import NO_GUARD, MemberRole, SpacePath
from docstopd.vault import Session

A, B, BIG, SUB = ("ada", "d", "a"), ("ada", "d", "b"), ("ada", "d", "big"), ("ada", "d", "sub")
LARGE = bytes(range(256)) * 3072  # three segments
CONTENT = {A: b"content of a", B: b"CONTENT OF B", BIG: LARGE}


class Scene:
    """A folder with files, and the same folder in the eyes of a process that starts afterwards."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bench = open_bench(folder)
        self.ada = self.bench.account("ada")
        files = self.bench.vault.files
        files.make_folder(self.ada, ("ada", "d"))
        files.make_folder(self.ada, SUB)
        for path, content in CONTENT.items():
            self.bench.put(self.ada, path, content)
        files.patch(self.ada, A, NO_GUARD, [("{x:}colour", "<colour xmlns='x:'>red</colour>")])
        files.patch(self.ada, B, NO_GUARD, [("{x:}colour", "<colour xmlns='x:'>blue</colour>")])
        self.space = self.bench.vault.files.stat(self.ada, A).space
        self.opened = [self.bench]

    def node(self, path: SpacePath) -> int:
        return self.bench.vault.files.stat(self.ada, path).id

    def blob(self, path: SpacePath) -> bytes:
        return self.bench.rows("SELECT blob FROM nodes WHERE id = ?", self.node(path))[0][0]

    def afterwards(self) -> tuple[Bench, Session]:
        again = open_bench(self.folder, clock=self.bench.clock)
        self.opened.append(again)
        return again, again.vault.sessions.sign_in("ada", PASSWORD)

    def assert_loud(self, log: str, stream: bytes | None = None) -> None:
        assert "damage" in log
        assert "damage" in self.bench.actions(stream or self.space)
        self.bench.assert_journal()


@pytest.fixture
def scene(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Iterator[Scene]:
    made = Scene(tmp_path)
    caplog.set_level(logging.ERROR)
    yield made
    for bench in made.opened:
        bench.vault.close()


def outcome(bench: Bench, session: Session, path: SpacePath) -> bytes | type[DocstopdError]:
    """A file's bytes, or how they were refused."""
    try:
        return bench.get(session, path)
    except (Damaged, NotFound) as error:
        return type(error)


def change_file(path: Path, change: Callable[[bytearray], object]) -> None:
    """Edit a blob's file in place."""
    content = bytearray(path.read_bytes())
    change(content)
    path.chmod(0o600)
    path.write_bytes(content)


BLOB_EDITS: dict[str, Callable[[bytearray], object]] = {
    "a flip in the header": lambda b: b.__setitem__(20, b[20] ^ 1),
    "a flip in the header's tag": lambda b: b.__setitem__(60, b[60] ^ 1),
    "a flip in the first segment": lambda b: b.__setitem__(100, b[100] ^ 0x80),
    "a flip in the last byte": lambda b: b.__setitem__(-1, b[-1] ^ 1),
    "one byte less": lambda b: b.pop(),
    "one byte more": lambda b: b.append(0),
    "nothing left": lambda b: b.clear(),
    "the header alone": lambda b: b.__delitem__(slice(74, None)),
}


class TestABlob:
    """Its file is edited, exchanged or removed."""

    @pytest.mark.parametrize("path", [A, BIG], ids=["small", "large"])
    @pytest.mark.parametrize("edit", BLOB_EDITS)
    def test_that_was_edited_is_never_read(
        self, scene: Scene, path: SpacePath, edit: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Loudly; all others are read, and all are listed."""
        change_file(scene.bench.blob_file(scene.blob(path)), BLOB_EDITS[edit])
        bench, ada = scene.afterwards()
        assert outcome(bench, ada, path) is Damaged
        assert {p: bench.get(ada, p) for p in CONTENT if p != path} == {
            p: content for p, content in CONTENT.items() if p != path
        }
        assert bench.names(ada, ("ada", "d")) == {"a", "b", "big", "sub"}
        scene.assert_loud(caplog.text)
        entry = bench.rows("SELECT node FROM journal WHERE action = 'damage'")
        assert entry == [(scene.node(path),)]

    def test_with_a_damaged_middle_gives_the_sound_part_and_then_fails(
        self, scene: Scene, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The second segment of three: the first is right, no byte of the second is given."""
        change_file(scene.bench.blob_file(scene.blob(BIG)), lambda b: b.__setitem__(300_000, b[300_000] ^ 1))
        bench, ada = scene.afterwards()
        got = bytearray()
        with bench.vault.files.open(ada, BIG) as content, pytest.raises(Damaged):
            for block in content.read(0, len(LARGE)):
                got += block
        assert bytes(got) == LARGE[:262_112]
        scene.assert_loud(caplog.text)
        with bench.vault.files.open(ada, BIG) as content:
            assert b"".join(map(bytes, content.read(600_000, 1000))) == LARGE[600_000:601_000]

    def test_whose_segments_were_exchanged_is_never_read(self, scene: Scene) -> None:
        """A segment is bound to its position."""

        def exchange(b: bytearray) -> None:
            first, second = slice(74, 74 + 262_144), slice(74 + 262_144, 74 + 2 * 262_144)
            b[first], b[second] = b[second], b[first]

        change_file(scene.bench.blob_file(scene.blob(BIG)), exchange)
        bench, ada = scene.afterwards()
        assert outcome(bench, ada, BIG) is Damaged

    def test_that_is_gone_is_damage(self, scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
        """A row without a blob never is, by anything that docstopd does."""
        scene.bench.blob_file(scene.blob(A)).unlink()
        bench, ada = scene.afterwards()
        assert outcome(bench, ada, A) is Damaged
        assert bench.get(ada, B) == CONTENT[B]
        scene.assert_loud(caplog.text)

    def test_that_was_exchanged_for_another_is_never_read(self, scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
        """Two blobs of the same length trade places."""
        a, b = (scene.bench.blob_file(scene.blob(path)) for path in (A, B))
        first, second = a.read_bytes(), b.read_bytes()
        change_file(a, lambda c: c.__setitem__(slice(None), second))
        change_file(b, lambda c: c.__setitem__(slice(None), first))
        bench, ada = scene.afterwards()
        assert outcome(bench, ada, A) is outcome(bench, ada, B) is Damaged
        scene.assert_loud(caplog.text)

    def test_that_is_a_link_is_never_followed(self, scene: Scene) -> None:
        """A link to another blob, or to any file of the machine."""
        a, b = (scene.bench.blob_file(scene.blob(path)) for path in (A, B))
        a.unlink()
        a.symlink_to(b)
        bench, ada = scene.afterwards()
        assert outcome(bench, ada, A) is Damaged

    def test_that_is_damaged_can_be_overwritten_and_deleted(self, scene: Scene) -> None:
        """The way out for its owner."""
        for path in (A, B):
            scene.bench.blob_file(scene.blob(path)).unlink()
        bench, ada = scene.afterwards()
        bench.put(ada, A, b"again")
        assert bench.get(ada, A) == b"again"
        bench.vault.files.delete(ada, B)
        assert bench.names(ada, ("ada", "d")) == {"a", "big", "sub"}

    def test_that_is_damaged_is_journalled_once(self, scene: Scene) -> None:
        """A client that tries for ever does not fill the disk."""
        scene.bench.blob_file(scene.blob(A)).unlink()
        bench, ada = scene.afterwards()
        for _ in range(5):
            assert outcome(bench, ada, A) is Damaged
        assert bench.actions(scene.space).count("damage") == 1

    def test_that_is_damaged_is_not_copied(self, scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
        """Neither alone nor with its folder."""
        change_file(scene.bench.blob_file(scene.blob(BIG)), lambda b: b.__setitem__(300_000, b[300_000] ^ 1))
        bench, ada = scene.afterwards()
        for source in (BIG, ("ada", "d")):
            with pytest.raises(Damaged):
                bench.vault.files.copy(ada, source, ("ada", "copy"), overwrite=False, deep=True)
        assert bench.names(ada, ("ada",)) == {"d"}
        scene.assert_loud(caplog.text)
        assert bench.blob_ids() == bench.live_ids() == bench.key_ids()


NODE_EDITS: dict[str, str] = {
    "blob of another file": "blob = (SELECT blob FROM nodes WHERE id = :b)",
    "no blob": "blob = x''",
    "blob that is longer": "blob = CAST(blob || x'00' AS BLOB)",
    "size + 1": "size = size + 1",
    "size - 1": "size = size - 1",
    "size 0": "size = 0",
    "negative size": "size = -1",
    "largest size": "size = 9223372036854775807",
    "no parent": "parent = 0",
    "parent that is the subfolder": "parent = :sub",
    "parent that is no node": "parent = 99999",
    "negative parent": "parent = -1",
    "name of another file": "parent = :sub, name = (SELECT name FROM nodes WHERE id = :b)",
    "empty name": "name = x''",
    "longer name": "name = CAST(name || x'00' AS BLOB)",
    "later epoch": "epoch = epoch + 1",
    "epoch 0": "epoch = 0",
    "impossible epoch": "epoch = 4294967296",
    "folder": "folder = 1",
    "folder 2": "folder = 2",
    "folder 256": "folder = 256",
    "foreign space": "space = x'00112233445566778899aabbccddeeff'",
    "empty space": "space = x''",
    "other proof": "proof = (SELECT proof FROM nodes WHERE id = :b)",
    "no proof": "proof = x''",
}


class TestARowOfTheCatalog:
    """Each column of a node's row."""

    @pytest.mark.parametrize("edit", NODE_EDITS)
    def test_that_was_edited_shows_no_wrong_byte(
        self, scene: Scene, edit: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The file is refused or not found, wherever the row now says that it lies; the rest is there."""
        ids = {"a": scene.node(A), "b": scene.node(B), "sub": scene.node(SUB)}
        sql = NODE_EDITS[edit]
        for name, number in ids.items():
            sql = sql.replace(f":{name}", str(number))
        scene.bench.edit(f"UPDATE nodes SET {sql} WHERE id = {ids['a']}")
        bench, ada = scene.afterwards()
        assert outcome(bench, ada, A) in (Damaged, NotFound)
        for name in ("a", "b"):
            assert outcome(bench, ada, (*SUB, name)) in (Damaged, NotFound)
        assert bench.get(ada, B) == CONTENT[B]
        assert bench.get(ada, BIG) == LARGE
        assert bench.names(ada, ("ada", "d")) == {"b", "big", "sub"}
        assert bench.names(ada, SUB) == set()
        if "parent" not in edit or "subfolder" in edit:  # in no folder it is met by nobody
            scene.assert_loud(caplog.text)

    @pytest.mark.parametrize("edit", [edit for edit in NODE_EDITS if "parent" not in edit and "name" not in edit])
    def test_that_was_edited_can_be_deleted(self, scene: Scene, edit: str) -> None:
        """And so its place is free again. The trash is not told a wrong content by it either."""
        used, sql = scene.bench.vault.files.quota(scene.ada, A).used, NODE_EDITS[edit]
        scene.bench.edit(f"UPDATE nodes SET {sql.replace(':b', str(scene.node(B)))} WHERE id = {scene.node(A)}")
        bench, ada = scene.afterwards()
        with pytest.raises(Damaged):
            bench.put(ada, A, b"new")
        bench.vault.files.delete(ada, A)
        facts = bench.rows("SELECT facts FROM journal WHERE action = 'delete'")
        assert len(facts) == 1
        assert '"damaged":true' in facts[0][0]
        assert bench.vault.files.quota(ada, B).used == used - len(CONTENT[A])
        bench.put(ada, A, b"new")
        assert bench.get(ada, A) == b"new"
        assert bench.get(ada, B) == CONTENT[B]
        bench.assert_journal()

    @pytest.mark.parametrize("edit", ["size = -1", "name = x'01'", "epoch = 7", "proof = x''", "space = x'00'"])
    def test_that_was_edited_does_not_hold_its_folder(self, scene: Scene, edit: str) -> None:
        """It can be moved and deleted; the entry names what cannot be read by its number."""
        number = scene.node(A)
        scene.bench.edit(f"UPDATE nodes SET {edit} WHERE id = {number}")
        bench, ada = scene.afterwards()
        bench.vault.files.move(ada, ("ada", "d"), ("ada", "a longer name"), overwrite=False)
        assert bench.get(ada, ("ada", "a longer name", "b")) == CONTENT[B]
        bench.vault.files.delete(ada, ("ada", "a longer name"))
        assert "a longer name" not in bench.names(ada, ("ada",))
        told = [line.details["path"] for line in bench.vault.audit.show(ada, "ada", 100) if line.action == "delete"]
        assert f"ada/a longer name/{'?' + str(number) if 'name' in edit or 'epoch' in edit else 'a'}" in told or (
            "space" in edit and f"ada/a longer name/?{number}" in told
        )
        bench.assert_journal()

    @pytest.mark.parametrize("edit", ["folder = 0", "parent = 99999", "name = x'01'", "epoch = 7", "proof = x''"])
    def test_of_a_folder_that_was_edited_hides_that_folder_alone(self, scene: Scene, edit: str) -> None:
        """And what lies below it."""
        scene.bench.put(scene.ada, (*SUB, "below"), b"x")
        scene.bench.edit(f"UPDATE nodes SET {edit} WHERE id = {scene.node(SUB)}")
        bench, ada = scene.afterwards()
        assert outcome(bench, ada, (*SUB, "below")) in (Damaged, NotFound)
        assert bench.names(ada, ("ada", "d")) == {"a", "b", "big"}

    def test_that_traded_names_with_a_sibling_is_refused(self, scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
        """Asking for one must never give the other."""
        a, b = scene.node(A), scene.node(B)
        names = [scene.bench.rows("SELECT name FROM nodes WHERE id = ?", n)[0][0] for n in (a, b)]
        scene.bench.edit("UPDATE nodes SET name = x'ff' WHERE id = ?", a)
        scene.bench.edit("UPDATE nodes SET name = ? WHERE id = ?", names[0], b)
        scene.bench.edit("UPDATE nodes SET name = ? WHERE id = ?", names[1], a)
        bench, ada = scene.afterwards()
        assert outcome(bench, ada, A) is outcome(bench, ada, B) is Damaged
        assert bench.names(ada, ("ada", "d")) == {"big", "sub"}
        scene.assert_loud(caplog.text)

    def test_in_a_circle_ends_no_request_in_a_loop(self, scene: Scene) -> None:
        """A folder that is made its own descendant, with a lock below: whoever looks at locks below must come back."""
        bench, ada = scene.bench, scene.ada
        bench.vault.files.make_folder(ada, (*SUB, "deep"))
        bench.vault.locks.lock(ada, (*SUB, "deep"), exclusive=True, infinite=False, owner="", timeout=600)
        bench.edit("UPDATE nodes SET parent = ? WHERE id = ?", scene.node((*SUB, "deep")), scene.node(SUB))
        again, ada = scene.afterwards()
        with pytest.raises(Damaged):
            again.vault.files.delete(ada, ("ada", "d"))

    def test_of_a_space_whose_root_is_another_folder_is_damage(
        self, scene: Scene, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Else a whole tree would vanish without a word."""
        scene.bench.edit("UPDATE spaces SET root = ? WHERE label = 'ada'", scene.node(("ada", "d")))
        bench, ada = scene.afterwards()
        assert outcome(bench, ada, ("ada", "a")) is Damaged
        scene.assert_loud(caplog.text)

    def test_of_a_space_that_names_a_later_epoch_opens_nothing(self, scene: Scene) -> None:
        """There is no key of it."""
        scene.bench.edit("UPDATE spaces SET epoch = 2 WHERE label = 'ada'")
        bench, ada = scene.afterwards()
        assert outcome(bench, ada, A) is NotFound

    @pytest.mark.parametrize(
        ("table", "edit"), [("members", "role = 'king'"), ("spaces", "custody = 'open'"), ("users", "role = 'root'")]
    )
    def test_with_a_word_that_is_none_is_damage(self, scene: Scene, table: str, edit: str) -> None:
        """No driver's or language's error comes out of a store."""
        scene.bench.edit(f"UPDATE {table} SET {edit}")
        with pytest.raises(Damaged):
            bench, ada = scene.afterwards()
            bench.get(ada, A)

    def test_that_makes_someone_a_member_opens_nothing(self, scene: Scene) -> None:
        """A row in the catalog is no key."""
        scene.bench.account("eve")
        scene.bench.edit(
            "INSERT INTO members SELECT s.id, u.id, 'owner', 0 FROM spaces s, users u"
            " WHERE s.label = 'ada' AND u.name = 'eve'"
        )
        again, _ada = scene.afterwards()
        eve = again.vault.sessions.sign_in("eve", PASSWORD)
        assert outcome(again, eve, A) is NotFound

    def test_that_makes_someone_else_of_a_user_opens_nothing(self, scene: Scene) -> None:
        """Keys are bound to the sign-in name: under another one nothing of them opens."""
        scene.bench.account("eve")
        scene.bench.edit("UPDATE users SET name = 'x' WHERE name = 'ada'")
        scene.bench.edit("UPDATE users SET name = 'ada' WHERE name = 'eve'")
        again = open_bench(scene.folder, clock=scene.bench.clock)
        scene.opened.append(again)
        with pytest.raises(Damaged):
            again.vault.sessions.sign_in("ada", PASSWORD)


class TestAProperty:
    """Edited, moved to another node, or renamed."""

    EDITS = (
        "value = zeroblob(60)",
        "value = CAST(value || x'00' AS BLOB)",
        "value = x''",
        "epoch = 9",
        "name = x'00112233445566778899aabbccddeeff'",
        "node = {sub}",
        "value = (SELECT value FROM properties WHERE node = {b})",
    )

    @pytest.mark.parametrize("edit", EDITS)
    def test_that_was_edited_is_never_shown(self, scene: Scene, edit: str, caplog: pytest.LogCaptureFixture) -> None:
        """The other file's is; the folder still lists."""
        ids = {"sub": scene.node(SUB), "b": scene.node(B)}
        scene.bench.edit(f"UPDATE properties SET {edit.format(**ids)} WHERE node = {scene.node(A)}")
        bench, ada = scene.afterwards()
        files = bench.vault.files
        victim = files.stat(ada, SUB if "node" in edit and "value" not in edit else A)
        with pytest.raises(Damaged):
            files.properties(ada, [victim])
        other = files.stat(ada, B)
        assert [bool(found) for found in files.properties_in_turn(ada, [victim, other])] == [False, True]
        assert files.properties(ada, [other]) == {other.id: {"{x:}colour": "<colour xmlns='x:'>blue</colour>"}}
        assert bench.names(ada, ("ada", "d")) == {"a", "b", "big", "sub"}
        scene.assert_loud(caplog.text)


class TestALock:
    """Edited: it still stands in the way, and showing it fails."""

    EDITS = ("owner = zeroblob(40)", "node = {a}", "user = zeroblob(16)", "exclusive = 0", "infinite = 0", "epoch = 5")

    @pytest.mark.parametrize("edit", EDITS)
    def test_that_was_edited_is_never_shown(self, scene: Scene, edit: str, caplog: pytest.LogCaptureFixture) -> None:
        """The folder still lists, and its other locks are shown."""
        bench, ada = scene.bench, scene.ada
        bench.vault.locks.lock(ada, SUB, exclusive=True, infinite=True, owner="<o/>", timeout=600)
        bench.vault.locks.lock(ada, B, exclusive=True, infinite=False, owner="<o/>", timeout=600)
        bench.edit(f"UPDATE locks SET {edit.format(a=scene.node(A))} WHERE node = {scene.node(SUB)}")
        again, ada = scene.afterwards()
        victim = A if "node" in edit else SUB
        with pytest.raises(Damaged):
            again.vault.locks.covering(ada, victim)
        shown = again.vault.locks.members(ada, ("ada", "d"))
        assert [lock.owner for lock in shown[scene.node(B)]] == ["<o/>"]
        assert not shown.get(scene.node(victim))
        scene.assert_loud(caplog.text)


class TestTheKeyring:
    """Rows are bound to what they are keys of."""

    def swap(self, scene: Scene, table: str, column: str, first: str, second: str) -> None:
        """Two rows trade one column's values."""
        one, two = (
            scene.bench.rows(f"SELECT {column} FROM {table} WHERE {where}", store="keyring")[0][0]
            for where in (first, second)
        )
        scene.bench.edit(f"UPDATE {table} SET {column} = ? WHERE {first}", two, store="keyring")
        scene.bench.edit(f"UPDATE {table} SET {column} = ? WHERE {second}", one, store="keyring")

    def test_opens_no_data_key_that_traded_places(self, scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
        """Nor the blobs."""
        a, b = (f"blob = x'{scene.blob(path).hex()}'" for path in (A, B))
        self.swap(scene, "data_keys", "value", a, b)
        bench, ada = scene.afterwards()
        assert outcome(bench, ada, A) is outcome(bench, ada, B) is Damaged
        assert bench.get(ada, BIG) == LARGE
        scene.assert_loud(caplog.text)

    @pytest.mark.parametrize("edit", ["value = zeroblob(80)", "value = x''", "epoch = 2", "epoch = -1"])
    def test_opens_no_data_key_that_was_edited(self, scene: Scene, edit: str, caplog: pytest.LogCaptureFixture) -> None:
        """Each column."""
        where = f"blob = x'{scene.blob(A).hex()}'"
        scene.bench.edit(f"UPDATE data_keys SET {edit} WHERE {where}", store="keyring")
        bench, ada = scene.afterwards()
        assert outcome(bench, ada, A) is Damaged
        assert bench.get(ada, B) == CONTENT[B]
        scene.assert_loud(caplog.text)

    def test_without_a_data_key_is_damage(self, scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
        """It was not docstopd that destroyed it: the row is live."""
        scene.bench.edit("DELETE FROM data_keys WHERE blob = ?", scene.blob(A), store="keyring")
        bench, ada = scene.afterwards()
        assert outcome(bench, ada, A) is Damaged
        scene.assert_loud(caplog.text)

    def test_of_another_installation_opens_nothing(
        self, scene: Scene, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        """A row that another server key closed, for the very same blob, is a foreign row."""
        other = Scene(tmp_path_factory.mktemp("other"))
        scene.opened += other.opened
        value = other.bench.rows("SELECT value FROM data_keys WHERE blob = ?", other.blob(A), store="keyring")[0][0]
        scene.bench.edit("UPDATE data_keys SET value = ? WHERE blob = ?", value, scene.blob(A), store="keyring")
        bench, ada = scene.afterwards()
        assert outcome(bench, ada, A) is Damaged

    def test_gives_no_one_a_space_by_a_row_that_was_moved(self, scene: Scene) -> None:
        """Eve copies Ada's sealed space key under her own name."""
        scene.bench.account("eve")
        ada, eve = (scene.bench.vault.accounts.find(name).id for name in ("ada", "eve"))
        scene.bench.edit(
            "INSERT INTO space_keys SELECT space, epoch, ?, value FROM space_keys WHERE member = ? AND space = ?",
            eve, ada, scene.space, store="keyring",
        )  # fmt: skip
        scene.bench.edit("INSERT INTO members VALUES (?, ?, 'owner', 0)", scene.space, eve)
        again, _ = scene.afterwards()
        session = again.vault.sessions.sign_in("eve", PASSWORD)
        assert outcome(again, session, A) is Damaged
        assert "damage" in again.actions(scene.space)

    @pytest.mark.parametrize("column", ["value", "label", "user", "kind", "created", "expires"])
    def test_opens_no_slot_that_was_edited(self, scene: Scene, column: str, caplog: pytest.LogCaptureFixture) -> None:
        """Nobody gets in by it, and it is in the journal of the system."""
        scene.bench.account("eve")
        values = {"value": "zeroblob(123)", "label": "zeroblob(40)", "user": "?1", "kind": "'app-password'",
                  "created": "-1", "expires": "9999999999999999"}  # fmt: skip
        ada, eve = (scene.bench.vault.accounts.find(name).id for name in ("ada", "eve"))
        scene.bench.edit(
            f"UPDATE slots SET {column} = {values[column]} WHERE user = ?2 AND kind = 'password'", ada, eve,
            store="keyring",
        )  # fmt: skip
        again = open_bench(scene.folder, clock=scene.bench.clock)
        scene.opened.append(again)
        victim = "ada" if column == "user" else "eve"
        with pytest.raises(Damaged):
            again.vault.sessions.sign_in(victim, PASSWORD)
        scene.assert_loud(caplog.text, b"system")

    def test_opens_no_slot_of_a_kind_that_is_none(self, scene: Scene) -> None:
        """It is damage, not a crash."""
        scene.bench.edit("UPDATE slots SET kind = 'master-key' WHERE kind = 'password'", store="keyring")
        with pytest.raises(Damaged):
            scene.afterwards()

    def test_opens_no_slot_by_another_users_password(self, scene: Scene) -> None:
        """Eve's slot in place of Ada's, under Ada's row."""
        scene.bench.vault.accounts.add("eve", "the password of eve")
        ada, eve = (scene.bench.vault.accounts.find(name).id.hex() for name in ("ada", "eve"))
        self.swap(scene, "slots", "value", f"user = x'{ada}' AND kind = 'password'",
                  f"user = x'{eve}' AND kind = 'password'")  # fmt: skip
        again = open_bench(scene.folder, clock=scene.bench.clock)
        scene.opened.append(again)
        for password in (PASSWORD, "the password of eve"):
            with pytest.raises(Damaged):
                again.vault.sessions.sign_in("ada", password)

    def test_without_a_slot_lets_nobody_in(self, scene: Scene) -> None:
        """As a wrong password does."""
        scene.bench.edit("DELETE FROM slots WHERE kind = 'password'", store="keyring")
        with pytest.raises(Unauthenticated):
            scene.afterwards()

    @pytest.mark.parametrize("column", ["public", "private"])
    def test_takes_no_identity_of_another_user(self, scene: Scene, column: str) -> None:
        """Else Eve would be sealed what is meant for Bob."""
        for name in ("bob", "eve"):
            scene.bench.account(name)
        scene.bench.vault.spaces.add("shared", scene.ada.user)
        bob, eve = (scene.bench.vault.accounts.find(name) for name in ("bob", "eve"))
        self.swap(scene, "identities", column, f"user = x'{bob.id.hex()}'", f"user = x'{eve.id.hex()}'")
        bench, ada = scene.afterwards()
        with pytest.raises(Damaged):
            if column == "public":
                bench.vault.spaces.grant(ada, "shared", bob, MemberRole.READER)
            else:
                bench.vault.sessions.sign_in("bob", PASSWORD)
        assert [member.name for member in bench.vault.spaces.members("shared")] == ["ada"]


class TestWhatCannotBeDetectedYet:
    """Known limits, so that whoever changes them also changes the pages that state them."""

    def test_an_older_row_and_its_blob_are_believed(self, scene: Scene) -> None:
        """A rollback of one whole row to what it once was shows old content, never foreign content."""
        columns = "parent, name, epoch, folder, blob, size, seq, created, modified, proof"
        old = scene.bench.rows(f"SELECT {columns} FROM nodes WHERE id = ?", scene.node(A))[0]
        scene.bench.put(scene.ada, A, b"newer")
        scene.bench.edit(
            f"UPDATE nodes SET ({columns}) = ({', '.join('?' * len(old))}) WHERE id = ?", *old, scene.node(A)
        )
        bench, ada = scene.afterwards()
        assert bench.get(ada, A) == CONTENT[A]

    def test_a_node_that_was_hidden_is_not_missed(self, scene: Scene) -> None:
        """Neither when its row goes nor when it is marked as deleted."""
        scene.bench.edit("UPDATE nodes SET deleted = 1 WHERE id = ?", scene.node(A))
        bench, ada = scene.afterwards()
        assert outcome(bench, ada, A) is NotFound

    def test_times_and_roles_are_believed(self, scene: Scene) -> None:
        """They are stored in clear and bound to nothing."""
        scene.bench.edit("UPDATE nodes SET modified = 1, created = 1, seq = 1 WHERE id = ?", scene.node(A))
        scene.bench.account("eve")
        scene.bench.edit("UPDATE users SET role = 'admin' WHERE name = 'eve'")
        bench, ada = scene.afterwards()
        assert bench.vault.files.stat(ada, A).modified == 1
        assert bench.vault.accounts.find("eve").role.value == "admin"
