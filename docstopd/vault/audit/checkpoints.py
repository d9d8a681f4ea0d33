"""Checkpoints: signed statements of where every stream of the journal ended at one moment, outside of the database.

Whoever can write to the database alone cannot move what a checkpoint says. The file beside the database has a line for
each: a signed note (c2sp.org/tlog-checkpoint) whose root is the Merkle root over all heads, and the heads that moved
since the line before. So the file grows by what happened, and the heads of any line are those of all lines up to it.
`docs/format.md` states every byte.
"""

import base64
import binascii
import fcntl
import hashlib
import json
import os
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from docstopd.catalog import journal as store
from docstopd.catalog import marks
from docstopd.crypto import merkle, note
from docstopd.db import durable, owner
from docstopd.errors import Damaged, Failed, Refused
from docstopd.model import Micros
from docstopd.vault import moment
from docstopd.vault.progress import SILENT, Progress, Report
from docstopd.vault.stores import Stores

NAME = "checkpoints"
"""The file's name in the data folder, and in a second folder that it is copied to."""

WHOLE_EVERY = 24
"""A line with all heads comes at least so often: what a damaged line takes with it ends there."""

Head = tuple[int, bytes]
"""The number and the hash of a stream's last entry."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One good line: `heads` are all heads then, `moved` those that the line itself has."""

    line: int
    time: Micros
    note: str
    heads: Mapping[bytes, Head]
    moved: Mapping[bytes, Head]

    @property
    def entries(self) -> int:
        """How many entries all streams had."""
        return sum(seq for seq, _hash in self.heads.values())


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that is not what was written, or that follows one that is not: it proves nothing."""

    line: int
    what: str


class Checkpoints:
    """The door to the checkpoints of one data folder."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self._keys = [key.public_key() for key in stores.server.signers]

    @property
    def origin(self) -> str:
        """The name under which this service signs, as its notes say it."""
        return origin_of(self._keys[0])

    @property
    def verifier_keys(self) -> list[str]:
        """The public keys with their names, a line each, newest first, for whoever verifies elsewhere."""
        return [note.verifier_key(origin_of(key), key) for key in self._keys]

    def sign(self, progress: Progress = SILENT, dry: bool = False) -> Report:
        """Append a checkpoint of all heads; durable when this returns. Without a new entry nothing is appended."""
        if self._stores.checkpoints is None:
            raise Refused("this vault keeps no checkpoints")
        with _alone(self._stores.checkpoints) as descriptor:
            last, lines = _last(self._lines(descriptor))
            progress("journal", 0, 1)
            with self._stores.catalog.read() as rows:
                heads = dict(store.heads(rows))
            report = {"streams": len(heads), "entries": sum(seq for seq, _hash in heads.values())}
            if dry or (last is not None and dict(last.heads) == heads):
                return {**report, "signed": False}
            self._append(descriptor, heads, None if lines % WHOLE_EVERY == 0 else last)
        return {**report, "signed": True}

    def all(self) -> Iterator[Checkpoint | BadLine]:
        """Every line of the file, oldest first; nothing without one."""
        if self._stores.checkpoints is not None:
            yield from self.read(self._stores.checkpoints)

    def read(self, path: Path) -> Iterator[Checkpoint | BadLine]:
        """Every line of a file of checkpoints; nothing when there is no such file."""
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return
        except OSError as error:
            raise Failed(f"{path} cannot be read ({error.strerror})") from None
        try:
            yield from self._lines(descriptor)
        finally:
            os.close(descriptor)

    def raw(self) -> Iterator[bytes]:
        """The lines of the file as they are, for a copy."""
        if self._stores.checkpoints is None or not self._stores.checkpoints.exists():
            return
        with durable.translated(), self._stores.checkpoints.open("rb") as file:
            yield from (line for line in file if line.endswith(b"\n"))

    def newest(self) -> Checkpoint | None:
        """The last good one."""
        return _last(self.all())[0]

    def knows(self, text: str) -> bool:
        """Whether the file has the checkpoint with this note. Raises `Damaged` unless this service signed it."""
        found = self._verified(text)
        return any(isinstance(line, Checkpoint) and line.note.startswith(f"{found}\n") for line in self.all())

    def copy_to(self, folder: Path) -> Report:
        """Bring the copy of the file in another folder up to date; durable when this returns.

        Raises `Damaged` when the copy does not begin as the file does: then one of the two was changed.
        """
        if self._stores.checkpoints is None:
            raise Refused("this vault keeps no checkpoints")
        if not folder.is_dir():
            raise Failed(f"{folder} is no folder, or its disk is not there")
        lines = 0
        with _alone(folder / NAME) as copy, os.fdopen(os.dup(copy), "rb") as known:
            known.seek(0)
            for line in self.raw():
                before = known.readline()
                if before and before != line:
                    raise Damaged(f"{folder / NAME} is not a copy of the checkpoints here: one of them was changed")
                if not before:
                    _write(copy, line)
                    lines += 1
            if known.readline():
                raise Damaged(f"{folder / NAME} has checkpoints that are missing here")
            durable.sync(copy)
        return {"copied": lines}

    def tell(self, name: str, send: Callable[[Checkpoint], None]) -> bool:
        """Send the newest checkpoint to the anchor `name`, unless it has it; whether it was sent. At least once."""
        newest = self.newest()
        if newest is None:
            return False
        mark, digest = f"anchor-{name}", hashlib.sha256(newest.note.encode()).hexdigest()
        with self._stores.catalog.read() as rows:
            if marks.get(rows, mark) == digest:
                return False
        send(newest)
        self._stores.catalog.write(lambda rows: marks.put(rows, mark, digest))
        return True

    # -- inside -----------------------------------------------------------------------------------------------------

    def _verified(self, text: str) -> str:
        """The text of a note by the current server key or an earlier one, each of which has its own name."""
        for key in self._keys[:-1]:
            try:
                return note.verified(text, origin_of(key), [key])
            except Damaged:
                continue
        return note.verified(text, origin_of(self._keys[-1]), self._keys[-1:])

    def _append(self, descriptor: int, heads: dict[bytes, Head], before: Checkpoint | None) -> None:
        now = self._stores.clock()
        moved = heads if before is None else {s: head for s, head in heads.items() if before.heads.get(s) != head}
        signed = note.sign(_text(self.origin, now, heads), self.origin, self._stores.server.signer)
        line = {
            "note": signed,
            "whole": before is None or any(stream not in heads for stream in before.heads),
            "heads": {stream.hex(): [seq, digest.hex()] for stream, (seq, digest) in moved.items()},
        }
        if line["whole"]:
            line["heads"] = {stream.hex(): [seq, digest.hex()] for stream, (seq, digest) in heads.items()}
        _write(descriptor, json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
        durable.sync(descriptor)

    def _lines(self, descriptor: int) -> Iterator[Checkpoint | BadLine]:
        heads: dict[bytes, Head] | None = {}
        with os.fdopen(os.dup(descriptor), "rb") as file:
            file.seek(0)
            for number, line in enumerate(file, 1):
                if not line.endswith(b"\n"):
                    return  # the process died while it wrote: nobody was told of it, and the next one goes over it
                try:
                    found = self._read(number, line, heads)
                except (Damaged, ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
                    what = str(error) if isinstance(error, Damaged) else "is not what was written"
                    heads = None
                    yield BadLine(number, what)
                else:
                    heads = dict(found.heads)
                    yield found

    def _read(self, number: int, line: bytes, before: Mapping[bytes, Head] | None) -> Checkpoint:
        content = json.loads(line)
        text = self._verified(content["note"])
        moved = {bytes.fromhex(stream): (int(seq), bytes.fromhex(h)) for stream, (seq, h) in content["heads"].items()}
        if before is None and not content["whole"]:
            raise Damaged("cannot be checked: it goes on from a line that is damaged")
        heads = moved if content["whole"] else {**(before or {}), **moved}
        time, root = _parsed(text)
        if merkle.root(leaves(heads)) != root:
            raise Damaged("has other heads than its note signs")
        return Checkpoint(number, time, content["note"], heads, moved)


def origin_of(key: Ed25519PublicKey) -> str:
    """The name of a signer: one for each server key."""
    return "docstopd/" + hashlib.sha256(key.public_bytes_raw()).hexdigest()[:16]


def leaves(heads: Mapping[bytes, Head]) -> Sequence[bytes]:
    """What the Merkle tree is made of: a leaf for each stream, in the order of their ids."""
    return [
        struct.pack(">H", len(stream)) + stream + struct.pack(">q", seq) + digest
        for stream, (seq, digest) in sorted(heads.items())
    ]


def _text(origin: str, now: Micros, heads: Mapping[bytes, Head]) -> str:
    """Origin, size and root as tlog-checkpoint has them; then how many entries there are, and when that was."""
    root = base64.b64encode(merkle.root(leaves(heads))).decode()
    return (
        f"{origin}\n{len(heads)}\n{root}\nentries {sum(seq for seq, _ in heads.values())}\ntime {moment.shown(now)}\n"
    )


def _parsed(text: str) -> tuple[Micros, bytes]:
    try:
        _origin, _size, root, _entries, time = text.splitlines()
        return moment.read(time.removeprefix("time ")), base64.b64decode(root, validate=True)
    except (ValueError, binascii.Error):
        raise Damaged("is not a checkpoint") from None


def _last(lines: Iterator[Checkpoint | BadLine]) -> tuple[Checkpoint | None, int]:
    """(the last line, None when that one is bad or there is none; how many lines there are)."""
    found: Checkpoint | BadLine | None = None
    for found in lines:  # noqa: B007 - the last one stays
        pass
    return (found if isinstance(found, Checkpoint) else None), (found.line if found else 0)


def _write(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    with durable.translated():
        while view:
            view = view[os.write(descriptor, view) :]


@contextmanager
def _alone(path: Path) -> Iterator[int]:
    """The file, open for one writer among all processes; what a crash left half written is cut off."""
    fresh = not path.exists()
    with durable.translated():
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        if fresh and not path.is_symlink():
            owner.adopt(descriptor, path.parent)
        with durable.translated():
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            size = os.fstat(descriptor).st_size
            whole = _end_of_lines(descriptor, size)
            if whole < size:
                os.ftruncate(descriptor, whole)
        if fresh:
            durable.sync_folder(path.parent)
        yield descriptor
    finally:
        os.close(descriptor)


def _end_of_lines(descriptor: int, size: int) -> int:
    position = size
    while position > 0:
        start = max(0, position - 65_536)
        found = os.pread(descriptor, position - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        position = start
    return 0
