"""A signed-in user: the private keys, in this process's memory only, and the space keys that they have opened."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from docstopd.crypto.spacekey import SpaceKey
from docstopd.crypto.userkey import Identity
from docstopd.errors import Forbidden
from docstopd.keyring import Slot
from docstopd.model import Micros, SlotKind, SpaceId, User, UserId
from docstopd.vault.kept import Kept


class Unlocked:
    """What one credential has unlocked in this process; shared by the requests that bring it again.

    `kept` are answers made with these keys: both go together. `opening` is told of each space that is opened.

    Python cannot overwrite the bytes of a dropped key: they are out of reach at once, and out of memory when the
    interpreter uses the place again.
    """

    def __init__(
        self, user: UserId, slot: Slot, identity: Identity, since: Micros, kept: Kept, opening: "Opening"
    ) -> None:
        self.user = user
        self.slot = slot.id
        self.kind = slot.kind
        self.identity = identity
        self.since = since
        self.until = slot.expires
        self.used = since
        self.kept = kept
        self.opening = opening
        self._spaces: dict[SpaceId, dict[int, SpaceKey]] = {}
        self._labels: dict[str, SpaceId] = {}
        self._changing = threading.Lock()

    def keys(self, space: SpaceId) -> dict[int, SpaceKey]:
        """The keys of a space by epoch that are open already. Not to be changed."""
        return self._spaces.get(space, {})

    def newest_key(self, label: str) -> SpaceKey | None:
        """The newest open key of the space that had this label when its keys were opened; it may have another now."""
        space = self._labels.get(label)
        keys = self.keys(space) if space is not None else {}
        return keys[max(keys)] if keys else None

    def keep(self, space: SpaceId, label: str, keys: dict[int, SpaceKey]) -> None:
        """Remember a space's opened keys."""
        with self._changing:
            self._spaces = {**self._spaces, space: keys}
            self._labels = {**self._labels, label: space}

    def drop(self, label: str) -> None:
        """Forget the keys of the space that was opened under this label, if one was: the user is no longer a member."""
        space = self._labels.get(label)
        if space is None:
            return
        with self._changing:
            self._spaces = {known: keys for known, keys in self._spaces.items() if known != space}
            self._labels = {name: known for name, known in self._labels.items() if known != space}
        self.kept.drop_all()


@dataclass(frozen=True, slots=True)
class Session:
    """One request's view of a signed-in user: whose it is, and where it comes from (for the journal).

    `known` is when account and credential were last looked up, 0 if they were not.
    """

    user: User
    unlocked: Unlocked = field(repr=False)
    address: str = ""
    agent: str = ""
    known: Micros = 0

    @property
    def kept(self) -> Kept:
        """Answers that were given to this credential before."""
        return self.unlocked.kept

    def require_password(self) -> None:
        """Raises `Forbidden` for an app password: it lies on a device, so it hands no key on and destroys nothing."""
        if self.unlocked.kind is not SlotKind.PASSWORD:
            raise Forbidden("this takes your own password, not an app password")


Opening = Callable[[Session, SpaceId, int], None]
"""Is told when a session opens a space: the keys up to this epoch are in memory from now on."""
