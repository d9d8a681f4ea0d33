"""The one transaction in which what is erased leaves the catalog.

What is to be destroyed is listed in it, by ids: from its commit on nobody sees it any more, and whatever happens then,
the lists say what is left to do. Needs no key: what lies below a node is found by the ids of parents.
"""

import json
from dataclasses import replace

from docstopd.catalog import arrivals, nodes, spaces, trash, users
from docstopd.catalog import erasures as store
from docstopd.catalog.erasures import Erasure
from docstopd.catalog.nodes import Row
from docstopd.db import Rows
from docstopd.model import Micros, NodeId, Space, SpaceId, User
from docstopd.vault.accounts import Accounts, memberships
from docstopd.vault.change import Changes
from docstopd.vault.erasure.subject import ERASING, Subject
from docstopd.vault.journal import SYSTEM, Facts
from docstopd.vault.spaces import Spaces
from docstopd.vault.tree import NO_PARENT

CATALOG, KEYRING = "catalog", "keyring"


class Removal:
    """Removes rows by an erasure's subject."""

    def __init__(self, changes: Changes, accounts: Accounts, spaces: Spaces) -> None:
        self.journal = changes.journal
        self._keyring = changes.stores.keyring
        self._standing = changes.standing
        self._accounts = accounts
        self._spaces = spaces

    def check(self, rows: Rows, subject: Subject) -> None:
        """Raises `Forbidden` unless all of it may go now."""
        standing = self._standing(rows)
        if subject.node is not None:
            standing.refuse_tree(subject.node)
        for space in subject.whole_spaces:
            standing.refuse_space(space)
        user = None if subject.user is None else users.get(rows, subject.user)
        if user is not None:
            standing.refuse_user(user.id)
            for alone in memberships(rows, user)[0]:
                standing.refuse_space(alone.id)

    def run(self, rows: Rows, erasure: Erasure, now: Micros) -> Erasure:
        """List what goes, and remove it. Raises `Forbidden` where something must stay."""
        subject = Subject.decode(erasure.subject)
        self.check(rows, subject)
        user = None if subject.user is None else users.get(rows, subject.user)
        if subject.node is not None:
            store.mark_tree(rows, erasure.id, subject.spaces[0], subject.node)
        if user is not None:
            alone, shared = memberships(rows, user)
            subject = replace(subject, spaces=tuple(space.id for space in alone))
            self._leave(rows, erasure, user, shared)
        self.apply(rows, erasure, subject, now)
        return replace(erasure, subject=subject.encode(), state=ERASING, done=now)

    def apply(self, rows: Rows, erasure: Erasure, subject: Subject, now: Micros) -> None:
        """Remove the nodes that are listed, the whole spaces and the account of a subject; fine where some are gone."""
        if subject.node is not None:
            self._nodes(rows, erasure, subject.spaces[0], subject.node, now)
        for space in subject.whole_spaces:
            self._space(rows, erasure, space)
        user = None if subject.user is None else users.get(rows, subject.user)
        if user is not None:
            self._account(rows, erasure, user, len(subject.spaces))
        arrivals.remove_erased(rows, erasure.id)
        traces = self._keyring.traces(store.blobs_of(rows, erasure.id), subject.whole_spaces, subject.user)
        store.add_traces(rows, erasure.id, KEYRING, traces)

    # -- files and folders ------------------------------------------------------------------------------------------

    def _nodes(self, rows: Rows, erasure: Erasure, space: SpaceId, head: NodeId, now: Micros) -> None:
        self._follow_moves(rows, erasure, space)
        store.mark_blobs(rows, erasure.id)
        store.add_traces(rows, erasure.id, CATALOG, store.sealed_parts(rows, erasure.id, space))
        chain = _ancestors(rows, head)
        live = bool(chain) and chain[-1].parent == NO_PARENT and trash.top(rows, head) is None
        if live:
            spaces.use(rows, space, -sum(row.size for row in nodes.below(rows, head)))
        listed, blobs = store.nodes_of(rows, erasure.id), store.blobs_of(rows, erasure.id)
        store.remove_nodes(rows, erasure.id)
        payloads = store.erase_payloads(rows, erasure.id, space)
        facts: Facts = {
            "erasure": erasure.id.hex(),
            "nodes": len(listed),
            "blobs": len(blobs),
            "payloads": payloads,
        }
        seq = self.journal.append(rows, space, "erase", actor=erasure.author, node=head, facts=facts)
        if live:
            nodes.touch(rows, [row.id for row in chain[2:]], seq)
            nodes.members_changed(rows, chain[1].id, seq, now)

    def _follow_moves(self, rows: Rows, erasure: Erasure, space: SpaceId) -> None:
        """Editors save a new file and move it over the old one: what the new one had before belongs to it as well."""
        more = True
        while more:
            moved = [json.loads(facts).get("from") for facts in store.moved_in(rows, erasure.id, space)]
            more = sum(store.mark_node(rows, erasure.id, space, NodeId(node)) for node in moved if node) > 0

    # -- spaces and accounts ----------------------------------------------------------------------------------------

    def _space(self, rows: Rows, erasure: Erasure, space: SpaceId) -> None:
        store.mark_blobs_of_space(rows, erasure.id, space)
        found = spaces.get(rows, space)
        if found is None:
            return
        store.add_traces(rows, erasure.id, CATALOG, store.sealed_parts_of_space(rows, space))
        files = len(store.blobs_of(rows, erasure.id))
        self._spaces.remove(rows, found, {"erasure": erasure.id.hex(), "files": files})

    def _leave(self, rows: Rows, erasure: Erasure, user: User, shared: list[Space]) -> None:
        """The account's keys of spaces that stay are destroyed with the membership, so they are noted before."""
        store.add_traces(rows, erasure.id, KEYRING, self._keyring.traces((), (), user.id))
        for space in shared:
            self._spaces.expel(rows, None, space, user.id)

    def _account(self, rows: Rows, erasure: Erasure, user: User, count: int) -> None:
        parts = store.salts_of_actor(rows, SYSTEM, user.id) | store.profile_part(rows, user.id)
        store.add_traces(rows, erasure.id, CATALOG, parts)
        store.erase_payloads_of_actor(rows, SYSTEM, user.id)
        # A live account has left its spaces by now. An older catalog that was put back still has it in them; nobody
        # can bring its keys any more, so no epoch has to begin.
        spaces.remove_memberships(rows, user.id)
        self._accounts.remove(rows, user, count)


def _ancestors(rows: Rows, node: NodeId) -> list[Row]:
    """The node and all above it, the root last; it ends early where one of them is gone."""
    chain: list[Row] = []
    while (row := nodes.get(rows, node)) is not None:
        chain.append(row)
        if row.parent == NO_PARENT:
            break
        node = row.parent
    return chain
