"""The part of the vault's door that this front goes through, as narrow Protocols.

Errors are the vault's; `errors.py` maps them. A session stays with the vault: this front only hands it back.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Protocol, Self

from docstopd.model import Guard, Lock, Micros, Node, NodeId, Quota, Space, SpacePath, Written

Session = Any
"""What `sign_in` gave; the vault alone looks inside, but for `.user`."""


class Listing(Protocol):
    """A folder and its members; names that cannot be read are left out."""

    @property
    def node(self) -> Node: ...
    @property
    def members(self) -> Iterable[Node]: ...


class Content(Protocol):
    """An open version. `read` has its first block decrypted when it returns."""

    @property
    def node(self) -> Node: ...
    def read(self, start: int, length: int) -> Iterator[bytes | memoryview]: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None: ...


class Upload(Protocol):
    """A write under way; leaving its context without `commit` aborts it."""

    def write(self, buffer: bytes | bytearray | memoryview) -> object: ...
    def commit(self) -> Written: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> object: ...


class Files(Protocol):
    """Files and folders of the spaces that a session may see."""

    def stat(self, session: Session, path: SpacePath) -> Node: ...
    def list(self, session: Session, path: SpacePath) -> Listing: ...
    def open(self, session: Session, path: SpacePath) -> Content: ...
    def properties(self, session: Session, nodes: Sequence[Node]) -> Mapping[NodeId, Mapping[str, str]]: ...
    def quota(self, session: Session, path: SpacePath) -> Quota: ...
    def write(
        self,
        session: Session,
        path: SpacePath,
        guard: Guard,
        *,
        modified: Micros | None = None,
        expected: int | None = None,
    ) -> Upload: ...
    def make_folder(
        self, session: Session, path: SpacePath, guard: Guard, properties: Mapping[str, str] = ...
    ) -> Node: ...
    def delete(self, session: Session, path: SpacePath, guard: Guard) -> None: ...
    def move(
        self, session: Session, source: SpacePath, target: SpacePath, guard: Guard, *, overwrite: bool
    ) -> Written: ...
    def copy(
        self, session: Session, source: SpacePath, target: SpacePath, guard: Guard, *, overwrite: bool, deep: bool
    ) -> Written: ...
    def patch(
        self,
        session: Session,
        path: SpacePath,
        guard: Guard,
        changes: Sequence[tuple[str, str | None]],
        *,
        created: Micros | None = None,
        modified: Micros | None = None,
    ) -> None: ...


class Locks(Protocol):
    """Write locks, kept by the vault so that they outlive a restart."""

    def lock(
        self,
        session: Session,
        path: SpacePath,
        guard: Guard,
        *,
        exclusive: bool,
        infinite: bool,
        owner: str,
        timeout: int,
    ) -> tuple[Lock, bool]: ...
    def refresh(self, session: Session, path: SpacePath, tokens: frozenset[str], timeout: int) -> Lock: ...
    def unlock(self, session: Session, path: SpacePath, token: str) -> None: ...
    def covering(self, session: Session, path: SpacePath) -> Sequence[Lock]: ...
    def members(self, session: Session, path: SpacePath) -> Mapping[NodeId, Sequence[Lock]]: ...


class Sessions(Protocol):
    """Sign-in, throttled and cached by the vault."""

    def sign_in(self, name: str, credential: str, address: str, agent: str) -> Session: ...


class Spaces(Protocol):
    """The spaces that a session is a member of."""

    def mine(self, session: Session) -> Sequence[Space]: ...


class Vault(Protocol):
    """The door itself."""

    @property
    def sessions(self) -> Sessions: ...
    @property
    def spaces(self) -> Spaces: ...
    @property
    def files(self) -> Files: ...
    @property
    def locks(self) -> Locks: ...
    def check(self, session: Session, path: SpacePath, guard: Guard) -> None: ...
