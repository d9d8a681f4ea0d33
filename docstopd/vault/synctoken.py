"""Sync tokens (RFC 6578 section 4): a point in a space's journal, as an absolute URI.

The form is `urn:docstopd:sync:<space>:<seq>:<mark>[:<scope>:<place>]`, numbers and digests in lower-case hex but for
`seq`. `mark` is the beginning of that entry's hash: a journal that was restored from a copy and went another way from
there has the same numbers, but not the same hashes. `place` says how far an answer came that was cut short; it has a
meaning for that request alone, so `scope` binds it to the folder and the level. No name is told in either.
"""

import hashlib
import re
from dataclasses import dataclass

from docstopd.errors import InvalidSyncToken
from docstopd.model import SpaceId, SpacePath

MARK = 16
"""Hex digits of an entry's hash."""

_shape = re.compile(
    r"urn:docstopd:sync:([0-9a-f]{32}):([1-9][0-9]{0,17}):([0-9a-f]{16})"
    r"(?::([0-9a-f]{16}):(?:m([0-9a-f]{1,16}(?:\.[0-9a-f]{1,16})*)|c([0-9]{1,4})\.([0-9a-f]{32})))?"
).fullmatch
_LONGEST = 32_768


@dataclass(frozen=True, slots=True)
class Token:
    """`members`: the node ids down to the last member that a listing told, which goes on behind it.

    `change`: depth and digest of the last path told of those that entry `seq` touched, which goes on behind it. With
    neither, all up to and with `seq` is told.
    """

    space: SpaceId
    seq: int
    mark: str
    scope: str = ""
    members: tuple[int, ...] = ()
    change: tuple[int, str] | None = None

    def __str__(self) -> str:
        whole = f"urn:docstopd:sync:{self.space.hex()}:{self.seq}:{self.mark}"
        if self.members:
            return f"{whole}:{self.scope}:m{'.'.join([f'{node:x}' for node in self.members])}"
        if self.change is not None:
            return f"{whole}:{self.scope}:c{self.change[0]}.{self.change[1]}"
        return whole


def read_token(text: str) -> Token:
    """The token that a client sent back. Raises `InvalidSyncToken` for what was never one."""
    found = _shape(text) if len(text) <= _LONGEST else None
    if found is None:
        raise InvalidSyncToken("this is no sync token of this service")
    space, seq, mark, scope, members, depth, digest = found.groups()
    return Token(
        SpaceId(bytes.fromhex(space)),
        int(seq),
        mark,
        scope or "",
        tuple(int(node, 16) for node in members.split(".")) if members else (),
        (int(depth), digest) if depth else None,
    )


def scope_of(folder: SpacePath, *, deep: bool) -> str:
    """What a place in an answer belongs to."""
    text = "/".join((*folder, "infinite" if deep else "1"))
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def digest_of(path: SpacePath) -> str:
    """An order of paths that tells no name."""
    return hashlib.blake2b("/".join(path).encode(), digest_size=16).hexdigest()
