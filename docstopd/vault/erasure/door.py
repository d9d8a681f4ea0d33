"""The door to erasures: who may ask for one, and what can be known of it afterwards."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from docstopd.catalog import erasures as store
from docstopd.catalog import spaces as space_store
from docstopd.catalog import users
from docstopd.catalog.erasures import Erasure
from docstopd.db import Rows
from docstopd.errors import AlreadyExists, DocstopdError, Failed, Forbidden, Held, NotFound, Refused, StateUnknown
from docstopd.model import SECOND, MemberRole, NodeId, Space, SpacePath
from docstopd.vault import naming
from docstopd.vault.accounts import Accounts, memberships
from docstopd.vault.change import Changes
from docstopd.vault.erasure.certificate import LIST, Signer
from docstopd.vault.erasure.execution import Execution
from docstopd.vault.erasure.places import Place
from docstopd.vault.erasure.removal import Removal
from docstopd.vault.erasure.replay import replay
from docstopd.vault.erasure.subject import CANCELLED, ERASING, HELD, WAITING, Subject
from docstopd.vault.erasure.verification import verify
from docstopd.vault.journal import NOBODY, SYSTEM
from docstopd.vault.past import lookup, trash
from docstopd.vault.progress import SILENT, Progress, Report
from docstopd.vault.session import Session
from docstopd.vault.snapshots.reach import SERVICE, service_id
from docstopd.vault.spaces import Spaces
from docstopd.vault.view import View

_log = logging.getLogger(__name__)


class Erasures:
    """Requests are durable when they return, and carried out at once unless a grace or a hold makes them wait."""

    def __init__(self, changes: Changes, accounts: Accounts, spaces: Spaces) -> None:
        self._changes = changes
        self._stores = changes.stores
        self._accounts = accounts
        self._places = [Place(target) for target in self._stores.targets]
        self._removal = Removal(changes, accounts, spaces)
        keyring_days = changes.policy.snapshots.keyring_days
        self._execution = Execution(self._stores, self._removal, self.signer, self._places, keyring_days)

    # -- requests ---------------------------------------------------------------------------------------------------

    def request_path(self, session: Session, path: SpacePath) -> Erasure:
        """Erase a file or folder with all it ever held, one in the trash (`/<space>/.trash/…`) as well.

        For editors, by their own password. Raises `NotFound`, `Forbidden`, `Protected`.
        """
        path = naming.normal_path(path)
        session.require_password()
        if len(path) < 2 or (naming.is_past(path) and (path[1] != trash.AREA or len(path) < 3)):
            raise Refused("name a file or a folder in a space; a space is erased as a whole by its label")
        with self._changes.view(session, path[0]) as view:
            view.opened.require_editor()
            node, folder = _trashed(view, path) if path[1] == trash.AREA else _live(view, path[1:])
            subject = Subject(spaces=(view.opened.space.id,), node=node)
        return self._request("folder" if folder else "file", subject, session)

    def request_space(self, session: Session | None, label: str) -> Erasure:
        """Erase a space with all in it. For its owners, and for the operator. Raises `NotFound`, `Forbidden`."""
        with self._stores.catalog.read() as rows:
            space = space_store.find(rows, naming.normal(label))
            role = None if session is None else space_store.find_for(rows, naming.normal(label), session.user.id)
        if space is None or (session is not None and role is None):
            raise NotFound(f"there is no space {label!r}")
        if session is not None:
            session.require_password()
            if role is None or role[1] is not MemberRole.OWNER:
                raise Forbidden("only an owner of the space can do this")
        return self._request("space", Subject(spaces=(space.id,)), session)

    def request_account(self, session: Session | None, name: str) -> Erasure:
        """Erase an account and the spaces of which it is the only member, when the grace is over; it is shut at once.

        For the user and for the operator. Raises `NotFound`, `Forbidden` as `Accounts.memberships` does.
        """
        user = self._accounts.find(name)
        if session is not None:
            session.require_password()
            if session.user.id != user.id:
                raise Forbidden("only the user and who runs the service can have an account erased")
        due = self._stores.clock() + int(self._changes.policy.erasure_grace * SECOND)
        return self._request("account", Subject(user=user.id, enabled=user.enabled), session, due)

    def delete_account(self, name: str, agreed: Sequence[Space] | None = None) -> Erasure:
        """The same at once, for the operator.

        Raises `Held` where it would have to wait: nothing is left of the request then; `Refused` when the spaces that
        go are not those that were `agreed` on.
        """
        user = self._accounts.find(name)

        def agree(rows: Rows) -> None:
            alone, _shared = memberships(rows, user)
            if agreed is not None and {space.id for space in alone} != {space.id for space in agreed}:
                raise Refused(f"the spaces that would go with {user.name} have changed: look at them again")

        subject = Subject(user=user.id, enabled=user.enabled)
        return self._request("account", subject, None, waits=False, also=agree)

    def _request(
        self,
        kind: str,
        subject: Subject,
        session: Session | None,
        due: int | None = None,
        *,
        waits: bool = True,
        also: Callable[[Rows], None] = lambda _rows: None,
    ) -> Erasure:
        now = self._stores.clock()
        wanted = Erasure(
            id=self._stores.random(16),
            kind=kind,
            subject=subject.encode(),
            requested=now,
            author=session.user.id if session else NOBODY,
            due=now if due is None else due,
            state=WAITING,
            done=None,
            final=None,
            report="{}",
            certificate=None,
        )

        service_id(self._stores)  # the statements on what is erased name it

        def work(rows: Rows) -> Erasure:
            also(rows)
            _refuse_twice(rows, subject)
            erasure = wanted
            try:
                self._removal.check(rows, subject)
            except Held:
                if not waits:
                    raise
                erasure = replace(wanted, state=HELD)
            user = None if subject.user is None else users.get(rows, subject.user)
            if user is not None and user.enabled:
                self._accounts.shut(rows, user)
            store.add(rows, erasure)
            self._record(rows, erasure)
            return erasure

        asked = self._stores.catalog.write(work)
        try:
            return self._execution.advance(asked.id)
        except Failed as error:  # the request is durable: the next expiry run goes on with it
            _log.error("erasure %s: %s", asked.id.hex(), error)
            return self.get(asked.id.hex())

    def cancel(self, id: str) -> Erasure:  # noqa: A002 - an id it is
        """Call back what has not begun; an account that was shut for it is opened again. Raises `Refused`."""
        erasure = self.get(id)
        subject = Subject.decode(erasure.subject)

        def work(rows: Rows) -> Erasure:
            known = store.get(rows, erasure.id) or erasure
            if known.state not in {WAITING, HELD}:
                raise Refused(f"this erasure is {known.state}: it cannot be called back")
            cancelled = replace(known, state=CANCELLED)
            store.save(rows, cancelled)
            user = None if subject.user is None else users.get(rows, subject.user)
            if user is not None and subject.enabled:
                users.set_enabled(rows, user.id, True)
            self._record(rows, cancelled)
            return cancelled

        return self._stores.catalog.write(work)

    def _record(self, rows: Rows, erasure: Erasure) -> None:
        facts = {"erasure": erasure.id.hex(), "kind": erasure.kind, "state": erasure.state}
        self._changes.journal.append(rows, SYSTEM, "erasure", actor=erasure.author, facts=facts)

    # -- by itself --------------------------------------------------------------------------------------------------

    def expire(self, progress: Progress = SILENT, dry: bool = False) -> Report:
        """Carry on with every erasure, as far as each can be. Raises `Failed` when one has to be tried again."""
        now = self._stores.clock()
        with self._stores.catalog.read() as rows:
            open_ones = [one for one in store.unfinished(rows) if one.due <= now or one.state == HELD]
        if dry:
            return {"erasures_open": len(open_ones)}
        states: dict[str, int] = {}
        wrong: list[str] = []
        for number, erasure in enumerate(open_ones):
            progress("erasures", number, len(open_ones))
            try:
                state = self._execution.advance(erasure.id).state
            except StateUnknown:
                raise
            except DocstopdError as error:
                _log.error("erasure %s: %s", erasure.id.hex(), error)
                wrong.append(str(error))
                state = ERASING
            states[f"erasures_{state}"] = states.get(f"erasures_{state}", 0) + 1
        if wrong:
            raise Failed("; ".join(wrong))
        return dict(states)

    # -- what can be known ------------------------------------------------------------------------------------------

    def all(self) -> list[Erasure]:
        """Every erasure, oldest first."""
        with self._stores.catalog.read() as rows:
            return store.all_erasures(rows)

    def get(self, id: str) -> Erasure:  # noqa: A002 - as above
        """The erasure whose id, in hex, begins so. Raises `NotFound`, `Refused` for a beginning of several."""
        found = [one for one in self.all() if one.id.hex().startswith(id.lower())] if id else []
        if not found:
            raise NotFound(f"there is no erasure {id}")
        if len(found) > 1:
            raise Refused(f"{len(found)} erasures begin with {id}: write more of it")
        return found[0]

    def verify(self, certificate: str, public: Ed25519PublicKey | None = None) -> list[str]:
        """What is wrong with a certificate, or is still there of what it says is gone; nothing when all is well.

        Raises `Damaged` for what is no certificate of this service.
        """
        return verify(self._stores, self.signer(), self._places, certificate, public)

    def replay(self, statements: Sequence[str]) -> int:
        """Obey the signed lists of a target after a restore; how many were not known here.

        To be called before anything is served. Raises `Damaged` for a list of another service or key.
        """
        fresh: list[bytes] = []
        for statement in statements:
            self._adopt(self.signer().verify(LIST, statement).get("service"))
            known = replay(self._stores, self._removal, self.signer(), statement)
            fresh += [] if known is None else [known]
        for erasure in fresh:
            self._execution.destroy(erasure)  # its certificate waits until the service knows its targets again
        return len(fresh)

    def _adopt(self, service: object) -> None:
        """Stores from before the first erasure do not know their name yet; the list says it, under our own key."""
        if self._stores.keyring.fact(SERVICE) is None:
            self._stores.keyring.put_fact(SERVICE, bytes.fromhex(str(service)))

    def hindrance(self, erasure: Erasure) -> str:
        """Why an erasure is held, as far as that may be said; empty when nothing stands in its way any more."""
        with self._stores.catalog.read() as rows:
            try:
                self._removal.check(rows, Subject.decode(erasure.subject))
            except Forbidden as error:
                return str(error)
        return ""

    def signer(self) -> Signer:
        """Who signs here, and with what."""
        keys = self._stores.server.signers
        service = self._stores.keyring.fact(SERVICE)
        return Signer(service or b"", keys[0], [key.public_key() for key in keys])


def _refuse_twice(rows: Rows, subject: Subject) -> None:
    for known in store.unfinished(rows):
        same = replace(Subject.decode(known.subject), enabled=subject.enabled) == subject
        if known.state in {WAITING, HELD} and same:
            raise AlreadyExists(f"erasure {known.id.hex()} of this is {known.state} already; cancel it to ask anew")


def _live(view: View, names: Sequence[str]) -> tuple[NodeId, bool]:
    row = view.tree.find(names)[-1]
    return row.id, bool(row.folder)


def _trashed(view: View, path: SpacePath) -> tuple[NodeId, bool]:
    row = lookup.find(view, path).row
    if row is None:
        raise NotFound("nothing of that name")
    return row.id, bool(row.folder)
