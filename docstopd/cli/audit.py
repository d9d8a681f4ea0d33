"""`docstopd audit`: what the journal says, whether it is whole, and its copy for others."""

import sys
import time
from contextlib import suppress
from json import dumps
from typing import Annotated

import typer

from docstopd.cli.asking import Secrets
from docstopd.cli.audit_export import export
from docstopd.cli.audit_verify import verify
from docstopd.cli.opened import opened, session_as
from docstopd.cli.options import NOT_GIVEN, As, ConfigFile, Json, PasswordFile, PasswordStdin, moment, space_path
from docstopd.cli.output import Value, say, show_table, timestamp
from docstopd.vault.audit.trail import Filter, Line, Trail
from docstopd.vault.naming import normal_path

app = typer.Typer(no_args_is_help=True, help="The journal: show it, verify it, export it.", rich_markup_mode=None)


COLUMNS = ["seq", "time", "actor", "action", "node", "facts", "details"]
_PAUSE = 0.5


@app.command()
def show(
    label: Annotated[str | None, typer.Argument(metavar="LABEL", help="A space; without, the system's own.")] = None,
    everywhere: Annotated[bool, typer.Option("--everywhere", help="Every stream, in the order of time.")] = False,
    user: Annotated[
        str | None, typer.Option(metavar="NAME", help="What this user did, or what is about the account.")
    ] = None,
    action: Annotated[list[str] | None, typer.Option(metavar="ACTION", help="These actions; repeat it.")] = None,
    outcome: Annotated[str, typer.Option(metavar="WORD", help="done, refused, failed …")] = "",
    path: Annotated[
        str | None, typer.Option(metavar="/SPACE/PATH", help="This file or folder, and what is below it; needs --as.")
    ] = None,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="From then on: 2026-11-24 or with T10:00.")] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Before then.")] = None,
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="The last so many entries.")] = 50,
    follow: Annotated[bool, typer.Option("--follow", help="Go on showing what comes, a line for each entry.")] = False,
    as_user: As = None,
    config: ConfigFile = NOT_GIVEN,
    password_stdin: PasswordStdin = False,
    password_file: PasswordFile = None,
    json: Json = False,
) -> None:
    """Show the last entries of a stream, the newest last; the paths in a space's are for its members (--as).

    Example: docstopd audit show Accounting --as ada --path /Accounting/2026 --action delete
    """
    secrets = Secrets(stdin=password_stdin, file=password_file)
    below = () if path is None else normal_path(space_path(path))
    if below and as_user is None:
        raise typer.BadParameter("paths are sealed: say as which member to look (--as)", param_hint="--path")
    if below and label is None and not everywhere:
        label = below[0]
    with opened(config) as vault:
        trail = vault.audit.trail(session_as(vault, as_user, secrets), label, everywhere=everywhere)
        wanted = Filter(
            user=b"" if user is None else vault.audit.user(user),
            actions=frozenset(action or ()),
            outcome=outcome,
            path=below,
            since=None if since is None else moment(since),
            until=None if until is None else moment(until),
        )
        found = trail.latest(wanted, limit)
        if not follow:
            columns = ["stream", *COLUMNS] if everywhere else COLUMNS
            show_table([_row(line) for line in found], columns, as_json=json)
            return
        with suppress(KeyboardInterrupt):
            _follow(trail, wanted, found, as_json=json)


def _follow(trail: Trail, wanted: Filter, found: list[Line], *, as_json: bool) -> None:
    """Until it is interrupted; JSON is one object a line here, since an array would never end."""
    while True:
        for line in found:
            row = _row(line)
            if as_json:
                sys.stdout.write(dumps(row, ensure_ascii=False) + "\n")
            else:
                say(f"{row['time']} {line.stream}/{line.seq} {line.actor or '-'} {line.action} {_facts(line)}")
        sys.stdout.flush()
        time.sleep(_PAUSE)
        found = trail.following(wanted)


def _facts(line: Line) -> str:
    return " ".join(f"{key}={value}" for key, value in {**line.facts, **line.details}.items())


def _row(line: Line) -> dict[str, Value]:
    return {
        "stream": line.stream,
        "seq": line.seq,
        "time": timestamp(line.time),
        "actor": line.actor,
        "action": line.action,
        "node": line.node,
        "facts": line.facts,
        "details": line.details,
    }


app.command()(export)
app.command()(verify)
