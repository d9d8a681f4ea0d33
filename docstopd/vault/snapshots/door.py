"""The door to snapshots: each method is one run, and safe against a crash at any moment."""

from dataclasses import dataclass

from docstopd.catalog import copies
from docstopd.catalog.copies import Copy
from docstopd.errors import NotFound
from docstopd.model import BlobId, Micros, SpacePath
from docstopd.targets import NamedTarget
from docstopd.vault.damage import DamageReports
from docstopd.vault.files import Files
from docstopd.vault.journal import Journal
from docstopd.vault.progress import SILENT, Progress, Report
from docstopd.vault.session import Session
from docstopd.vault.snapshots.create import Create
from docstopd.vault.snapshots.drill import Drill
from docstopd.vault.snapshots.expire import Expire
from docstopd.vault.snapshots.heal import Healer
from docstopd.vault.snapshots.keyring import copies_at
from docstopd.vault.snapshots.pick import Pick, Picked, When
from docstopd.vault.snapshots.reach import reach
from docstopd.vault.snapshots.scrub import Scrub
from docstopd.vault.snapshots.verify import Verified, Verify
from docstopd.vault.stores import Policy, Stores


@dataclass(frozen=True, slots=True)
class TargetStanding:
    """How a target stands: why it cannot be used (empty if it can), and its newest snapshot."""

    name: str
    wrong: str
    newest: Copy | None


class Snapshots:
    """Runs return counts for the ledger of jobs; `dry` says what would be done and does nothing."""

    def __init__(self, stores: Stores, journal: Journal, damage: DamageReports, policy: Policy, files: Files) -> None:
        self._stores = stores
        self._healer = Healer(stores, journal, damage)
        self._create = Create(stores, journal, self._healer)
        self._expire = Expire(stores, journal, policy.snapshots)
        self._scrub = Scrub(stores, journal, self._healer, policy.snapshots)
        self._drill = Drill(stores)
        self._verify = Verify(stores)
        self._pick = Pick(stores, files)

    # -- jobs -------------------------------------------------------------------------------------------------------

    def create(self, progress: Progress = SILENT, dry: bool = False) -> Report:
        """A snapshot to each target. Raises `Busy`, `Refused`, `Failed`, `Damaged` (`Create.run`)."""
        return self._create.run(progress, dry)

    def expire(self, progress: Progress = SILENT, dry: bool = False) -> Report:
        """Give up snapshots that no rule keeps, and what only they held. Raises `Busy`, `Refused`, `Failed`."""
        return self._expire.run(progress, dry)

    def scrub(self, progress: Progress = SILENT, dry: bool = False) -> Report:
        """Read a share of all blobs, and heal what is bad. Raises `Damaged` for what could not be healed."""
        return self._scrub.run(progress, dry)

    def drill(self, progress: Progress = SILENT, dry: bool = False) -> Report:
        """Restore the newest snapshot beside the data and read all of it. Raises `Damaged`, `Refused`, `Busy`."""
        return self._drill.run(progress, dry)

    # -- commands ---------------------------------------------------------------------------------------------------

    def all(self) -> list[Copy]:
        """Every copy of every snapshot that there is, by number and target; `finished` is None for one half made."""
        with self._stores.catalog.read() as rows:
            return copies.all_copies(rows)

    def standings(self) -> list[TargetStanding]:
        """Each target of the configuration as it is now."""
        if not self._stores.targets:
            return []
        reached, lost = reach(self._stores, dry=True)
        newest = {target.name: target.finished[-1] for target in reached if target.finished}
        return [TargetStanding(one.name, lost.get(one.name, ""), newest.get(one.name)) for one in self._stores.targets]

    def verify(self, number: int | None, progress: Progress = SILENT, *, data: bool = False) -> list[Verified]:
        """Read a snapshot, the newest without a number, at each target that has it. Raises `NotFound`, `Busy`."""
        there = [copy for copy in self.all() if copy.finished is not None]
        wanted = number if number is not None else max((copy.number for copy in there), default=0)
        names = {copy.target for copy in there if copy.number == wanted}
        found = [target for target in self._stores.targets if target.name in names]
        if not found:
            raise NotFound(
                f"there is no snapshot {wanted} at any target of the configuration; `docstopd snapshot list` shows them"
                if number is not None
                else "there is no snapshot at any target of the configuration; make one by `docstopd snapshot create`"
            )
        return [self._verify.run(target, wanted, progress, data=data) for target in found]

    def restore(
        self, session: Session, path: SpacePath, at: When, progress: Progress = SILENT, *, beside: bool
    ) -> Picked:
        """Bring back a space, a folder or a file from a snapshot (`Pick.run`)."""
        return self._pick.run(session, path, at, progress, beside=beside)

    def heal(self, blob: BlobId) -> bool:
        """Read a blob now, and heal it if it is bad; whether it was sound. Raises `Damaged` when nobody has it."""
        return self._healer.check(blob)

    def keyring_copies(self, target: NamedTarget) -> list[Micros]:
        """As of when each copy of the keyring at a target is, newest first: what was destroyed later is in it."""
        return [time for _name, time in copies_at(target.keyring)]
