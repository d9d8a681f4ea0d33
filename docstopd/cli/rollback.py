"""`docstopd space rollback`: a space as it was at a time."""

from typing import Annotated

import typer

from docstopd.cli.asking import Secrets, agree
from docstopd.cli.bars import watched
from docstopd.cli.opened import opened, session_of
from docstopd.cli.options import NOT_GIVEN, ConfigFile, Json, Label, PasswordFile, PasswordStdin, Yes, moment
from docstopd.cli.output import Value, say, show_table
from docstopd.errors import Failed
from docstopd.vault.rollback.plan import Kind, Left, Plan, Step

MOST = 1000
"""Steps that are printed for people; a program gets all of them."""

_WORDS = {
    Kind.TRASH: "goes to the trash",
    Kind.MOVE: "moves back",
    Kind.RESTORE: "comes out of the trash",
    Kind.CONTENT: "gets its old content",
    Kind.CREATE: "is made anew",
}


def rollback(
    label: Label,
    to: Annotated[str, typer.Option(metavar="TIME", help="Such as 2026-11-24T10:00:00Z.")],
    owner: Annotated[str, typer.Option("--as", metavar="OWNER", help="An owner; asks for the password.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be done.")] = False,
    yes: Yes = False,
    config: ConfigFile = NOT_GIVEN,
    json: Json = False,
    password_stdin: PasswordStdin = False,
    password_file: PasswordFile = None,
) -> None:
    """Take a space back to what it was at a time. Nothing is removed: what came since goes to the trash.

    Example: docstopd space rollback Accounting --to 2026-11-24T10:00:00Z --as ada --dry-run
    """
    time, secrets = moment(to), Secrets(stdin=password_stdin, file=password_file)
    with opened(config) as vault:
        session = session_of(vault, owner, secrets)
        plan = vault.rollback.plan(session, label, time)
        _show(plan, as_json=json)
        if dry_run:
            return
        if not plan.steps and not plan.left:
            say(f"{label} is what it was; nothing was changed.")
            return
        agree(f"Take {label} back, {_counted(plan)}?", yes=yes)
        with watched() as progress:
            done = vault.rollback.run(session, label, time, progress)
    say(f"{label} is taken back: {done.steps} steps.")
    if done.read_only:
        say(f"It is read-only, as it was before. `docstopd space writable {label}` ends that.")
    if done.left:
        show_table([_left(left) for left in done.left], ["path", "what"], as_json=False)
        raise Failed(f"{len(done.left)} of it could not be taken back; the same command tries again what is left")


def _counted(plan: Plan) -> str:
    found = plan.counts()
    return ", ".join(f"{found[kind]} {kind.value}" for kind in Kind if found[kind])


def _show(plan: Plan, *, as_json: bool) -> None:
    steps, left = (plan.steps, plan.left) if as_json else (plan.steps[:MOST], plan.left[:MOST])
    rows = [_step(step, as_json=as_json) for step in steps] + [_left(each) for each in left]
    show_table(rows, ["path", "what", "from"], as_json=as_json)
    if not as_json and len(rows) < len(plan.steps) + len(plan.left):
        say(f"and {len(plan.steps) + len(plan.left) - len(rows)} more; --json shows all")


def _step(step: Step, *, as_json: bool) -> dict[str, Value]:
    source = "/".join(step.source) if step.source not in ((), step.target) else None
    return {"path": "/".join(step.target), "what": step.kind.value if as_json else _WORDS[step.kind], "from": source}


def _left(left: Left) -> dict[str, Value]:
    return {"path": "/".join(left.path), "what": f"left: {left.reason}", "from": None}
