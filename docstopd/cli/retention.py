"""`docstopd retention`: what goes by itself, and when."""

from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Annotated

import typer

from docstopd.cli.asking import Secrets
from docstopd.cli.opened import about, opened, session_of
from docstopd.cli.options import NOT_GIVEN, ConfigFile, Json, Label, PasswordFile, PasswordStdin, Yes, space_path
from docstopd.cli.output import Value, counted, say, show_json, show_table, size, timestamp
from docstopd.cli.review import app as review
from docstopd.cli.runs import answer, find, run_job
from docstopd.config import load
from docstopd.daemon.compose import open_vault
from docstopd.daemon.jobs import jobs_of
from docstopd.model import SECOND
from docstopd.vault.retention.decide import Decision, Fate
from docstopd.vault.retention.filing import ClassCount
from docstopd.vault.retention.plan import Plan

app = typer.Typer(no_args_is_help=True, help="Retention: plan, run, classes, reviews.", rich_markup_mode=None)
app.add_typer(review, name="review")

MOST = 1000
"""Decisions that are printed for people; a program gets all of them."""

Place = Annotated[str, typer.Argument(metavar="/SPACE/PATH", help="The file.")]
Owner = Annotated[str, typer.Option("--as", metavar="OWNER", help="An owner of the space; asks for the password.")]


@app.command()
def plan(
    all_decisions: Annotated[bool, typer.Option("--all", help="Also what stays, and why.")] = False,
    config: ConfigFile = NOT_GIVEN,
    json: Json = False,
) -> None:
    """Show what a run would do now, each decision with its reasons. Changes nothing.

    Example: docstopd retention plan --json
    """
    settings = load(config)
    found: list[Decision] = []

    def see(decision: Decision) -> None:
        if all_decisions or decision.fate is not Fate.KEEP or "hold" in decision.reasons:
            found.append(decision)

    with open_vault(settings) as vault:
        made = vault.retention.plan(see)
    labels = {space.id: space.label for space in made.spaces}
    if json:
        show_json([_row(decision, labels[decision.space], as_json=True) for decision in found])
        return
    shown = [_row(decision, labels[decision.space], as_json=False) for decision in found[:MOST]]
    show_table(shown, ["space", "node", "what", "fate", "versions", "bytes", "reasons"], as_json=False)
    if len(found) > MOST:
        say(f"… and {len(found) - MOST} more; --json prints all of them.")
    _sum_up(made, settings.retention.brake)


def _row(decision: Decision, label: str, *, as_json: bool) -> dict[str, Value]:
    return {
        "space": label,
        "node": decision.node,
        "what": decision.kind.value,
        "version": decision.blob.hex() or None,
        "fate": decision.fate.value,
        "versions": decision.versions,
        "bytes": decision.bytes if as_json else size(decision.bytes),
        "due": None if decision.due is None else timestamp(decision.due),
        "reasons": list(decision.reasons) if as_json else "; ".join(decision.reasons),
    }


def _sum_up(made: Plan, brake: int) -> None:
    versions, count = made.total("gone_versions"), made.total("held")
    say(
        f"{counted(versions, 'version')}, {size(made.total('gone_bytes'))}, would go;"
        f" {counted(made.total('reviews'), 'file')} to review."
    )
    if count:
        say(f"{count} decisions wait for holds.")
    for reason in made.braked(brake):
        say(f"The brake would stop this: {reason}.")
    say(f"This plan is {made.token}.")


@app.command()
def run(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    confirm: Annotated[
        str, typer.Option(metavar="TOKEN", help="Do what the brake stopped: exactly the plan of this name.")
    ] = "",
    yes: Yes = False,
    config: ConfigFile = NOT_GIVEN,
    json: Json = False,
) -> None:
    """Run retention now, beside the daemon. --confirm or --yes releases the brake for this once.

    Example: docstopd retention run --confirm 5f2c9d1e0a7b3c48
    """
    settings = load(config)
    with open_vault(settings) as vault:
        job = find(jobs_of(settings, vault), "retention")
        once = replace(job, run=partial(vault.retention.run, confirm=confirm, sure=yes))
        ended = run_job(settings, vault, once, dry=dry_run)
    answer("retention", ended, dry=dry_run, json=json)


@app.command()
def classes(config: ConfigFile = NOT_GIVEN, json: Json = False) -> None:
    """List the retention classes, and how many files each has.

    Example: docstopd retention classes
    """
    with opened(config) as vault:
        found = vault.filing.counts()
    columns = ["name", "files", "bytes", "keep_for", "counted_from", "protect", "then", "match", "description"]
    show_table([_class(one, as_json=json) for one in found], columns, as_json=json)


def _class(one: ClassCount, *, as_json: bool) -> dict[str, Value]:
    known = one.klass
    return {
        "name": one.name,
        "configured": known is not None,
        "files": one.files,
        "bytes": one.bytes if as_json else size(one.bytes),
        "keep_for": None if known is None else f"{known.keep_for / 86_400:g}d",
        "counted_from": None if known is None else known.counted_from.value,
        "protect": None if known is None else known.protect.value,
        "then": None if known is None else known.then.value,
        "match": None if known is None else list(known.match),
        "description": "not in the configuration any more" if known is None else known.description,
    }


@app.command()
def event(
    path: Place,
    date: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The day of the event.")],
    owner: Owner,
    config: ConfigFile = NOT_GIVEN,
    password_stdin: PasswordStdin = False,
    password_file: PasswordFile = None,
) -> None:
    """Set the day from which a file's class counts. Where the class protects it, it can only be moved to later.

    Example: docstopd retention event /Accounting/contracts/lease.pdf --date 2026-12-31 --as ada
    """
    settings = load(config)
    secrets = Secrets(stdin=password_stdin, file=password_file)
    when = int(date.replace(tzinfo=settings.jobs.zone).timestamp()) * SECOND
    with open_vault(settings) as vault:
        session = session_of(vault, owner, secrets)
        with about(path):
            vault.filing.set_event(session, space_path(path), when)
    say(f"The class of {path} counts from {date.date().isoformat()}.")


@app.command()
def classify(
    label: Label,
    owner: Owner,
    config: ConfigFile = NOT_GIVEN,
    password_stdin: PasswordStdin = False,
    password_file: PasswordFile = None,
) -> None:
    """Give all files of a space the classes that fit them now; for a schedule that is new or was changed.

    Example: docstopd retention classify Accounting --as ada
    """
    secrets = Secrets(stdin=password_stdin, file=password_file)
    with opened(config) as vault:
        session = session_of(vault, owner, secrets)
        with about(label):
            count = vault.filing.classify(session, label)
    say(f"{counted(count, 'file')} of {label} changed {'its' if count == 1 else 'their'} class.")
