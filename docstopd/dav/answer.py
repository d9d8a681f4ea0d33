"""Answers to PROPFIND that were made before, given again while what they tell is still so.

Nothing of it is in WsgiDAV. Clients list the same folders over and over, and a listing of a thousand members costs a
thousand names to decrypt; the vault knows by two numbers that nothing has changed (`Basis`). An answer is kept beside
the keys that it was made with (`Kept`) and told to nobody else. An answer that tells a lock is never kept.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from sys import getsizeof

from docstopd.dav.multistatus import END
from docstopd.dav.query import Query
from docstopd.model import Node, NodeId
from docstopd.vault import Basis, Kept

_OVERHEAD = 1000
_OF_A_MEMBER = 200
"""Bytes of the places in which an answer and its members are kept, rounded up."""


class Answer:
    """A multistatus in parts. `members`: each one's `seq` and response, in their order."""

    def __init__(
        self, basis: Basis, start: str, own: str, members: Mapping[NodeId, tuple[int, str]], length: int
    ) -> None:
        self.basis = basis
        self.start = start
        self.members = members
        self.size = 2 * length + _OF_A_MEMBER * len(members) + _OVERHEAD
        self._own = own
        self._body = b""

    def body(self) -> bytes:
        """The whole answer; joined when it is asked for, since one that changes before is never given again."""
        if not self._body:
            texts = [text for _, text in self.members.values()]
            self._body = "".join((self.start, self._own, *texts, END)).encode()
        return self._body

    def holds(self, basis: Basis, query: Query) -> bool:
        """Tell whether the answer is still what would be told now."""
        return self._is_of(basis, query) and self.basis.seq == basis.seq

    def can_be_renewed(self, basis: Basis, query: Query) -> bool:
        """Tell whether the members that have not changed would be told as they are here."""
        return bool(self.members) and self._is_of(basis, query)

    def _is_of(self, basis: Basis, query: Query) -> bool:
        then = self.basis
        if (then.space, then.node, then.quiet) != (basis.space, basis.node, basis.quiet):
            return False
        if query.role and then.role is not basis.role:
            return False
        # Quota and sync token are the space's: they change with what happens anywhere in it.
        return then.head == basis.head or not (query.quota or query.token)


@dataclass(frozen=True, slots=True)
class Keeping:
    """Where an answer goes once it is complete: under what `question`, resting on what; no `basis` keeps nothing."""

    kept: Kept
    question: Hashable
    basis: Basis | None

    def put(self, start: str, own: str, members: Mapping[NodeId, tuple[int, str]]) -> Answer | None:
        """Keep an answer, unless it is too large."""
        if self.basis is None:
            return None
        length = len(start) + getsizeof(own) + sum([getsizeof(text) for _, text in members.values()])
        answer = Answer(self.basis, start, own, members, length)
        self.kept.put(self.question, answer)
        return answer

    def gathering(self, start: str, nodes: Sequence[Node], responses: Iterable[str]) -> Iterable[str]:
        """Hand on the responses of a node and its members, and keep them when the last was taken."""
        if self.basis is None:
            return responses

        def keep(texts: list[str]) -> None:
            members = zip(nodes[1:], texts[1:], strict=True)
            self.put(start, texts[0], {node.id: (node.seq, text) for node, text in members})

        return _gathered(responses, self.kept.most, keep)


def _gathered(texts: Iterable[str], most: int, keep: Callable[[list[str]], None]) -> Iterator[str]:
    """Hand on texts; `keep` gets them all, if they take `most` bytes at most. More are never in memory for it."""
    gathered: list[str] = []
    for text in texts:
        yield text
        most -= getsizeof(text)
        if most < 0:
            gathered.clear()
        else:
            gathered.append(text)
    if most >= 0:
        keep(gathered)
