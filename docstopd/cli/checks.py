"""What `check` looks at: one function for each thing that can be wrong, and what to do about it."""

import datetime
import os
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import apsw
from cryptography import x509

from docstopd.catalog import MIGRATIONS as CATALOG
from docstopd.cli.output import timestamp
from docstopd.config import Config
from docstopd.daemon import holder, read_status
from docstopd.daemon.compose import open_vault
from docstopd.daemon.jobs import guard_of
from docstopd.daemon.listener import open_listener
from docstopd.daemon.loaded import open_tls
from docstopd.daemon.unfinished import MARKER
from docstopd.db.sqlite import SqliteDatabase
from docstopd.errors import ConfigurationError, DocstopdError, Refused
from docstopd.jobs.clock import Doubt
from docstopd.keyring import MIGRATIONS as KEYRING
from docstopd.model import SECOND
from docstopd.vault.runs import Outcome
from docstopd.vault.snapshots import TargetStanding
from docstopd.watch.limits import shortages

_LEAST_FREE = 256 * 2**20
_LITTLE_FREE = 0.05
_WARN_DAYS = 30
_OLD_DAYS = 3
_SQLITE = (3, 51, 3)
"""The first version without the WAL-reset bug (sqlite.org/wal.html), which could corrupt a database."""
_CLOCK_SLACK = 300.0
_ENDED = {Outcome.REFUSED: "was refused", Outcome.FAILED: "failed"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `remedy` says what to do, empty when all is well."""

    check: str
    state: Literal["ok", "warning", "failed"]
    found: str
    remedy: str = ""


Check = Callable[[Config], Iterator[Finding]]


def data_folder(config: Config) -> Iterator[Finding]:
    """It is there, this user's, and closed to others."""
    name, data = "data folder", config.data
    try:
        found = data.stat()
    except OSError as error:
        yield Finding(name, "failed", f"{data}: {error.strerror}", "make it with `docstopd init`, or correct `data`")
        return
    mode = stat.S_IMODE(found.st_mode)
    if (data / MARKER).exists():
        yield Finding(name, "failed", f"{data} was never finished", "run quickstart or init again")
    elif mode & 0o077:
        yield Finding(name, "failed", f"{data} has mode {mode:04o}", f"chmod 700 {data}")
    elif found.st_uid != os.geteuid() and os.geteuid() != 0:
        yield Finding(name, "failed", f"{data} belongs to user {found.st_uid}", "run docstopd as that user")
    else:
        yield Finding(name, "ok", f"{data}, mode {mode:04o}")
    yield from _parents(data)


def _parents(data: Path) -> Iterator[Finding]:
    for parent in data.parents:
        mode = parent.stat().st_mode
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            found = f"{parent}, above the data folder, can be changed by everybody"
            yield Finding("data folder", "failed", found, f"chmod o-w {parent}")


def server_key(config: Config) -> Iterator[Finding]:
    """It is there, and closed to others."""
    name = "server key"
    try:
        file = config.keys.server.locate(os.environ)
        mode = stat.S_IMODE(file.stat().st_mode)
    except ConfigurationError as error:
        yield Finding(name, "warning", str(error), "run this check inside the service to see its credential")
    except OSError as error:
        yield Finding(name, "failed", f"{config.keys.server}: {error.strerror}", "restore it from its backup")
    else:
        if mode & 0o077:
            yield Finding(name, "failed", f"{file} has mode {mode:04o}", f"chmod 600 {file}")
        else:
            yield Finding(name, "ok", f"{file}, mode {mode:04o}")


def databases(config: Config) -> Iterator[Finding]:
    """Both open, with a schema that this program knows."""
    for name, migrations in (("catalog", CATALOG), ("keyring", KEYRING)):
        path = config.data / f"{name}.db"
        try:
            if not path.exists():
                raise Refused(f"{path} is missing")
            database = SqliteDatabase(path, migrations, read_only=True)
            with database.read() as rows:
                sound = rows.one("PRAGMA quick_check(1)")
            database.close()
        except DocstopdError as error:
            yield Finding(name, "failed", str(error), "restore the data folder, or install the docstopd that made it")
        else:
            if sound == ("ok",):
                yield Finding(name, "ok", f"{path.name}, schema {len(migrations)}")
            else:
                yield Finding(name, "failed", f"{path.name} is damaged: {sound}", "restore it from a backup")


def keys_fit(config: Config) -> Iterator[Finding]:
    """The server key opens the keyring, and the clock is not behind the journal."""
    try:
        with open_vault(config, read_only=True) as vault:
            last = vault.audit.show(None, None, 1)
    except DocstopdError as error:
        yield Finding("keys", "failed", str(error), "put the server key that belongs to this data folder in its place")
        return
    yield Finding("keys", "ok", "the server key opens the keyring")
    latest = last[-1].time / SECOND if last else 0.0
    yield _clock(time.time(), latest)


def _clock(now: float, latest: float) -> Finding:
    shown = datetime.datetime.fromtimestamp(now, datetime.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    if now + _CLOCK_SLACK < latest:
        return Finding("clock", "failed", f"{shown}, before the journal's last entry", "set the clock; use NTP")
    return Finding("clock", "ok", shown)


def jobs(config: Config) -> Iterator[Finding]:
    """They run, their last runs went well, and none of them waits for the clock."""
    name = "jobs"
    said = None if holder(config.data) is None else read_status(config.data)
    if said is not None and said.keeper is None:
        yield Finding(name, "failed", "no keeper is running, so no job is", "look at the service's log")
    try:
        with open_vault(config, read_only=True) as vault:
            bad = [run for run in vault.runs.latest().values() if run.outcome.loud]
            wait = guard_of(config, vault).standing()
    except Refused:  # nothing could be opened, and the check of the keys has said why
        return
    except DocstopdError as error:
        yield Finding(name, "failed", str(error), "start the service, which brings the data folder up to date")
        return
    for run in bad:
        state: Literal["warning", "failed"] = "warning" if run.outcome is Outcome.REFUSED else "failed"
        found = f"{run.job} {_ENDED[run.outcome]} at {timestamp(run.started)}: {run.reason}"
        yield Finding(name, state, found, f"see to it, then: docstopd job run {run.job}")
    if wait is not None:
        state = "failed" if wait.doubt is Doubt.JUMP else "warning"
        yield Finding(name, state, str(wait), "look at the date; if it is right: docstopd job clock --accept")
    if not bad and wait is None:
        yield Finding(name, "ok", "the last run of each went well")


def free_disk(config: Config) -> Iterator[Finding]:
    """There is room for more."""
    name = "disk"
    try:
        usage = shutil.disk_usage(config.data)
    except OSError as error:
        yield Finding(name, "failed", f"{config.data}: {error.strerror}", "make the data folder with `docstopd init`")
        return
    found = f"{usage.free // 2**20} MiB free of {usage.total // 2**20}"
    if usage.free < _LEAST_FREE:
        yield Finding(name, "failed", found, "make room, or move the data folder to a larger disk")
    elif usage.free < usage.total * _LITTLE_FREE:
        yield Finding(name, "warning", found, "make room before it is full")
    else:
        yield Finding(name, "ok", found)


def port(config: Config) -> Iterator[Finding]:
    """It is free, or this service's own."""
    name, place = "port", f"{config.http.address} port {config.http.port}"
    pid = holder(config.data)
    if pid is not None:
        yield Finding(name, "ok", f"docstopd is running (pid {pid})")
        return
    try:
        with open_listener(config.http):
            yield Finding(name, "ok", f"{place} is free")
    except DocstopdError as error:
        yield Finding(name, "failed", str(error), "stop the other program, or change http.port")


def targets(config: Config) -> Iterator[Finding]:
    """Snapshots go somewhere, it can be reached, the newest is young, and it lies on another disk."""
    name = "snapshots"
    if not config.snapshots.targets:
        yield Finding(name, "warning", "there is no target, so there are no snapshots", "name one: snapshots.targets")
        return
    try:
        with open_vault(config, read_only=True) as vault:
            standings = vault.snapshots.standings()
    except DocstopdError:  # the checks of databases and keys have said why
        return
    disk = config.data.stat().st_dev
    for target, standing in zip(config.snapshots.targets, standings, strict=True):
        yield _standing(standing)
        place = next(path for path in (target.path, *target.path.parents) if path.exists())
        if place.stat().st_dev == disk:
            found = f"target {target.name} lies on the disk of the data folder"
            yield Finding(name, "warning", found, "what takes this disk takes both: name a target on another one, too")


def _standing(standing: TargetStanding) -> Finding:
    name = "snapshots"
    if standing.wrong:
        found = f"target {standing.name} cannot be used: {standing.wrong}"
        return Finding(name, "failed", found, "see to it, then: docstopd snapshot create")
    if standing.newest is None:
        found = f"target {standing.name} has no snapshot yet"
        return Finding(name, "warning", found, "make one: docstopd snapshot create")
    age = (time.time() - standing.newest.created / SECOND) / 86_400
    found = f"target {standing.name}: snapshot {standing.newest.number} is {age:.1f} days old"
    if age > _OLD_DAYS:
        return Finding(name, "warning", found, "look why there is no newer one: docstopd job list")
    return Finding(name, "ok", found)


def certificate(config: Config) -> Iterator[Finding]:
    """It can be read, belongs to its key, and is in date."""
    name = "certificate"
    if config.tls.certificate is None:
        yield _cleartext(config)
        return
    try:
        open_tls(config)
        file = config.tls.certificate.locate(os.environ)
        until = x509.load_pem_x509_certificate(file.read_bytes()).not_valid_after_utc
    except (DocstopdError, OSError, ValueError) as error:
        yield Finding(name, "failed", str(error), "correct tls.certificate and tls.key")
        return
    days = (until - datetime.datetime.now(datetime.UTC)).days
    found = f"{file}, until {until:%Y-%m-%d}"
    if days < 0:
        yield Finding(name, "failed", found, "renew it, then reload (SIGHUP)")
    elif days < _WARN_DAYS:
        yield Finding(name, "warning", found, f"renew it within {days} days, then reload (SIGHUP)")
    else:
        yield Finding(name, "ok", found)


def _cleartext(config: Config) -> Finding:
    if config.tls.cleartext == "loopback-only":
        return Finding("certificate", "ok", f"none: plain HTTP, on {config.http.address} only")
    found = "none: passwords cross the network unencrypted"
    return Finding("certificate", "warning", found, "set tls.certificate and tls.key")


def watcher(config: Config) -> Iterator[Finding]:
    """The system lets it watch all that it has to."""
    name = "watcher"
    if not config.watch.storage:
        yield Finding(name, "warning", "stored files are not watched", "set watch.storage: true")
        return
    short = list(shortages(1 + len(config.snapshots.targets)))
    for one in short:
        yield Finding(name, "warning", f"fs.inotify.{one.setting} is {one.found}: {one.effect}", one.remedy)
    if not short:
        yield Finding(name, "ok", "the system's limits are high enough")


def sqlite(_config: Config) -> Iterator[Finding]:
    """A version without a known corruption bug."""
    version = apsw.sqlite_lib_version()
    if tuple(int(part) for part in version.split(".")) < _SQLITE:
        yield Finding("SQLite", "failed", version, "pip install --upgrade apsw")
    else:
        yield Finding("SQLite", "ok", version)


CHECKS: tuple[Check, ...] = (
    data_folder,
    server_key,
    databases,
    keys_fit,
    jobs,
    free_disk,
    targets,
    port,
    certificate,
    watcher,
    sqlite,
)
