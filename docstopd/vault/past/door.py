"""The door to the trash for commands and jobs; WebDAV goes through `Files`, by path."""

import contextlib
from collections.abc import Iterator

from docstopd.errors import AlreadyExists, ParentMissing, Refused
from docstopd.model import Node, SpacePath
from docstopd.vault.change import Changes
from docstopd.vault.files import Files
from docstopd.vault.past import trash
from docstopd.vault.past.naming import extension, time_name
from docstopd.vault.past.purge import Purge
from docstopd.vault.session import Session

TRIES = 100
"""Names that are tried for what is restored to a place that is taken."""


class Past:
    """What can be done with what is past. `purge` is for jobs, and needs no session."""

    def __init__(self, changes: Changes, files: Files) -> None:
        self.purge = Purge(changes)
        self._clock = changes.stores.clock
        self._files = files

    def deleted(self, session: Session, label: str) -> list[Node]:
        """What is in the trash of a space, each with its `deletion`; what cannot be read is left out.

        Raises `NotFound`.
        """
        return self._files.list(session, (label, trash.AREA)).members

    def put_back(self, session: Session, label: str, name: str) -> SpacePath:
        """Restore what the trash shows as `name` to where it was, and tell where it is.

        Folders that have gone are made again; beside a name that is taken it gets another one. Where nobody can tell
        where it was, it goes to the top of the space. Raises `NotFound`, `Refused`, and as `Files.move`.
        """
        source = (label, trash.AREA, name)
        deletion = self._files.stat(session, source).deletion
        if deletion is None:
            raise Refused("name something in the trash, as it is listed there")
        folder = (label, *(deletion.place or ())[1:])
        for length in range(2, len(folder) + 1):
            with contextlib.suppress(AlreadyExists):
                self._files.make_folder(session, folder[:length])
        for free in self._names(deletion.name):
            target = (*folder, free)
            try:
                self._files.move(session, source, target, overwrite=False)
            except AlreadyExists:
                continue
            except ParentMissing:
                raise Refused(f"a file is where the folder {'/'.join(folder)} was: move that away first") from None
            return target
        raise AlreadyExists(f"{'/'.join(folder)} has too many files of that name")

    def _names(self, name: str) -> Iterator[str]:
        yield name
        end = extension(name)
        stem, day = name[: len(name) - len(end)], time_name(self._clock())[:10]
        yield f"{stem} (restored {day}){end}"
        for number in range(2, TRIES):
            yield f"{stem} (restored {day} {number}){end}"
