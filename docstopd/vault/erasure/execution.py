"""How an erasure is carried out: step by step, each durable and written down before the next begins.

The rows go first, in one transaction that also lists what is to be destroyed. Then keys, remains, blobs, copies at
targets; then the certificate is written. A process that dies anywhere leaves a list and the steps that were done:
whoever comes next goes on behind the last one, and doing a step twice changes nothing.
"""

import contextlib
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from docstopd.catalog import copies
from docstopd.catalog import erasures as store
from docstopd.catalog.erasures import Erasure
from docstopd.db import Rows
from docstopd.errors import Damaged, DocstopdError, Failed, Forbidden, NotFound, StateUnknown
from docstopd.model import BlobId
from docstopd.vault.erasure.certificate import Copies, Signer, What, certificate, erasure_list
from docstopd.vault.erasure.places import Place
from docstopd.vault.erasure.removal import CATALOG, KEYRING, Removal
from docstopd.vault.erasure.subject import ERASING, FINAL, HELD, PROVISIONAL, WAITING, Step, Subject, steps, with_step
from docstopd.vault.journal import SYSTEM
from docstopd.vault.snapshots.alone import is_clear
from docstopd.vault.stores import Stores

BATCH = 1000
"""Keys that one transaction destroys: other writers wait for it."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Execution:
    """Carries erasures out, as far as they can be at the moment."""

    stores: Stores
    removal: Removal
    signer: Callable[[], Signer]
    places: Sequence[Place]
    keyring_days: int

    def advance(self, id: bytes) -> Erasure:  # noqa: A002 - an id it is
        """Do all that is due of an erasure. Raises `NotFound`, `Failed` when a step must be tried again later."""
        erasure = self._get(id)
        if erasure.state in {WAITING, HELD} and erasure.due <= self.stores.clock():
            erasure = self._begin(erasure)
        elif erasure.state == HELD:
            erasure = self._free(erasure)
        if erasure.state == ERASING:
            erasure = self._tell(self._destroy(erasure), self._what(erasure))
            erasure = self._certify(erasure, self._what(erasure), PROVISIONAL)
        if erasure.state == PROVISIONAL:
            erasure = self._finish(erasure)
        return erasure

    def destroy(self, id: bytes) -> None:  # noqa: A002 - as above
        """Only what is to be done in these stores: targets are told, and a certificate is given, by `advance`."""
        self._destroy(self._get(id))

    def _get(self, id: bytes) -> Erasure:  # noqa: A002 - as above
        with self.stores.catalog.read() as rows:
            erasure = store.get(rows, id)
        if erasure is None:
            raise NotFound("there is no such erasure")
        return erasure

    def _begin(self, erasure: Erasure) -> Erasure:
        def work(rows: Rows) -> Erasure:
            known = store.get(rows, erasure.id) or erasure
            if known.state not in {WAITING, HELD}:
                return known  # called back, or begun by another process
            begun = self.removal.run(rows, known, self.stores.clock())
            store.save(rows, begun)
            return begun

        try:
            return self.stores.catalog.write(work)
        except Forbidden as reason:
            _log.info("erasure %s has to wait: %s", erasure.id.hex(), type(reason).__name__)
            return self._change(erasure, lambda known: replace(known, state=HELD) if known.state == WAITING else known)

    def _free(self, erasure: Erasure) -> Erasure:
        """Where nothing stands in its way any more and its grace is not over, it waits for that alone."""
        with self.stores.catalog.read() as rows:
            try:
                self.removal.check(rows, Subject.decode(erasure.subject))
            except Forbidden:
                return erasure
        return self._change(erasure, lambda known: replace(known, state=WAITING) if known.state == HELD else known)

    # -- steps ------------------------------------------------------------------------------------------------------

    def _destroy(self, erasure: Erasure) -> Erasure:
        what = self._what(erasure)
        for name, step in (("keys", self._keys), ("wiped", self._wipe), ("blobs", self._blobs)):
            if name not in steps(erasure):
                count = step(erasure, what)
                erasure = self._done(erasure, name, count)
        return erasure

    def _keys(self, _erasure: Erasure, what: What) -> int:
        keyring, subject = self.stores.keyring, what.subject
        for start in range(0, len(what.blobs), BATCH):
            keyring.remove_data_keys(list(what.blobs[start : start + BATCH]))
        for space in subject.whole_spaces:
            keyring.remove_space(space)
        if subject.user is not None:
            keyring.remove_user(subject.user)
        return len(what.blobs)

    def _wipe(self, erasure: Erasure, _what: What) -> int:
        """Raises `Failed` while something is still found: it is tried again, and no certificate is given meanwhile."""
        with self.stores.catalog.read() as rows:
            keys, parts = store.traces(rows, erasure.id, KEYRING), store.traces(rows, erasure.id, CATALOG)
            parts -= store.names_in_use(rows, parts)
        found = self.stores.keyring.wipe(keys), self.stores.catalog.wipe(parts)
        if any(found):
            raise Failed(f"erasure {erasure.id.hex()}: {sum(map(len, found))} remains are still in the databases")
        self.stores.catalog.write(lambda rows: store.forget_traces(rows, erasure.id))
        return len(keys) + len(parts)

    def _blobs(self, _erasure: Erasure, what: What) -> int:
        for blob in what.blobs:
            self.stores.blobs.delete(blob)
        return len(what.blobs)

    def _tell(self, erasure: Erasure, what: What) -> Erasure:
        """Every target that can be reached; the others are tried again each time."""
        for place in self.places:
            name = f"target {place.name}"
            if name in steps(erasure):
                continue
            with self._reaching(erasure, place):
                if not self._is_new(place):
                    place.tell(erasure.id, erasure_list(self.signer(), erasure, what), what.blobs)
                erasure = self._done(erasure, name, len(what.blobs))
        return erasure

    def _finish(self, erasure: Erasure) -> Erasure:
        """Final, once no copy of the keyring from before is left anywhere; a drill restores one beside the data."""
        if not steps(erasure).keys() >= {"keys", "wiped", "blobs"}:
            raise Damaged(f"erasure {erasure.id.hex()} does not say what was done for it")
        what, before, clear = self._what(erasure), erasure.report, is_clear(self.stores.turnstile)
        erasure = self._tell(erasure, what)
        for place in self.places:
            done = steps(erasure)
            there = f"target {place.name}" in done and f"keyring {place.name}" in done
            with self._reaching(erasure, place):
                if not there and self._is_rid(erasure, place):
                    erasure = self._done(erasure, f"keyring {place.name}", 0)
                # A snapshot that was being made may have brought a blob after it was deleted there.
                if not self._is_new(place):
                    place.clear(what.blobs)
                there = f"target {place.name}" in done and f"keyring {place.name}" in steps(erasure)
            clear = clear and there
        if clear:
            return self._certify(erasure, what, FINAL)
        return erasure if erasure.report == before else self._certify(erasure, what, PROVISIONAL)

    def _is_rid(self, erasure: Erasure, place: Place) -> bool:
        return self._is_new(place) or place.is_rid(steps(erasure)["keys"].time, self.stores.clock())

    def _is_new(self, place: Place) -> bool:
        with self.stores.catalog.read() as rows:
            used = any(copy.target == place.name for copy in copies.all_copies(rows))
        return place.is_new(self.signer().service.hex(), used=used)

    @contextlib.contextmanager
    def _reaching(self, erasure: Erasure, place: Place) -> Iterator[None]:
        """What goes wrong at one target keeps neither the others nor the certificate."""
        try:
            yield
        except StateUnknown:
            raise
        except DocstopdError as error:
            _log.warning("erasure %s: target %s is tried again: %s", erasure.id.hex(), place.name, error)

    # -- inside -----------------------------------------------------------------------------------------------------

    def _certify(self, erasure: Erasure, what: What, state: str) -> Erasure:
        now = self.stores.clock()
        there = Copies([place.name for place in self.places], self.keyring_days)

        def issued(known: Erasure) -> Erasure:
            if known.state == FINAL:  # by another process
                return known
            known = replace(known, state=state, final=now if state == FINAL else None)
            return replace(known, certificate=certificate(self.signer(), known, what, there, now))

        return self._change(erasure, issued)

    def _done(self, erasure: Erasure, name: str, count: int) -> Erasure:
        step = Step(self.stores.clock(), count)
        return self._change(erasure, lambda known: known if name in steps(known) else with_step(known, name, step))

    def _change(self, erasure: Erasure, change: Callable[[Erasure], Erasure]) -> Erasure:
        """What is known by now, changed: another process may be at the same erasure."""

        def work(rows: Rows) -> Erasure:
            known = store.get(rows, erasure.id) or erasure
            changed = change(known)
            store.save(rows, changed)
            if changed.state != known.state:
                facts = {"erasure": erasure.id.hex(), "state": changed.state}
                self.removal.journal.append(rows, SYSTEM, "erasure", facts=facts)
            return changed

        return self.stores.catalog.write(work)

    def _what(self, erasure: Erasure) -> What:
        with self.stores.catalog.read() as rows:
            nodes, blobs = store.nodes_of(rows, erasure.id), store.blobs_of(rows, erasure.id)
        return What(Subject.decode(erasure.subject), nodes, [BlobId(blob) for blob in blobs])
