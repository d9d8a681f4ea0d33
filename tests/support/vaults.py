"""A whole vault in a temporary folder: real stores, a cheap password, a clock that tests can move."""

import itertools
from dataclasses import dataclass, field
from pathlib import Path

from docstopd.blobs.local import LocalBlobs
from docstopd.catalog import MIGRATIONS as CATALOG
from docstopd.crypto.keystore import Keystore
from docstopd.crypto.serverkey import ServerKey
from docstopd.crypto.slot import Cost
from docstopd.db.sqlite import SqliteDatabase
from docstopd.keyring import MIGRATIONS as KEYRING
from docstopd.keyring import Keyring
from docstopd.model import Role
from docstopd.vault import Policy, Session, Stores, Vault

CHEAP = Cost(19 * 1024, 1, 1)
PASSWORD = "correct horse battery"  # noqa: S105 - of accounts that live for one test
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

    def account(self, name: str, role: Role = Role.USER) -> Session:
        """A new account, signed in."""
        self.vault.accounts.add(name, PASSWORD, role=role, email=f"{name}@example.org")
        return self.vault.sessions.sign_in(name, PASSWORD)

    def put(self, session: Session, path: tuple[str, ...], content: bytes) -> str:
        """Write a file whole; its etag."""
        with self.vault.files.write(session, path) as upload:
            upload.write(content)
            return upload.commit().node.etag

    def get(self, session: Session, path: tuple[str, ...]) -> bytes:
        """Read a file whole."""
        with self.vault.files.open(session, path) as content:
            return b"".join(bytes(block) for block in content.read(0, content.node.size))


def open_bench(folder: Path, policy: Policy | None = None, server: ServerKey | None = None) -> Bench:
    """A vault over `folder`, new or not. Two over one folder behave like two processes."""
    key = folder / "server.key"
    if server is None:
        if not key.exists():
            key.write_text(ServerKey.generate().encode())
        server = ServerKey.decode(key.read_text())
    clock = Clock()
    stores = Stores(
        catalog=SqliteDatabase(folder / "catalog.db", CATALOG),
        keyring=Keyring(
            SqliteDatabase(folder / "keyring.db", KEYRING, secure_delete=True), Keystore(server.keystore)
        ),
        blobs=LocalBlobs(folder / "blobs"),
        server=server,
        turnstile=folder / "run",
        clock=clock,
        cost=CHEAP,
    )
    return Bench(Vault(stores, policy or Policy()), stores, clock, folder)
