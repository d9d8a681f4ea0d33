"""`docstopd space`: what an admin can do alone, and what needs a member."""

from pathlib import Path

import pytest
from service import PASSWORD, Service, make_service

SECOND = "second-password"


@pytest.fixture
def service(tmp_path: Path) -> Service:
    """A stopped service with two users, ada and bob."""
    made = make_service(tmp_path)
    assert made.run("user", "add", "bob", secrets=(SECOND,)).returncode == 0
    return made


def space(service: Service, label: str) -> dict[str, object]:
    """A space as `space list` shows it."""
    found: dict[str, object] = {row["label"]: row for row in service.json("space", "list")}[label]
    return found


def members(service: Service, label: str) -> dict[str, str]:
    """The roles of a space's members."""
    return {row["name"]: row["role"] for row in service.json("space", "members", label)}


def test_a_space_is_sealed_unless_said_otherwise(service: Service) -> None:
    """And has no quota."""
    assert service.run("space", "add", "Accounting", "--owner", "ada").returncode == 0
    assert space(service, "Accounting")["custody"] == "sealed"
    assert space(service, "Accounting")["quota"] is None
    assert members(service, "Accounting") == {"ada": "owner"}


def test_a_sealed_spaces_key_is_handed_on_by_an_owner(service: Service) -> None:
    """The admin alone is refused, and told how; a member who is no owner is refused too."""
    service.run("space", "add", "Accounting", "--owner", "ada")
    alone = service.run("space", "grant", "Accounting", "bob")
    assert alone.returncode == 1 and "use --as OWNER" in alone.stderr
    grant = ("space", "grant", "Accounting", "bob", "--role", "reader")
    assert service.run(*grant, "--as", "bob", secrets=(SECOND,)).returncode == 1
    assert service.run(*grant, "--as", "ada", secrets=("wrong-password",)).returncode == 1
    assert members(service, "Accounting") == {"ada": "owner"}
    assert service.run(*grant, "--as", "ada", secrets=(PASSWORD,)).returncode == 0
    assert members(service, "Accounting") == {"ada": "owner", "bob": "reader"}


def test_a_managed_space_takes_members_from_the_admin(service: Service) -> None:
    """The server holds its key."""
    assert service.run("space", "add", "Post", "--owner", "ada", "--custody", "managed").returncode == 0
    assert service.run("space", "grant", "Post", "bob").returncode == 0
    assert members(service, "Post") == {"ada": "owner", "bob": "editor"}


def test_custody_is_the_owners_to_change(service: Service) -> None:
    """By password; to managed and back."""
    service.run("space", "add", "Accounting", "--owner", "ada")
    for kind in ("managed", "sealed"):
        change = ("space", "custody", "Accounting", kind, "--as")
        assert service.run(*change, "bob", secrets=(SECOND,)).returncode == 1
        assert service.run(*change, "ada", secrets=(PASSWORD,)).returncode == 0
        assert space(service, "Accounting")["custody"] == kind
    assert service.run("space", "custody", "Accounting", "managed", secrets=(PASSWORD,)).returncode == 2


def test_a_member_is_removed_and_the_last_owner_is_not(service: Service) -> None:
    """A space always has an owner."""
    service.run("space", "add", "Post", "--owner", "ada", "--custody", "managed")
    service.run("space", "grant", "Post", "bob")
    assert service.run("space", "revoke", "Post", "bob").returncode == 0
    assert members(service, "Post") == {"ada": "owner"}
    last = service.run("space", "revoke", "Post", "ada")
    assert last.returncode == 1 and "needs an owner" in last.stderr


def test_a_quota_is_a_size_or_none(service: Service) -> None:
    """Anything else is wrong usage, and changes nothing."""
    assert service.run("space", "quota", "ada", "10GiB").returncode == 0
    assert space(service, "ada")["quota"] == 10 * 2**30
    for wrong in ("much", "10GB", "-1"):
        assert service.run("space", "quota", "ada", "--", wrong).returncode == 2
    assert space(service, "ada")["quota"] == 10 * 2**30
    assert service.run("space", "quota", "ada", "none").returncode == 0
    assert space(service, "ada")["quota"] is None


def test_a_new_space_has_the_configured_quota(service: Service) -> None:
    """Unless the command says another one, or none."""
    service.config.write_text(service.config.read_text() + "quota: {space: 1MiB}\n")
    service.run("space", "add", "a", "--owner", "ada")
    service.run("space", "add", "b", "--owner", "ada", "--quota", "none")
    service.run("space", "add", "c", "--owner", "ada", "--quota", "2MiB")
    assert [space(service, label)["quota"] for label in "abc"] == [2**20, None, 2**21]


def test_a_taken_or_impossible_label_is_refused(service: Service) -> None:
    """One message, exit code 1."""
    for label in ("ada", "a/b", ".hidden"):
        finished = service.run("space", "add", label, "--owner", "ada")
        assert finished.returncode == 1 and finished.stderr.count("\n") == 1


def test_an_unknown_space_is_named(service: Service) -> None:
    """By every command that takes one."""
    for arguments in (("members", "x"), ("grant", "x", "bob"), ("revoke", "x", "bob"), ("quota", "x", "none")):
        finished = service.run("space", *arguments)
        assert (finished.returncode, finished.stderr) == (1, "docstopd: there is no space 'x'\n")
