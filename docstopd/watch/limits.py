"""What the system allows to be watched, and what the watcher needs of that."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SETTINGS = Path("/proc/sys/fs/inotify")

FOLDERS = 300
"""Of one place with blobs: 256 folders, and a few beside them."""

LEAST_EVENTS = 4096
"""Events that the kernel keeps for a tenth of a second; beyond, everything is compared."""

OTHERS = 2
"""How many times as much as docstopd needs there should be: other programs of the same user watch files as well."""


@dataclass(frozen=True, slots=True)
class Shortage:
    """A setting that is too small: what it is, what it should be at least, and what happens as it is."""

    setting: str
    found: int
    least: int
    effect: str

    @property
    def remedy(self) -> str:
        """What to do."""
        return f"sysctl -w fs.inotify.{self.setting}={self.least}, and the same in /etc/sysctl.d"


def shortages(places: int, settings: Path = SETTINGS) -> Iterator[Shortage]:
    """What is too small for so many places with blobs: the data folder, and each target. Nothing where unknown."""
    needed = {
        "max_user_watches": (places * FOLDERS * OTHERS, "stored files may not be watched, only compared now and then"),
        "max_user_instances": (2 * OTHERS, "stored files may not be watched, only compared now and then"),
        "max_queued_events": (LEAST_EVENTS, "after a burst of changes all stored files are compared"),
    }
    for setting, (least, effect) in needed.items():
        try:
            found = int((settings / setting).read_text("ascii"))
        except (OSError, ValueError):
            continue
        if found < least:
            yield Shortage(setting, found, least, effect)
