"""`docstopd retention review`: what two people have to decide on before it is destroyed."""

import sys
from typing import Annotated

import typer

from docstopd.cli.asking import Secrets, agree
from docstopd.cli.opened import opened, session_as, session_of
from docstopd.cli.options import NOT_GIVEN, As, ConfigFile, Json, PasswordFile, PasswordStdin, Yes
from docstopd.cli.output import Value, say, show_table, timestamp
from docstopd.vault.retention.dispositions import DESTROY, KEEP, Question

app = typer.Typer(no_args_is_help=True, help="Files whose time is up and that people decide on.", rich_markup_mode=None)

Number = Annotated[int, typer.Argument(metavar="NUMBER", help="The disposition, as `list` shows it.")]
Who = Annotated[
    str, typer.Option("--as", metavar="USER", help="An owner of the space, an admin or an auditor; asks the password.")
]


@app.command("list")
def list_reviews(
    everything: Annotated[bool, typer.Option("--all", help="Also those that are decided.")] = False,
    as_user: As = None,
    config: ConfigFile = NOT_GIVEN,
    password_stdin: PasswordStdin = False,
    password_file: PasswordFile = None,
    json: Json = False,
) -> None:
    """List what is to be decided on; the paths are for the spaces' members (--as).

    Example: docstopd retention review list --as ada
    """
    secrets = Secrets(stdin=password_stdin, file=password_file)
    with opened(config) as vault:
        found = vault.dispositions.list(session_as(vault, as_user, secrets), closed=everything)
    columns = ["number", "space", "node", "path", "class", "due", "said", "outcome"]
    show_table([_row(one) for one in found], columns, as_json=json)


def _row(one: Question) -> dict[str, Value]:
    return {
        "number": one.asked.id,
        "space": one.label,
        "node": one.asked.node,
        "path": one.path or None,
        "class": one.asked.klass,
        "due": timestamp(one.asked.due),
        "said": [f"{user}: {verdict}" for user, verdict in one.said],
        "outcome": one.asked.outcome,
    }


@app.command()
def approve(
    number: Number,
    who: Who,
    yes: Yes = False,
    config: ConfigFile = NOT_GIVEN,
    password_stdin: PasswordStdin = False,
    password_file: PasswordFile = None,
) -> None:
    """Say that a file may be destroyed. Two different people must; the next run does it.

    Example: docstopd retention review approve 12 --as ada
    """
    secrets = Secrets(stdin=password_stdin, file=password_file)
    with opened(config) as vault:
        session = session_of(vault, who, secrets)
        agree(f"This lets the file of disposition {number} be destroyed for ever. Go on?", yes=yes)
        count = vault.dispositions.answer(session, number, DESTROY)
    say("It is destroyed by the next run." if count >= 2 else "It takes one other person who approves.")


@app.command()
def keep(
    number: Number,
    who: Who,
    config: ConfigFile = NOT_GIVEN,
    password_stdin: PasswordStdin = False,
    password_file: PasswordFile = None,
) -> None:
    """Say that a file is to be kept for as long again as its class says; one person is enough.

    Example: docstopd retention review keep 12 --as ada
    """
    secrets = Secrets(stdin=password_stdin, file=password_file)
    with opened(config) as vault:
        vault.dispositions.answer(session_of(vault, who, secrets), number, KEEP)
    say("It is kept.")


@app.command()
def report(number: Number, config: ConfigFile = NOT_GIVEN) -> None:
    """Print the signed report of a destruction, after its signature is checked.

    Example: docstopd retention review report 12
    """
    with opened(config) as vault:
        found = vault.dispositions.report(number)
    sys.stdout.write(found.decode())
