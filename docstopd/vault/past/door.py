"""The door to the trash for commands and jobs; WebDAV goes through `Files`, by path."""

from collections.abc import Callable

from docstopd.db import Rows
from docstopd.vault.change import Changes
from docstopd.vault.past.purge import Cover, Purge


class Past:
    """What can be done with what is past. `purge` is for jobs, and needs no session."""

    def __init__(self, changes: Changes, cover: Callable[[Rows], Cover]) -> None:
        self.purge = Purge(changes, cover)
