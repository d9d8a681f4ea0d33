"""Frozen records and ids that every floor speaks of. No behaviour beyond naming.

Times are integer microseconds since 1970-01-01T00:00:00Z. Sizes are bytes. Ids of users, spaces and blobs are 16
random bytes; nodes are positive integers that are never used twice; a version is named by its blob.

What each request makes many of is a named tuple: a frozen dataclass of twelve fields takes five times as long to make.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, NewType

UserId = NewType("UserId", bytes)
SpaceId = NewType("SpaceId", bytes)
BlobId = NewType("BlobId", bytes)
SlotId = NewType("SlotId", bytes)
NodeId = NewType("NodeId", int)

Micros = int
SECOND: Micros = 1_000_000
HOUR: Micros = 3600 * SECOND
DAY: Micros = 24 * HOUR
SpacePath = tuple[str, ...]
"""Names from the space's label down; `()` is the list of spaces, `("ada",)` the root of the space `ada`."""


class Role(StrEnum):
    """What an account may do to the service."""

    ADMIN = "admin"
    AUDITOR = "auditor"
    USER = "user"


class MemberRole(StrEnum):
    """What a member may do in a space."""

    OWNER = "owner"
    EDITOR = "editor"
    READER = "reader"


class Custody(StrEnum):
    """Who can open a space: its members alone, or the server too."""

    SEALED = "sealed"
    MANAGED = "managed"


class SlotKind(StrEnum):
    """The kind of credential that a slot answers to."""

    PASSWORD = "password"  # noqa: S105 - a kind, not a secret
    APP_PASSWORD = "app-password"  # noqa: S105 - a kind, not a secret
    RECOVERY_CODE = "recovery-code"
    ORGANISATION = "organisation"


@dataclass(frozen=True, slots=True)
class User:
    """An account."""

    id: UserId
    name: str
    role: Role
    enabled: bool
    created: Micros


class Space(NamedTuple):
    """One tree, one key, one member list, one journal. `quota` is in bytes, None without a limit.

    `seq` is the journal's last entry, `quiet` counts the changes that the journal does not tell. `read_only`: nobody
    may change its files and folders.
    """

    id: SpaceId
    label: str
    custody: Custody
    root: NodeId
    epoch: int
    seq: int
    quota: int | None
    used: int
    created: Micros
    quiet: int = 0
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class Member:
    """A user's place in a space."""

    user: UserId
    name: str
    role: MemberRole


@dataclass(frozen=True, slots=True)
class Deletion:
    """What is known of the deletion of a node in the trash; None where nobody can tell any more.

    `name` and `place`: what it was called and which folder held it then. `user`: the sign-in name of who did it.
    """

    name: str
    place: SpacePath | None
    time: Micros | None
    user: str | None


class Node(NamedTuple):
    """A file or a folder as a caller sees it. `etag` is unquoted; `seq` is the journal's last entry at or below it.

    `past`: it is shown as part of its space's past, and cannot be changed there.
    """

    id: NodeId
    space: SpaceId
    name: str
    folder: bool
    size: int
    etag: str
    seq: int
    created: Micros
    modified: Micros
    past: bool = False
    deletion: Deletion | None = None


@dataclass(frozen=True, slots=True)
class Quota:
    """Bytes used by a space and bytes left, None where there is no limit."""

    used: int
    available: int | None


@dataclass(frozen=True, slots=True)
class Lock:
    """A WebDAV write lock (RFC 4918 section 6). `owner` is the client's XML, verbatim; `root` the path of its node."""

    token: str
    node: NodeId
    root: SpacePath
    user: UserId
    exclusive: bool
    infinite: bool
    owner: str
    timeout: int
    expires: Micros


@dataclass(frozen=True, slots=True)
class StateTest:
    """One condition of an `If` header: a lock token or an (unquoted, strong) etag, perhaps negated."""

    token: str | None = None
    etag: str | None = None
    negated: bool = False


@dataclass(frozen=True, slots=True)
class StateList:
    """An AND list of an `If` header, about `path`; None is a resource that is not ours: only `Not` holds there."""

    path: SpacePath | None
    tests: tuple[StateTest, ...]


@dataclass(frozen=True, slots=True)
class Guard:
    """The preconditions of one write. The vault checks them before the work and again inside the transaction.

    `tokens`: lock tokens submitted. `lists`: the lists of `If`, one of which must hold; None without the header.
    `if_match`, `if_none_match`: unquoted strong etags, ("*",) for any, None without the header.
    `if_unmodified_since`: whole seconds are compared.
    """

    tokens: frozenset[str] = frozenset()
    lists: tuple[StateList, ...] | None = None
    if_match: tuple[str, ...] | None = None
    if_none_match: tuple[str, ...] | None = None
    if_unmodified_since: Micros | None = None


NO_GUARD = Guard()


@dataclass(frozen=True, slots=True)
class Written:
    """What a write left: the node, and whether it is new."""

    node: Node
    created: bool


class Entry(NamedTuple):
    """One journal entry. `payload` is sealed and may be gone; `facts` is canonical JSON without anything personal."""

    stream: bytes
    seq: int
    time: Micros
    actor: bytes
    action: str
    node: int
    facts: str
    epoch: int
    salt: bytes | None
    payload: bytes | None
    commitment: bytes
    previous: bytes
    hash: bytes
