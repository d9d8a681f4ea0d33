"""Accounts and their credentials.

A user key is made with the account and never changes; a credential is a slot that holds it. So a new password costs
one slot and rewrites nothing else, and destroying every slot destroys what the user alone could open.
"""

import json
from dataclasses import dataclass

from docstopd.catalog import locks, outbox
from docstopd.catalog import spaces as space_store
from docstopd.catalog import users as store
from docstopd.catalog.users import Account
from docstopd.crypto import hpke, organisation
from docstopd.crypto import slot as slots
from docstopd.crypto.userkey import Identity, UserKey
from docstopd.crypto.wrap import unwrap_any, wrap
from docstopd.db import Rows
from docstopd.errors import AlreadyExists, Failed, Forbidden, NotFound, Refused, Unauthenticated
from docstopd.keyring import Slot
from docstopd.model import Custody, MemberRole, Micros, Role, SlotId, SlotKind, Space, User, UserId
from docstopd.vault.journal import NOBODY, SYSTEM, Facts, Journal
from docstopd.vault.session import Session
from docstopd.vault.sessions import Sessions, check_name, sign_in_name
from docstopd.vault.spaces import Spaces
from docstopd.vault.stores import Policy, Stores

PASSWORD_LEAST = 8
"""Characters: below this, the cost of Argon2 does not help."""


@dataclass(frozen=True, slots=True)
class NewAccount:
    """A new account and its recovery code, which exists nowhere else."""

    user: User
    recovery_code: str

    def __repr__(self) -> str:
        return f"NewAccount({self.user.name})"


@dataclass(frozen=True, slots=True)
class Profile:
    """What is kept of a person beside the sign-in name."""

    email: str = ""


class Accounts:
    """The door to accounts. Credentials given here are never kept, logged or put into a message."""

    def __init__(self, stores: Stores, journal: Journal, sessions: Sessions, spaces: Spaces, policy: Policy) -> None:
        self._stores = stores
        self._journal = journal
        self._sessions = sessions
        self._spaces = spaces
        self._policy = policy

    # -- accounts ---------------------------------------------------------------------------------------------------

    def find(self, name: str) -> User:
        """The user of that name. Raises `NotFound`."""
        with self._stores.catalog.read() as rows:
            user = store.find(rows, sign_in_name(name))
        if user is None:
            raise NotFound(f"there is no user {name!r}")
        return user

    def all(self) -> list[tuple[User, Profile]]:
        """Every user with the profile, by name."""
        with self._stores.catalog.read() as rows:
            found = store.all_accounts(rows)
        return [(account.user, self._profile(account)) for account in found]

    def add(self, name: str, password: str, *, role: Role = Role.USER, email: str = "") -> NewAccount:
        """Make an account with a personal space of the same name.

        The user key gets a slot for the password, one for a recovery code, and one for the organisation where there is
        such a key. Raises `AlreadyExists`, `Refused` for a name or a password that will not do.
        """
        name = check_name(name)
        check_password(password)
        with self._stores.catalog.read() as rows:
            if store.find(rows, name) is not None or space_store.find(rows, name) is not None:
                raise AlreadyExists(f"there is a user or a space {name!r} already")
        user = User(UserId(self._stores.random(16)), name, role, True, self._stores.clock())
        user_key, identity = UserKey.generate(self._stores.random), Identity.generate(self._stores.random)
        code = slots.new_recovery_code(self._stores.random)
        keyring = self._stores.keyring
        keyring.put_identity(user.id, user.name, identity.public, identity.wrap(user_key, user.id, self._stores.random))
        self._put_slot(user.id, SlotKind.PASSWORD, password, user_key.secret)
        self._put_slot(user.id, SlotKind.RECOVERY_CODE, code, user_key.secret)
        self._put_organisation(user.id, user_key.secret)
        key = self._spaces.new_key(user.id, identity.hpke.public, Custody.SEALED)
        profile = wrap(self._stores.server.profile, json.dumps({"email": email}).encode(), user.id, self._stores.random)

        def work(rows: Rows) -> None:
            store.add(rows, user, profile)
            quota = self._policy.space_quota
            self._spaces.create(rows, key, name, user, custody=Custody.SEALED, quota=quota)
            self._record(rows, "user-add", user, {"role": role.value})

        try:
            self._stores.catalog.write(work)
        except (Refused, Failed):
            keyring.remove_user(user.id)
            keyring.remove_space(key.space)
            raise
        return NewAccount(user, code)

    def set_enabled(self, name: str, *, enabled: bool) -> None:
        """Let a user sign in, or no more; holds for all processes at their next request.

        Raises `Forbidden` for the only admin.
        """
        user = self.find(name)

        def work(rows: Rows) -> None:
            if not enabled:
                self.shut(rows, user)
                return
            store.set_enabled(rows, user.id, True)
            self._record(rows, "user-enable", user, {})

        self._stores.catalog.write(work)

    def memberships(self, name: str) -> tuple[list[Space], list[Space]]:
        """(spaces that would go with the account: it is their only member, spaces that would stay).

        Raises `Forbidden` where the user is the only owner of a space that has other members.
        """
        user = self.find(name)
        with self._stores.catalog.read() as rows:
            return memberships(rows, user)

    def shut(self, rows: Rows, user: User) -> None:
        """Let a user sign in no more, inside the caller's transaction. Raises `Forbidden` for the only admin."""
        self._keep_an_admin(rows, user)
        locks.remove_of_user(rows, user.id)  # nobody else could end them
        store.set_enabled(rows, user.id, False)
        self._record(rows, "user-disable", user, {})

    def remove(self, rows: Rows, user: User, spaces: int) -> None:
        """Remove the account from the catalog, inside the caller's transaction; memberships must be gone already.

        Its keys are the caller's to destroy afterwards. Raises `Forbidden` for the only admin.
        """
        self._keep_an_admin(rows, user)
        locks.remove_of_user(rows, user.id)
        outbox.remove_of(rows, user.id)
        store.remove(rows, user.id)
        self._record(rows, "user-delete", user, {"spaces": spaces})

    # -- credentials ------------------------------------------------------------------------------------------------

    def change_password(self, session: Session, old: str, new: str) -> None:
        """Replace the password by one who knows it. Raises `Unauthenticated`, `Refused`."""
        user_key = self._user_key(session.user, SlotKind.PASSWORD, old)
        self._replace_password(session.user, user_key, new, "password-change", session.user.id)

    def reset_with_code(self, name: str, code: str, new: str) -> str:
        """Set a new password by recovery code; the code is used up, and the next one is returned.

        Raises `Unauthenticated` for an unknown name as for a wrong code.
        """
        try:
            user = self.find(name)
        except NotFound:
            raise Unauthenticated("the name or the recovery code is wrong") from None
        user_key = self._user_key(user, SlotKind.RECOVERY_CODE, code)
        self._replace_password(user, user_key, new, "password-recovery", user.id)
        return self._new_code(user, user_key)

    def reset_with_organisation(self, name: str, private: hpke.PrivateKey, new: str) -> str:
        """Set a new password by the organisation's offline key; the user's new recovery code.

        Every use is in the journal. Raises `Refused` where the user has no slot for it.
        """
        user = self.find(name)
        covered = [s for s in self._stores.keyring.slots(user.id) if s.kind is SlotKind.ORGANISATION]
        if not covered:
            raise Refused(f"organisation recovery does not cover {user.name}")
        user_key = organisation.open_user_key(private, user.id, covered[-1].value)
        self._replace_password(user, user_key, new, "organisation-recovery", NOBODY)
        return self._new_code(user, user_key)

    def add_app_password(self, session: Session, password: str, label: str, expires: Micros | None) -> str:
        """A new app password, shown once. Needs the account's password, as every new credential does."""
        user_key = self._user_key(session.user, SlotKind.PASSWORD, password)
        secret = slots.new_app_password(self._stores.random)
        self._put_slot(session.user.id, SlotKind.APP_PASSWORD, secret, user_key, label=label, expires=expires)
        self._note("app-password-add", session.user, actor=session.user.id)
        return secret

    def app_passwords(self, name: str) -> list[Slot]:
        """A user's app passwords, oldest first."""
        user = self.find(name)
        return [s for s in self._stores.keyring.slots(user.id) if s.kind is SlotKind.APP_PASSWORD]

    def remove_app_password(self, name: str, slot: SlotId) -> None:
        """Destroy an app password; sessions that it opened end at their next request. Raises `NotFound`."""
        user = self.find(name)
        if slot not in {known.id for known in self.app_passwords(name)}:
            raise NotFound("no such app password")
        self._stores.keyring.remove_slot(user.id, slot)
        self._note("app-password-remove", user)

    def open_offline(self, name: str, credential: str) -> Session:
        """A session by password or recovery code that leaves no trace: for reading data out of a stopped data folder.

        No throttle stands here: who has the folder and the server key can guess as fast as his machine allows.
        """
        user = self.find(name)
        for slot in self._stores.keyring.slots(user.id):
            if slot.kind in {SlotKind.PASSWORD, SlotKind.RECOVERY_CODE}:
                user_key = self._sessions.try_slot(slot, credential)
                if user_key is not None:
                    return self._sessions.unlock_with(user, slot, user_key)
        raise Unauthenticated("the password or recovery code is wrong")

    # -- inside -----------------------------------------------------------------------------------------------------

    def _slots(self, user: User, kind: SlotKind) -> list[Slot]:
        found = [slot for slot in self._stores.keyring.slots(user.id) if slot.kind is kind]
        if not found:
            raise Unauthenticated(f"{user.name} has no {kind.value}")
        return found

    def _user_key(self, user: User, kind: SlotKind, credential: str) -> bytes:
        for slot in self._slots(user, kind):
            user_key = self._sessions.try_slot(slot, credential)
            if user_key is not None:
                return user_key
        raise Unauthenticated(f"the {kind.value.replace('-', ' ')} is wrong")

    def _replace_password(self, user: User, user_key: bytes, new: str, action: str, actor: bytes) -> None:
        check_password(new)
        old = tuple(s.id for s in self._stores.keyring.slots(user.id) if s.kind is SlotKind.PASSWORD)
        self._note(action, user, actor=actor)  # first: an entry too many is better than a change that nobody sees
        self._put_slot(user.id, SlotKind.PASSWORD, new, user_key, replaces=old)

    def _new_code(self, user: User, user_key: bytes) -> str:
        old = tuple(s.id for s in self._stores.keyring.slots(user.id) if s.kind is SlotKind.RECOVERY_CODE)
        code = slots.new_recovery_code(self._stores.random)
        self._put_slot(user.id, SlotKind.RECOVERY_CODE, code, user_key, replaces=old)
        return code

    def _put_slot(
        self,
        user: UserId,
        kind: SlotKind,
        credential: str,
        user_key: bytes,
        *,
        label: str = "",
        expires: Micros | None = None,
        replaces: tuple[SlotId, ...] = (),
    ) -> None:
        slot = SlotId(self._stores.random(16))
        value = slots.make(
            kind,
            slots.credential_bytes(kind, credential),
            user_key,
            user=user,
            slot=slot,
            pepper=self._stores.server.pepper,
            cost=self._stores.cost,
            random=self._stores.random,
        )
        self._stores.keyring.put_slot(Slot(slot, user, kind, self._stores.clock(), expires, label, value), replaces)

    def _put_organisation(self, user: UserId, user_key: bytes) -> None:
        if self._stores.organisation is None:
            return
        value = organisation.seal_user_key(self._stores.organisation, user, user_key)
        slot = SlotId(self._stores.random(16))
        now = self._stores.clock()
        self._stores.keyring.put_slot(Slot(slot, user, SlotKind.ORGANISATION, now, None, "", value))

    def _profile(self, account: Account) -> Profile:
        fields = json.loads(unwrap_any(self._stores.server.profiles, account.profile, account.user.id))
        return Profile(fields["email"])

    def _keep_an_admin(self, rows: Rows, user: User) -> None:
        if user.role is Role.ADMIN and user.enabled and store.count(rows, Role.ADMIN) == 1:
            raise Forbidden(f"{user.name} is the only admin: make another one first")

    def _note(self, action: str, user: User, actor: bytes = NOBODY) -> None:
        self._stores.catalog.write(lambda rows: self._record(rows, action, user, {}, actor))

    def _record(self, rows: Rows, action: str, user: User, facts: Facts, actor: bytes = NOBODY) -> None:
        """`actor` is the user where he proved to be one; what the operator does by command has none."""
        self._journal.append(rows, SYSTEM, action, actor=actor, facts={"user": user.id.hex(), **facts})


def memberships(rows: Rows, user: User) -> tuple[list[Space], list[Space]]:
    """(spaces of which the user is the only member, the others). Raises as `Accounts.memberships`."""
    alone: list[Space] = []
    shared: list[Space] = []
    for space, role in space_store.of_user(rows, user.id):
        members = space_store.members(rows, space.id)
        owners = [member for member in members if member.role is MemberRole.OWNER]
        if len(members) > 1 and role is MemberRole.OWNER and len(owners) == 1:
            raise Forbidden(f"{user.name} is the only owner of {space.label!r}: make another member owner first")
        (shared if len(members) > 1 else alone).append(space)
    return alone, shared


def check_password(password: str) -> None:
    """Raises `Refused` for a password that is too short to withstand anything."""
    if len(password) < PASSWORD_LEAST:
        raise Refused(f"a password needs at least {PASSWORD_LEAST} characters")
