"""Spaces and their members."""

from typing import Any

from docstopd.db import Rows
from docstopd.errors import Damaged, NotFound
from docstopd.model import Custody, Member, MemberRole, Micros, Space, SpaceId, UserId

_COLUMNS = "s.id, s.label, s.custody, s.root, s.epoch, s.quota, h.used, s.created, h.seq, s.quiet, s.read_only"
_FROM = "FROM spaces s JOIN heads h ON h.stream = s.id"


_CUSTODIES: dict[str, Custody] = {custody.value: custody for custody in Custody}


def _space(row: tuple[Any, ...]) -> Space:
    custody = _CUSTODIES.get(row[2])
    if custody is None:
        raise Damaged("a space has a custody that none can have")
    return Space(
        id=row[0],
        label=row[1],
        custody=custody,
        root=row[3],
        epoch=row[4],
        quota=row[5],
        used=row[6],
        created=row[7],
        seq=row[8],
        quiet=row[9],
        read_only=bool(row[10]),
    )


def _role(text: str) -> MemberRole:
    try:
        return MemberRole(text)
    except ValueError:
        raise Damaged("a member has a role that none can have") from None


def add(rows: Rows, space: Space) -> None:
    """Raises `AlreadyExists` when the label is taken. The space's journal must have its first entry."""
    rows.run(
        "INSERT INTO spaces (id, label, custody, root, epoch, quota, created) VALUES (?, ?, ?, ?, ?, ?, ?)",
        space.id,
        space.label,
        space.custody.value,
        space.root,
        space.epoch,
        space.quota,
        space.created,
    )


def exists(rows: Rows, space: bytes) -> bool:
    """Whether a stream's space is still there."""
    return rows.one("SELECT 1 FROM spaces WHERE id = ?", space) is not None


def find(rows: Rows, label: str) -> Space | None:
    """The space of that label, whoever asks."""
    row = rows.one(f"SELECT {_COLUMNS} {_FROM} WHERE s.label = ?", label)
    return _space(row) if row else None


def get(rows: Rows, space: SpaceId) -> Space | None:
    """The space of that id."""
    row = rows.one(f"SELECT {_COLUMNS} {_FROM} WHERE s.id = ?", space)
    return _space(row) if row else None


def find_for(rows: Rows, label: str, user: UserId) -> tuple[Space, MemberRole] | None:
    """The space of that label and the user's role in it; None for a user who is no member.

    Looked for among the user's own spaces: how long it takes does not tell whether others have one of that label.
    """
    row: Any = rows.one(
        # CROSS keeps the order; by the label first, one that exists would take some microseconds more than none.
        f"SELECT {_COLUMNS}, m.role FROM members m CROSS JOIN spaces s CROSS JOIN heads h"
        " WHERE m.user = ? AND s.id = m.space AND h.stream = s.id AND s.label = ?",
        user,
        label,
    )
    return (_space(row), _role(row[11])) if row else None


def of_user(rows: Rows, user: UserId) -> list[tuple[Space, MemberRole]]:
    """The user's spaces, by label."""
    found: list[Any] = rows.all(
        f"SELECT {_COLUMNS}, m.role {_FROM} JOIN members m ON m.space = s.id AND m.user = ? ORDER BY s.label",
        user,
    )
    return [(_space(row), _role(row[11])) for row in found]


def all_spaces(rows: Rows) -> list[Space]:
    """Every space, by label."""
    return [_space(row) for row in rows.all(f"SELECT {_COLUMNS} {_FROM} ORDER BY s.label")]


def members(rows: Rows, space: SpaceId) -> list[Member]:
    """The members of a space, by name."""
    found: list[Any] = rows.all(
        "SELECT u.id, u.name, m.role FROM members m JOIN users u ON u.id = m.user WHERE m.space = ? ORDER BY u.name",
        space,
    )
    return [Member(UserId(row[0]), row[1], _role(row[2])) for row in found]


def set_member(rows: Rows, space: SpaceId, user: UserId, role: MemberRole, now: Micros) -> None:
    """Add a member, or change the role of one."""
    rows.run(
        "INSERT INTO members (space, user, role, since) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (space, user) DO UPDATE SET role = excluded.role",
        space,
        user,
        role.value,
        now,
    )


def remove_member(rows: Rows, space: SpaceId, user: UserId) -> None:
    """Raises `NotFound` for a user who is no member."""
    if not rows.run("DELETE FROM members WHERE space = ? AND user = ?", space, user):
        raise NotFound("not a member of this space")


def remove_memberships(rows: Rows, user: UserId) -> None:
    """Remove the user from every space, whatever that leaves; fine for one who is in none."""
    rows.run("DELETE FROM members WHERE user = ?", user)


def set_epoch(rows: Rows, space: SpaceId, epoch: int) -> None:
    """New content is sealed under the space key of this epoch from now on."""
    rows.run("UPDATE spaces SET epoch = ? WHERE id = ?", epoch, space)


def set_custody(rows: Rows, space: SpaceId, custody: Custody) -> None:
    """Record who can open the space."""
    rows.run("UPDATE spaces SET custody = ? WHERE id = ?", custody.value, space)


def set_quota(rows: Rows, space: SpaceId, quota: int | None) -> None:
    """Set the limit in bytes, None for none."""
    rows.run("UPDATE spaces SET quota = ? WHERE id = ?", quota, space)


def set_read_only(rows: Rows, space: SpaceId, read_only: bool) -> None:
    """Let nobody change the files of a space, or its members again."""
    rows.run("UPDATE spaces SET read_only = ? WHERE id = ?", int(read_only), space)


def use(rows: Rows, space: SpaceId, change: int) -> None:
    """Add to the bytes in use (negative to give back)."""
    if change:
        rows.run("UPDATE heads SET used = max(0, used + ?) WHERE stream = ?", change, space)


def change_quietly(rows: Rows, space: SpaceId) -> None:
    """Count a change that no entry of the journal tells."""
    rows.run("UPDATE spaces SET quiet = quiet + 1 WHERE id = ?", space)


def remove(rows: Rows, space: SpaceId) -> None:
    """Remove the space and its memberships; its nodes must be gone already. Its journal stays."""
    rows.run("DELETE FROM spaces WHERE id = ?", space)
