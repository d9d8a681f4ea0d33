"""What is in a folder and what changed in it since a sync token (RFC 6578), each in one view of the catalog.

The first answers list the folder by node id; the token that they end with is the space's state when they began, so
what changed meanwhile comes with the next one. Later answers come from the journal alone: every path that an entry
touched (`history`) is told as it is now, in the order of the entries that touched them last. So an answer that is cut
short ends at an entry, or at a path of one, and nothing of what went before has to be remembered.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from docstopd.catalog import journal as journal_store
from docstopd.catalog.nodes import Row
from docstopd.errors import Damaged, InvalidSyncToken, NotFolder
from docstopd.model import Node, NodeId, SpacePath
from docstopd.vault import naming
from docstopd.vault.change import Changes
from docstopd.vault.history import FolderMoves, Mention, Mentions, Step, steps
from docstopd.vault.present import Present
from docstopd.vault.session import Session
from docstopd.vault.synctoken import MARK, Token, digest_of, read_token, scope_of
from docstopd.vault.view import View

SYNC_LIMIT = 1000
"""Members in one answer, so that its time and memory are bounded."""

MOST_ENTRIES = 250_000
"""Entries that are read for one answer; a client that is further behind lists the folder anew."""

Order = tuple[int, int, str]
"""Where a path stands among the changes: entry, depth (folders before their members), digest."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a client has to know. No path is in both lists.

    `removed`: path, and whether a folder was there. `more`: the answer was cut short; `token` goes on where it ended.
    What is read of a member later than this is newer, and no harm: the next report tells of the change.
    """

    folder: Node
    changed: list[tuple[SpacePath, Node]]
    removed: list[tuple[SpacePath, bool]]
    token: str
    more: bool


class Sync:
    """The door to the changes of all spaces."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes

    def token(self, session: Session, path: SpacePath) -> str:
        """The sync token of every folder of the space that holds `path`. Raises `NotFound`."""
        with self._changes.view(session, path[0]) as view:
            return str(_token_at(view, view.tree.root().seq))

    def report(
        self,
        session: Session,
        path: SpacePath,
        token: str,
        *,
        deep: bool,
        limit: int = SYNC_LIMIT,
    ) -> Report:
        """The members of the folder at `path` (`deep`: all below it), or what changed in them since `token`.

        An empty token begins. At most `limit` members, at least 1, are told. Raises `NotFound`, `NotFolder`,
        `InvalidSyncToken`.
        """
        path = naming.normal_path(path)
        if naming.is_past(path):
            raise NotFolder("the past has no changes to report")
        damaged: list[Damaged] = []
        with self._changes.view(session, path[0]) as view:
            answer = _Answer(view, path, damaged, deep=deep)
            found: Report | InvalidSyncToken
            try:
                found = answer.report(token, limit)
            except InvalidSyncToken as refused:
                if isinstance(refused.__cause__, Damaged):
                    damaged.append(refused.__cause__)
                found = refused
        for error in damaged:
            self._changes.damage.report(view.opened.space.id, session.user.id, error)
        if isinstance(found, InvalidSyncToken):
            raise found
        return found


def _token_at(view: View, seq: int) -> Token:
    space = view.opened.space.id
    entries = journal_store.entries(view.rows, space, seq - 1, 1)
    if not entries or entries[0].seq != seq:
        raise InvalidSyncToken("the journal has no such entry")
    return Token(space, seq, entries[0].hash.hex()[:MARK])


class _Answer:
    """One answer about one folder; everything is read from the view."""

    def __init__(self, view: View, path: SpacePath, damaged: list[Damaged], *, deep: bool) -> None:
        self._view = view
        self._path = path
        self._deep = deep
        self._scope = scope_of(path, deep=deep)
        self._present = Present(view.tree, damaged)
        self._moved: set[int] = set()
        self._folder = view.tree.find(path[1:])[-1]
        if not self._folder.folder:
            raise NotFolder("this is a file")

    def report(self, text: str, limit: int) -> Report:
        """Answer a token. Raises `InvalidSyncToken`."""
        since = self._check(read_token(text)) if text else None
        if since is None or since.members:
            page, removed, token, more = self._list(since, limit)
        else:
            page, removed, token, more = self._changes(since, limit)
        tree = self._view.tree
        changed = [((self._path[0], *path), tree.node(row, path[-1])) for path, row in page]
        folder = tree.node(self._folder, self._path[-1])
        return Report(folder, changed, [((self._path[0], *p), kind) for p, kind in removed], str(token), more)

    def _check(self, token: Token) -> Token:
        """Whether this space's journal knows the token, and this request its place."""
        if token.space != self._view.opened.space.id or token.seq > self._view.opened.space.seq:
            raise InvalidSyncToken("this sync token is of another space, or of the future")
        if token.mark != _token_at(self._view, token.seq).mark:
            raise InvalidSyncToken("this sync token is of another past")
        if token.scope not in ("", self._scope):
            raise InvalidSyncToken("this sync token goes on with another request")
        return token

    # -- the first answers ------------------------------------------------------------------------------------------

    def _list(
        self, since: Token | None, limit: int
    ) -> tuple[list[tuple[SpacePath, Row]], list[tuple[SpacePath, bool]], Token, bool]:
        start = since or _token_at(self._view, self._view.tree.root().seq)
        if start.members:
            self._moved = journal_store.moved_since(self._view.rows, start.space, start.seq, start.members)
        walk = self._walk(self._folder, self._path[1:], (), start.members)
        found = list(islice(walk, limit + 1))
        more = len(found) > limit
        page = found[:limit]
        place = page[-1][2] if more else ()
        token = Token(start.space, start.seq, start.mark, self._scope if more else "", place)
        return [(path, row) for path, row, _ in page], [], token, more

    def _walk(
        self, folder: Row, path: SpacePath, above: tuple[int, ...], behind: Sequence[int]
    ) -> Iterator[tuple[SpacePath, Row, tuple[int, ...]]]:
        """The members by id, each folder before its own members, from behind a place where an answer ended.

        If what was there moved on meanwhile, the changes since the beginning tell the rest of it; so they do of a
        folder that was told at one place and is at another now: its members are not told before it.
        """
        for name, row in self._present.members(folder, behind[0] if behind else 0):
            place = (*above, row.id)
            told = bool(behind) and row.id == behind[0]
            if not told:
                yield (*path, name), row, place
            if row.folder and self._deep and not (told and row.id in self._moved):
                yield from self._walk(row, (*path, name), place, behind[1:] if told else ())

    # -- the later ones ---------------------------------------------------------------------------------------------

    def _changes(
        self, since: Token, limit: int
    ) -> tuple[list[tuple[SpacePath, Row]], list[tuple[SpacePath, bool]], Token, bool]:
        behind: Order = (since.seq, *since.change) if since.change else (since.seq + 1, 0, "")
        mentions, end = self._read(behind[0] - 1, limit)
        page: dict[SpacePath, Row | None] = {}
        ordered = _ordered(mentions.found.items(), behind)
        last: Order = behind
        for order, path in ordered:
            if path not in page:
                row = self._present.at(path)
                if row is not None or self._present.readable(path):
                    if len(page) == limit:
                        return *self._page(page, mentions), self._cut(last, order), True
                    page[path] = row
            last = order
        if end is not None:
            return *self._page(page, mentions), _token_at(self._view, end), True
        root = self._view.tree.root()
        return *self._page(page, mentions), _token_at(self._view, max(root.seq, since.seq)), False

    def _read(self, after: int, limit: int) -> tuple[Mentions, int | None]:
        """The paths that the entries after `after` touched, and the last entry read if that was not all of them.

        Without a folder's move each entry stands for itself, so as many are read as fill an answer. With one, what
        comes later is needed to know what the folder held.
        """
        rows, opened = self._view.rows, self._view.opened
        mentions, moves = Mentions(self._path[1:], deep=self._deep), FolderMoves()
        left: list[Step] = []
        moved: dict[NodeId, None] = {}
        end = None
        for step in steps(rows, opened.space.id, opened.keys, after, MOST_ENTRIES):
            if not moves and end is not None and self._enough(mentions, after, limit):
                return mentions, end
            end = step.seq
            mentions.step(step.path, step.seq, folder=step.folder)
            if step.source is not None:
                mentions.step(step.source, step.seq, folder=step.folder)
            if step.source is not None or step.action == "delete":
                left.append(step)
            if step.folder and (step.source is not None or step.action == "restore"):
                moves.add(step.seq, step.source, step.path)
                moved[step.node] = None
        if moves:
            _follow(left, moves, mentions)
            self._follow_moved(moved, moves, mentions)
        return mentions, None

    def _enough(self, mentions: Mentions, after: int, limit: int) -> bool:
        # All that entry `after + 1` touched may have been told already.
        return len(mentions.found) > limit and sum(m.last > after + 1 for m in mentions.found.values()) > limit

    def _follow_moved(self, moved: Iterable[NodeId], moves: FolderMoves, mentions: Mentions) -> None:
        """What is still below a moved folder has had as many paths as the folder."""
        seen: set[NodeId] = set()
        for node in moved:
            path = self._present.place(node)
            if path is None or node in seen:
                continue
            places = [path, *(place for _, place in moves.trail(path))]
            if not any(map(mentions.near, places)):
                continue
            for place, row in self._present.below(path):
                seen.add(row.id)
                for seq, folder in moves.trail(place[:-1]):
                    mentions.step((*folder, place[-1]), seq, folder=bool(row.folder))

    def _page(
        self, page: dict[SpacePath, Row | None], mentions: Mentions
    ) -> tuple[list[tuple[SpacePath, Row]], list[tuple[SpacePath, bool]]]:
        changed = [(path, row) for path, row in page.items() if row is not None]
        removed = [(path, mentions.found[path].folder) for path, row in page.items() if row is None]
        return changed, removed

    def _cut(self, last: Order, following: Order) -> Token:
        """The token of an answer that ends between two paths."""
        token = _token_at(self._view, last[0])
        if following[0] > last[0]:
            return token
        return Token(token.space, token.seq, token.mark, self._scope, change=last[1:])


def _follow(left: Iterable[Step], moves: FolderMoves, mentions: Mentions) -> None:
    """What left a folder had, until then, as many paths as the folder."""
    for step in left:
        place = step.path if step.source is None else step.source
        for seq, folder in moves.trail(place[:-1], step.seq):
            mentions.step((*folder, place[-1]), seq, folder=step.folder)


def _ordered(mentions: Iterable[tuple[SpacePath, Mention]], behind: Order) -> list[tuple[Order, SpacePath]]:
    """Each path at the entry that touched it last; a folder also where it first came up, before what it holds."""
    found = []
    for path, mention in mentions:
        depth, digest = len(path), digest_of(path)
        seqs = {mention.first, mention.last} if mention.holds else {mention.last}
        found += [(order, path) for seq in seqs if (order := (seq, depth, digest)) > behind]
    return sorted(found)
