"""`docstopd audit`: what the journal shows to whom, and that a changed entry is found."""

import json
from pathlib import Path

import apsw
import pytest
from service import PASSWORD, Service, make_service


@pytest.fixture
def service(tmp_path: Path) -> Service:
    """A stopped service whose user ada has stored two files."""
    made = make_service(tmp_path)
    made.put(("ada", "letters", "first.txt"), b"one")
    made.put(("ada", "letters", "second.txt"), b"two")
    return made


def test_paths_are_shown_to_members_alone(service: Service) -> None:
    """Without --as one sees that something was done, not to what."""
    closed = service.json("audit", "show", "ada")
    assert [entry["action"] for entry in closed] == ["space-add", "create", "create", "create"]
    assert all(entry["details"] == {} for entry in closed)
    opened = service.json("audit", "show", "ada", "--as", "ada", "--limit", "1", secrets=(PASSWORD,))
    assert [entry["details"]["path"] for entry in opened] == ["ada/letters/second.txt"]


def test_the_system_stream_needs_no_label(service: Service) -> None:
    """It says who came, by what."""
    entries = service.json("audit", "show")
    assert entries[0]["action"] == "user-add"
    assert "sign-in" in service.run("audit", "show").stdout


def test_a_sound_journal_verifies(service: Service) -> None:
    """Exit code 0, and how many entries there are."""
    finished = service.run("audit", "verify")
    assert finished.returncode == 0
    assert "the journal is whole" in finished.stdout


@pytest.mark.parametrize(
    ("sql", "what"),
    [
        ("UPDATE journal SET facts = '{}' WHERE stream = ? AND seq = 3", "changed"),
        ("DELETE FROM journal WHERE stream = ? AND seq = 3", "missing"),
    ],
)
def test_the_first_bad_entry_is_named(service: Service, sql: str, what: str) -> None:
    """Exit code 3, the stream and the entry, for people and for programs."""
    database = apsw.Connection(str(service.data / "catalog.db"))
    stream = database.execute("SELECT id FROM spaces WHERE label = 'ada'").fetchone()
    database.execute(sql, stream)
    database.close()
    finished = service.run("audit", "verify")
    assert finished.returncode == 3
    assert "stream ada, entry 3: " in finished.stdout and what in finished.stdout
    (found,) = json.loads(service.run("audit", "verify", "--json").stdout)["damaged"]
    assert (found["stream"], found["seq"]) == ("ada", 3)
