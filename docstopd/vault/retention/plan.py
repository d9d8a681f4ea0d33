"""The plan: what a run would do now, summed up for each space, and under a token that names exactly this.

The brake looks at the plan, not at the run: a policy with a typing error must stop before it has removed anything.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from docstopd.catalog import retention as store
from docstopd.catalog import spaces
from docstopd.db import Rows
from docstopd.model import Micros, NodeId, SpaceId
from docstopd.vault.retention.decide import HOLD, Decision, Fate, Holds, Kind, decide
from docstopd.vault.retention.items import Items
from docstopd.vault.retention.policy import RetentionPolicy

See = Callable[[Decision], None]
"""Is shown each decision as it is taken."""

FEW = 20
"""Versions of a space up to which a share of them is no measure: two of three old drafts are not a mistake."""


@dataclass(slots=True)
class SpacePlan:
    """One space. `versions` and `bytes` are all that is there, `trashed` those of them in the trash."""

    id: SpaceId
    label: str
    versions: int
    bytes: int
    trashed: int = 0
    gone_versions: int = 0
    gone_bytes: int = 0
    trees: int = 0
    files: int = 0
    reviews: int = 0
    held: int = 0

    def take(self, decision: Decision) -> None:
        """Count a decision."""
        if decision.fate is Fate.REVIEW:
            self.reviews += 1
        elif decision.fate is Fate.KEEP:
            self.held += HOLD in decision.reasons
        else:
            self.gone_versions += decision.versions
            self.gone_bytes += decision.bytes
            self.trees += decision.kind is Kind.TRASH
            self.files += decision.kind is Kind.FILE

    def braked(self, percent: int) -> str:
        """Why this must not happen unasked; empty where it may.

        A space whose members have deleted all that was in it may become empty.
        """
        if self.versions and self.gone_versions == self.versions > self.trashed:
            return f"everything in {self.label!r} would go"
        if self.gone_versions <= FEW:
            return ""
        share = max(_percent(self.gone_versions, self.versions), _percent(self.gone_bytes, self.bytes))
        return f"{share} % of {self.label!r} would go" if share > percent else ""


def _percent(part: int, whole: int) -> int:
    return -(-100 * part // whole) if whole else 0


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run would do at `now`. `trees`: deleted trees to purge, each with the entry of its deletion; `nodes`:

    the files of which something goes or is to be reviewed.
    """

    now: Micros
    token: str
    spaces: tuple[SpacePlan, ...]
    trees: tuple[tuple[NodeId, int], ...]
    nodes: tuple[NodeId, ...]

    def braked(self, percent: int) -> list[str]:
        """Why this must not be done unasked, space by space."""
        return [reason for space in self.spaces if (reason := space.braked(percent))]

    def total(self, name: str) -> int:
        """The sum of one of the spaces' counts."""
        return sum(getattr(space, name) for space in self.spaces)


@dataclass(slots=True)
class _Draft:
    spaces: dict[SpaceId, SpacePlan]
    digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)
    trees: list[tuple[NodeId, int]] = field(default_factory=list)
    nodes: dict[NodeId, None] = field(default_factory=dict)

    def take(self, decision: Decision) -> None:
        space = self.spaces.get(decision.space)
        if space is not None:
            space.take(decision)
        if decision.fate is Fate.REMOVE:
            self.digest.update(f"{decision.kind} {decision.node} {decision.blob.hex()}\n".encode())
        if decision.fate is not Fate.KEEP and decision.kind is not Kind.TRASH:
            self.nodes[decision.node] = None


def make_plan(rows: Rows, policy: RetentionPolicy, holds: Holds, now: Micros, see: See) -> Plan:
    """Decide on everything that the catalog holds. `holds` should answer without a look at the store: it is asked

    about each thing that would go.
    """
    labels = {space.id: space.label for space in spaces.all_spaces(rows)}
    totals = store.totals(rows)
    draft = _Draft({space: SpacePlan(space, labels.get(space, space.hex()), *counts) for space, *counts in totals})
    for space, label in labels.items():
        draft.spaces.setdefault(space, SpacePlan(space, label, 0, 0))
    items, purged = Items(rows), set[NodeId]()
    for tree in items.trashed():
        draft.spaces[tree.space].trashed += tree.versions
        for decision in decide([tree], policy, holds, now):
            see(decision)
            draft.take(decision)
            if decision.fate is Fate.REMOVE:
                draft.trees.append((tree.node, tree.entry))
                purged.update(tree.nodes)
    rest: Sequence[NodeId] = [node for node in items.candidates() if node not in purged]
    for decision in decide(items.files(rest), policy, holds, now):
        see(decision)
        draft.take(decision)
    found = sorted(draft.spaces.values(), key=lambda space: space.label)
    token = draft.digest.hexdigest()[:16]
    return Plan(now, token, tuple(found), tuple(draft.trees), tuple(draft.nodes))
