"""`docstopd job`: what runs by itself, when it last did, and running it now."""

from typing import Annotated

import typer

from docstopd.cli.codes import FAILED
from docstopd.cli.opened import opened
from docstopd.cli.options import NOT_GIVEN, ConfigFile, Json
from docstopd.cli.output import Value, say, show_table, timestamp
from docstopd.cli.runs import answer, find, run_job
from docstopd.config import load
from docstopd.daemon.compose import open_vault
from docstopd.daemon.jobs import guard_of, jobs_of
from docstopd.jobs import Job, Times
from docstopd.model import Micros
from docstopd.vault.runs import Run
from docstopd.vault.stores import wall_clock

app = typer.Typer(no_args_is_help=True, help="Jobs: what runs by itself, and when.", rich_markup_mode=None)


@app.command("list")
def list_jobs(config: ConfigFile = NOT_GIVEN, json: Json = False) -> None:
    """List the jobs: when each runs, when it last did, how that ended, and when it runs next.

    Example: docstopd job list
    """
    settings = load(config)
    now = wall_clock()
    with open_vault(settings) as vault:
        jobs, latest = jobs_of(settings, vault), vault.runs.latest()
    rows = [_row(job, latest.get(job.name), Times(job.schedule, settings.jobs.zone).after(now)) for job in jobs]
    show_table(rows, ["job", "schedule", "last_run", "outcome", "next_run", "said"], as_json=json)


def _row(job: Job, run: Run | None, following: Micros | None) -> dict[str, Value]:
    return {
        "job": job.name,
        "schedule": str(job.schedule),
        "destructive": job.destructive,
        "last_run": None if run is None else timestamp(run.started),
        "ended": None if run is None or run.ended is None else timestamp(run.ended),
        "outcome": None if run is None else run.outcome.value,
        "next_run": None if following is None else timestamp(following),
        "said": None if run is None else run.reason or dict(run.report),
    }


@app.command()
def run(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The job, as `list` shows it.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    config: ConfigFile = NOT_GIVEN,
    json: Json = False,
) -> None:
    """Run a job now, beside the daemon; exit code 1 when it is refused or fails, 3 when it finds damage.

    Example: docstopd job run expiry --dry-run
    """
    settings = load(config)
    with open_vault(settings) as vault:
        job = find(jobs_of(settings, vault), name)
        ended = run_job(settings, vault, job, dry=dry_run)
    answer(name, ended, dry=dry_run, json=json)


@app.command()
def clock(
    accept: Annotated[bool, typer.Option("--accept", help="The clock is right: what waits for it goes on.")] = False,
    config: ConfigFile = NOT_GIVEN,
) -> None:
    """Say whether jobs that remove anything wait because the clock has jumped; with --accept they go on.

    Look at the machine's date before: what is too old by a wrong clock is removed for good.

    Example: docstopd job clock --accept
    """
    settings = load(config)
    with opened(config) as vault:
        guard = guard_of(settings, vault)
        if accept:
            guard.accept()
            say(f"The clock is right: {timestamp(wall_clock())}.")
            return
        wait = guard.standing()
    if wait is None:
        say(f"{timestamp(wall_clock())}, and nothing waits for the clock.")
        return
    say(f"{timestamp(wall_clock())}: {wait}.")
    raise typer.Exit(FAILED)
