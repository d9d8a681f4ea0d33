"""`docstopd audit`: what the journal shows to whom, and that a changed entry is found."""

import json
import signal
import subprocess
from pathlib import Path

import apsw
import pytest
from daemon import command, environment
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


def edit(service: Service, sql: str, *values: object) -> None:
    """Change the catalog as another program would."""
    database = apsw.Connection(str(service.data / "catalog.db"))
    database.execute(sql, values)  # type: ignore[arg-type]
    assert database.changes()
    database.close()


def test_entries_are_found_by_who_what_where_when_and_outcome(service: Service) -> None:
    """Each option narrows; a path needs somebody who can see it."""
    show = lambda *more: service.json("audit", "show", "ada", "--as", "ada", *more, secrets=(PASSWORD,))  # noqa: E731
    assert [entry["action"] for entry in show("--action", "space-add")] == ["space-add"]
    assert len(show("--path", "/ada/letters", "--action", "create")) == 3
    assert len(show("--path", "/ada/letters/first.txt")) == 1
    assert show("--until", "2001-01-01") == []
    assert len(show("--since", "2001-01-01T00:00:00Z", "--user", "ada")) == 4
    refused = service.json("audit", "show", "--outcome", "refused")
    assert refused == []
    assert {entry["stream"] for entry in service.json("audit", "show", "--everywhere")} == {"system", "ada"}
    for wrong in (("--path", "/ada"), ("--since", "yesterday")):
        assert service.run("audit", "show", *wrong).returncode == 2
    assert service.run("audit", "show", "--user", "nobody").returncode == 1


def test_following_goes_on_until_it_is_interrupted(service: Service) -> None:
    """A line for each entry; as JSON an object each."""
    process = subprocess.Popen(
        [*command(), "audit", "show", "ada", "--follow", "--json", "--limit", "1"],
        env=environment() | {"DOCSTOPD_CONFIG": str(service.config)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        assert json.loads(process.stdout.readline())["seq"] == 4
        service.put(("ada", "third.txt"), b"three")
        assert json.loads(process.stdout.readline())["seq"] == 5
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_what_came_since_a_checkpoint_is_verified_by_itself(service: Service) -> None:
    """And a number that there is not is refused."""
    assert "No checkpoint" in service.run("audit", "verify").stdout
    assert service.run("job", "run", "checkpoint").returncode == 0
    service.put(("ada", "third.txt"), b"three")
    found = service.json("audit", "verify", "--since", "checkpoint")
    assert 0 < found["entries"] == found["unanchored"]
    assert service.json("audit", "verify")["checkpoints"] == 1
    assert service.json("audit", "verify", "--since", "last")["entries"] == 0
    assert service.run("audit", "verify", "--since", "2").returncode == 1
    for wrong in ("0", "-1", "now"):
        assert service.run("audit", "verify", "--since", wrong).returncode == 2


def test_an_end_that_was_cut_off_with_its_head_is_found(service: Service, tmp_path: Path) -> None:
    """By the checkpoint, by the job, and, where the checkpoints were cut as well, by a note that was kept."""
    assert service.run("job", "run", "checkpoint").returncode == 0
    line = (service.data / "checkpoints").read_text()
    mail = tmp_path / "mail"
    mail.write_text("From: docstopd\n\nKeep this mail.\n\n" + json.loads(line)["note"] + "\n-- \nfooter\n")
    assert service.run("audit", "verify", "--note", mail).returncode == 0
    edit(service, "DELETE FROM journal WHERE seq = (SELECT seq FROM heads h WHERE h.stream = journal.stream)")
    edit(
        service,
        "UPDATE heads SET seq = seq - 1, hash = (SELECT hash FROM journal j WHERE j.stream = heads.stream"
        " AND j.seq = heads.seq - 1)",
    )
    finished = service.run("audit", "verify")
    assert finished.returncode == 3
    assert "stream ada, entry 4: the end of the stream is missing: the checkpoint of" in finished.stdout
    job = service.run("job", "run", "verify")
    assert job.returncode == 3
    assert "damaged" in job.stdout + job.stderr
    (service.data / "checkpoints").unlink()
    assert service.run("audit", "verify").returncode == 0
    assert service.run("audit", "verify", "--note", mail).returncode == 3
    (tmp_path / "none").write_text("nothing")
    assert service.run("audit", "verify", "--note", tmp_path / "none").returncode == 1


def test_a_catalog_that_is_no_database_is_damage_or_a_failure(service: Service) -> None:
    """Never a journal that is whole."""
    path = service.data / "catalog.db"
    content = bytearray(path.read_bytes())
    content[:4096] = bytes(4096)
    path.write_bytes(content)
    assert service.run("audit", "verify").returncode in {1, 3}
