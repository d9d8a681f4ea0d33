"""Accounts. Profiles are sealed before they come here."""

from dataclasses import dataclass
from typing import Any

from docstopd.db import Database, Rows
from docstopd.errors import Damaged, NotFound
from docstopd.model import Role, User, UserId

_COLUMNS = "id, name, role, enabled, created"
_BY_NAME = f"SELECT {_COLUMNS} FROM users WHERE name = ?"


@dataclass(frozen=True, slots=True)
class Account:
    """A user and the sealed profile."""

    user: User
    profile: bytes


def _user(row: tuple[Any, ...]) -> User:
    try:
        return User(UserId(row[0]), row[1], Role(row[2]), bool(row[3]), row[4])
    except ValueError:
        raise Damaged("a user has a role that none can have") from None


def add(rows: Rows, user: User, profile: bytes) -> None:
    """Raises `AlreadyExists` when the id or the name is taken."""
    rows.run(
        f"INSERT INTO users ({_COLUMNS}, profile) VALUES (?, ?, ?, ?, ?, ?)",
        user.id,
        user.name,
        user.role.value,
        int(user.enabled),
        user.created,
        profile,
    )


def find(rows: Rows, name: str) -> User | None:
    """The user of that sign-in name."""
    row = rows.one(_BY_NAME, name)
    return _user(row) if row else None


def look_up(database: Database, name: str) -> User | None:
    """The same in a view of its own: asked at each request."""
    row = database.look(_BY_NAME, name)
    return _user(row) if row else None


def get(rows: Rows, user: UserId) -> User | None:
    """The user of that id."""
    row = rows.one(f"SELECT {_COLUMNS} FROM users WHERE id = ?", user)
    return _user(row) if row else None


def all_accounts(rows: Rows) -> list[Account]:
    """Every account, by name."""
    found = rows.all(f"SELECT {_COLUMNS}, profile FROM users ORDER BY name")
    return [Account(_user(row), row[5]) for row in found]  # type: ignore[arg-type]


def set_enabled(rows: Rows, user: UserId, enabled: bool) -> None:
    """Raises `NotFound`."""
    if not rows.run("UPDATE users SET enabled = ? WHERE id = ?", int(enabled), user):
        raise NotFound("no such user")


def set_profile(rows: Rows, user: UserId, profile: bytes) -> None:
    """Replace the sealed profile."""
    rows.run("UPDATE users SET profile = ? WHERE id = ?", profile, user)


def remove(rows: Rows, user: UserId) -> None:
    """Remove the account; its memberships must be gone already."""
    rows.run("DELETE FROM users WHERE id = ?", user)


def count(rows: Rows, role: Role) -> int:
    """How many enabled accounts have that role."""
    row: Any = rows.one("SELECT count(*) FROM users WHERE role = ? AND enabled", role.value)
    return int(row[0])
