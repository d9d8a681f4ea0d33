"""The composition root: the one place that names adapters and joins the parts."""

import logging
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from docstopd.blobs.local import LocalBlobs
from docstopd.catalog import MIGRATIONS as CATALOG
from docstopd.config import Config
from docstopd.crypto import hpke
from docstopd.crypto.keystore import Keystore
from docstopd.crypto.serverkey import ServerKey
from docstopd.daemon.health import Health
from docstopd.daemon.process import EXIT_STATE_UNKNOWN
from docstopd.daemon.rules import notify_of, retention_of, snapshots_of, tripwire_of
from docstopd.dav.application import DavApplication
from docstopd.dav.settings import Settings
from docstopd.db import durable
from docstopd.db.sqlite import SqliteDatabase
from docstopd.errors import ConfigurationError, Damaged, Refused, StateUnknown, reason
from docstopd.http import Application
from docstopd.keyring import EARLIER, Keyring
from docstopd.keyring import MIGRATIONS as KEYRING
from docstopd.targets import NamedTarget
from docstopd.targets.local import LocalTarget
from docstopd.vault import CHECKPOINTS, Policy, Stores, Vault
from docstopd.vault.stores import Fresh

CANARY = b"docstopd keyring"

RESTORING = ".restoring"
"""Lies in a data folder into which a snapshot is being restored, from the first step to the last."""

_HOUSEKEEPING = 1.0

_log = logging.getLogger(__name__)


@contextmanager
def open_vault(config: Config, *, read_only: bool = False) -> Iterator[Vault]:
    """The vault over a data folder that exists.

    `read_only` is for a stopped data folder or a copy of one: nothing is written, and nobody signs in
    (`Accounts.open_offline`). Raises `Refused` when the folder, a database or the
    server key is missing or the key is another folder's, `Incompatible` when the data is newer than the program.
    """
    server = read_server_key(config)
    if (config.data / RESTORING).exists():
        raise Refused(f"the restore into {config.data} was never finished: run it again, it goes on where it stopped")
    for name in ("catalog.db", "keyring.db", "blobs"):
        if not (config.data / name).exists():
            raise Refused(f"{config.data / name} is missing: this is no data folder of docstopd, or not a whole one")
    with ExitStack() as stack:
        vault = Vault(open_stores(config, server, stack, read_only=read_only), policy_of(config))
        stack.callback(vault.settle)
        yield vault


def open_stores(config: Config, server: ServerKey, stack: ExitStack, *, read_only: bool = False) -> Stores:
    """The three stores of a data folder; made, if they are not there yet."""
    catalog = SqliteDatabase(config.data / "catalog.db", CATALOG, secure_delete=True, read_only=read_only)
    stack.callback(catalog.close)
    database = SqliteDatabase(config.data / "keyring.db", KEYRING, secure_delete=True, read_only=read_only)
    stack.callback(database.close)
    keyring = Keyring(database, Keystore(server.keystore, [key.keystore for key in server.previous]))
    organisation = _checked_organisation(keyring)
    server = server.with_earlier(keyring.fact(EARLIER) or b"")
    return Stores(
        catalog=catalog,
        keyring=keyring,
        blobs=LocalBlobs(config.data / "blobs", read_only=read_only),
        server=server,
        turnstile=config.data / "run",
        organisation=organisation,
        checkpoints=config.data / CHECKPOINTS,
        checkpoint_copies=() if config.audit.copy_to is None else (config.audit.copy_to / CHECKPOINTS,),
        targets=open_targets(config, stack),
        fresh=partial(open_fresh, server),
        read_only=read_only,
    )


def open_targets(config: Config, stack: ExitStack) -> tuple[NamedTarget, ...]:
    """The targets of the configuration; whether they can be reached shows when they are used."""
    found = []
    for target in config.snapshots.targets:
        objects = LocalTarget(target.path)
        stack.callback(objects.close)
        keyring = objects if target.keyring is None else LocalTarget(target.keyring)
        stack.callback(keyring.close)
        found.append(NamedTarget(target.name, objects, keyring))
    return tuple(found)


@contextmanager
def open_fresh(server: ServerKey, folder: Path, data: Path | None = None) -> Iterator[Fresh]:
    """New, empty databases in a new folder; the blobs' folder is there as well, or in the data folder `data`."""
    durable.make_folder(folder)
    place = data or folder
    with ExitStack() as stack:
        catalog = SqliteDatabase(folder / "catalog.db", CATALOG)
        stack.callback(catalog.close)
        keyring = SqliteDatabase(folder / "keyring.db", KEYRING)
        stack.callback(keyring.close)
        target = LocalTarget(place)
        stack.callback(target.close)
        keys = Keyring(keyring, Keystore(server.keystore, [key.keystore for key in server.previous]))

        def obey(statements: Sequence[str]) -> int:
            if not statements:
                return 0
            signers = server.with_earlier(keys.fact(EARLIER) or b"")
            stores = Stores(catalog, keys, LocalBlobs(place / "blobs"), signers, folder / "run")
            return Vault(stores, Policy()).erasure.replay(statements)

        yield Fresh(catalog, keyring, target, obey)


def _checked_organisation(keyring: Keyring) -> hpke.PublicKey | None:
    """The organisation's public key; reading it, and the canary, shows that server key and keyring belong together."""
    try:
        keyring.fact("canary")
        found = keyring.fact("organisation")
    except Damaged as error:
        raise Refused(
            "the server key is not the one that this data folder was made with: restore the right one"
        ) from error
    return None if found is None else hpke.PublicKey.decode(found)


def read_server_key(config: Config) -> ServerKey:
    """The server key from its file or credential. Raises `Refused` when it is missing or cannot be read."""
    path = config.keys.server.locate(os.environ)
    try:
        if path.stat().st_mode & 0o077 and config.keys.server.credential is None:
            raise Refused(f"{path}: others may read the server key; make it yours alone: chmod 600 {path}")
        return ServerKey.decode(path.read_text(encoding="ascii"))
    except FileNotFoundError:
        raise Refused(
            f"{path}: the server key is missing; restore it from its backup, nothing opens without it"
        ) from None
    except (OSError, UnicodeDecodeError, ConfigurationError, Damaged) as error:
        raise Refused(f"{path}: the server key cannot be read: {reason(error)}") from None


def policy_of(config: Config) -> Policy:
    """What the configuration says to the vault."""
    return Policy(
        idle=config.sessions.idle.seconds,
        absolute=config.sessions.absolute.seconds,
        kept=config.sessions.listings,
        reads=config.audit.reads,
        read_window=config.audit.read_window.seconds,
        free_failures=config.throttle.free,
        first_delay=config.throttle.first_delay.seconds,
        longest_delay=config.throttle.longest_delay.seconds,
        forget=config.throttle.forget.seconds,
        per_address_factor=config.throttle.per_address_factor,
        space_quota=config.quota.space,
        upload=config.limits.upload,
        depth=config.limits.depth,
        path=config.limits.path,
        name=config.limits.name,
        properties=config.limits.properties,
        property_size=config.limits.property_size,
        erasure_grace=config.erasure.grace.seconds,
        retention=retention_of(config),
        snapshots=snapshots_of(config),
        tripwire=tripwire_of(config),
        notify=notify_of(config),
    )


def dav_settings(config: Config) -> Settings:
    """What the configuration says to the WebDAV front."""
    limits = config.limits
    return Settings(
        public_names=config.http.public_names,
        xml_body=limits.xml_body,
        properties=limits.properties,
        property_size=limits.property_size,
        depth=limits.depth,
        path=limits.path,
        name=limits.name,
        upload=limits.upload,
    )


@contextmanager
def open_service(config: Config) -> Iterator[Application]:
    """What a worker serves: WebDAV, and health beside it."""
    with open_vault(config) as vault:
        done = threading.Event()
        work: tuple[tuple[str, Callable[[], object]], ...] = (
            ("housekeeping", vault.housekeep),
            ("filing", vault.arrivals.file_open),
        )
        threads = [threading.Thread(target=_repeat, args=(one, done), name=name, daemon=True) for name, one in work]
        for thread in threads:
            thread.start()
        try:
            yield Health(DavApplication(vault, dav_settings(config)))
        finally:
            done.set()
            for thread in threads:
                thread.join()


def _repeat(work: Callable[[], object], done: threading.Event) -> None:
    while not done.wait(_HOUSEKEEPING):
        try:
            work()
        except StateUnknown as error:
            _log.critical("stopping: %s; stored data is verified at the next start", error)
            logging.shutdown()
            os._exit(EXIT_STATE_UNKNOWN)  # this is not the main thread, and the others must stop now
        except Exception:  # noqa: BLE001 - the thread must live on; what failed is in the log
            _log.exception("housekeeping failed; it is tried again in a second")
