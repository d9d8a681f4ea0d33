"""`docstopd user`: accounts, and every way back to a lost password."""

from pathlib import Path

import pytest
from service import PASSWORD, Service, holds, make_service

SECOND = "second-password"
THIRD = "third-password"


@pytest.fixture
def service(tmp_path: Path) -> Service:
    """A stopped service with one user, ada."""
    return make_service(tmp_path)


def test_an_account_is_added_and_listed(service: Service) -> None:
    """The list says role, state and e-mail; the code is shown at once, and only then."""
    arguments = ("user", "add", "Bob", "--role", "auditor", "--email", "bob@example.org")
    added = service.json(*arguments, secrets=(SECOND,))
    assert added["name"] == "bob" and len(added["recovery_code"]) == 39
    rows = {row["name"]: row for row in service.json("user", "list")}
    assert rows["bob"]["role"] == "auditor" and rows["bob"]["email"] == "bob@example.org" and rows["bob"]["enabled"]
    assert set(rows) == {"ada", "bob"}
    table = service.run("user", "list").stdout
    assert "bob@example.org" in table and added["recovery_code"] not in table
    assert holds(service.data, SECOND, added["recovery_code"], "bob@example.org") == []


def test_a_taken_name_is_refused(service: Service) -> None:
    """One message, exit code 1."""
    finished = service.run("user", "add", "ADA", secrets=(SECOND,))
    assert (finished.returncode, finished.stdout) == (1, "")
    assert finished.stderr == "docstopd: there is a user or a space 'ada' already\n"


def test_a_password_is_changed_by_who_knows_it(service: Service) -> None:
    """The old one comes first, the new one second; afterwards only the new one opens."""
    assert service.run("user", "passwd", "ada", secrets=("not-the-password", SECOND)).returncode == 1
    assert service.run("user", "passwd", "ada", secrets=(PASSWORD, SECOND)).returncode == 0
    assert service.run("user", "passwd", "ada", secrets=(PASSWORD, THIRD)).returncode == 1
    assert service.run("user", "passwd", "ada", secrets=(SECOND, THIRD)).returncode == 0


def test_a_recovery_code_sets_a_password_once(service: Service) -> None:
    """It is used up, and replaced by the one that is shown."""
    fresh = service.json("user", "reset", "ada", secrets=(service.recovery_code.lower(), SECOND))["recovery_code"]
    assert fresh != service.recovery_code
    again = service.run("user", "reset", "ada", secrets=(service.recovery_code, THIRD))
    assert (again.returncode, again.stdout) == (1, "")
    assert service.run("user", "passwd", "ada", secrets=(SECOND, THIRD)).returncode == 0
    assert service.run("user", "reset", "ada", secrets=(fresh, PASSWORD)).returncode == 0


def test_the_organisations_key_sets_a_password_and_leaves_an_entry(service: Service) -> None:
    """The journal says so."""
    arguments = ("user", "reset", "ada", "--organisation-key", service.organisation_key)
    assert service.run(*arguments, secrets=(SECOND,)).returncode == 0
    assert service.run("user", "passwd", "ada", secrets=(SECOND, THIRD)).returncode == 0
    assert "organisation-recovery" in [entry["action"] for entry in service.json("audit", "show")]


def test_another_organisations_key_opens_nothing(service: Service, tmp_path: Path) -> None:
    """Wrong key, other kind of file, no file: each one message."""
    other = make_service(tmp_path / "other")
    foreign = tmp_path / "foreign.key"
    foreign.write_text((other.data / "keys" / "server.key").read_text())
    for key in (foreign, tmp_path / "missing.key"):
        finished = service.run("user", "reset", "ada", "--organisation-key", key, secrets=(SECOND,))
        assert finished.returncode == 1
        assert finished.stderr.startswith("docstopd: ") and "Traceback" not in finished.stderr


def test_a_disabled_user_is_shut_out_until_enabled(service: Service) -> None:
    """The password is right and does not help."""
    service.json("user", "add", "bob", secrets=(SECOND,))
    assert service.run("user", "disable", "bob").returncode == 0
    assert not {row["name"]: row for row in service.json("user", "list")}["bob"]["enabled"]
    assert service.run("user", "passwd", "bob", secrets=(SECOND, THIRD)).returncode == 1
    assert service.run("user", "enable", "bob").returncode == 0
    assert service.run("user", "passwd", "bob", secrets=(SECOND, THIRD)).returncode == 0


def test_deletion_asks_first_and_says_what_goes(service: Service) -> None:
    """Without a terminal it takes --yes; the last admin stays whatever is said."""
    service.json("user", "add", "bob", secrets=(SECOND,))
    asked = service.run("user", "delete", "bob")
    assert asked.returncode == 1 and "for ever: bob" in asked.stderr and "--yes" in asked.stderr
    assert len(service.json("user", "list")) == 2
    assert service.run("user", "delete", "bob", "--yes").returncode == 0
    assert [row["name"] for row in service.json("user", "list")] == ["ada"]
    assert [row["label"] for row in service.json("space", "list")] == ["ada"]
    last = service.run("user", "delete", "ada", "--yes")
    assert last.returncode == 1 and "only admin" in last.stderr


def test_app_passwords_are_made_listed_and_taken_back(service: Service) -> None:
    """The list shows what they are for, never what they are."""
    arguments = ("user", "app-password", "add", "ada", "--label", "phone", "--expires", "90d")
    made = service.json(*arguments, secrets=(PASSWORD,))
    assert len(made["app_password"].replace("-", "")) == 32
    assert holds(service.data, made["app_password"], "phone") == []
    (row,) = service.json("user", "app-password", "list", "ada")
    assert row["label"] == "phone" and row["expires"] > row["created"]
    assert service.run("user", "app-password", "remove", "ada", row["id"]).returncode == 0
    assert service.json("user", "app-password", "list", "ada") == []
    for wrong in (row["id"], "not-hex"):
        assert service.run("user", "app-password", "remove", "ada", wrong).returncode == 1


def test_a_length_of_time_that_is_none_is_wrong_usage(service: Service) -> None:
    """Exit code 2, and how to write it."""
    finished = service.run("user", "app-password", "add", "ada", "--expires", "soon", secrets=(PASSWORD,))
    assert finished.returncode == 2
    assert "such as 15m" in " ".join(finished.stderr.split())


def test_an_unknown_user_is_named(service: Service) -> None:
    """By every command that takes one."""
    for words in (("disable",), ("delete",), ("app-password", "list")):
        finished = service.run("user", *words, "nobody")
        assert (finished.returncode, finished.stderr) == (1, "docstopd: there is no user 'nobody'\n")


def test_passwords_come_from_a_file_too(service: Service, tmp_path: Path) -> None:
    """A line for each, with either end of line."""
    secrets = tmp_path / "secrets"
    secrets.write_bytes(f"{PASSWORD}\r\n{SECOND}\n".encode())
    assert service.run("user", "passwd", "ada", "--password-file", secrets).returncode == 0
    assert service.run("user", "passwd", "ada", secrets=(SECOND, THIRD)).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), 1, "no terminal to ask"),
        (("--password-file", "/nowhere/at/all"), 1, "cannot be read"),
        (("--password-file", "/dev/null"), 1, "input ends before"),
        (("--password-file", "/dev/null", "--password-stdin"), 2, "not both"),
    ],
)
def test_a_password_that_does_not_come_is_said(
    service: Service, arguments: tuple[str, ...], code: int, words: str
) -> None:
    """Never taken for an empty one."""
    finished = service.run("user", "add", "bob", *arguments)
    assert finished.returncode == code
    assert words in finished.stderr
    assert len(service.json("user", "list")) == 1
