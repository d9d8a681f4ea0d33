"""The one decision: items, policy, holds and now in; what is kept, removed or reviewed out, each with its reasons.

Nothing here looks at a clock or a store. The plan shows these decisions, and a run takes them again inside each
transaction that removes something, on what the stores hold then.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from docstopd.model import SECOND, BlobId, Micros, NodeId, SpaceId, UserId
from docstopd.vault.retention.keep import Keep, keep
from docstopd.vault.retention.policy import RetentionPolicy
from docstopd.vault.retention.schedule import Dates, RetentionClass, Then, day

NO_BLOB = BlobId(b"")
NO_DATES = Dates()
HOLD = "hold"
"""The reason that wins over every other."""


@dataclass(frozen=True, slots=True)
class Content:
    """One version of a file, as far as its age and author go; `bytes` are those in clear."""

    blob: BlobId
    bytes: int
    received: Micros
    author: UserId
    current: bool


@dataclass(frozen=True, slots=True)
class File:
    """A file with everything that it was, in the trash or not. `approved`: two people decided that it shall go."""

    space: SpaceId
    node: NodeId
    contents: tuple[Content, ...]
    klass: str | None = None
    dates: Dates = NO_DATES
    approved: bool = False


@dataclass(frozen=True, slots=True)
class Trashed:
    """A deleted tree: `nodes` are its head and all below, `files` those of them that have a class.

    `deleted`: when the server was told to; None where the journal does not say; `entry`: its number there.
    """

    space: SpaceId
    node: NodeId
    deleted: Micros | None
    nodes: tuple[NodeId, ...]
    authors: frozenset[UserId]
    versions: int
    bytes: int
    files: tuple[File, ...] = ()
    entry: int = 0


Item = File | Trashed


class Holds(Protocol):
    """What stands in the way of any removal."""

    def covers(self, space: SpaceId, nodes: Sequence[NodeId], authors: Iterable[UserId]) -> bool:
        """Whether any of it is covered. `nodes`: one node, then all that go with it because they lie below it."""


class Kind(StrEnum):
    """What a decision is about."""

    VERSION = "version"
    TRASH = "trash"
    FILE = "file"


class Fate(StrEnum):
    """What becomes of it."""

    KEEP = "keep"
    REMOVE = "remove"
    REVIEW = "review"


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of one version, one deleted tree or one file whose class's time is up, and why."""

    kind: Kind
    fate: Fate
    space: SpaceId
    node: NodeId
    reasons: tuple[str, ...]
    versions: int
    bytes: int
    blob: BlobId = NO_BLOB
    due: Micros | None = None


def decide(items: Iterable[Item], policy: RetentionPolicy, holds: Holds, now: Micros) -> Iterator[Decision]:
    """The decisions on `items`, in their order: one for each deleted tree, for each version of a file, and for a file

    as a whole where its class says something of it.
    """
    for item in items:
        if isinstance(item, Trashed):
            yield _trashed(item, policy, holds, now)
        else:
            yield from _file(item, policy, holds, now)


# -- deleted trees ----------------------------------------------------------------------------------------------------


def _trashed(item: Trashed, policy: RetentionPolicy, holds: Holds, now: Micros) -> Decision:
    due = None if policy.trash is None or item.deleted is None else item.deleted + int(policy.trash * SECOND)
    if due is None:
        ever = "the journal does not say when it was deleted" if item.deleted is None else "trash is kept for ever"
        return _on_tree(item, Fate.KEEP, ever, None)
    if now < due:
        return _on_tree(item, Fate.KEEP, f"in the trash until {day(due)}", due)
    forbidding = [reason for file in item.files if (reason := _protection(file, policy, now))]
    if forbidding:
        return _on_tree(item, Fate.KEEP, forbidding[0], due)
    if holds.covers(item.space, item.nodes, item.authors):
        return _on_tree(item, Fate.KEEP, HOLD, due)
    return _on_tree(item, Fate.REMOVE, f"in the trash since {day(item.deleted or 0)}", due)


def _on_tree(item: Trashed, fate: Fate, reason: str, due: Micros | None) -> Decision:
    return Decision(Kind.TRASH, fate, item.space, item.node, (reason,), item.versions, item.bytes, due=due)


# -- files ------------------------------------------------------------------------------------------------------------


def _file(item: File, policy: RetentionPolicy, holds: Holds, now: Micros) -> Iterator[Decision]:
    klass = policy.schedule.named(item.klass)
    if klass is not None:
        decided = _disposed(item, klass, holds, now)
        if decided is not None:
            yield decided
            if decided.fate is Fate.REMOVE:
                return
    forbidding = _protection(item, policy, now)
    reasons = _kept(item, policy, now)
    for content, rules in zip(item.contents, reasons, strict=True):
        kept = rules or _despite(item, content, forbidding, holds)
        fate = Fate.KEEP if kept else Fate.REMOVE
        why = kept or ("no rule keeps it",)
        yield Decision(Kind.VERSION, fate, item.space, item.node, why, 1, content.bytes, content.blob)


def _despite(item: File, content: Content, forbidding: str, holds: Holds) -> tuple[str, ...]:
    """Why a version stays that no rule keeps; empty when it goes."""
    if content.current:
        return ("current",)
    if forbidding:
        return (forbidding,)
    return (HOLD,) if holds.covers(item.space, (item.node,), (content.author,)) else ()


def _kept(item: File, policy: RetentionPolicy, now: Micros) -> list[tuple[str, ...]]:
    rules = policy.versions
    if len(item.contents) <= rules.last:  # most files; and the calendar is what takes time
        return [("last",)] * len(item.contents)
    if rules.empty:  # a file keeps its current content alone; for `keep` that would be to keep everything
        rules = Keep(last=1)
    return keep([content.received for content in item.contents], rules, policy.zone, now)


def _disposed(item: File, klass: RetentionClass, holds: Holds, now: Micros) -> Decision | None:
    """What a class whose time is up says of a file; None while it says nothing."""
    due = klass.due(item.dates)
    if due is None or now < due or klass.then is Then.KEEP:
        return None
    reason = f"class {klass.name}: its time was up on {day(due)}"
    fate = Fate.REMOVE if klass.then is Then.DELETE or item.approved else Fate.REVIEW
    reasons = (reason,) if fate is Fate.REVIEW or klass.then is Then.DELETE else (reason, "approved by two people")
    if fate is Fate.REMOVE and holds.covers(item.space, (item.node,), {one.author for one in item.contents}):
        fate, reasons = Fate.KEEP, (HOLD, *reasons)
    size = sum(content.bytes for content in item.contents)
    return Decision(Kind.FILE, fate, item.space, item.node, reasons, len(item.contents), size, due=due)


def _protection(item: File, policy: RetentionPolicy, now: Micros) -> str:
    """Why none of a file's versions may go, empty where nothing forbids it.

    A class that is in the schedule no more says nothing about its time: until somebody gives the file another one,
    what it is about stays.
    """
    if item.klass is None:
        return ""
    klass = policy.schedule.named(item.klass)
    if klass is None:
        return f"class {item.klass} is not in the configuration"
    if not klass.protects(item.dates, now):
        return ""
    return f"class {klass.name} protects it until {klass.until(item.dates, now)}"
