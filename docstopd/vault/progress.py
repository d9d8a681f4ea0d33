"""How long work is watched, and what it leaves to be said: what jobs and commands share with the vault."""

from collections.abc import Mapping
from typing import Protocol

Report = Mapping[str, str | int | bool]
"""What a run did, in counts and ids; nothing personal. It is kept in the ledger of runs."""


class Progress(Protocol):
    """Told of each step of long work. It may raise to end the work: so it is called between steps that are whole."""

    def __call__(self, what: str, done: int, total: int) -> None:
        """`what` is under way; `done` of `total` of it is done, and 0 of 0 where nobody knows how much there is."""


def silent(what: str, done: int, total: int) -> None:
    """Tells nobody."""


SILENT: Progress = silent
