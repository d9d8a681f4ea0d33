"""Reads and openings: who looked at what is in the journal, and looking costs no commit."""

import json
import threading
from dataclasses import replace
from typing import Any

import pytest
from failing import FailingDatabase
from vaults import PASSWORD, Bench

from docstopd.errors import StorageFull
from docstopd.vault import Policy, Session, Vault, batches
from docstopd.vault.audit.trail import Line

FILE, OTHER = ("ada", "letters", "file"), ("ada", "other")


@pytest.fixture
def stored(bench: Bench, ada: Session) -> Session:
    """Two files, and nothing that waits."""
    bench.vault.files.make_folder(ada, FILE[:2])
    bench.put(ada, FILE, b"content")
    bench.put(ada, OTHER, b"other")
    bench.vault.housekeep()
    return ada


def reads(bench: Bench, session: Session, label: str = "ada") -> list[Line]:
    bench.vault.housekeep()
    bench.assert_journal()
    return [line for line in bench.vault.audit.show(session, label, 1000) if line.action == "read"]


def commits(bench: Bench) -> int:
    return int(bench.rows("SELECT sum(seq) FROM heads")[0][0])


def test_a_read_is_journalled_with_the_path_for_members_alone(bench: Bench, stored: Session) -> None:
    """Who, which file, when, from where; nothing of it is in the facts."""
    session = replace(stored, address="203.0.113.7", agent="rclone")
    assert bench.get(session, FILE) == b"content"
    (line,) = reads(bench, stored)
    node = bench.vault.files.stat(stored, FILE)
    assert (line.actor, line.node, line.facts) == ("ada", node.id, {})
    assert line.details == {"path": "ada/letters/file", "address": "203.0.113.7", "agent": "rclone"}
    assert bench.vault.audit.show(None, "ada", 1)[0].details == {}


def test_reading_writes_nothing_until_the_next_second(bench: Bench, stored: Session) -> None:
    """However many files."""
    before = commits(bench)
    for path in (FILE, OTHER) * 20:
        bench.get(stored, path)
    assert commits(bench) == before
    bench.vault.housekeep()
    assert commits(bench) == before + 2
    bench.vault.housekeep()
    assert commits(bench) == before + 2


def test_opening_without_reading_is_no_read(bench: Bench, stored: Session) -> None:
    """A conditional GET that is answered 304, a HEAD, a listing."""
    bench.vault.files.open(stored, FILE).close()
    bench.vault.files.stat(stored, FILE)
    bench.vault.files.list(stored, ("ada",))
    assert reads(bench, stored) == []


def test_one_entry_for_each_content_credential_address_and_window(bench: Bench, stored: Session) -> None:
    """A player that asks for a hundred ranges reads once; a minute later again; new content is another."""
    for _ in range(100):
        with bench.vault.files.open(stored, FILE) as content:
            list(content.read(2, 3))
    assert len(reads(bench, stored)) == 1
    bench.get(replace(stored, address="2001:db8::1"), FILE)
    assert len(reads(bench, stored)) == 2
    bench.get(bench.vault.sessions.sign_in("ada", PASSWORD, "198.51.100.1"), FILE)
    assert len(reads(bench, stored)) == 3
    bench.put(stored, FILE, b"new content")
    bench.get(stored, FILE)
    assert len(reads(bench, stored)) == 4
    bench.clock.advance(61)
    bench.get(stored, FILE)
    assert len(reads(bench, stored)) == 5


def test_a_copy_reads_its_source(bench: Bench, stored: Session) -> None:
    """Each file of it, in the journal of the space that it leaves."""
    bench.vault.spaces.add("shared", stored.user)
    bench.vault.files.copy(stored, FILE[:2], ("shared", "taken"), overwrite=False, deep=True)
    assert [line.details["path"] for line in reads(bench, stored)] == ["ada/letters/file"]
    assert reads(bench, stored, "shared") == []


def test_reads_move_no_etag_and_no_sync_token(bench: Bench, stored: Session) -> None:
    """A client that synchronises is told of nothing."""
    files, sync = bench.vault.files, bench.vault.sync
    token = sync.token(stored, ("ada",))
    before = [files.stat(stored, path) for path in (("ada",), FILE[:2], FILE)]
    bench.get(stored, FILE)
    assert len(reads(bench, stored)) == 1
    assert [files.stat(stored, path) for path in (("ada",), FILE[:2], FILE)] == before
    assert sync.token(stored, ("ada",)) == token
    report = sync.report(stored, ("ada",), token, deep=True)
    assert (report.changed, report.removed, report.token) == ([], [], token)


def test_reads_can_be_switched_off(bench: Bench, stored: Session) -> None:
    """Then opening a space is still journalled."""
    vault = Vault(bench.stores, Policy(reads=False))
    session = vault.sessions.sign_in("ada", PASSWORD)
    with vault.files.open(session, FILE) as content:
        list(content.read(0, 7))
    vault.housekeep()
    assert reads(bench, stored) == []
    assert bench.actions(b"system")[-1] == "space-open"


def test_opening_a_space_is_journalled_once_for_each_session(bench: Bench, stored: Session) -> None:
    """In `system`: that from then on its keys are in memory."""
    session = bench.vault.sessions.sign_in("ada", PASSWORD, "203.0.113.9")
    assert session.unlocked is stored.unlocked
    bench.clock.advance(1000)
    session = bench.vault.sessions.sign_in("ada", PASSWORD, "203.0.113.9")
    for _ in range(3):
        bench.get(session, FILE)
    bench.vault.housekeep()
    lines = [line for line in bench.vault.audit.show(None, None, 100) if line.action == "space-open"]
    assert len(lines) == 2
    space = bench.vault.spaces.mine(session)[0].id
    assert lines[-1].facts == {"space": space.hex(), "epoch": 1, "slot": "password"}
    assert lines[-1].details["address"] == "203.0.113.9"


def test_what_was_erased_meanwhile_comes_back_in_no_payload(bench: Bench, stored: Session) -> None:
    """The entry stays, without the path: of a file that is gone, and of a space."""
    bench.get(stored, FILE)
    node = bench.vault.files.stat(stored, FILE).id
    bench.edit("DELETE FROM nodes WHERE id = ?", node)
    bench.vault.housekeep()
    row = bench.rows("SELECT node, payload FROM journal WHERE action = 'read'")
    assert row == [(node, None)]
    bench.get(stored, OTHER)
    bench.vault.erasure.request_space(stored, "ada")
    bench.vault.housekeep()
    assert bench.rows("SELECT payload FROM journal WHERE action = 'read'") == [(None,), (None,)]
    bench.assert_journal()


def test_closing_settles(bench: Bench, stored: Session) -> None:
    """What waits when the service stops is not lost."""
    bench.get(stored, FILE)
    bench.vault.close()
    assert bench.actions(bench.rows("SELECT id FROM spaces")[0][0])[-1] == "read"


def test_a_full_disk_lets_reads_wait_and_says_how_many_were_lost(
    bench: Bench, stored: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory is bounded: beyond twice the limit the newest go, and that is journalled."""
    monkeypatch.setattr(batches, "MOST_WAITING", 3)
    failing = FailingDatabase(bench.stores.catalog)
    full = bench.with_stores(lambda stores: replace(stores, catalog=failing))
    session = full.vault.sessions.sign_in("ada", PASSWORD)
    full.vault.housekeep()
    failing.before = StorageFull("full")
    for number in range(10):
        full.get(replace(session, address=f"203.0.113.{number}"), FILE)
    full.vault.housekeep()
    assert reads(bench, stored) == []
    failing.before = None
    full.vault.housekeep()
    kept = [line.details["address"] for line in reads(bench, stored)]
    assert kept == [f"203.0.113.{number}" for number in range(5)]  # the first one waited behind the opening
    lost = [line.facts for line in bench.vault.audit.show(None, None, 10) if line.action == "reads-lost"]
    assert lost == [{"entries": 5}]


def test_at_the_limit_the_reader_appends_himself(
    bench: Bench, stored: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is lost while the disk takes it, and nothing grows without bound."""
    monkeypatch.setattr(batches, "MOST_WAITING", 5)
    before = commits(bench)
    for number in range(12):
        bench.get(replace(stored, address=f"203.0.113.{number}"), FILE)
    assert commits(bench) == before + 10
    assert len(reads(bench, stored)) == 12


def test_threads_that_read_at_once_note_each_read_once(bench: Bench, stored: Session) -> None:
    """While another appends what waits."""
    errors: list[Any] = []

    def read() -> None:
        try:
            for number in range(50):
                bench.get(replace(stored, address=f"203.0.113.{number}"), FILE)
                if number % 10 == 0:
                    bench.vault.housekeep()
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(reads(bench, stored)) == 50


def test_facts_of_openings_hold_nothing_personal(bench: Bench, stored: Session) -> None:
    """Ids only."""
    bench.get(replace(stored, address="203.0.113.7", agent="SecretAgent"), FILE)
    bench.vault.housekeep()
    text = json.dumps(bench.rows("SELECT action, facts FROM journal"))
    assert not any(word in text for word in ("203.0.113", "SecretAgent", "letters", "ada"))
