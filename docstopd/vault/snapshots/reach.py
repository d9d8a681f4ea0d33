"""The targets as a run finds them: which can be reached, whose they are, what earlier runs have left there."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from docstopd.catalog import copies
from docstopd.catalog.copies import Copy
from docstopd.errors import Damaged, DocstopdError, Failed, Incompatible, NotFound, Refused, StateUnknown
from docstopd.targets import NamedTarget, Target
from docstopd.vault.snapshots import names
from docstopd.vault.snapshots.manifest import Manifest, read_manifest
from docstopd.vault.snapshots.reading import claim, service_of
from docstopd.vault.stores import Stores

SERVICE = "service"
"""The keyring's fact that names this service to others; statements on erasures have it too."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reached:
    """A target that is this service's, with the copies that are known to be there."""

    named: NamedTarget
    copies: tuple[Copy, ...]

    @property
    def name(self) -> str:
        """The target's name."""
        return self.named.name

    @property
    def objects(self) -> Target:
        """Where all but the keyring's copies lies."""
        return self.named.objects

    @property
    def finished(self) -> list[Copy]:
        """The copies that are whole, by number."""
        return [copy for copy in self.copies if copy.finished is not None]


def service_id(stores: Stores) -> str:
    """The id by which targets know this service: random, made once; the keyring has it, so that it is restored too."""
    found = stores.keyring.fact(SERVICE)
    if found is None:
        stores.keyring.put_fact(SERVICE, stores.random(16))
        found = stores.keyring.fact(SERVICE)
    return (found or b"").hex()


def reach(stores: Stores, *, dry: bool = False) -> tuple[list[Reached], dict[str, str]]:
    """(the targets that can be used, why each of the others cannot). Raises `Refused` when there is none at all."""
    if not stores.targets:
        raise Refused("there is no target: name one in the configuration, under snapshots.targets")
    service = (stores.keyring.fact(SERVICE) or b"").hex() if dry else service_id(stores)
    with stores.catalog.read() as rows:
        known = copies.all_copies(rows)
    reached: list[Reached] = []
    lost: dict[str, str] = {}
    for named in stores.targets:
        there = tuple(copy for copy in known if copy.target == named.name)
        try:
            if _check(named, service, there, dry=dry):
                there = _with_forgotten(stores, named, service, there, dry=dry)
        except StateUnknown:
            raise
        except DocstopdError as error:
            lost[named.name] = str(error)
            _log.warning("target %s cannot be used: %s", named.name, error)
        else:
            reached.append(Reached(named, there))
    return reached, lost


def _check(named: NamedTarget, service: str, there: Sequence[Copy], *, dry: bool) -> bool:
    """Whether it was this service's before. Raises `Refused` for another's, `Failed` for a disk that is away."""
    known = True
    for target in {id(one): one for one in (named.objects, named.keyring)}.values():
        owner = service_of(target)
        if owner is None and there:
            raise Failed("it is empty, and there were snapshots on it: is its disk attached?")
        if owner is not None and owner != service:
            raise Refused("it belongs to another service; give each service targets of its own")
        if owner is None and not dry:
            claim(target, service)
        known = known and owner is not None
    return known


def _with_forgotten(
    stores: Stores, named: NamedTarget, service: str, there: tuple[Copy, ...], *, dry: bool
) -> tuple[Copy, ...]:
    """The copies at a target, with those of which a catalog that was restored had not heard yet.

    Raises `Refused` for snapshots that this catalog never made: it is an older one that was put back, whose next
    snapshot would take their numbers, and whose keyring lacks what they need.
    """
    known, strange = {copy.number for copy in there}, []
    for number in sorted(_numbers(named.objects) - known):
        try:
            manifest = read_manifest(named.objects, stores.server, service, number)
        except (Damaged, Incompatible, NotFound):
            continue
        with stores.catalog.read() as rows:
            taken = copies.taken(rows, number)
        if taken is None or taken[0] != manifest.time:
            strange.append(number)
        elif taken[1] is None:
            there = (
                *there,
                Copy(number, named.name, manifest.time, manifest.time, None, manifest.blobs, manifest.size),
            )
            if not dry:
                _note(stores, named.name, manifest)
    if strange:
        raise Refused(
            f"it has snapshots that are not known here ({', '.join(map(str, strange))}): an older state was put back;"
            " restore the newest of them, or name an empty folder in its place"
        )
    return tuple(sorted(there, key=lambda copy: copy.number))


def _numbers(target: Target) -> set[int]:
    """The snapshots of which there is a manifest."""
    found = (names.number_of(one.name) for one in target.list(names.SNAPSHOTS))
    return {one[0] for one in found if one is not None and one[1]}


def tidy(stores: Stores, target: Reached, service: str) -> Reached:
    """Finish what an earlier run nearly did, and remove what it left undone; the target as it is then.

    A manifest that is durable makes a snapshot, whether the catalog heard of it or not.
    """
    if len(target.finished) < len(target.copies):  # a run has died; looking through the whole target takes its time
        target.objects.sweep()
        target.named.keyring.sweep()
    known = {copy.number: copy for copy in target.copies}
    for found in list(target.objects.list(names.SNAPSHOTS)):
        number, is_manifest = names.number_of(found.name) or (0, False)
        if number in known and known[number].finished is None and is_manifest:
            _finish(stores, target, service, number)
    with stores.catalog.read() as rows:
        left = tuple(copy for copy in copies.all_copies(rows) if copy.target == target.name)
    undone = [copy.number for copy in left if copy.finished is None]
    for number in undone:
        target.objects.delete(names.manifest(number))
        target.objects.delete(names.catalog(number))
    if undone:
        target.objects.settle()
        stores.catalog.write(lambda rows: [copies.remove(rows, n, target.name, stores.clock()) for n in undone])
    return Reached(target.named, tuple(copy for copy in left if copy.finished is not None))


def _finish(stores: Stores, target: Reached, service: str, number: int) -> None:
    try:
        manifest = read_manifest(target.objects, stores.server, service, number)
    except (Damaged, NotFound):
        return
    _note(stores, target.name, manifest)


def _note(stores: Stores, target: str, manifest: Manifest) -> None:
    now = stores.clock()
    stores.catalog.write(lambda rows: copies.finish(rows, manifest.number, target, now, manifest.blobs, manifest.size))
