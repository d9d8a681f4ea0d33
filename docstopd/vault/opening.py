"""Opening a space: from a session and a label to the space, the caller's role and its keys."""

from dataclasses import dataclass, field

from docstopd.catalog import spaces as store
from docstopd.crypto.spacekey import SpaceKey
from docstopd.db import Rows
from docstopd.errors import Forbidden, NotFound
from docstopd.keyring import Keyring
from docstopd.model import MemberRole, Space, SpaceId
from docstopd.vault import naming
from docstopd.vault.session import Session


@dataclass(frozen=True, slots=True)
class OpenSpace:
    """A space whose keys are at hand, as its record was in the transaction that opened it."""

    space: Space
    role: MemberRole
    keys: dict[int, SpaceKey] = field(repr=False)

    @property
    def key(self) -> SpaceKey:
        """The key of the current epoch: what is written, is written under this one."""
        return self.keys[self.space.epoch]

    @property
    def acting(self) -> MemberRole:
        """What the role comes to now: nobody does more than read in a space that is read-only."""
        return MemberRole.READER if self.space.read_only else self.role

    def require_editor(self) -> None:
        """Raises `Forbidden` for a reader."""
        if self.role is MemberRole.READER:
            raise Forbidden("readers of a space cannot change it")

    def require_writable(self) -> None:
        """Raises `Forbidden` for a reader, and for all while the space is read-only."""
        self.require_editor()
        if self.space.read_only:
            raise Forbidden(
                "this space is read-only for now: many files in it changed at once, or somebody wanted it so; an owner"
                " or an admin can end that"
            )

    def require_owner(self) -> None:
        """Raises `Forbidden` for all but owners."""
        if self.role is not MemberRole.OWNER:
            raise Forbidden("only an owner of the space can do this")


def open_space(rows: Rows, keyring: Keyring, session: Session, label: str) -> OpenSpace:
    """The space of that label. Raises `NotFound` alike when there is none and when the caller is no member."""
    label = naming.normal(label)
    found = store.find_for(rows, label, session.user.id)
    if found is None:
        session.unlocked.drop(label)
        raise NotFound("no such space")
    space, role = found
    keys = session.unlocked.keys(space.id)
    if space.epoch not in keys:
        keys = _open_keys(keyring, session, space)
        session.unlocked.keep(space.id, label, keys)
        session.unlocked.opening(session, space.id, space.epoch)
    return OpenSpace(space, role, keys)


def _open_keys(keyring: Keyring, session: Session, space: Space) -> dict[int, SpaceKey]:
    """The keys up to the current epoch that are sealed to the user. Raises `NotFound` when the current one is not.

    A later one may lie there while, or because, a change of members did not come to its end: the next try replaces it.
    """
    keys = {epoch: key for epoch, key in reopened_keys(keyring, session, space.id).items() if epoch <= space.epoch}
    if space.epoch not in keys:
        raise NotFound("no such space")
    return keys


def reopened_keys(keyring: Keyring, session: Session, space: SpaceId) -> dict[int, SpaceKey]:
    """Every key of a space that is sealed to the user now, one that is not in use yet among them."""
    user = session.user.id
    private = session.unlocked.identity.hpke
    return {
        epoch: SpaceKey.open_sealed(private, keyring.space_key(space, epoch, user), space, epoch, user)
        for epoch in keyring.epochs(space, user)
    }
