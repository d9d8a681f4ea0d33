"""The error tree.

Three fates: `Refused` is the caller's mistake and carries a message for a person; `Failed` ends this request and
leaves the stores as they were; `StateUnknown` means that a store may or may not hold a write, so the process stops.
No message carries a secret, a name or a path of a sealed space.
"""

from collections.abc import Sequence


class DocstopdError(Exception):
    """Root of everything docstopd raises on purpose."""


# -- the caller's mistake -------------------------------------------------------------------------------------------


class Refused(DocstopdError):
    """What was asked cannot be done as asked; nothing was changed."""


class ConfigurationError(Refused):
    """The configuration is wrong. `problems` lists all of them, each with its place."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class Unauthenticated(Refused):
    """The name and the credential do not belong together (which of the two is wrong is never said)."""


class Throttled(Refused):
    """Too many failures; try again after `retry_after` seconds."""

    def __init__(self, retry_after: float) -> None:
        super().__init__("too many failed sign-ins; wait and try again")
        self.retry_after = retry_after


class Forbidden(Refused):
    """The caller is known and may not do this."""


class Held(Forbidden):
    """A hold covers what was to be removed. The message says no more than the hold allows."""


class Protected(Forbidden):
    """The retention class of a file forbids this until its time is up."""


def reason(error: Exception) -> str:
    """What an error says to people: of the system's only why, since whoever shows it names the file himself."""
    return (isinstance(error, OSError) and error.strerror) or str(error)


class NotFound(Refused):
    """There is nothing of that name, or nothing that the caller may see."""


class AlreadyExists(Refused):
    """The name is taken."""


class ParentMissing(Refused):
    """The folder that should hold the target does not exist, or is a file."""


class IsFolder(Refused):
    """A file was needed and a folder is there."""


class NotFolder(Refused):
    """A folder was needed and a file is there."""


class InvalidName(Refused):
    """A name that no node can have: empty, '.', '..', with '/' or a control character, or too long."""


class Overlap(Refused):
    """Source and target of a move or copy are the same, or one holds the other."""


class PreconditionFailed(Refused):
    """A condition that the caller set (`Guard`) does not hold."""


class Locked(Refused):
    """A lock stands in the way; `roots` are the paths of the locks whose tokens are missing."""

    def __init__(self, roots: Sequence[tuple[str, ...]]) -> None:
        super().__init__("locked")
        self.roots = tuple(roots)


class LockConflict(Locked):
    """A new lock is incompatible with the locks at `roots`."""


class NoSuchLock(Refused):
    """The token names no lock on this node."""


class InvalidSyncToken(Refused):
    """What changed since the sync token cannot be told: it is not of this space, or its past is gone. Begin anew."""


class IncompleteBody(Refused):
    """The body ended early, or its length or checksum is not the announced one."""


class TooLarge(Refused):
    """Larger than a configured limit."""


class QuotaExceeded(Refused):
    """The space's quota does not leave room for this."""


class Busy(Refused):
    """Another process holds what is needed (a second daemon on one data folder, a port in use)."""


# -- this request failed --------------------------------------------------------------------------------------------


class Failed(DocstopdError):
    """The request could not be carried out; the stores are as they were."""


class Damaged(Failed):
    """Stored bytes are not what was written: an authentication tag, a digest or a chain does not match.

    `node` is where it shows, 0 when that is not known.
    """

    def __init__(self, message: str, node: int = 0) -> None:
        super().__init__(message)
        self.node = node


class StorageFull(Failed):
    """The disk is full; the old content stays."""


class Incompatible(Failed):
    """A store was written by a newer program, or by a suite that policy refuses."""


# -- state unknown: stop --------------------------------------------------------------------------------------------


class StateUnknown(DocstopdError):
    """A durable write may or may not have happened (a failed fsync). Stop, and verify at the next start."""
