"""The blob root. Own writes come by the thousand, so they are recognised by what costs next to nothing.

A blob that was made and written once under its name, or came to it from its `.part`, and that has a data key, looks as
the service makes them. Its row says for certain, but a look at rows reads the catalog (no index by blob): such blobs
wait for one that is for many. Whatever looks otherwise is looked up at once.
"""

import logging
import os
import stat
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from docstopd.catalog.stored import Known
from docstopd.db import durable
from docstopd.errors import Failed
from docstopd.model import BlobId, Micros
from docstopd.vault.storage import Alarm, Storage, What
from docstopd.watch.comparison import REST, Comparison
from docstopd.watch.inotify import CAME, MADE, WENT, WRITTEN, Place
from docstopd.watch.judge import MODE, Finding, Seen, blob_of, judge, on_its_way, see

PART = "blobs"
CONFIRM_AFTER = 60.0
CONFIRM_AT = 20_000
"""Own-looking blobs wait so many seconds for their rows to be looked at, or until so many wait."""

CHECK_WAITING = 1.0
READ_AT_ONCE, BYTES_AT_ONCE = 200, 32 << 20
"""Blobs and bytes that are read before it is looked for what has happened meanwhile."""

REMEMBERED = 100_000
LOST = "lost+found"
_ANY = "0" * 30

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A blob without a data key: since when (monotonic), and its inode's change."""

    since: float
    changed: Micros


@dataclass(frozen=True, slots=True)
class Standing:
    """How a watch begins. `clean`: the run before ended as it should; `now`: the wall clock, in microseconds."""

    clean: bool
    now: Callable[[], Micros]
    monotonic: Callable[[], float] = time.monotonic
    pause: Callable[[float], None] = time.sleep


class Blobs:
    """See `Part`."""

    def __init__(self, root: Path, storage: Storage, standing: Standing) -> None:
        self._root = str(root)
        self._storage = storage
        self._standing = standing
        self._owner = os.geteuid()
        self._waiting: dict[BlobId, _Waiting] = {}
        self._unconfirmed: set[BlobId] = set()
        self._confirmed = self._checked = standing.monotonic()
        self._young: set[BlobId] = set()
        self._arriving: set[BlobId] = set()
        self._to_read: deque[BlobId] = deque()
        self._said: dict[str, tuple[What, Micros]] = {}
        self._compared: Micros | None = None
        self._forgiving = not standing.clean
        self._stale = False

    def folders(self) -> Mapping[str, bool]:
        """The root and its 256 folders."""
        return dict.fromkeys([self._root, *(f"{self._root}/{number:02x}" for number in range(256))], True)

    # -- what happened ----------------------------------------------------------------------------------------------

    def see_to(self, places: Mapping[Place, int]) -> None:
        """See `Part.see_to`."""
        touched: dict[BlobId, int] = {}
        arriving: set[BlobId] = set()
        for (folder, name), kinds in places.items():
            short = folder[-2:]
            blob = blob_of(short, name)
            if blob is not None:
                touched[blob] = kinds
            elif on_its_way(short, name):
                if kinds & WENT:
                    arriving.add(BlobId(bytes.fromhex(name[:32])))
            elif folder == self._root or not name:
                self._see_to_folder(name if folder == self._root else short)
                self._stale |= bool(kinds & WENT)
            else:
                self._stranger(f"{folder}/{name}")
        self._judge(touched, arriving)

    def _judge(self, touched: Mapping[BlobId, int], arriving: set[BlobId]) -> None:
        parts, young = self._arriving | arriving, self._young
        self._arriving = arriving
        self._young = {blob for blob, kinds in touched.items() if kinds & MADE}
        if not touched:
            return
        keys = self._storage.with_keys(touched)
        doubted = set()  # also what is gone and has a key: keys are destroyed first
        for blob, kinds in touched.items():
            if blob not in keys or self._looks_own(kinds, blob in young, blob in parts):
                self._take(blob, key=blob in keys)
            else:
                doubted.add(blob)
        self._decide(doubted, keys)

    def _looks_own(self, kinds: int, young: bool, part: bool) -> bool:
        return kinds in {MADE, MADE | WRITTEN} or (kinds == WRITTEN and young) or (kinds == CAME and part)

    def _take(self, blob: BlobId, *, key: bool) -> None:
        if key:
            self._unconfirmed.add(blob)
            return
        seen = self._see(blob)
        if seen is not None:
            self._found(blob, None, seen, judge(seen, None, owner=self._owner, key=False))

    def _decide(self, blobs: Collection[BlobId], keys: Collection[BlobId], since: Micros = 0) -> None:
        """By their rows. A file is looked at after its row was, since it is there before and goes after."""
        if not blobs:
            return
        rows = self._storage.known(blobs)
        now = self._standing.monotonic()
        for blob in blobs:
            seen, known = self._see(blob), rows.get(blob)
            waiting = self._waiting.get(blob)
            waited = now - waiting.since if waiting else 0.0
            finding = judge(seen, known, owner=self._owner, key=blob in keys, waited=waited, since=since)
            if finding is Finding.READ:
                (self._to_read.append if since else self._to_read.appendleft)(blob)
            else:
                self._found(blob, known, seen, finding)

    def _found(self, blob: BlobId, known: Known | None, seen: Seen | None, finding: Finding | What) -> None:
        if finding is Finding.WAIT and seen is not None:
            self._waiting.setdefault(blob, _Waiting(self._standing.monotonic(), seen.changed))
            return
        self._waiting.pop(blob, None)
        if isinstance(finding, What):
            self._alarm(finding, blob, known, seen)

    # -- what waits -------------------------------------------------------------------------------------------------

    def tick(self) -> bool:
        """See `Part.tick`."""
        now = self._standing.monotonic()
        if self._waiting and now - self._checked >= CHECK_WAITING:
            self._checked = now
            keys = self._storage.with_keys(self._waiting)
            for blob in keys:
                del self._waiting[blob]
            self._unconfirmed |= keys
            self._decide([blob for blob in self._waiting if self._is_due(blob, now)], ())
        if self._unconfirmed and (now - self._confirmed >= CONFIRM_AFTER or len(self._unconfirmed) >= CONFIRM_AT):
            self._confirm()
        self._read()
        stale, self._stale = self._stale, False
        return stale

    def _is_due(self, blob: BlobId, now: float) -> bool:
        """Whether it is gone, or has had its time."""
        seen = self._see(blob)
        return judge(seen, None, owner=self._owner, key=False, waited=now - self._waiting[blob].since) != Finding.WAIT

    def _confirm(self) -> None:
        blobs, self._unconfirmed = self._unconfirmed, set()
        self._decide(blobs, blobs)
        self._confirmed = self._standing.monotonic()

    def _read(self) -> None:
        """Some of what only its content tells."""
        done, begun = 0, self._standing.monotonic()
        next_ones = [self._to_read.popleft() for _ in range(min(READ_AT_ONCE, len(self._to_read)))]
        rows = self._storage.known(next_ones)
        while next_ones and done < BYTES_AT_ONCE:
            known = rows.get(next_ones.pop())
            if known is not None:
                self._read_one(known)
                done += known.stored.stored
        self._to_read.extendleft(next_ones)
        if done:
            self._standing.pause((self._standing.monotonic() - begun) * REST)
        if not self._to_read and self._compared is not None:
            self._storage.note_watched(self._compared)
            self._compared = None

    def _read_one(self, known: Known) -> None:
        blob = known.stored.blob
        if not self._storage.look(known):
            return
        now = self._storage.known([blob]).get(blob)
        seen = self._see(blob)
        if now is not None and (seen is not None or now.live):
            self._alarm(What.CHANGED, blob, now, seen)

    # -- everything -------------------------------------------------------------------------------------------------

    def compare(self) -> None:
        """See `Part.compare`."""
        begun, before = self._standing.now(), self._storage.watched()
        since = begun if before is None else before
        comparison = Comparison(self._root, self._storage, self._owner, since, self._standing)
        for found in comparison.run():
            keys = self._storage.with_keys(found.blobs)
            left = {blob for blob in found.orphans - keys if self._forgiving}
            if left:
                _log.info(
                    "%d blobs were left by a process that died; they are swept when their lease is over", len(left)
                )
            self._decide(found.blobs - left, keys, since)
            for place in found.strangers:
                self._stranger(place)
            for folder in found.folders:
                self._see_to_folder(folder)
        self._forgiving = False
        self._compared = begun

    def end(self) -> None:
        """See `Part.end`."""
        self._confirm()
        self._read()
        if not self._to_read and self._compared is None:
            times = [waiting.changed - 1 for waiting in self._waiting.values()]
            self._storage.note_watched(min([self._standing.now(), *times]))

    # -- alarms -----------------------------------------------------------------------------------------------------

    def _alarm(self, what: What, blob: BlobId, known: Known | None, seen: Seen | None) -> None:
        path = self._path(blob)
        if self._is_news(path, what, seen):
            self._storage.alarm(Alarm(what, PART, path, blob, known))
        if seen is not None and what is What.ACCESSIBLE:
            _close(path, MODE)
        if known is not None:
            self._heal(path, known)

    def _heal(self, path: str, known: Known) -> None:
        try:
            durable.make_folder(Path(path).parent)
            outcome = self._storage.scrub(known)
        except Failed as error:
            _log.error("%s cannot be healed: %s", path, error)
        else:
            _log.warning("%s was read after the alarm: %s", path, outcome.value)

    def _stranger(self, path: str) -> None:
        seen = see(path)
        if seen is not None and self._is_news(path, What.ADDED, seen):
            self._storage.alarm(Alarm(What.ADDED, PART, path))

    def _see_to_folder(self, name: str) -> None:
        """What lies in the root under that name, or the root itself: a folder of blobs, there, and closed."""
        path = f"{self._root}/{name}".rstrip("/")
        if name and blob_of(name, name + _ANY) is None:
            if name != LOST:
                self._stranger(path)
            return
        seen = see(path)
        if seen is None or not stat.S_ISDIR(seen.mode):
            if self._is_news(path, What.DELETED, seen):
                self._storage.alarm(Alarm(What.DELETED, PART, path))
            self._make_again(path)
        elif seen.mode & 0o077 or seen.owner != self._owner:
            if self._is_news(path, What.ACCESSIBLE, seen):
                self._storage.alarm(Alarm(What.ACCESSIBLE, PART, path))
            _close(path, 0o700)

    def _make_again(self, path: str) -> None:
        try:
            durable.make_folder(Path(path))
        except Failed as error:
            _log.error("%s cannot be made again: %s", path, error)

    def _is_news(self, path: str, what: What, seen: Seen | None) -> bool:
        """The same state is said once."""
        state = (what, seen.changed if seen else 0)
        if self._said.get(path) == state and seen is not None:
            return False
        if len(self._said) >= REMEMBERED:
            self._said.clear()
        self._said[path] = state
        return True

    def _path(self, blob: BlobId) -> str:
        name = blob.hex()
        return f"{self._root}/{name[:2]}/{name}"

    def _see(self, blob: BlobId) -> Seen | None:
        return see(self._path(blob))


def _close(path: str, mode: int) -> None:
    """Take back what was granted, as far as it is ours to take."""
    try:
        if not stat.S_ISLNK(os.lstat(path).st_mode):
            os.chmod(path, mode)  # noqa: PTH101 - a text
    except OSError as error:
        _log.error("the permissions of %s cannot be put right: %s", path, error.strerror)
