"""All that is watched, in one list."""

import os

from docstopd.config import Config
from docstopd.daemon.chore import Chore
from docstopd.vault import Vault
from docstopd.vault.stores import wall_clock
from docstopd.watch.blobs import Blobs, Standing
from docstopd.watch.guarded import Guard, Guarded
from docstopd.watch.part import Part
from docstopd.watch.targets import TargetFiles
from docstopd.watch.watcher import TICK, Watcher


def parts_of(config: Config, vault: Vault, *, clean: bool) -> tuple[Part, ...]:
    """Everything that is watched. `clean`: the run of the daemon before this one ended as it should."""
    return (
        Blobs(config.data / "blobs", vault.storage, Standing(clean, wall_clock)),
        Guarded(guards_of(config), vault.storage),
        *targets_of(config, vault),
    )


def targets_of(config: Config, vault: Vault) -> list[TargetFiles]:
    """The targets, which are folders here or of another machine; of those, only what is done from here is seen."""
    places = {target.name: target.path for target in config.snapshots.targets}
    return [TargetFiles(lying, places[lying.name], vault.storage) for lying in vault.storage.at_targets()]


def guards_of(config: Config) -> tuple[Guard, ...]:
    """Databases and keys. A credential is the system's to guard."""
    databases = (Guard(config.data / f"{name}.db", name) for name in ("catalog", "keyring"))
    if config.keys.server.credential is not None:
        return tuple(databases)
    return (*databases, Guard(config.keys.server.locate(os.environ), "server-key", constant=True))


def watcher_of(config: Config, vault: Vault, *, clean: bool) -> list[Chore]:
    """What the keeper does to watch the stored files; nothing if that is switched off."""
    if not config.watch.storage:
        return []
    watcher = Watcher(parts_of(config, vault, clean=clean))
    return [Chore("watcher", watcher.step, TICK, "stored files are not watched", watcher.finish)]
