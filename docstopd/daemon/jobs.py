"""All jobs in one list, and what runs them."""

from collections.abc import Callable
from pathlib import Path

from docstopd.config import Config
from docstopd.daemon.anchors import anchors_of
from docstopd.jobs import ClockGuard, Job, Runner, Scheduler, in_turn, read_clocks
from docstopd.jobs.clock import Reading
from docstopd.model import Micros
from docstopd.vault import Vault
from docstopd.vault.progress import Progress, Report
from docstopd.vault.stores import wall_clock


def jobs_of(config: Config, vault: Vault) -> tuple[Job, ...]:
    """Every job that there is, in the order in which they are shown. The steps of one run in the order written here."""
    when = config.jobs
    expiry = in_turn(
        {
            "credentials": vault.expiry.credentials,
            "locks": vault.expiry.locks,
            "throttle": vault.expiry.throttle,
            "runs": vault.expiry.runs,
            "snapshots": vault.snapshots.expire,
            "erasures": vault.erasure.expire,  # after the copies of the keyring that have become too old
        }
    )
    targets = bool(config.snapshots.targets)
    checkpoint = in_turn({"sign": vault.checkpoints.sign, **anchors_of(config, vault)})
    return (
        Job("retention", when.retention, True, vault.retention.run),
        Job("snapshot", when.snapshot, False, vault.snapshots.create if targets else _without_target),
        Job("expiry", when.expiry, True, expiry),
        Job("scrub", when.scrub, False, vault.snapshots.scrub),
        Job("drill", when.drill, False, vault.snapshots.drill if targets else _without_target),
        Job("checkpoint", when.checkpoint, False, checkpoint),
        Job("verify", when.verify, False, vault.audit.run),
    )


def _without_target(_progress: Progress, _dry: bool) -> Report:
    """Nothing to do, and nothing that goes wrong every night: `docstopd check` says what is missing."""
    return {"targets": 0}


def lock_folder(config: Config) -> Path:
    """Where the locks of jobs lie."""
    return config.data / "run"


def guard_of(config: Config, vault: Vault, read: Callable[[], Reading] = read_clocks) -> ClockGuard:
    """The clock guard of a data folder."""
    return ClockGuard(vault.marks, read, config.jobs.longest_absence.seconds)


def runner_of(config: Config, vault: Vault) -> Runner:
    """What runs a job in this process, beside whatever others run."""
    return Runner(vault.runs, lock_folder(config), guard_of(config, vault))


def scheduler_of(config: Config, vault: Vault, clock: Callable[[], Micros] = wall_clock) -> Scheduler:
    """What a keeper runs."""
    guard = guard_of(config, vault)
    runner = Runner(vault.runs, lock_folder(config), guard)
    return Scheduler(jobs_of(config, vault), config.jobs.zone, runner, vault.runs, guard, clock)
