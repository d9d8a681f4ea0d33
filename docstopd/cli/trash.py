"""`docstopd trash`: what was deleted in a space, and its way back."""

from typing import Annotated

import typer

from docstopd.cli.asking import Secrets
from docstopd.cli.opened import about, opened, session_of
from docstopd.cli.options import NOT_GIVEN, ConfigFile, Json, Label, PasswordFile, PasswordStdin
from docstopd.cli.output import Value, say, show_table, size, timestamp
from docstopd.model import Deletion, Node

app = typer.Typer(no_args_is_help=True, help="What was deleted: list, restore.", rich_markup_mode=None)

Member = Annotated[str, typer.Option("--as", metavar="USER", help="A member of the space; asks for the password.")]


@app.command("list")
def list_trash(
    label: Label,
    member: Member,
    config: ConfigFile = NOT_GIVEN,
    json: Json = False,
    password_stdin: PasswordStdin = False,
    password_file: PasswordFile = None,
) -> None:
    """List what was deleted in a space and not purged yet.

    Example: docstopd trash list Accounting --as ada
    """
    secrets = Secrets(stdin=password_stdin, file=password_file)
    with opened(config) as vault:
        session = session_of(vault, member, secrets)
        with about(label):
            found = vault.past.deleted(session, label)
    rows = [_row(node, node.deletion, as_json=json) for node in found if node.deletion is not None]
    show_table(rows, ["name", "folder", "size", "deleted", "by"], as_json=json)


def _row(node: Node, deletion: Deletion, *, as_json: bool) -> dict[str, Value]:
    return {
        "name": node.name,
        "folder": None if deletion.place is None else "/".join(deletion.place),
        "size": None if node.folder else node.size if as_json else size(node.size),
        "deleted": None if deletion.time is None else timestamp(deletion.time),
        "by": deletion.user,
    }


@app.command()
def restore(
    label: Label,
    name: Annotated[str, typer.Argument(metavar="NAME", help="As `trash list` shows it.")],
    member: Member,
    config: ConfigFile = NOT_GIVEN,
    password_stdin: PasswordStdin = False,
    password_file: PasswordFile = None,
) -> None:
    """Restore a deleted file or folder to where it was, beside what has its name by now.

    Example: docstopd trash restore Accounting "report (deleted 2026-11-24 5f).txt" --as ada
    """
    secrets = Secrets(stdin=password_stdin, file=password_file)
    with opened(config) as vault:
        session = session_of(vault, member, secrets)
        with about(f"/{label}/.trash/{name}"):
            path = vault.past.put_back(session, label, name)
    say(f"Restored as {'/'.join(path)}.")
