"""An office of many people, and what the policies say of everything that they ever stored.

The office works through the vault's doors. Beside it, `Records` keeps its own books by the rules as docs/retention.md,
docs/snapshots.md and docs/erasure.md state them, with none of docstopd's code: what is in the tree, in the trash, in
which snapshot, held, erased. In the end the stores must hold what the books say.
"""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count

from vaults import Bench

from docstopd.errors import Held, Protected
from docstopd.model import MemberRole, Role
from docstopd.vault import Session

SECOND = 1_000_000
DAY = 86_400 * SECOND

TRASH_DAYS = 30
VERSIONS_LAST, VERSIONS_DAILY, VERSIONS_WITHIN_DAYS = 2, 5, 3
SNAPSHOTS_LAST, SNAPSHOTS_DAILY, SNAPSHOTS_MONTHLY = 2, 7, 3
GRACE_DAYS = 7

WORK, CONTRACTS, INVOICES = "work", "contracts", "invoices"
FOLDERS = (WORK, CONTRACTS, INVOICES)
KEPT_DAYS = {CONTRACTS: 120, INVOICES: 60}
"""Contracts are protected from deletion for so long, invoices are not; both are destroyed then."""


@dataclass
class Version:
    blob: bytes
    received: int
    author: str
    content: bytes


@dataclass
class Record:
    """One file. `versions`: oldest first. `gone`: destroyed; `lost`: versions that live in snapshots only."""

    node: int
    space: str
    folder: str
    name: str
    versions: list[Version]
    deleted: int | None = None
    gone: bool = False
    lost: list[Version] = field(default_factory=list)

    @property
    def path(self) -> tuple[str, ...]:
        return (self.space, self.folder, self.name)


def kept_by(times: Sequence[int], *, last: int, daily: int, monthly: int = 0, within: int = 0) -> set[int]:
    """The indices that restic's rules keep of `times`, which ascend."""
    newest_first = sorted(range(len(times)), key=lambda index: -times[index])
    kept = set(newest_first[:last])
    for number, form in ((daily, "%Y-%m-%d"), (monthly, "%Y-%m")):
        seen: list[str] = []
        for index in newest_first:
            bucket = datetime.fromtimestamp(times[index] // SECOND, UTC).strftime(form)
            oldest = index == newest_first[-1]
            if len(seen) < number and (not seen or bucket != seen[-1] or oldest):
                seen.append(bucket)
                kept.add(index)
    return kept | {index for index in newest_first if within and times[index] > times[newest_first[0]] - within}


class Records:
    """The books."""

    def __init__(self) -> None:
        self.files: dict[int, Record] = {}
        self.snapshots: dict[int, tuple[int, set[bytes]]] = {}
        self.held_users: set[str] = set()
        self.held_spaces: set[str] = set()
        self.held_nodes: set[int] = set()
        self.held_folders: set[tuple[str, str]] = set()
        self.erased: set[bytes] = set()
        self.waiting: dict[str, int] = {}
        self.waiting_files: set[int] = set()

    # -- what the rules say -----------------------------------------------------------------------------------------

    def held(self, record: Record, author: str) -> bool:
        here = not record.gone and (record.space, record.folder) in self.held_folders
        return bool(
            record.space in self.held_spaces | self.held_users
            or author in self.held_users
            or record.node in self.held_nodes
            or here
        )

    def any_held(self, record: Record) -> bool:
        return any(self.held(record, version.author) for version in record.versions)

    def due(self, record: Record) -> int | None:
        days = KEPT_DAYS.get(record.folder)
        return None if days is None else record.versions[0].received + days * DAY

    def protected(self, record: Record, now: int) -> bool:
        due = self.due(record)
        return record.folder == CONTRACTS and due is not None and now < due

    def standing(self) -> Iterable[Record]:
        return [record for record in self.files.values() if not record.gone]

    # -- the jobs ---------------------------------------------------------------------------------------------------

    def retention(self, now: int) -> None:
        for record in self.standing():
            old = record.deleted is not None and now >= record.deleted + TRASH_DAYS * DAY
            due = self.due(record)
            over = due is not None and now >= due
            if (old or over) and not self.protected(record, now) and not self.any_held(record):
                record.gone = True
                record.lost += record.versions
                record.versions = []
            else:
                self._thin(record, now)

    def _thin(self, record: Record, now: int) -> None:
        kept = kept_by(
            [version.received for version in record.versions],
            last=VERSIONS_LAST,
            daily=VERSIONS_DAILY,
            within=VERSIONS_WITHIN_DAYS * DAY,
        )
        staying = [
            version
            for index, version in enumerate(record.versions)
            if index in kept
            or index == len(record.versions) - 1
            or self.protected(record, now)
            or self.held(record, version.author)
        ]
        record.lost += [version for version in record.versions if version not in staying]
        record.versions = staying

    def snapshot(self, number: int, now: int) -> None:
        self.snapshots[number] = (now, self.live())

    def expiry(self, now: int) -> list[str]:
        """Whose accounts went."""
        for node in [node for node in self.waiting_files if not self.any_held(self.files[node])]:
            self.waiting_files.remove(node)
            self.erase(self.files[node])
        gone = [name for name, due in self.waiting.items() if now >= due and not self._space_held(name)]
        for name in gone:
            del self.waiting[name]
            for record in [record for record in self.files.values() if record.space == name]:
                self.erase(record)
        numbers = sorted(self.snapshots)
        times = [self.snapshots[number][0] for number in numbers]
        kept = kept_by(times, last=SNAPSHOTS_LAST, daily=SNAPSHOTS_DAILY, monthly=SNAPSHOTS_MONTHLY)
        self.snapshots = {n: self.snapshots[n] for index, n in enumerate(numbers) if index in kept}
        needed = self.in_snapshots()
        for record in self.files.values():
            record.lost = [
                version
                for version in record.lost
                if version.blob not in self.erased and (version.blob in needed or self.held(record, version.author))
            ]
        return gone

    def _space_held(self, name: str) -> bool:
        """Whether anything in a personal space stands in the way; what lives in snapshots only does as well."""
        return name in self.held_users | self.held_spaces or any(
            record.node in self.held_nodes
            or (record.space, record.folder) in self.held_folders
            or any(version.author in self.held_users for version in record.versions)
            for record in self.standing()
            if record.space == name
        )

    def erase(self, record: Record) -> None:
        self.erased |= {version.blob for version in record.versions + record.lost}
        record.gone = True
        record.versions, record.lost = [], []

    # -- the inventory ----------------------------------------------------------------------------------------------

    def live(self) -> set[bytes]:
        return {version.blob for record in self.files.values() for version in record.versions}

    def lost(self) -> set[bytes]:
        return {version.blob for record in self.files.values() for version in record.lost}

    def in_snapshots(self) -> set[bytes]:
        return {blob for _time, blobs in self.snapshots.values() for blob in blobs} - self.erased


class Office:
    """The people, who do this and that; each day at their own hours."""

    def __init__(self, bench: Bench, people: int, shared: int, seed: int) -> None:
        self.bench = bench
        self.vault = bench.vault
        self.books = Records()
        self.dice = random.Random(seed)
        self.sessions: dict[str, Session] = {}
        self.spaces: dict[str, list[str]] = {}
        self.holds: list[tuple[bytes, set[object], object]] = []
        self.refused = {"protected": 0, "held": 0}
        self._names = count()
        self.sessions["boss"] = bench.account("boss", Role.ADMIN)
        for number in range(people):
            name = f"user{number:03}"
            self.sessions[name] = bench.account(name)
            self._found(name, [name])
        for number in range(shared):
            label = f"shared{number}"
            self.vault.spaces.add(label, self.sessions["boss"].user)
            members = self.dice.sample(sorted(set(self.sessions) - {"boss"}), 12)
            for member in members:
                self.vault.spaces.grant(self.sessions["boss"], label, self.sessions[member].user, MemberRole.EDITOR)
            self._found(label, members)

    def _found(self, label: str, members: list[str]) -> None:
        self.spaces[label] = members
        session = self.sessions.get(members[0]) if label == members[0] else self.sessions["boss"]
        assert session is not None
        for folder in FOLDERS:
            self.vault.files.make_folder(session, (label, folder))

    # -- a day ------------------------------------------------------------------------------------------------------

    def work(self, midnight: int, things: int) -> None:
        """So many things happen between eight and six."""
        deeds = {
            self.create: 40,
            self.edit: 35,
            self.delete: 10,
            self.rename: 5,
            self.undelete: 2,
            self.erase: 2,
            self.hold: 2,
            self.release: 2,
        }
        for second in sorted(self.dice.sample(range(8 * 3600, 18 * 3600), things)):
            self.bench.clock.now = midnight + second * SECOND
            self.dice.choices(list(deeds), list(deeds.values()))[0]()

    def _somewhere(self) -> tuple[str, str]:
        """(a space, one of its members who still works here)."""
        while True:
            label = self.dice.choice(sorted(self.spaces))
            active = [name for name in self.spaces[label] if name in self.sessions]
            if active:
                return label, self.dice.choice(active)

    def _some_file(self, *, trashed: bool = False) -> tuple[Record, str] | None:
        found = [
            record
            for record in self.books.standing()
            if (record.deleted is not None) is trashed and record.node not in self.books.waiting_files
        ]
        if not found:
            return None
        record = self.dice.choice(found)
        active = [name for name in self.spaces[record.space] if name in self.sessions]
        return (record, self.dice.choice(active)) if active else None

    def _put(self, label: str, folder: str, name: str, author: str) -> tuple[int, Version]:
        content = self.dice.randbytes(self.dice.randint(1, 3000))
        with self.vault.files.write(self.sessions[author], (label, folder, name)) as upload:
            upload.write(content)
            node = upload.commit().node
        return node.id, Version(bytes.fromhex(node.etag), self.bench.clock.now, author, content)

    # -- the deeds --------------------------------------------------------------------------------------------------

    def create(self) -> None:
        label, author = self._somewhere()
        folder, name = self.dice.choice(FOLDERS), f"file{next(self._names)}.txt"
        node, version = self._put(label, folder, name, author)
        self.books.files[node] = Record(node, label, folder, name, [version])

    def edit(self) -> None:
        if found := self._some_file():
            record, author = found
            node, version = self._put(*record.path, author)
            assert node == record.node
            record.versions.append(version)

    def rename(self) -> None:
        if found := self._some_file():
            record, author = found
            name = f"renamed{next(self._names)}.txt"
            target = (record.space, record.folder, name)
            self.vault.files.move(self.sessions[author], record.path, target, overwrite=False)
            record.name = name

    def delete(self) -> None:
        if found := self._some_file():
            record, author = found
            try:
                self.vault.files.delete(self.sessions[author], record.path)
            except Protected:
                assert self.books.protected(record, self.bench.clock.now)
                self.refused["protected"] += 1
            else:
                assert not self.books.protected(record, self.bench.clock.now)
                record.deleted = self.bench.clock.now

    def undelete(self) -> None:
        if found := self._some_file(trashed=True):
            record, author = found
            session, trash = self.sessions[author], (record.space, ".trash")
            shown = {node.id: node.name for node in self.vault.files.list(session, trash).members}
            record.name = f"restored{next(self._names)}.txt"
            self.vault.files.move(session, (*trash, shown[record.node]), record.path, overwrite=False)
            record.deleted = None

    def erase(self) -> None:
        if self.dice.random() < 0.1 and len(self.books.waiting) < 3:
            self._erase_account()
        elif found := self._some_file():
            record, author = found
            try:
                asked = self.vault.erasure.request_path(self.sessions[author], record.path)
            except Protected:
                assert self.books.protected(record, self.bench.clock.now)
                return
            if asked.state == "held":
                assert self.books.any_held(record)
                self.books.waiting_files.add(record.node)
                self.refused["held"] += 1
            else:
                assert not self.books.any_held(record)
                self.books.erase(record)

    def _erase_account(self) -> None:
        name = self.dice.choice(sorted(set(self.sessions) - {"boss"}))
        now = self.bench.clock.now
        protected = any(self.books.protected(record, now) for record in self.books.standing() if record.space == name)
        try:
            self.vault.erasure.request_account(None, name)
        except Protected:
            assert protected
            return
        assert not protected
        self.books.waiting[name] = self.bench.clock.now + GRACE_DAYS * DAY
        del self.sessions[name]

    def hold(self) -> None:
        found = self._some_file()
        if found is None or len(self.holds) > 6:
            return
        record, author = found
        session, books = self.sessions[author], self.books
        kind = self.dice.choice(("user", "space", "folder", "file"))
        held: set[object]
        subject: object
        if kind == "user":
            held, subject = books.held_users, author  # type: ignore[assignment]
            made = self.vault.holds.on_user(session.user, "case", confidential=self.dice.random() < 0.5)
        elif kind == "space":
            held, subject = books.held_spaces, record.space  # type: ignore[assignment]
            made = self.vault.holds.on_space(record.space, "case", confidential=False)
        elif kind == "folder":
            held, subject = books.held_folders, (record.space, record.folder)  # type: ignore[assignment]
            made = self.vault.holds.on_path(session, record.path[:2], "case", confidential=False)
        else:
            held, subject = books.held_nodes, record.node  # type: ignore[assignment]
            made = self.vault.holds.on_path(session, record.path, "case", confidential=False)
        if subject in held:
            self.vault.holds.release(made)  # the books count each but once
            return
        held.add(subject)
        self.holds.append((made, held, subject))

    def release(self) -> None:
        if self.holds:
            made, held, subject = self.holds.pop(self.dice.randrange(len(self.holds)))
            try:
                self.vault.holds.release(made)
            except Held:
                raise AssertionError("a hold cannot be kept from being released") from None
            held.discard(subject)

    # -- the night --------------------------------------------------------------------------------------------------

    def night(self, midnight: int) -> None:
        """The jobs, one after the other, as docs/jobs.md orders them."""
        self.bench.clock.now = midnight + 2 * 3600 * SECOND
        self.vault.retention.run(sure=True)
        self.books.retention(self.bench.clock.now)
        self.bench.clock.now = midnight + 3 * 3600 * SECOND
        number = self.vault.snapshots.create()["number"]
        assert isinstance(number, int)
        self.books.snapshot(number, self.bench.clock.now)
        self.bench.clock.now = midnight + 4 * 3600 * SECOND
        self.vault.erasure.expire()
        self.vault.snapshots.expire()
        for name in self.books.expiry(self.bench.clock.now):
            del self.spaces[name]
