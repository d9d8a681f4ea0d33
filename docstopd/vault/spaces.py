"""Spaces and their members: who may open what, and how keys change hands."""

import unicodedata

from docstopd.catalog import arrivals, journal, locks, nodes, versions
from docstopd.catalog import spaces as store
from docstopd.crypto import hpke
from docstopd.crypto.spacekey import SpaceKey
from docstopd.crypto.userkey import public_hpke
from docstopd.db import Rows
from docstopd.errors import AlreadyExists, Damaged, Failed, Forbidden, InvalidName, NotFound, Refused
from docstopd.model import Custody, Member, MemberRole, Space, SpaceId, User, UserId
from docstopd.vault import naming
from docstopd.vault.change import Changes
from docstopd.vault.journal import Facts, Seal
from docstopd.vault.opening import OpenSpace, open_space
from docstopd.vault.session import Session
from docstopd.vault.tree import NO_PARENT, new_row, sealed_row

SERVER = b"server"
"""The member name under which the server holds the keys of managed spaces."""

LABEL_LIMIT = 64


def check_label(text: str) -> str:
    """A space's label in its kept form. Raises `InvalidName`."""
    label = unicodedata.normalize("NFC", text)
    printable = all(letter.isprintable() and letter not in "/\\" for letter in label)
    if not label or len(label) > LABEL_LIMIT or not printable or label != label.strip() or label.startswith("."):
        raise InvalidName(
            f"{text!r} cannot be the label of a space: use up to {LABEL_LIMIT} printable characters without a slash,"
            " not beginning with a dot, no blanks around it"
        )
    return label


class Spaces:
    """The door to spaces as wholes.

    What needs no key (making a space for a user, removing a member) the admin can do alone. What hands a key on needs
    a session that can open the space, or custody by the server.
    """

    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self._stores = changes.stores

    def mine(self, session: Session) -> list[Space]:
        """The caller's spaces, by label."""
        with self._stores.catalog.read() as rows:
            return [space for space, _role in store.of_user(rows, session.user.id)]

    def all(self) -> list[Space]:
        """Every space, by label."""
        with self._stores.catalog.read() as rows:
            return store.all_spaces(rows)

    def members(self, label: str) -> list[Member]:
        """The members of a space, by name. Raises `NotFound`."""
        with self._stores.catalog.read() as rows:
            return store.members(rows, self._find(rows, label).id)

    def add(self, label: str, owner: User, *, custody: Custody = Custody.SEALED, quota: int | None = None) -> Space:
        """Make a space with one owner. Raises `AlreadyExists`, `InvalidName`."""
        label = check_label(label)
        with self._stores.catalog.read() as rows:
            if store.find(rows, label) is not None:
                raise AlreadyExists(f"there is a space {label!r} already")
        key = self.new_key(owner.id, self._public(owner.id, owner.name), custody)
        try:
            return self._stores.catalog.write(
                lambda rows: self.create(rows, key, label, owner, custody=custody, quota=quota)
            )
        except (Refused, Failed):
            self._stores.keyring.remove_space(key.space)
            raise

    def new_key(self, owner: UserId, public: hpke.PublicKey, custody: Custody) -> SpaceKey:
        """A key for a new space, durable in the keyring, sealed to its owner (and to the server if managed)."""
        key = SpaceKey.generate(SpaceId(self._stores.random(16)), 1, self._stores.random)
        sealed = {bytes(owner): key.seal_to(public, owner)}
        if custody is Custody.MANAGED:
            sealed[SERVER] = key.seal_to(self._stores.server.hpke.public, SERVER)
        self._put_epoch(key, sealed)
        return key

    def create(
        self, rows: Rows, key: SpaceKey, label: str, owner: User, *, custody: Custody, quota: int | None
    ) -> Space:
        """The catalog's part of a new space, inside the caller's transaction."""
        now = self._stores.clock()
        root = nodes.reserve(rows)
        space = Space(key.space, label, custody, root, key.epoch, 1, quota, 0, now)
        opened = OpenSpace(space, MemberRole.OWNER, {key.epoch: key})
        row = new_row(opened, root, NO_PARENT, folder=True, now=now)
        nodes.add(rows, sealed_row(key, row, ""), None)
        seal = Seal(key.journal, key.epoch, {"label": label})
        seq = self._changes.journal.append(
            rows, key.space, "space-add", actor=owner.id, node=root, facts={"custody": custody.value}, seal=seal
        )
        nodes.touch(rows, [root], seq)
        store.add(rows, space)
        store.set_member(rows, space.id, owner.id, MemberRole.OWNER, now)
        return space

    def grant(self, session: Session | None, label: str, user: User, role: MemberRole) -> None:
        """Make a user a member, or change a member's role; the keys of every epoch are sealed to him.

        `session` is an owner's. Without one the server must hold the keys (managed custody), or the user be a member
        already. Raises `Forbidden`, `NotFound`.
        """

        def work(rows: Rows) -> None:
            space, opened = self._open(rows, session, label)
            self._keep_an_owner(rows, space.id, user.id, role)
            if user.id not in {member.user for member in store.members(rows, space.id)}:
                keys = opened.keys if opened else self._server_keys(space)
                public = self._public(user.id, user.name)
                sealed = {epoch: key.seal_to(public, user.id) for epoch, key in keys.items()}
                self._stores.keyring.put_member(space.id, user.id, sealed)
            store.set_member(rows, space.id, user.id, role, self._stores.clock())
            if role is MemberRole.READER:
                locks.remove_of(rows, space.id, user.id)  # a reader could not end them
            self._record(rows, session, space, "grant", {"member": user.id.hex(), "role": role.value})

        self._stores.catalog.write(work)

    def revoke(self, session: Session | None, label: str, user: User) -> None:
        """Remove a member. His sealed keys are destroyed and a new epoch begins, so that what comes later is not his.

        Needs no key: the new one is sealed to the public keys of those who stay. Raises `NotFound`, `Forbidden` for
        the last owner.
        """

        def work(rows: Rows) -> None:
            space, _opened = self._open(rows, session, label)
            self.expel(rows, session, space, user.id)

        self._stores.catalog.write(work)

    def expel(self, rows: Rows, session: Session | None, space: Space, user: UserId) -> None:
        """The same inside the caller's transaction."""
        self._keep_an_owner(rows, space.id, user, None)
        store.remove_member(rows, space.id, user)
        locks.remove_of(rows, space.id, user)  # nobody else could end them
        epoch = self._next_epoch(rows, space, drop=user)
        self._record(rows, session, space, "revoke", {"member": user.hex(), "epoch": epoch})

    def keys(self, session: Session | None, label: str) -> tuple[Space, dict[int, SpaceKey]]:
        """A space and its keys by epoch, for an owner or, in managed custody, for the server.

        Raises `NotFound`, `Forbidden`.
        """
        with self._stores.catalog.read() as rows:
            space, opened = self._open(rows, session, label)
        return space, opened.keys if opened else self._server_keys(space)

    def new_epoch(self, rows: Rows, session: Session | None, label: str) -> Space:
        """Begin an epoch with the members that there are; the space as it is then. Raises `NotFound`, `Forbidden`."""
        space, _opened = self._open(rows, session, label)
        epoch = self._next_epoch(rows, space)
        self._record(rows, session, space, "rotate", {"epoch": epoch})
        return self._find(rows, space.label)

    def set_custody(self, session: Session, label: str, custody: Custody) -> None:
        """Let the server open the space from now on (`managed`), or no more (`sealed`, with a new epoch)."""

        def work(rows: Rows) -> None:
            opened = self._owned(rows, session, label)
            space = opened.space
            if space.custody is custody:
                raise Refused(f"the custody of {label!r} is {custody.value} already")
            if custody is Custody.MANAGED:
                public = self._stores.server.hpke.public
                sealed = {epoch: key.seal_to(public, SERVER) for epoch, key in opened.keys.items()}
                self._stores.keyring.put_member(space.id, SERVER, sealed)
            else:
                self._next_epoch(rows, space, drop=SERVER)
            store.set_custody(rows, space.id, custody)
            self._record(rows, session, space, "custody", {"custody": custody.value})

        self._stores.catalog.write(work)

    def set_quota(self, label: str, quota: int | None) -> None:
        """Set a space's limit in bytes. Raises `NotFound`."""

        def work(rows: Rows) -> None:
            space = self._find(rows, label)
            store.set_quota(rows, space.id, quota)
            self._record(rows, None, space, "quota", {"quota": -1 if quota is None else quota})

        self._stores.catalog.write(work)

    def set_read_only(self, session: Session | None, label: str, read_only: bool) -> None:
        """Let nobody change the files of a space, or its members again. Raises `NotFound`, `Forbidden`, `Refused`."""

        def work(rows: Rows) -> None:
            space, _opened = self._open(rows, session, label)
            if space.read_only == read_only:
                raise Refused(f"the space {label!r} is {'read-only' if read_only else 'writable'} already")
            store.set_read_only(rows, space.id, read_only)
            self._record(rows, session, space, "space-read-only" if read_only else "space-writable", {})

        self._stores.catalog.write(work)

    def remove(self, rows: Rows, space: Space, facts: Facts) -> None:
        """Remove a space with all it holds from the catalog, inside the caller's transaction. Its journal stays.

        Keys and blobs are the caller's to destroy afterwards.
        """
        nodes.remove_all(rows, space.id)
        versions.forget(rows, space.id)
        arrivals.remove_all(rows, space.id)
        self._record(rows, None, space, "space-destroyed", facts)
        journal.erase_payloads(rows, space.id)
        store.remove(rows, space.id)

    # -- inside -----------------------------------------------------------------------------------------------------

    def _find(self, rows: Rows, label: str) -> Space:
        space = store.find(rows, naming.normal(label))
        if space is None:
            raise NotFound(f"there is no space {label!r}")
        return space

    def _open(self, rows: Rows, session: Session | None, label: str) -> tuple[Space, OpenSpace | None]:
        if session is None:
            return self._find(rows, label), None
        opened = self._owned(rows, session, label)
        return opened.space, opened

    def _owned(self, rows: Rows, session: Session, label: str) -> OpenSpace:
        """A space opened by its owner's password."""
        opened = open_space(rows, self._stores.keyring, session, naming.normal(label))
        opened.require_owner()
        session.require_password()
        return opened

    def _server_keys(self, space: Space) -> dict[int, SpaceKey]:
        if space.custody is not Custody.MANAGED:
            raise Forbidden(
                f"the space {space.label!r} is sealed: only one of its owners can hand its key on (use --as OWNER)"
            )
        keyring = self._stores.keyring
        return {
            epoch: self.open_as_server(space.id, epoch, keyring.space_key(space.id, epoch, SERVER))
            for epoch in keyring.epochs(space.id, SERVER)
        }

    def open_as_server(self, space: SpaceId, epoch: int, sealed: bytes) -> SpaceKey:
        """A space key that is sealed to the server, to whichever of its keys. Raises `Damaged`."""
        *earlier, last = (key.hpke for key in self._stores.server.every)
        for private in earlier:
            try:
                return SpaceKey.open_sealed(private, sealed, space, epoch, SERVER)
            except Damaged:
                continue
        return SpaceKey.open_sealed(last, sealed, space, epoch, SERVER)

    def _keep_an_owner(self, rows: Rows, space: SpaceId, user: UserId, role: MemberRole | None) -> None:
        owners = {member.user for member in store.members(rows, space) if member.role is MemberRole.OWNER}
        if role is not MemberRole.OWNER and owners == {user}:
            raise Forbidden("a space needs an owner: make another member owner first")

    def _next_epoch(self, rows: Rows, space: Space, drop: bytes = b"") -> int:
        """A new space key for those who are members now; every key of `drop` is destroyed.

        The keyring is written inside the catalog's transaction, so that two changes of members cannot cross. If that
        transaction fails, the keys that lie in the keyring already are replaced by the next try.
        """
        key = SpaceKey.generate(space.id, space.epoch + 1, self._stores.random)
        # Who only stands in the catalog's list holds no key so far, and gets none: an edited list opens nothing.
        holders = self._stores.keyring.holders(space.id, space.epoch) - {drop}
        stay = [member for member in store.members(rows, space.id) if member.user in holders]
        sealed = {
            bytes(member.user): key.seal_to(self._public(member.user, member.name), member.user) for member in stay
        }
        if SERVER in holders:
            sealed[SERVER] = key.seal_to(self._stores.server.hpke.public, SERVER)
        self._put_epoch(key, sealed, drop)
        store.set_epoch(rows, space.id, key.epoch)
        return key.epoch

    def _put_epoch(self, key: SpaceKey, sealed: dict[bytes, bytes], drop: bytes = b"") -> None:
        pair = hpke.PrivateKey.generate(self._stores.random)
        self._stores.keyring.put_epoch(
            key.space, key.epoch, sealed, pair.public.encode(), key.wrap_private(pair, self._stores.random), drop=drop
        )

    def _public(self, user: UserId, name: str) -> hpke.PublicKey:
        public, _private = self._stores.keyring.identity(user, name)
        return public_hpke(public)

    def _record(self, rows: Rows, session: Session | None, space: Space, action: str, facts: Facts) -> None:
        """The members see it in the space's journal; no payload, since most of this is done without its key."""
        actor = session.user.id if session else b""
        self._changes.journal.append(rows, space.id, action, actor=actor, node=space.root, facts=facts)
