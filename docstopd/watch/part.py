"""One part of what is watched."""

from collections.abc import Mapping
from typing import Protocol

from docstopd.watch.inotify import Place


class Part(Protocol):
    """Some folders, and who judges what happens in them. For one thread."""

    def folders(self) -> Mapping[str, bool]:
        """What is to be watched now; True for folders in which writes to files are looked at too."""

    def see_to(self, places: Mapping[Place, int]) -> None:
        """Look at these places, all in folders of this part. The numbers say what happened, as `inotify` has them."""

    def compare(self) -> None:
        """Look at everything: nobody knows what happened."""

    def tick(self) -> bool:
        """What waited may be due; True when folders came or went: watch them anew, and compare. Called often."""

    def end(self) -> None:
        """Nobody watches from now on."""
