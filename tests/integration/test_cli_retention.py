"""`docstopd retention` and `docstopd hold`, by the real program; what classes forbid, over WebDAV."""

import json
from pathlib import Path

import pytest
from service import PASSWORD, Service, make_service

from docstopd.config import load
from docstopd.daemon.compose import open_vault
from docstopd.model import Role

CLASSES = """
retention:
  versions: {last: 1, hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0, within: null}
classes:
  - name: contracts
    description: Contracts, ten years from their end
    match: [contracts/**]
    keep_for: 3650d
    counted_from: event
    protect: worm
    then: review
"""
LEASE = ("ada", "contracts", "lease.pdf")


@pytest.fixture
def service(tmp_path: Path) -> Service:
    """A stopped service with a schedule, a contract, and a letter that has a past."""
    made = make_service(tmp_path)
    with made.config.open("a", encoding="utf-8") as file:
        file.write(CLASSES)
    made.put(LEASE, b"lease")
    for text in (b"1", b"22", b"333"):
        made.put(("ada", "letter.txt"), text)
    return made


def test_a_plan_says_what_a_run_then_does(service: Service) -> None:
    """Each decision with its reasons; two of three contents of the letter go."""
    found = service.json("retention", "plan")
    assert [(one["what"], one["fate"], one["reasons"]) for one in found] == [
        ("version", "remove", ["no rule keeps it"])
    ] * 2
    shown = service.run("retention", "plan")
    assert "2 versions" in shown.stdout and "no rule keeps it" in shown.stdout
    dry = service.json("retention", "run", "--dry-run")
    assert (dry["outcome"], dry["report"]["versions"]) == ("done", 2)
    assert service.json("retention", "run")["report"]["versions"] == 2
    assert service.json("retention", "plan") == []
    jobs = {one["job"]: one for one in service.json("job", "list")}
    assert jobs["retention"]["outcome"] == "done" and jobs["retention"]["destructive"]


def test_classes_are_listed_and_an_event_starts_their_time(service: Service) -> None:
    """The owner sets it, by the path."""
    (one,) = service.json("retention", "classes")
    assert (one["name"], one["files"], one["keep_for"], one["protect"]) == ("contracts", 1, "3650d", "worm")
    place = "/".join(("", *LEASE))
    arguments = ("retention", "event", place, "--date", "2010-01-31", "--as", "ada")
    assert service.run(*arguments, secrets=(PASSWORD,)).returncode == 0
    assert service.json("retention", "run")["report"]["reviews"] == 1
    wrong = service.run(
        "retention", "event", "/ada/letter.txt", "--date", "2010-01-31", "--as", "ada", secrets=(PASSWORD,)
    )
    assert (wrong.returncode, wrong.stderr) == (1, "docstopd: this file is of no class that waits for an event\n")
    assert service.run("retention", "classify", "ada", "--as", "ada", secrets=(PASSWORD,)).stdout.startswith("0 files")


def test_two_people_approve_and_the_report_is_signed(service: Service) -> None:
    """The first of them is the owner, the second an auditor."""
    with open_vault(load(service.config)) as vault:
        vault.accounts.add("aud", "second-password", role=Role.AUDITOR)
    place = "/".join(("", *LEASE))
    service.run("retention", "event", place, "--date", "2010-01-31", "--as", "ada", secrets=(PASSWORD,))
    service.run("retention", "run")
    (question,) = service.json("retention", "review", "list", "--as", "ada", secrets=(PASSWORD,))
    assert (question["path"], question["class"], question["said"]) == ("/".join(LEASE), "contracts", [])
    number = str(question["number"])
    approve = ("retention", "review", "approve", number, "--yes", "--as")
    assert "one other person" in service.run(*approve, "ada", secrets=(PASSWORD,)).stdout
    assert service.run(*approve, "ada", secrets=(PASSWORD,)).returncode == 1
    assert "by the next run" in service.run(*approve, "aud", secrets=("second-password",)).stdout
    assert service.json("retention", "run")["report"]["files"] == 1
    report = json.loads(service.run("retention", "review", "report", number).stdout)
    assert (report["class"], len(report["approvals"]), len(report["versions"])) == ("contracts", 2, 1)
    (closed,) = service.json("retention", "review", "list", "--all")
    assert closed["outcome"] == "destroyed"


def test_one_person_keeps_it(service: Service) -> None:
    """And nothing is asked any more for now."""
    place = "/".join(("", *LEASE))
    service.run("retention", "event", place, "--date", "2010-01-31", "--as", "ada", secrets=(PASSWORD,))
    service.run("retention", "run")
    assert service.run("retention", "review", "keep", "1", "--as", "ada", secrets=(PASSWORD,)).stdout == "It is kept.\n"
    assert service.json("retention", "run")["report"]["reviews"] == 0


def test_holds_are_placed_listed_and_released(service: Service) -> None:
    """On a user, a space, a path and a number; what is held stays."""
    placed = [
        service.json("hold", "place", "--user", "ada", "--reason", "case 17", "--confidential")["hold"],
        service.json("hold", "place", "--space", "ada")["hold"],
        service.json("hold", "place", "/ada/letter.txt", "--as", "ada", secrets=(PASSWORD,))["hold"],
        service.json("hold", "place", "--node", "1")["hold"],
    ]
    listed = service.json("hold", "list")
    assert [one["id"] for one in listed] == placed
    assert [one["kind"] for one in listed] == ["user", "space", "node", "node"]
    assert (listed[0]["reason"], listed[0]["confidential"], listed[0]["on"]) == ("case 17", True, "ada")
    assert service.json("retention", "run")["report"]["versions"] == 0
    for hold in placed:
        assert service.run("hold", "release", hold[:12], "--yes").returncode == 0
    assert service.json("hold", "list") == [] and len(service.json("hold", "list", "--all")) == 4
    assert service.json("retention", "run")["report"]["versions"] == 2


@pytest.mark.parametrize("confidential", [False, True])
def test_a_held_user_is_not_deleted_and_the_refusal_says_what_it_may(service: Service, confidential: bool) -> None:
    """Nobody learns of a confidential hold from a refusal."""
    with open_vault(load(service.config)) as vault:
        vault.accounts.add("bob", "second-password")
    service.run("hold", "place", "--user", "bob", *(["--confidential"] if confidential else []))
    refused = service.run("user", "delete", "bob", "--yes")
    assert refused.returncode == 1
    assert ("hold" in refused.stderr) is not confidential
    assert {one["name"]: one["enabled"] for one in service.json("user", "list")}["bob"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("hold", "place"),
        ("hold", "place", "--space", "ada", "--user", "ada"),
        ("hold", "place", "/ada/letter.txt"),
    ],
)
def test_a_hold_is_on_one_thing(service: Service, arguments: tuple[str, ...]) -> None:
    """And a path needs somebody who sees it: wrong usage."""
    assert service.run(*arguments).returncode == 2


def test_the_brake_names_what_it_stopped_and_how_to_go_on(service: Service) -> None:
    """The token is the plan's."""
    text = service.config.read_text(encoding="utf-8").replace("contracts/**", "'**'")
    text = text.replace("protect: worm", "protect: none").replace("then: review", "then: delete")
    service.config.write_text(text, encoding="utf-8")
    changed = service.run("retention", "classify", "ada", "--as", "ada", secrets=(PASSWORD,))
    assert changed.stdout == "1 file of ada changed its class.\n"
    for path in ("/ada/letter.txt", "/".join(("", *LEASE))):
        service.run("retention", "event", path, "--date", "2010-01-31", "--as", "ada", secrets=(PASSWORD,))
    refused = service.run("retention", "run")
    assert refused.returncode == 1 and "everything in 'ada' would go" in refused.stderr
    token = refused.stderr.split("--confirm ")[1].strip()
    assert service.run("retention", "run", "--confirm", "0" * 16).returncode == 1
    assert service.run("retention", "run", "--confirm", token).returncode == 0
    with open_vault(load(service.config)) as vault:
        found = vault.files.list(vault.sessions.sign_in("ada", PASSWORD), ("ada",)).members
    assert {node.name for node in found} == {"contracts"}
