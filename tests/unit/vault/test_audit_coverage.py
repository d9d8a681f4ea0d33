"""Whatever the vault changes, it writes down: every public function of every door is run, and the heads are compared.

A new function without a case here fails. `CHANGES` must change what is stored and append; `LOOKS` must change nothing;
`QUIET` may change what is stored without an entry, and says why; `PARTS` run inside another's transaction.
"""

import inspect
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from arriving import arrive
from snapshots import bench_with_target
from trashed import trashed
from vaults import PASSWORD, Bench, Clock

from docstopd.catalog.stored import Known
from docstopd.crypto import hpke
from docstopd.errors import Unauthenticated
from docstopd.model import NO_GUARD, Custody, MemberRole, Role, SlotKind
from docstopd.vault import Policy, Session
from docstopd.vault.marks import Step
from docstopd.vault.progress import SILENT
from docstopd.vault.retention import CountedFrom, Keep, RetentionClass, RetentionPolicy, Schedule, Then
from docstopd.vault.runs import Outcome
from docstopd.vault.storage import Alarm, Scrubbed, What
from docstopd.vault.tripwire import TripwirePolicy

DAY = 86_400.0
FILE, REVIEWED, WAITING = ("ada", "docs", "file"), ("ada", "reviewed", "file"), ("ada", "waiting", "file")
CLASSES = (
    RetentionClass("reviewed", ("reviewed/**",), 10 * DAY, then=Then.REVIEW),
    RetentionClass("waiting", ("waiting/**",), 10 * DAY, counted_from=CountedFrom.EVENT, then=Then.KEEP),
)
BOOKKEEPING = {"journal", "heads", "marks", "sqlite_sequence"}


@dataclass
class World:
    """A vault in which there is something to change, for each function."""

    bench: Bench
    root: Session
    ada: Session
    bob: Session
    made: dict[str, Any]

    def __getattr__(self, door: str) -> Any:
        return getattr(self.bench.vault, door)

    def stored(self) -> dict[str, list[Any]]:
        """All that both databases hold, but for the journal itself and what is only remembered."""
        found = {}
        for store in ("catalog", "keyring"):
            tables = self.bench.rows("SELECT name FROM sqlite_schema WHERE type = 'table'", store=store)
            for (table,) in tables:
                if table not in BOOKKEEPING:
                    found[f"{store}.{table}"] = sorted(self.bench.rows(f"SELECT * FROM {table}", store=store), key=repr)
        return found

    def entries(self) -> int:
        return int(self.bench.rows("SELECT sum(seq) FROM heads")[0][0])


POLICY = Policy(
    tripwire=TripwirePolicy(overwrites=1, read_only=True),
    retention=RetentionPolicy(versions=Keep(last=1), brake=100, schedule=Schedule(CLASSES)),
)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Clock, dict[str, Any]]:
    """The folder of a stopped vault, which each test gets a copy of."""
    folder, clock = tmp_path_factory.mktemp("prepared"), Clock()
    bench = bench_with_target(folder, POLICY, clock)
    vault = bench.vault
    made: dict[str, Any] = {}
    for name, role in (("root", Role.ADMIN), ("ada", Role.USER), ("bob", Role.USER)):
        made[f"{name}'s code"] = vault.accounts.add(name, PASSWORD, role=role).recovery_code
    ada, bob = (vault.sessions.sign_in(name, PASSWORD) for name in ("ada", "bob"))
    made["app password"] = vault.accounts.add_app_password(ada, PASSWORD, "laptop", None)
    vault.accounts.add_app_password(ada, PASSWORD, "old", clock.now + 1_000_000)
    vault.spaces.add("shared", ada.user)
    vault.spaces.grant(ada, "shared", bob.user, MemberRole.EDITOR)
    for path in (FILE, REVIEWED, WAITING):
        vault.files.make_folder(ada, path[:2])
        bench.put(ada, path, b"1")
    bench.put(ada, FILE, b"22")
    bench.put(ada, ("ada", "gone"), b"x")
    vault.files.delete(ada, ("ada", "gone"))
    made["lock"] = vault.locks.lock(ada, WAITING, exclusive=False, infinite=False, owner="", timeout=60)[0].token
    made["hold"] = vault.holds.on_user(bob.user, "case", confidential=False)
    arrive(bench, "bob", ("waits",), b"x")
    made["run"] = vault.runs.begin("retention", dry=False)
    vault.checkpoints.sign()
    vault.close()
    return folder, clock, made


@pytest.fixture
def world(prepared: tuple[Path, Clock, dict[str, Any]], tmp_path: Path) -> Iterator[World]:
    folder, clock, made = prepared
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    bench = bench_with_target(tmp_path, POLICY, Clock(clock() + 1000))
    sessions = [bench.vault.sessions.sign_in(name, PASSWORD) for name in ("root", "ada", "bob")]
    for session in sessions:
        bench.vault.files.list(session, (session.user.name,))
    bench.vault.files.list(sessions[1], ("shared",))
    bench.vault.housekeep()
    bench.vault.checkpoints.sign()
    yield World(bench, *sessions, made)
    bench.vault.close()


def slot_of(w: World) -> Any:
    return w.accounts.app_passwords("ada")[0]


def note_of(w: World) -> str:
    newest = w.checkpoints.newest()
    assert newest is not None
    return str(newest.note)


def write(w: World) -> None:
    w.bench.put(w.ada, ("ada", "new"), b"x")


def read(w: World) -> None:
    assert w.bench.get(w.ada, FILE) == b"22"


def fail(w: World) -> None:
    with pytest.raises(Unauthenticated):
        w.sessions.sign_in("ada", "wrong password")


def recover(w: World) -> None:
    private = hpke.PrivateKey.generate()
    covered = w.bench.with_stores(lambda stores: replace(stores, organisation=private.public))
    covered.vault.accounts.add("carl", PASSWORD)
    before = w.entries()
    covered.vault.accounts.reset_with_organisation("carl", private, "a new password")
    assert w.entries() > before


def answer(w: World) -> None:
    w.bench.clock.advance(11 * DAY)
    w.retention.run(sure=True)
    before = w.entries()
    w.dispositions.answer(w.bench.vault.sessions.sign_in("ada", PASSWORD), w.dispositions.list()[0].asked.id, "keep")
    assert w.entries() > before


def cancel(w: World) -> None:
    w.holds.release(w.made["hold"])
    erasure = w.erasure.request_account(None, "bob")
    before = w.entries()
    w.erasure.cancel(erasure.id.hex())
    assert w.entries() > before


def expire_erasures(w: World) -> None:
    w.holds.release(w.made["hold"])
    w.erasure.request_account(None, "bob")
    before = w.entries()
    w.bench.clock.advance(30 * DAY)
    w.erasure.expire()
    assert w.entries() > before


def expire_credentials(w: World) -> None:
    w.bench.clock.advance(60)
    w.expiry.credentials(SILENT, False)


def after(days: float, work: Callable[[World], Any]) -> Callable[[World], Any]:
    def later(w: World) -> None:
        w.bench.clock.advance(days * DAY)
        work(w)

    return later


def snapshot_expires(w: World) -> None:
    for _ in range(6):
        w.bench.clock.advance(600)
        w.snapshots.create()
    before = w.entries()
    w.snapshots.expire()
    assert w.entries() > before


def heal(w: World) -> None:
    w.snapshots.create()
    blob = min(w.bench.live_ids())
    w.bench.blob_file(blob).unlink()
    before = w.entries()
    w.snapshots.heal(blob)
    assert w.entries() > before


def trip(w: World) -> None:
    for number in range(3):
        w.bench.put(w.ada, ("ada", "rewritten"), b"%d" % number)
    before = w.entries()
    assert w.tripwire.look()
    assert w.entries() > before


def roll_back(w: World) -> None:
    w.bench.clock.advance(1)
    then = w.bench.clock.now
    w.bench.clock.advance(1)
    w.bench.put(w.ada, FILE, b"333")
    before = w.entries()
    w.rollback.run(w.ada, "ada", then)
    assert w.entries() > before


def known(w: World) -> Known:
    blob = min(w.bench.live_ids())
    return w.storage.known([blob])[blob]


def scrub(w: World) -> None:
    found = known(w)
    w.bench.blob_file(found.stored.blob).unlink()
    assert w.storage.scrub(found) is Scrubbed.DAMAGED


def lose(w: World) -> None:
    w.runs.close_lost("retention")


def file_arrivals(w: World) -> None:
    arrive(w.bench, "ada", ("scan",), b"x")
    before = w.entries()
    w.arrivals.file(w.ada, "ada")
    assert w.entries() > before


def file_open_arrivals(w: World) -> None:
    arrive(w.bench, "ada", ("scan",), b"x")
    before = w.entries()
    assert w.arrivals.file_open() == 2
    assert w.entries() > before


CHANGES: dict[str, Callable[[World], Any]] = {
    "accounts.add": lambda w: w.accounts.add("carl", PASSWORD),
    "accounts.add_app_password": lambda w: w.accounts.add_app_password(w.ada, PASSWORD, "phone", None),
    "accounts.change_password": lambda w: w.accounts.change_password(w.ada, PASSWORD, "another password"),
    "accounts.remove_app_password": lambda w: w.accounts.remove_app_password("ada", slot_of(w).id),
    "accounts.reset_with_code": lambda w: w.accounts.reset_with_code("ada", w.made["ada's code"], "another password"),
    "accounts.reset_with_organisation": recover,
    "accounts.set_enabled": lambda w: w.accounts.set_enabled("bob", enabled=False),
    "arrivals.begin": lambda w: arrive(w.bench, "ada", ("scan",), b"x"),
    "arrivals.file": file_arrivals,
    "arrivals.file_open": file_open_arrivals,
    "dispositions.answer": answer,
    "erasure.cancel": cancel,
    "erasure.delete_account": lambda w: (w.holds.release(w.made["hold"]), w.erasure.delete_account("bob")),
    "erasure.expire": expire_erasures,
    "erasure.request_account": lambda w: (w.holds.release(w.made["hold"]), w.erasure.request_account(None, "bob")),
    "erasure.request_path": lambda w: w.erasure.request_path(w.ada, FILE),
    "erasure.request_space": lambda w: (w.holds.release(w.made["hold"]), w.erasure.request_space(w.ada, "shared")),
    "expiry.credentials": expire_credentials,
    "files.copy": lambda w: w.files.copy(w.ada, FILE, ("ada", "copy"), overwrite=False, deep=True),
    "files.delete": lambda w: w.files.delete(w.ada, FILE[:2]),
    "files.make_folder": lambda w: w.files.make_folder(w.ada, ("ada", "folder")),
    "files.move": lambda w: w.files.move(w.ada, FILE, ("ada", "moved"), overwrite=False),
    "files.patch": lambda w: w.files.patch(w.ada, FILE, NO_GUARD, [("{x}y", "<y/>")]),
    "files.write": write,
    "holds.on_node": lambda w: w.holds.on_node(w.files.stat(w.ada, FILE).id, "case", confidential=True),
    "holds.on_path": lambda w: w.holds.on_path(w.ada, FILE, "case", confidential=False),
    "holds.on_space": lambda w: w.holds.on_space("shared", "case", confidential=False),
    "holds.on_user": lambda w: w.holds.on_user(w.ada.user, "case", confidential=True),
    "holds.release": lambda w: w.holds.release(w.made["hold"]),
    "locks.lock": lambda w: w.locks.lock(w.ada, FILE, exclusive=True, infinite=False, owner="", timeout=9),
    "locks.unlock": lambda w: w.locks.unlock(w.ada, WAITING, w.made["lock"]),
    "past.put_back": lambda w: w.past.put_back(w.ada, "ada", trashed(w.bench, w.ada, "gone")[-1]),
    "retention.run": after(40, lambda w: w.retention.run(sure=True)),
    "filing.set_event": lambda w: w.filing.set_event(w.ada, WAITING, w.bench.clock.now),
    "rollback.run": roll_back,
    "rotation.space": lambda w: w.rotation.space(w.ada, "ada"),
    "runs.close_lost": lose,
    "runs.end": lambda w: w.runs.end("retention", w.made["run"], Outcome.FAILED, {}, "why"),
    "sessions.sign_in": fail,
    "snapshots.expire": snapshot_expires,
    "snapshots.heal": heal,
    "snapshots.create": lambda w: w.snapshots.create(),
    "spaces.add": lambda w: w.spaces.add("new", w.ada.user),
    "spaces.grant": lambda w: w.spaces.grant(w.ada, "ada", w.bob.user, MemberRole.READER),
    "spaces.revoke": lambda w: w.spaces.revoke(w.ada, "shared", w.bob.user),
    "spaces.set_custody": lambda w: w.spaces.set_custody(w.ada, "shared", Custody.MANAGED),
    "spaces.set_read_only": lambda w: w.spaces.set_read_only(w.ada, "shared", True),
    "tripwire.look": trip,
    "spaces.set_quota": lambda w: w.spaces.set_quota("shared", 10),
}

NOTES: dict[str, Callable[[World], Any]] = {
    # What is not stored otherwise, and is an entry all the same.
    "files.open": read,
    "storage.alarm": lambda w: w.storage.alarm(Alarm(What.ADDED, "blobs", "/data/blobs/stranger")),
    "storage.scrub": scrub,
    "service.refused": lambda w: w.service.refused("docstopd.yaml:3:1: nonsense"),
    "service.started": lambda w: w.service.started("run", "1", {"a": "b"}, {}),
    "notifications.miss_snapshot": lambda w: w.notifications.miss_snapshot(0),
    "service.stopped": lambda w: (w.service.started("run", "1", {}, {}), w.service.stopped("run")),
    "vault.housekeep": lambda w: (read(w), w.bench.vault.housekeep()),
    "vault.settle": lambda w: (read(w), w.bench.vault.settle()),
}

MAILS = {
    "notifications.counts": lambda w: w.notifications.counts(),
    "notifications.deliver": lambda w: w.notifications.deliver(lambda *_mail: None),
    "notifications.take": lambda w: w.notifications.take(),
    "notifications.tidy": lambda w: w.notifications.tidy(),
}

LOOKS: dict[str, Callable[[World], Any]] = {
    **MAILS,
    "accounts.all": lambda w: w.accounts.all(),
    "accounts.app_passwords": lambda w: w.accounts.app_passwords("ada"),
    "accounts.find": lambda w: w.accounts.find("ada"),
    "accounts.memberships": lambda w: w.accounts.memberships("bob"),
    "accounts.open_offline": lambda w: w.accounts.open_offline("ada", PASSWORD),
    "arrivals.list": lambda w: w.arrivals.list(w.ada, "ada"),
    "arrivals.open": lambda w: w.arrivals.open(w.bob, "bob", w.arrivals.list(w.bob, "bob")[0].blob).close(),
    "arrivals.waiting": lambda w: w.arrivals.waiting(),
    "audit.export": lambda w: list(w.audit.export(w.ada, None).entries()),
    "audit.run": lambda w: w.audit.run(SILENT, False),
    "audit.show": lambda w: w.audit.show(w.ada, "ada", 10),
    "audit.trail": lambda w: w.audit.trail(None, everywhere=True),
    "audit.user": lambda w: w.audit.user("ada"),
    "audit.verify": lambda w: w.audit.verify(),
    "checkpoints.all": lambda w: list(w.checkpoints.all()),
    "checkpoints.copy_to": lambda w: w.checkpoints.copy_to(w.bench.folder.parent),
    "checkpoints.knows": lambda w: w.checkpoints.knows(note_of(w)),
    "checkpoints.newest": lambda w: w.checkpoints.newest(),
    "checkpoints.raw": lambda w: list(w.checkpoints.raw()),
    "checkpoints.read": lambda w: list(w.checkpoints.read(w.bench.folder / "checkpoints")),
    "checkpoints.sign": lambda w: w.checkpoints.sign(),
    "checkpoints.tell": lambda w: w.checkpoints.tell("mail", lambda _found: None),
    "dispositions.list": lambda w: w.dispositions.list(w.ada),
    "erasure.all": lambda w: w.erasure.all(),
    "erasure.signer": lambda w: w.erasure.signer(),
    "files.basis": lambda w: w.files.basis(w.ada, FILE, None, locks=True),
    "files.check": lambda w: w.files.check(w.ada, FILE, NO_GUARD),
    "files.list": lambda w: w.files.list(w.ada, FILE[:2]),
    "files.properties": lambda w: w.files.properties(w.ada, [w.files.stat(w.ada, FILE)]),
    "files.properties_in_turn": lambda w: list(w.files.properties_in_turn(w.ada, [w.files.stat(w.ada, FILE)])),
    "files.quota": lambda w: w.files.quota(w.ada, FILE),
    "files.renew": lambda w: w.files.renew(w.ada, FILE[:2], {}),
    "files.require_editor": lambda w: w.files.require_editor(w.ada, FILE),
    "files.role": lambda w: w.files.role(w.ada, FILE),
    "files.stat": lambda w: w.files.stat(w.ada, FILE),
    "forwarding.begin": lambda w: w.forwarding.begin("syslog"),
    "forwarding.done": lambda w: w.forwarding.done("syslog", {}),
    "forwarding.next": lambda w: w.forwarding.next({}, everywhere=True),
    "holds.all": lambda w: w.holds.all(),
    "locks.covering": lambda w: w.locks.covering(w.ada, FILE),
    "locks.members": lambda w: w.locks.members(w.ada, FILE[:2]),
    "marks.advance": lambda w: w.marks.advance("x", lambda _old: Step("y")),
    "marks.get": lambda w: w.marks.get("x"),
    "past.deleted": lambda w: w.past.deleted(w.ada, "ada"),
    "filing.counts": lambda w: w.filing.counts(),
    "retention.plan": lambda w: w.retention.plan(),
    "rollback.plan": lambda w: w.rollback.plan(w.ada, "ada", w.bench.clock.now),
    "rotation.left": lambda w: w.rotation.left(),
    "runs.last": lambda w: w.runs.last("retention"),
    "runs.latest": lambda w: w.runs.latest(),
    "sessions.sweep": lambda w: w.sessions.sweep(),
    "sessions.try_slot": lambda w: w.sessions.try_slot(slot_of(w), w.made["app password"]),
    "sessions.unlock_with": lambda w: w.sessions.unlock_with(
        w.ada.user, slot_of(w), w.sessions.try_slot(slot_of(w), w.made["app password"])
    ),
    "sessions.with_open": lambda w: w.sessions.with_open(w.ada.user.id),
    "snapshots.all": lambda w: w.snapshots.all(),
    "spaces.all": lambda w: w.spaces.all(),
    "spaces.keys": lambda w: w.spaces.keys(w.ada, "ada"),
    "spaces.members": lambda w: w.spaces.members("shared"),
    "spaces.mine": lambda w: w.spaces.mine(w.ada),
    "storage.alarms": lambda w: w.storage.alarms(),
    "storage.at_targets": lambda w: w.storage.at_targets(),
    "storage.between": lambda w: w.storage.between(b"", b""),
    "storage.count": lambda w: w.storage.count(),
    "storage.known": known,
    "storage.look": lambda w: w.storage.look(known(w)),
    "storage.note_watched": lambda w: w.storage.note_watched(1),
    "storage.watched": lambda w: w.storage.watched(),
    "storage.with_keys": lambda w: w.storage.with_keys(w.bench.live_ids()),
    "sync.report": lambda w: w.sync.report(w.ada, ("ada",), w.sync.token(w.ada, ("ada",)), deep=True),
    "sync.token": lambda w: w.sync.token(w.ada, ("ada",)),
}

QUIET = {
    "arrivals.gone": "forgets the mark of a file whose arrival is an entry",
    "expiry.locks": "the end of a lock was told when it was taken",
    "expiry.runs": "the ledger of runs forgets after a year",
    "expiry.throttle": "each failure was an entry; only the count is forgotten",
    "locks.refresh": "moves the end of a lock that stands, as clients do every minute",
    "filing.classify": "gives files the class that the configuration says; what it does to them is an entry",
    "runs.begin": "the ledger has it; its end is an entry when it went wrong",
    "snapshots.scrub": "damage that it finds is an entry, and its whole round is",
    "snapshots.drill": "leaves nothing behind; that it failed is the run's entry",
    "snapshots.standings": "gives the service the id under which targets know it, once",
    "snapshots.verify": "sets when a copy was last verified",
    "spaces.new_key": "a key for a space that is an entry when it is made",
    "vault.close": "settles, which has a case of its own",
}

ELSEWHERE = {
    "dispositions.report": "retention/test_run.py, of a disposition that was carried out",
    "erasure.get": "erasure/, of an erasure",
    "erasure.hindrance": "erasure/, of an erasure",
    "erasure.replay": "erasure/, in a restored vault",
    "erasure.verify": "erasure/, of a certificate",
    "rotation.server": "test_rotation.py, with a second server key",
    "snapshots.keyring_copies": "test_snapshots.py, of a target",
    "snapshots.restore": "test_snapshots.py: what it brings back is written as any file is",
    "spaces.open_as_server": "test_sessions.py, of a managed space",
}


def functions(bench: Bench) -> dict[str, Any]:
    """Every public function of the vault and of its doors, but those that run inside another's transaction."""
    doors = {"vault": bench.vault} | {n: door for n, door in vars(bench.vault).items() if not n.startswith("_")}
    found = {}
    for name, door in doors.items():
        for member, function in inspect.getmembers(type(door), inspect.isfunction):
            parameters = list(inspect.signature(function).parameters)
            if not member.startswith("_") and parameters[1:2] != ["rows"]:
                found[f"{name}.{member}"] = function
    return found


def test_every_function_has_exactly_one_case(bench: Bench) -> None:
    """Which is how a new one is not forgotten."""
    listed = [*CHANGES, *NOTES, *LOOKS, *QUIET, *ELSEWHERE]
    assert sorted(listed) == sorted(set(listed))
    assert sorted(functions(bench)) == sorted(listed)


@pytest.mark.parametrize("name", CHANGES)
def test_what_changes_something_writes_an_entry(world: World, name: str) -> None:
    """In the same transaction, so that the journal verifies."""
    stored, entries = world.stored(), world.entries()
    CHANGES[name](world)
    assert world.entries() > entries, f"{name} wrote nothing"
    assert world.stored() != stored, f"{name} changed nothing: this case shows nothing"
    world.bench.assert_journal()


@pytest.mark.parametrize("name", NOTES)
def test_what_is_only_an_entry_is_one(world: World, name: str) -> None:
    """At the latest when the vault settles."""
    entries = world.entries()
    NOTES[name](world)
    world.bench.vault.settle()
    assert world.entries() > entries


def test_what_looks_changes_nothing(world: World) -> None:
    """Neither what is stored nor the journal."""
    stored, entries = world.stored(), world.entries()
    for name, look in LOOKS.items():
        look(world)
        assert world.stored() == stored, name
        assert world.entries() == entries, name


def test_the_kinds_of_credentials_are_known() -> None:
    """A new kind needs its entries, and its cases here."""
    assert set(SlotKind) == {
        SlotKind.PASSWORD, SlotKind.APP_PASSWORD, SlotKind.RECOVERY_CODE, SlotKind.ORGANISATION,
    }  # fmt: skip
