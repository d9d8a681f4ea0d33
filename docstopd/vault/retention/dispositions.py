"""Dispositions: where a class says `review`, two people decide whether a file goes when its time is up.

The right to decide has every owner of the file's space, and every account with the role admin or auditor: an admin or
auditor answers for the schedule without being able to read the file. Two different people must want it destroyed; one
who wants it kept is enough for that, and then the question comes again after as long as the class keeps its files.
Who has lost the right by the time of the run counts no more.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from docstopd.catalog import dispositions as store
from docstopd.catalog import spaces, users
from docstopd.catalog.dispositions import Approval, Disposition
from docstopd.catalog.versions import Version
from docstopd.crypto import statement
from docstopd.db import Rows
from docstopd.errors import AlreadyExists, NotFound, Refused
from docstopd.model import MemberRole, Micros, Role, SpaceId, User
from docstopd.vault.journal import Facts, Journal
from docstopd.vault.opening import open_space
from docstopd.vault.retention.decide import Decision
from docstopd.vault.session import Session
from docstopd.vault.stores import Stores
from docstopd.vault.tree import Tree

FORM = "docstopd-destruction-report-1"
DESTROY, KEEP = "destroy", "keep"


def destruction_report(
    asked: Disposition, said: Sequence[Approval], past: Sequence[Version], now: Micros, signer: Ed25519PrivateKey
) -> bytes:
    """What was destroyed, when, and who approved it, by ids alone; signed by the server. One line of JSON."""
    fields: dict[str, Any] = {
        "disposition": asked.id,
        "space": asked.space.hex(),
        "node": asked.node,
        "class": asked.klass,
        "due": asked.due,
        "opened": asked.opened,
        "destroyed": now,
        "approvals": [{"user": one.user.hex(), "time": one.time} for one in said if one.verdict == DESTROY],
        "versions": [
            {"blob": one.blob.hex(), "sha256": one.digest.hex(), "size": one.size, "received": one.received}
            for one in past
        ],
        "excluded": "copies in snapshots, until these expire; exports; what clients keep",
    }
    return statement.sign(FORM, fields, signer)


class Opening:
    """The questions that a run asks and takes back, within its transaction."""

    def __init__(self, rows: Rows, journal: Journal, now: Micros) -> None:
        self._rows = rows
        self._journal = journal
        self._now = now

    def queue(self, decision: Decision, klass: str) -> None:
        """Ask, unless it is asked already."""
        if store.open_on(self._rows, decision.node) is not None:
            return
        number = store.add(self._rows, decision.space, decision.node, klass, decision.due or self._now, self._now)
        self._record(decision.space, "review-open", decision.node, {"disposition": number, "class": klass})

    def void(self, found: Sequence[Disposition]) -> None:
        """Take questions back: their files are gone, or their time is not up any more."""
        for one in found:
            store.close(self._rows, one.id, "void", self._now)
            if spaces_has(self._rows, one.space):
                self._record(one.space, "review-void", one.node, {"disposition": one.id})

    def _record(self, space: SpaceId, action: str, node: int, facts: Facts) -> None:
        self._journal.append(self._rows, space, action, node=node, facts=facts)


def spaces_has(rows: Rows, space: SpaceId) -> bool:
    """Whether a space is still there: a journal that has ended gets no entry more."""
    return any(one.id == space for one in spaces.all_spaces(rows))


@dataclass(frozen=True, slots=True)
class Question:
    """One disposition for people. `path` is empty for those who cannot see it; `said` is (user, verdict) in order."""

    asked: Disposition
    label: str
    path: str
    said: tuple[tuple[str, str], ...]


class Dispositions:
    """The door to them."""

    def __init__(self, stores: Stores, journal: Journal) -> None:
        self._stores = stores
        self._journal = journal

    def list(self, session: Session | None = None, *, closed: bool = False) -> list[Question]:
        """The open questions, or all there ever were; with a session, the paths in its spaces."""
        with self._stores.catalog.read() as rows:
            found = store.everything(rows) if closed else store.all_open(rows)
            names = {bytes(account.user.id): account.user.name for account in users.all_accounts(rows)}
            labels = {space.id: space.label for space in spaces.all_spaces(rows)}
            return [self._question(rows, one, names, labels.get(one.space, ""), session) for one in found]

    def _question(
        self, rows: Rows, one: Disposition, names: dict[bytes, str], label: str, session: Session | None
    ) -> Question:
        said = tuple((names.get(a.user, a.user.hex()), a.verdict) for a in store.approvals(rows, one.id))
        return Question(one, label, self._path(rows, one, label, session), said)

    def _path(self, rows: Rows, one: Disposition, label: str, session: Session | None) -> str:
        if session is None or not label:
            return ""
        try:
            return "/".join(Tree(rows, open_space(rows, self._stores.keyring, session, label)).path(one.node))
        except NotFound:
            return ""

    def answer(self, session: Session, disposition: int, verdict: str) -> int:
        """Say `destroy` or `keep`, by one's own password; how many want it destroyed now.

        `keep` ends the question. Raises `NotFound`, `Forbidden` without the right, `Refused` for a second answer.
        """
        session.require_password()

        def work(rows: Rows) -> int:
            one, now = store.get(rows, disposition), self._stores.clock()
            if one is None or one.closed is not None or not self._may(rows, one, session.user):
                raise NotFound(f"there is no open disposition {disposition} that {session.user.name} may decide on")
            try:
                store.approve(rows, one.id, Approval(session.user.id, now, verdict))
            except AlreadyExists:
                raise Refused(f"{session.user.name} has answered this already; it takes another person") from None
            if verdict == KEEP:
                store.close(rows, one.id, "kept", now)
            facts: Facts = {"disposition": one.id, "verdict": verdict}
            self._journal.append(rows, one.space, "review-answer", actor=session.user.id, node=one.node, facts=facts)
            return sum(said.verdict == DESTROY for said in store.approvals(rows, one.id))

        return self._stores.catalog.write(work)

    def report(self, disposition: int) -> bytes:
        """The signed report of a destruction. Raises `NotFound`, `Damaged` when it is not as it was signed."""
        with self._stores.catalog.read() as rows:
            one = store.get(rows, disposition)
        if one is None or one.report is None:
            raise NotFound(f"there is no report of a disposition {disposition}")
        statement.verify_any(FORM, one.report, [key.public_key() for key in self._stores.server.signers])
        return one.report

    def _may(self, rows: Rows, one: Disposition, user: User) -> bool:
        known = users.get(rows, user.id)
        if known is None or not known.enabled:
            return False
        members = spaces.members(rows, one.space)
        owner = any(member.user == user.id and member.role is MemberRole.OWNER for member in members)
        return owner or known.role in {Role.ADMIN, Role.AUDITOR}
