"""A job by command, run as the daemon would: once at a time, in the ledger, and ended between two steps by Ctrl-C."""

import typer

from docstopd.cli.bars import stoppable, watched
from docstopd.cli.codes import DAMAGE, FAILED
from docstopd.cli.output import Value, printable, say, show_object
from docstopd.config import Config
from docstopd.daemon.jobs import runner_of
from docstopd.errors import Damaged, Failed, NotFound
from docstopd.jobs import Ended, Job
from docstopd.jobs.runner import Stopped
from docstopd.vault import Vault
from docstopd.vault.runs import Outcome


def find(jobs: tuple[Job, ...], name: str) -> Job:
    """The job of that name. Raises `NotFound`."""
    for job in jobs:
        if job.name == name:
            return job
    raise NotFound(f"there is no job {name!r}; there are {', '.join(job.name for job in jobs)}")


def run_job(config: Config, vault: Vault, job: Job, *, dry: bool) -> Ended:
    """Run it to its end, whichever that is, and show how far it is. Raises `Busy`, `StateUnknown`."""
    with watched() as shown, stoppable(shown, Stopped) as progress:
        return runner_of(config, vault).run(job, progress, dry=dry)


def require_done(name: str, ended: Ended) -> None:
    """Raises what ended the run unless it is done, `typer.Exit` for damage, which is said here."""
    if ended.outcome is Outcome.DONE:
        return
    if isinstance(ended.error, Damaged):
        typer.echo(f"docstopd: {printable(ended.reason)}", err=True)
        raise typer.Exit(DAMAGE)
    raise ended.error or Failed(f"{name}: {ended.reason}")


def answer(name: str, ended: Ended, *, dry: bool, json: bool) -> None:
    """Say how a run ended. Raises as `require_done`; with `json`, where that is said already, `typer.Exit`."""
    if json:
        found: dict[str, Value] = {
            "job": name,
            "outcome": ended.outcome.value,
            "dry": dry,
            "report": dict(ended.report),
        }
        show_object({**found, "reason": ended.reason or None}, as_json=True)
        if ended.outcome is not Outcome.DONE and not isinstance(ended.error, Damaged):
            raise typer.Exit(FAILED)
    elif ended.outcome is Outcome.DONE:
        shown = ", ".join(f"{key.replace('_', ' ')} {_said(value)}" for key, value in ended.report.items())
        say(f"{name}: {'would be done' if dry else 'done'}{': ' if shown else ''}{shown}.")
    require_done(name, ended)


def _said(value: str | int | bool) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)
