"""The door to holds: placing, releasing and listing them.

Every hold is in the stream `system`. The journal of the space that it concerns tells its members too, unless the hold
is confidential. The reason, which may name people, is sealed to the server.
"""

from dataclasses import dataclass

from docstopd.catalog import holds as store
from docstopd.catalog import nodes, spaces, users
from docstopd.catalog.holds import Hold
from docstopd.crypto.wrap import unwrap_any, wrap
from docstopd.db import Rows
from docstopd.errors import NotFound
from docstopd.model import Micros, NodeId, SpaceId, SpacePath, User, UserId
from docstopd.vault import naming
from docstopd.vault.change import Changes
from docstopd.vault.journal import NOBODY, SYSTEM, Facts, Seal
from docstopd.vault.opening import open_space
from docstopd.vault.session import Session
from docstopd.vault.stores import Stores
from docstopd.vault.tree import Tree


@dataclass(frozen=True, slots=True)
class ShownHold:
    """A hold for people. `on`: the user or the space; `nodes`: the heads of what it covers, for one on nodes."""

    id: bytes
    kind: str
    on: str
    nodes: tuple[NodeId, ...]
    placed: Micros
    author: str
    confidential: bool
    reason: str
    released: Micros | None


class Holds:
    """Several may stand on the same thing; it is free when the last one is released."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self._stores: Stores = changes.stores

    def on_user(self, user: User, reason: str, *, confidential: bool, session: Session | None = None) -> bytes:
        """Hold an account and all that the user wrote; the hold's id."""

        def work(rows: Rows) -> bytes:
            told = [] if confidential else store.only_owned(rows, user.id)
            return self._place(rows, "user", user.id, [], reason, told, confidential=confidential, session=session)

        return self._stores.catalog.write(work)

    def on_space(self, label: str, reason: str, *, confidential: bool, session: Session | None = None) -> bytes:
        """Hold a space and all in it. Raises `NotFound`."""

        def work(rows: Rows) -> bytes:
            space = spaces.find(rows, naming.normal(label))
            if space is None:
                raise NotFound(f"there is no space {label!r}")
            told = [] if confidential else [space.id]
            return self._place(rows, "space", space.id, [], reason, told, confidential=confidential, session=session)

        return self._stores.catalog.write(work)

    def on_path(self, session: Session, path: SpacePath, reason: str, *, confidential: bool) -> bytes:
        """Hold a file or folder with all below it, as a member of its space who sees it. Raises `NotFound`."""
        path = naming.normal_path(path)

        def work(rows: Rows) -> bytes:
            opened = open_space(rows, self._stores.keyring, session, path[0])
            node = Tree(rows, opened).find(path[1:])[-1].id
            return self._on_node(rows, node, reason, confidential=confidential, session=session)

        return self._stores.catalog.write(work)

    def on_node(self, node: NodeId, reason: str, *, confidential: bool) -> bytes:
        """The same by the node's number, which the journal names: for who cannot see into the space, and for trash."""
        return self._stores.catalog.write(
            lambda rows: self._on_node(rows, node, reason, confidential=confidential, session=None)
        )

    def _on_node(self, rows: Rows, node: NodeId, reason: str, *, confidential: bool, session: Session | None) -> bytes:
        row = nodes.get(rows, node)
        if row is None:
            raise NotFound(f"there is no file or folder of the number {node}")
        told = [] if confidential else [row.space]
        return self._place(rows, "node", row.space, [node], reason, told, confidential=confidential, session=session)

    def release(self, hold: bytes, session: Session | None = None) -> None:
        """End a hold; what waited for it goes on with the next run. Raises `NotFound` for one that does not stand."""

        def work(rows: Rows) -> None:
            found = store.get(rows, hold)
            store.release(rows, hold, self._stores.clock())
            if found is not None:
                told = [] if found.confidential else self._told(rows, found)
                self._record(rows, "hold-release", found, store.heads(rows, hold), told, "", session)

        self._stores.catalog.write(work)

    def all(self, *, released: bool = False) -> list[ShownHold]:
        """Every hold that stands, or that ever did; the oldest first."""
        with self._stores.catalog.read() as rows:
            found = store.all_holds(rows) if released else store.standing(rows)
            names = {bytes(account.user.id): account.user.name for account in users.all_accounts(rows)}
            labels = {bytes(space.id): space.label for space in spaces.all_spaces(rows)}
            return [self._shown(rows, hold, names | labels) for hold in found]

    # -- inside -----------------------------------------------------------------------------------------------------

    def _shown(self, rows: Rows, hold: Hold, names: dict[bytes, str]) -> ShownHold:
        reason = unwrap_any(self._stores.server.profiles, hold.reason, hold.id).decode()
        return ShownHold(
            id=hold.id,
            kind=hold.kind,
            on=names.get(hold.subject, hold.subject.hex()),
            nodes=tuple(store.heads(rows, hold.id)),
            placed=hold.placed,
            author=names.get(hold.author, "operator") if hold.author else "operator",
            confidential=hold.confidential,
            reason=reason,
            released=hold.released,
        )

    def _place(
        self,
        rows: Rows,
        kind: str,
        subject: bytes,
        heads: list[NodeId],
        reason: str,
        told: list[SpaceId],
        *,
        confidential: bool,
        session: Session | None,
    ) -> bytes:
        name = self._stores.random(16)
        sealed = wrap(self._stores.server.profile, reason.encode(), name, self._stores.random)
        author = session.user.id if session else NOBODY
        hold = Hold(name, kind, subject, self._stores.clock(), author, confidential, sealed, None)
        store.add(rows, hold)
        for node in heads:
            store.cover(rows, name, node)
        self._record(rows, "hold-place", hold, heads, told, reason, session)
        return name

    def _told(self, rows: Rows, hold: Hold) -> list[SpaceId]:
        """The spaces whose members hear of it."""
        if hold.kind == "user":
            return store.only_owned(rows, UserId(hold.subject))
        return [space.id for space in spaces.all_spaces(rows) if space.id == hold.subject]

    def _record(
        self,
        rows: Rows,
        action: str,
        hold: Hold,
        heads: list[NodeId],
        told: list[SpaceId],
        reason: str,
        session: Session | None,
    ) -> None:
        actor = session.user.id if session else NOBODY
        facts: Facts = {"hold": hold.id.hex(), "kind": hold.kind, "subject": hold.subject.hex()}
        node = heads[0] if heads else 0
        seal = Seal.of_server(self._stores.server, {"reason": reason}) if reason else None
        quiet: Facts = {**facts, "confidential": hold.confidential}
        append = self._changes.journal.append
        append(rows, SYSTEM, action, actor=actor, node=node, facts=quiet, seal=seal)
        for space in told:
            append(rows, space, action, actor=actor, node=node, facts=facts)
