"""A data folder from a snapshot, on a new machine: whole in the end, and until then nothing that looks whole.

A marker lies in the folder from the first step to the last, and the databases get their names when all else is there.
A restore that was cut off goes on with the blobs that it had brought.
"""

import json
import os
import shutil
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from docstopd.config import Minimal, render_minimal
from docstopd.crypto.keystore import Keystore
from docstopd.crypto.serverkey import ServerKey
from docstopd.daemon.compose import CANARY, RESTORING, open_fresh
from docstopd.daemon.lock import data_lock
from docstopd.db import durable
from docstopd.errors import AlreadyExists, ConfigurationError, Damaged, Incompatible, NotFound, Refused, reason
from docstopd.keyring import Keyring
from docstopd.targets import Target
from docstopd.targets.local import LocalTarget
from docstopd.vault.progress import Progress
from docstopd.vault.snapshots import Restore, Restored, choose
from docstopd.vault.snapshots.keyring import with_earlier
from docstopd.vault.snapshots.names import SERVICE
from docstopd.vault.snapshots.reading import service_of
from docstopd.vault.stores import Fresh, wall_clock

CONFIG = "docstopd.yaml"
_WORK = "run/restoring"
_PORT = 8443
_HARMLESS = {"docstopd.lock", "lost+found"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which snapshot goes where; `keyring` where its copies do not lie in the target; without a number the newest."""

    target: Path
    server_key: Path
    data: Path
    keyring: Path | None = None
    number: int | None = None


def read_key(file: Path) -> ServerKey:
    """A server key from its file or from a copy of its line. Raises `Refused`."""
    try:
        return ServerKey.decode(file.read_text(encoding="ascii"))
    except (OSError, UnicodeDecodeError, ConfigurationError, Damaged) as error:
        raise Refused(f"{file}: no server key can be read there: {reason(error)}") from None


def restore(wanted: Wanted, progress: Progress) -> Restored:
    """Make the data folder. Raises `Refused` for one that is in use, `NotFound`, `Damaged`, `Failed`, `Busy`."""
    server = read_key(wanted.server_key)
    _require_target(wanted.target, wanted.keyring)
    with ExitStack() as stack:
        target = LocalTarget(wanted.target)
        stack.callback(target.close)
        keyring = target if wanted.keyring is None else LocalTarget(wanted.keyring)
        stack.callback(keyring.close)
        server = _with_earlier(server, target, keyring)
        manifest = choose(target, server, wanted.number)
        _check_free(wanted.data)
        durable.make_folder(wanted.data)
        stack.enter_context(data_lock(wanted.data))
        _mark(wanted.data, {"service": manifest.service, "number": manifest.number})
        _write_key(wanted.data, server)
        work = wanted.data / _WORK
        shutil.rmtree(work, ignore_errors=True)
        with open_fresh(server, work, wanted.data) as fresh:
            run = Restore(target, keyring, server, wall_clock, os.urandom)
            restored = run.run(manifest, fresh, progress)
            _check_keys(fresh, server)
        _finish(wanted, manifest.target)
    return restored


def _require_target(*folders: Path | None) -> None:
    for folder in filter(None, folders):
        if not (folder / SERVICE).is_file():
            raise NotFound(f"{folder} is no target: it has no {SERVICE}; name the folder that the snapshots went to")


def _with_earlier(server: ServerKey, target: Target, keyring: Target) -> ServerKey:
    """What is wrong with the keyring's copy is said when it is restored."""
    service = service_of(target)
    try:
        return server if service is None else with_earlier(server, keyring, service)
    except (Damaged, Incompatible, NotFound):
        return server


def _check_free(data: Path) -> None:
    if (data / RESTORING).exists() or not data.exists():
        return
    try:
        inside = {path.name for path in data.iterdir()} - _HARMLESS
    except OSError as error:
        raise Refused(f"{data} cannot be used ({error.strerror}); choose another place") from None
    if inside:
        raise AlreadyExists(f"{data} is not empty; a snapshot is restored into a new folder")


def _mark(data: Path, snapshot: dict[str, str | int]) -> None:
    """Take the folder over. The rest of another snapshot's restore is not gone on with."""
    marker = data / RESTORING
    with durable.translated():
        data.chmod(0o700)
        if marker.exists() and json.loads(marker.read_text() or "{}") != snapshot:
            for path in data.iterdir():
                if path.name not in {RESTORING, *_HARMLESS}:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
    durable.write_file(marker, json.dumps(snapshot).encode(), adopted=True)


def _write_key(data: Path, server: ServerKey) -> None:
    durable.make_folder(data / "keys")
    text = "".join(f"{key.encode()}\n" for key in server.every)
    durable.write_file(data / "keys" / "server.key", text.encode(), adopted=True)


def _check_keys(fresh: Fresh, server: ServerKey) -> None:
    if Keyring(fresh.keyring, Keystore(server.keystore)).fact("canary") != CANARY:
        raise Damaged("the keyring that was restored is not that of this server key")


def _finish(wanted: Wanted, target: str) -> None:
    data = wanted.data
    durable.make_folder(data / "blobs")
    for name in ("catalog.db", "keyring.db"):
        file = data / _WORK / name
        with file.open("rb") as opened:
            durable.sync(opened.fileno())
        durable.publish(file, data / name)
    keyring = None if wanted.keyring is None else wanted.keyring.absolute()
    place = wanted.target.absolute()
    minimal = Minimal(Path(), "127.0.0.1", _PORT, target=place, target_name=target, keyring=keyring)
    text = render_minimal(minimal)
    durable.write_file(data / CONFIG, text.encode(), adopted=True)
    with durable.translated():
        shutil.rmtree(data / _WORK, ignore_errors=True)
        (data / RESTORING).unlink()
    durable.sync_folder(data)
