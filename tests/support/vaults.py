"""A whole vault in a temporary folder: real stores, a cheap password, a clock that tests can move."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import apsw

from docstopd.blobs.local import LocalBlobs
from docstopd.catalog import MIGRATIONS as CATALOG
from docstopd.crypto.keystore import Keystore
from docstopd.crypto.serverkey import ServerKey
from docstopd.crypto.slot import Cost
from docstopd.db.sqlite import SqliteDatabase
from docstopd.keyring import EARLIER, Keyring
from docstopd.keyring import MIGRATIONS as KEYRING
from docstopd.model import Role
from docstopd.vault import Policy, Session, Stores, Vault

CHEAP = Cost(19 * 1024, 1, 1)
PASSWORD = "correct horse battery"
START = 1_700_000_000_000_000


@dataclass
class Clock:
    """Moves on by a microsecond with each look, and by what a test adds."""

    now: int = START
    ticks: "itertools.count[int]" = field(default_factory=itertools.count)

    def __call__(self) -> int:
        return self.now + next(self.ticks)

    def advance(self, seconds: float) -> None:
        self.now += int(seconds * 1_000_000)


@dataclass
class Bench:
    """A vault with what it stands on."""

    vault: Vault
    stores: Stores
    clock: Clock
    folder: Path
    policy: Policy
    edits: list[str] = field(default_factory=list)

    def account(self, name: str, role: Role = Role.USER) -> Session:
        """A new account, signed in."""
        self.vault.accounts.add(name, PASSWORD, role=role, email=f"{name}@example.org")
        return self.vault.sessions.sign_in(name, PASSWORD)

    def put(self, session: Session, path: tuple[str, ...], content: bytes, **more: Any) -> str:
        """Write a file whole; its etag."""
        with self.vault.files.write(session, path, **more) as upload:
            upload.write(content)
            return upload.commit().node.etag

    def get(self, session: Session, path: tuple[str, ...]) -> bytes:
        """Read a file whole."""
        with self.vault.files.open(session, path) as content:
            return b"".join(bytes(block) for block in content.read(0, content.node.size))

    def names(self, session: Session, path: tuple[str, ...]) -> set[str]:
        """The names in a folder."""
        return {node.name for node in self.vault.files.list(session, path).members}

    # -- past the vault: what a test looks at, and what a thief would do --------------------------------------------

    def rows(self, sql: str, *values: Any, store: str = "catalog") -> list[tuple[Any, ...]]:
        """What a store's database holds."""
        connection = apsw.Connection(str(self.folder / f"{store}.db"))
        try:
            return connection.execute(sql, values).fetchall()
        finally:
            connection.close()

    def edit(self, sql: str, *values: Any, store: str = "catalog") -> None:
        """Change a store's database as another program would; must touch something."""
        connection = apsw.Connection(str(self.folder / f"{store}.db"))
        try:
            connection.execute(sql, values)
            assert connection.changes() > 0, "the edit touched nothing"
            self.edits.append(sql)
        finally:
            connection.close()

    def blob_ids(self) -> set[bytes]:
        """All blobs in the blob store."""
        return set(self.stores.blobs.ids())

    def key_ids(self) -> set[bytes]:
        """All blobs that have a data key."""
        return {row[0] for row in self.rows("SELECT blob FROM data_keys", store="keyring")}

    def live_ids(self) -> set[bytes]:
        """All blobs that a version names."""
        return {row[0] for row in self.rows("SELECT blob FROM versions")}

    def blob_file(self, blob: bytes) -> Path:
        """Where a blob lies."""
        return self.folder / "blobs" / blob.hex()[:2] / blob.hex()

    def actions(self, stream: bytes) -> list[str]:
        """What happened in a stream, oldest first."""
        return [row[0] for row in self.rows("SELECT action FROM journal WHERE stream = ? ORDER BY seq", stream)]

    def assert_tidy(self) -> None:
        """Every blob has a version and a key, every version and key a blob; nothing is half written."""
        assert self.blob_ids() == self.key_ids() == self.live_ids()
        assert not list((self.folder / "blobs").rglob("*.part"))
        self.assert_journal()

    def assert_journal(self) -> None:
        """The journal verifies."""
        assert self.vault.audit.verify()[1] == []

    def with_stores(self, change: Callable[[Stores], Stores]) -> "Bench":
        """Another vault, over stores that a test has changed (its own cache of sessions, the same clock)."""
        stores = change(self.stores)
        return replace(self, stores=stores, vault=Vault(stores, self.policy))


def open_bench(
    folder: Path, policy: Policy | None = None, server: ServerKey | None = None, clock: Clock | None = None
) -> Bench:
    """A vault over `folder`, new or not. Two over one folder behave like two processes."""
    key = folder / "server.key"
    if server is None:
        if not key.exists():
            key.write_text(ServerKey.generate().encode())
        server = ServerKey.decode(key.read_text())
    clock = clock or Clock()
    keystore = Keystore(server.keystore, [key.keystore for key in server.previous])
    keyring = Keyring(SqliteDatabase(folder / "keyring.db", KEYRING, secure_delete=True), keystore)
    server = server.with_earlier(keyring.fact(EARLIER) or b"")
    stores = Stores(
        catalog=SqliteDatabase(folder / "catalog.db", CATALOG, secure_delete=True),
        keyring=keyring,
        blobs=LocalBlobs(folder / "blobs"),
        server=server,
        turnstile=folder / "run",
        checkpoints=folder / "checkpoints",
        clock=clock,
        cost=CHEAP,
    )
    policy = policy or Policy()
    return Bench(Vault(stores, policy), stores, clock, folder, policy)
