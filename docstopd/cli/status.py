"""`docstopd status`."""

import time

import typer

from docstopd.cli.codes import FAILED
from docstopd.cli.options import NOT_GIVEN, ConfigFile, Json
from docstopd.cli.output import Value, show_object, size
from docstopd.config import Config, load
from docstopd.daemon import holder, read_status
from docstopd.daemon.compose import open_vault
from docstopd.daemon.jobs import guard_of
from docstopd.daemon.setup import is_made
from docstopd.errors import Failed, Refused


def status(config: ConfigFile = NOT_GIVEN, json: Json = False) -> None:
    """Say whether the service runs, what it holds and what is wrong; exit code 1 when it does not run.

    Example: docstopd status --config /etc/docstopd/docstopd.yaml
    """
    settings = load(config)
    if not is_made(settings.data):
        raise Refused(f"{settings.data}: there is no data folder; make one with `docstopd init`")
    pid = holder(settings.data)
    found = {**_process(settings, pid), **_holdings(settings, as_json=json), **_troubles(settings)}
    show_object(found, as_json=json)
    if pid is None:
        raise typer.Exit(FAILED)


def _process(config: Config, pid: int | None) -> dict[str, Value]:
    said = None if pid is None else read_status(config.data)
    found: dict[str, Value] = {"running": pid is not None, "pid": pid, "data": str(config.data)}
    if said is None:
        unknown = ("url", "version", "uptime", "workers", "keeper", "refused_configuration", "needs_restart")
        return {**found, **dict.fromkeys(unknown)}
    uptime = round(time.time() - said.started)
    children: dict[str, Value] = {"workers": list(said.workers), "keeper": said.keeper}
    edited: dict[str, Value] = {
        "refused_configuration": said.refused or None,
        "needs_restart": said.restart or None,
    }
    return {**found, "url": said.url, "version": said.version, "uptime": uptime, **children, **edited}


def _holdings(config: Config, *, as_json: bool) -> dict[str, Value]:
    try:
        with open_vault(config, read_only=True) as vault:
            spaces = vault.spaces.all()
            users = len(vault.accounts.all())
    except (Refused, Failed) as error:
        # Outside the service its credentials are out of reach, and whether it runs can be said without them.
        return {"users": None, "spaces": None, "used": None, "problem": str(error)}
    used = sum(space.used for space in spaces)
    return {"users": users, "spaces": len(spaces), "used": used if as_json else size(used)}


def _troubles(config: Config) -> dict[str, Value]:
    """Jobs whose last run failed or was refused, and what waits for the clock."""
    try:
        with open_vault(config, read_only=True) as vault:
            failed = [run.job for run in vault.runs.latest().values() if run.outcome.loud]
            wait = guard_of(config, vault).standing()
    except (Refused, Failed):  # why, `_holdings` says
        return {"failed_jobs": None, "clock": None}
    return {"failed_jobs": failed, "clock": None if wait is None else str(wait)}
