"""The door to retention: the plan, and the run that carries it out.

A run removes in bounded transactions. Each decides again on what it is about to remove, with the holds and rows as it
sees them: what was placed, restored or written since the plan is obeyed. Keys and ciphertexts go after the transaction
that gave them up. A run that dies at any moment leaves less for the next one, and nothing else.
"""

from collections.abc import Sequence
from functools import partial
from itertools import groupby
from operator import attrgetter

from docstopd.catalog import dispositions
from docstopd.catalog.dispositions import Disposition
from docstopd.db import Rows
from docstopd.errors import Refused
from docstopd.model import Micros, NodeId
from docstopd.vault.change import Changes
from docstopd.vault.journal import SYSTEM
from docstopd.vault.past.purge import Purge, Purged
from docstopd.vault.progress import SILENT, Progress, Report
from docstopd.vault.retention.decide import Decision, Fate, File, Kind, decide
from docstopd.vault.retention.dispositions import Opening, destruction_report
from docstopd.vault.retention.holds import Cover
from docstopd.vault.retention.items import Items, batched
from docstopd.vault.retention.plan import Plan, See, make_plan
from docstopd.vault.retention.removal import Removal, Removed

BATCH = 200
"""Files, or deleted trees, that one transaction looks at: other writers wait for it."""


def _unseen(_decision: Decision) -> None:
    pass


class Retention:
    """What goes by itself. Needs no key of any space."""

    def __init__(self, changes: Changes, purge: Purge) -> None:
        self._changes = changes
        self._stores = changes.stores
        self._policy = changes.policy.retention
        self._purge = purge

    def plan(self, see: See = _unseen) -> Plan:
        """What a run would do now; `see` is shown every decision, in the order of the plan. Changes nothing."""
        now = self._stores.clock()
        with self._stores.catalog.read() as rows:
            return make_plan(rows, self._policy, Cover(rows).covered(), now, see)

    def run(self, progress: Progress = SILENT, dry: bool = False, *, confirm: str = "", sure: bool = False) -> Report:
        """Do it. Raises `Refused` where the brake stops it, unless `confirm` is the plan's token, or `sure`."""
        progress("deciding", 0, 0)
        plan = self.plan()
        if confirm and confirm != plan.token:
            raise Refused(f"what would be done has changed since; look at the plan again (now it is {plan.token})")
        stopped = [] if confirm or sure else plan.braked(self._policy.brake)
        if stopped and not dry:
            raise Refused(
                f"nothing was removed: {'; '.join(stopped)}; look at it with `docstopd retention plan`, and if it is"
                f" meant: docstopd retention run --confirm {plan.token}"
            )
        if dry:
            return {**_foreseen(plan), "braked": bool(stopped), "token": plan.token}
        purged = self._empty_trash(plan, progress)
        removed = self._remove(plan, progress)
        opened, void = self._settle(plan.now)
        report = _done(purged, removed) | {"reviews": opened, "void": void}
        self._stores.catalog.write(lambda rows: self._changes.journal.append(rows, SYSTEM, "retention", facts=report))
        return report

    def _empty_trash(self, plan: Plan, progress: Progress) -> Purged:
        total = Purged()
        for done, heads in enumerate(batched(plan.trees, BATCH)):
            progress("emptying the trash", done * BATCH, len(plan.trees))
            total += self._purge.run(heads)
        return total

    def _remove(self, plan: Plan, progress: Progress) -> Removed:
        total = Removed()
        for done, some in enumerate(batched(plan.nodes, BATCH)):
            progress("removing", done * BATCH, len(plan.nodes))
            removed = self._stores.catalog.write(partial(self._remove_some, some, plan.now))
            self._changes.destroy(removed.leftovers)
            total.files += removed.files
            total.versions += removed.versions
            total.bytes += removed.bytes
        return total

    def _remove_some(self, nodes: Sequence[NodeId], now: Micros, rows: Rows) -> Removed:
        removal = Removal(rows, self._changes.journal, now)
        files = {file.node: file for file in Items(rows).files(nodes)}
        decided = decide(files.values(), self._policy, Cover(rows), now)
        for node, found in groupby(decided, attrgetter("node")):
            going = [decision for decision in found if decision.fate is not Fate.KEEP]
            whole = next((decision for decision in going if decision.kind is Kind.FILE), None)
            klass = files[node].klass or ""
            if whole is not None and whole.fate is Fate.REVIEW:
                Opening(rows, self._changes.journal, now).queue(whole, klass)
            elif whole is not None:
                self._destroy(rows, removal, whole, klass, now)
            dropped = [decision for decision in going if decision.kind is Kind.VERSION]
            if dropped:
                removal.drop(dropped)
        return removal.done

    def _destroy(self, rows: Rows, removal: Removal, decision: Decision, klass: str, now: Micros) -> None:
        """A class's time is up, and nobody has to be asked, or two people have been."""
        past = removal.destroy(decision.space, decision.node, klass)
        asked = dispositions.open_on(rows, decision.node)
        if asked is not None:
            said = dispositions.approvals(rows, asked.id)
            report = destruction_report(asked, said, past, now, self._stores.server.signer)
            dispositions.close(rows, asked.id, "destroyed", now, report)

    def _settle(self, now: Micros) -> tuple[int, int]:
        """(questions that are open, those that nobody needs to answer any more and are closed as void)."""
        with self._stores.catalog.read() as rows:
            asked = dispositions.all_open(rows)
            void = self._void(rows, asked, now)

        def close(some: Sequence[Disposition], rows: Rows) -> None:
            Opening(rows, self._changes.journal, now).void(self._void(rows, some, now))

        for some in batched(void, BATCH):
            self._stores.catalog.write(partial(close, some))
        return len(asked) - len(void), len(void)

    def _void(self, rows: Rows, asked: Sequence[Disposition], now: Micros) -> list[Disposition]:
        files = {file.node: file for file in Items(rows).files([one.node for one in asked])}
        decided = decide(files.values(), self._policy, Cover(rows), now)
        standing = {decision.node for decision in decided if decision.kind is Kind.FILE}
        return [one for one in asked if one.node not in standing or _is_another(files[one.node], one)]


def _is_another(file: File, asked: Disposition) -> bool:
    """Whether a file is not what people were asked about any more: it got another content, or another class."""
    return file.klass != asked.klass or any(content.received > asked.opened for content in file.contents)


def _foreseen(plan: Plan) -> dict[str, int]:
    return {
        "trees": plan.total("trees"),
        "files": plan.total("files"),
        "versions": plan.total("gone_versions"),
        "bytes": plan.total("gone_bytes"),
        "reviews": plan.total("reviews"),
        "held": plan.total("held"),
    }


def _done(purged: Purged, removed: Removed) -> dict[str, str | int | bool]:
    return {
        "purged": purged.files + purged.folders,
        "files": removed.files,
        "versions": purged.versions + removed.versions,
        "bytes": purged.bytes + removed.bytes,
        "held": purged.held,
    }
