"""A drop folder with a vault that takes what lands in it; a clock that tests move."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from vaults import PASSWORD, Bench, open_bench

from docstopd.config.sections_of_drops import PARTIAL
from docstopd.vault import Policy
from docstopd.watch.drop import Drop, Dropping
from docstopd.watch.dropfolder import DropFolder, Place

SETTLE = 5.0


@dataclass
class Ticks:
    """Seconds that pass when a test says so."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Desk:
    """`folder` is watched for the space `ada`."""

    bench: Bench
    folder: Path
    ticks: Ticks
    dropping: Dropping = field(init=False)

    def __post_init__(self) -> None:
        self.dropping = self.watcher(self.bench)

    def watcher(self, bench: Bench, space: str = "ada", place: Callable[[str, Place], Place] | None = None) -> Dropping:
        """Another run of the daemon over the same folder."""
        drop = Drop("scanner", DropFolder(self.folder, PARTIAL), space, place or beside, SETTLE)
        return Dropping(drop, bench.vault, self.ticks)

    def settle(self, dropping: Dropping | None = None) -> float:
        """Look, wait as long as a file must be stable, look again."""
        watcher = dropping or self.dropping
        watcher.step()
        self.ticks.now += SETTLE
        return watcher.step()

    def left(self) -> set[str]:
        """What lies in the folder."""
        return {str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if not path.is_dir()}

    def inbox(self) -> dict[str, bytes]:
        """File all that waits; every file below Inbox with its content."""
        session = self.bench.vault.sessions.sign_in("ada", PASSWORD)
        self.bench.vault.arrivals.file(session, "ada")
        found: dict[str, bytes] = {}
        stack: list[tuple[str, ...]] = [("ada", "Inbox")] if "Inbox" in self.bench.names(session, ("ada",)) else []
        while stack:
            path = stack.pop()
            for node in self.bench.vault.files.list(session, path).members:
                inner = (*path, node.name)
                if node.folder:
                    stack.append(inner)
                else:
                    found["/".join(inner[2:])] = self.bench.get(session, inner)
        return found


def beside(name: str, folder: Place) -> Place:
    """Filed as it lay."""
    return (*folder, name)


def open_desk(folder: Path, policy: Policy | None = None) -> Desk:
    """A vault in `folder/data`, and `folder/drop`."""
    (folder / "data").mkdir()
    (folder / "drop").mkdir()
    bench = open_bench(folder / "data", policy)
    bench.account("ada")
    return Desk(bench, folder / "drop", Ticks())
