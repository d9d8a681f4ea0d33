"""Copies elsewhere: targets are told, the certificate says what became of each, and nothing comes back."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from vaults import Bench, open_bench

from docstopd.errors import Damaged, Failed
from docstopd.targets import NamedTarget
from docstopd.targets.local import LocalTarget
from docstopd.vault import Session, Vault
from docstopd.vault.snapshots import names
from docstopd.vault.snapshots.keyring import copies_at
from docstopd.vault.snapshots.reach import service_id
from docstopd.vault.snapshots.reading import claim

FILE, OTHER = ("ada", "secret.txt"), ("ada", "kept.txt")
DAY = 86_400


class Unplugged(LocalTarget):
    """A folder on a disk that can be taken away."""

    there = True

    def put(self, name: str) -> Any:
        self._look()
        return super().put(name)

    def open(self, name: str, *, fresh: bool = False) -> Any:
        self._look()
        return super().open(name, fresh=fresh)

    def list(self, prefix: str) -> Any:
        self._look()
        return super().list(prefix)

    def delete(self, name: str, *, wipe: bool = False) -> None:
        self._look()
        super().delete(name, wipe=wipe)

    def _look(self) -> None:
        if not self.there:
            raise Failed("the target is not there")


class Mirror:
    """A target and what a snapshot would have put there."""

    def __init__(self, folder: Path, bench: Bench) -> None:
        self.folder = folder
        self.target = Unplugged(folder)
        self.bench = bench
        claim(self.target, service_id(bench.stores))
        self.named = NamedTarget("disk", self.target, self.target)

    def copy(self) -> None:
        """Blobs and keyring as they are now, the keyring's copy as old as the clock says."""
        for blob in self.bench.blob_ids():
            self._write(f"blobs/{blob.hex()[:2]}/{blob.hex()}", self.bench.blob_file(blob).read_bytes())
        for name, _time in copies_at(self.target):
            self.target.delete(name)
        self._write(names.keyring(self.bench.stores.clock()), b"a copy of the keyring")

    def _write(self, name: str, content: bytes) -> None:
        writer = self.target.put(name)
        writer.write(content)
        writer.finish()
        self.target.settle()

    def blobs(self) -> set[str]:
        """The blobs that are there."""
        return {path.name for path in self.folder.glob("blobs/??/*")}


@pytest.fixture
def mirror(bench: Bench, tmp_path: Path) -> Iterator[Mirror]:
    """A target that the vault of `bench` knows."""
    made = Mirror(tmp_path / "target", bench)
    bench.vault = Vault(replace(bench.stores, targets=(made.named,)), bench.policy)
    yield made
    made.target.close()


@pytest.fixture
def ada(bench: Bench, mirror: Mirror) -> Session:
    session = bench.account("ada")
    bench.put(session, FILE, b"a secret")
    bench.put(session, OTHER, b"not one")
    mirror.copy()
    return session


def fates(certificate: str | None) -> dict[str, str]:
    """What became of each copy."""
    return {copy["copy"]: copy["fate"] for copy in json.loads(certificate or "{}")["copies"]}


def test_it_is_final_when_the_last_copy_of_the_keyring_is_gone(bench: Bench, ada: Session, mirror: Mirror) -> None:
    """Each step has its time; the provisional certificate says until when at most."""
    erasure = bench.vault.erasure.request_path(ada, FILE)
    assert erasure.state == "provisional" and len(mirror.blobs()) == 1
    said = fates(erasure.certificate)
    assert said["target disk: encrypted contents"] == "deleted"
    assert said["target disk: copies of the keyring"] == "pending"
    assert bench.vault.erasure.verify(erasure.certificate or "") == []
    bench.clock.advance(2 * DAY)
    assert bench.vault.erasure.expire() == {"erasures_provisional": 1}
    assert bench.vault.erasure.all()[0].certificate == erasure.certificate, "nothing has changed"
    mirror.copy()  # the next snapshot replaces the keyring's copy
    assert bench.vault.erasure.expire() == {"erasures_final": 1}
    last = bench.vault.erasure.all()[0]
    assert "pending" not in fates(last.certificate).values() and last.final is not None
    times = [copy["time"] for copy in json.loads(last.certificate or "")["copies"]]
    assert times[-1] > times[-2] >= times[0]
    for certificate in (erasure.certificate, last.certificate):
        assert bench.vault.erasure.verify(certificate or "") == []


def test_a_target_that_is_away_is_told_when_it_is_back(bench: Bench, ada: Session, mirror: Mirror) -> None:
    """What is here goes at once; the certificate says that the copy there is pending."""
    mirror.target.there = False
    erasure = bench.vault.erasure.request_path(ada, FILE)
    assert erasure.state == "provisional" and len(bench.key_ids()) == 1
    assert fates(erasure.certificate)["target disk: encrypted contents"] == "pending"
    assert bench.vault.erasure.expire() == {"erasures_provisional": 1}
    mirror.target.there = True
    bench.clock.advance(DAY)
    mirror.copy()
    assert bench.vault.erasure.expire() == {"erasures_final": 1}
    assert len(mirror.blobs()) == 1


def test_a_blob_that_came_back_at_a_target_is_found(bench: Bench, ada: Session, mirror: Mirror) -> None:
    """By whoever verifies the certificate."""
    held = {path: path.read_bytes() for path in mirror.folder.glob("blobs/??/*")}
    erasure = bench.vault.erasure.request_path(ada, FILE)
    for path, content in held.items():
        if not path.exists():
            path.write_bytes(content)
    assert bench.vault.erasure.verify(erasure.certificate or "") == [
        "target disk has 1 encrypted contents of what was erased"
    ]


class TestRestore:
    """A data folder from before, and the lists that the target has."""

    def old(self, bench: Bench, tmp_path: Path) -> Callable[[], Bench]:
        """Keeps the stores as they are now; gives them back in a folder of their own."""
        folder = tmp_path / "restored"
        for name, database in (("catalog", bench.stores.catalog), ("keyring", bench.stores.keyring)):
            database.wipe(())
            folder.mkdir(exist_ok=True)
            (folder / f"{name}.db").write_bytes((bench.folder / f"{name}.db").read_bytes())
        for blob in bench.blob_ids():
            copy = folder / "blobs" / blob.hex()[:2] / blob.hex()
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(bench.blob_file(blob).read_bytes())
        return lambda: open_bench(folder, server=bench.stores.server, clock=bench.clock)

    def lists(self, mirror: Mirror) -> list[str]:
        return [path.read_text() for path in mirror.folder.glob("erasures/*.json")]

    def test_what_was_erased_is_not_there_again(
        self, bench: Bench, ada: Session, mirror: Mirror, tmp_path: Path
    ) -> None:
        """With the old keyring even; everything else is, and the certificate holds there as well."""
        bench.vault.files.make_folder(ada, ("ada", "f"))
        bench.put(ada, ("ada", "f", "inside"), b"inside")
        bench.put(ada, ("ada", "f", "moved"), b"moved out later")
        again = self.old(bench, tmp_path)
        bench.vault.files.move(ada, ("ada", "f", "moved"), ("ada", "moved"), overwrite=False)
        erasure = bench.vault.erasure.request_path(ada, FILE)
        bench.vault.erasure.request_path(ada, ("ada", "f"))
        restored = again()
        assert restored.vault.erasure.replay(self.lists(mirror)) == 2
        session = restored.vault.sessions.sign_in("ada", "correct horse battery")
        assert restored.names(session, ("ada",)) == {"kept.txt", "f"}
        assert restored.names(session, ("ada", "f")) == {"moved"}, "it was not erased, so it stays where it was"
        assert restored.get(session, OTHER) == b"not one"
        assert restored.vault.erasure.verify(erasure.certificate or "") == []
        assert restored.vault.erasure.replay(self.lists(mirror)) == 0
        restored.assert_tidy()
        restored.vault.close()

    def test_ids_that_were_erased_are_not_given_out_again(
        self, bench: Bench, ada: Session, mirror: Mirror, tmp_path: Path
    ) -> None:
        """Or the list would hit the wrong file at the next restore."""
        again = self.old(bench, tmp_path)
        bench.put(ada, ("ada", "later"), b"later")
        later = bench.vault.files.stat(ada, ("ada", "later")).id
        bench.vault.erasure.request_path(ada, ("ada", "later"))
        restored = again()
        restored.vault.erasure.replay(self.lists(mirror))
        session = restored.vault.sessions.sign_in("ada", "correct horse battery")
        restored.put(session, ("ada", "anew"), b"anew")
        assert restored.vault.files.stat(session, ("ada", "anew")).id > later
        restored.vault.close()

    def test_an_account_and_a_space_do_not_come_back(
        self, bench: Bench, ada: Session, mirror: Mirror, tmp_path: Path
    ) -> None:
        """Nor do their keys."""
        bench.account("bob")
        bench.vault.spaces.add("project", ada.user)
        again = self.old(bench, tmp_path)
        bench.vault.erasure.request_space(None, "project")
        bench.vault.erasure.delete_account("bob")
        restored = again()
        assert restored.vault.erasure.replay(self.lists(mirror)) == 2
        assert [user.name for user, _ in restored.vault.accounts.all()] == ["ada"]
        assert [space.label for space in restored.vault.spaces.all()] == ["ada"]
        assert restored.rows("SELECT count(DISTINCT space) FROM space_keys", store="keyring") == [(1,)]
        restored.vault.close()

    def test_a_list_that_was_changed_is_refused(self, bench: Bench, ada: Session, mirror: Mirror) -> None:
        """Who can write to the target alone cannot make the service destroy anything."""
        bench.vault.erasure.request_path(ada, FILE)
        (text,) = self.lists(mirror)
        fields = json.loads(text)
        fields["what"]["blobs"] = [blob.hex() for blob in bench.blob_ids()]
        with pytest.raises(Damaged):
            bench.vault.erasure.replay([json.dumps(fields)])
        assert bench.get(ada, OTHER) == b"not one"
