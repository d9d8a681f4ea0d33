"""`docstopd audit`: what the journal says, and whether it is whole."""

from typing import Annotated

import typer

from docstopd.cli.asking import Secrets
from docstopd.cli.codes import DAMAGE
from docstopd.cli.opened import opened, session_as
from docstopd.cli.options import NOT_GIVEN, As, ConfigFile, Json, PasswordFile, PasswordStdin
from docstopd.cli.output import Value, say, show_json, show_table, timestamp
from docstopd.vault import Vault
from docstopd.vault.audit import Line
from docstopd.vault.journal import SYSTEM, Damage

app = typer.Typer(no_args_is_help=True, help="The journal: show it, verify it.", rich_markup_mode=None)


@app.command()
def show(
    label: Annotated[str | None, typer.Argument(metavar="LABEL", help="A space; without, the system's own.")] = None,
    as_user: As = None,
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="The last so many entries.")] = 50,
    config: ConfigFile = NOT_GIVEN,
    password_stdin: PasswordStdin = False,
    password_file: PasswordFile = None,
    json: Json = False,
) -> None:
    """Show the last entries of a stream, the newest last; the paths in a space's are for its members (--as).

    Example: docstopd audit show Accounting --as ada --limit 20
    """
    secrets = Secrets(stdin=password_stdin, file=password_file)
    with opened(config) as vault:
        found = vault.audit.show(session_as(vault, as_user, secrets), label, limit)
    columns = ["seq", "time", "actor", "action", "node", "facts", "details"]
    show_table([_row(line) for line in found], columns, as_json=json)


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


@app.command()
def verify(config: ConfigFile = NOT_GIVEN, json: Json = False) -> None:
    """Check every entry of every stream; exit code 3 names the first bad entry of each.

    Example: docstopd audit verify
    """
    with opened(config) as vault:
        entries, found = vault.audit.verify()
        damaged = [_named(vault, damage) for damage in found]
    if json:
        show_json({"entries": entries, "damaged": damaged})
    else:
        say(f"{entries} entries checked: {'the journal is whole' if not damaged else 'THE JOURNAL IS DAMAGED'}.")
        for one in damaged:
            say(f"stream {one['stream']}, entry {one['seq']}: {one['what']}")
    if damaged:
        raise typer.Exit(DAMAGE)


def _named(vault: Vault, damage: Damage) -> dict[str, str | int]:
    labels = {bytes(space.id): space.label for space in vault.spaces.all()} | {SYSTEM: "system"}
    return {"stream": labels.get(damage.stream, damage.stream.hex()), "seq": damage.seq, "what": damage.what}
