"""`docstopd hold`: nothing that a hold covers is removed while it stands."""

from typing import Annotated

import typer

from docstopd.cli.asking import Secrets, agree
from docstopd.cli.opened import about, opened, session_as, session_of
from docstopd.cli.options import NOT_GIVEN, As, ConfigFile, Json, PasswordFile, PasswordStdin, Yes, space_path
from docstopd.cli.output import Value, say, show_object, show_table, timestamp
from docstopd.errors import Refused
from docstopd.model import NodeId
from docstopd.vault import Vault
from docstopd.vault.retention.holding import ShownHold

app = typer.Typer(no_args_is_help=True, help="Holds: place, release, list.", rich_markup_mode=None)


@app.command()
def place(
    path: Annotated[
        str | None, typer.Argument(metavar="/SPACE/PATH", help="A file or a folder; asks for the password of --as.")
    ] = None,
    user: Annotated[str | None, typer.Option(metavar="NAME", help="A user: the account and all that it wrote.")] = None,
    space: Annotated[str | None, typer.Option(metavar="LABEL", help="A space with all in it.")] = None,
    node: Annotated[
        int | None, typer.Option(metavar="NUMBER", help="A file or folder by its number in the journal.")
    ] = None,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Kept sealed.", show_default=False)] = "",
    confidential: Annotated[bool, typer.Option("--confidential", help="Members are not told.")] = False,
    as_user: As = None,
    config: ConfigFile = NOT_GIVEN,
    password_stdin: PasswordStdin = False,
    password_file: PasswordFile = None,
    json: Json = False,
) -> None:
    """Place a hold: nothing that it covers is removed, purged, erased or expired until it is released.

    Example: docstopd hold place --user bob --reason "case 2026-17" --confidential
    """
    if [path, user, space, node].count(None) != 3:
        raise typer.BadParameter("say one thing: /SPACE/PATH, --user NAME, --space LABEL or --node NUMBER")
    secrets = Secrets(stdin=password_stdin, file=password_file)
    with opened(config) as vault:
        holds = vault.holds
        if path is not None:
            if as_user is None:
                raise typer.BadParameter("a path is looked up by somebody who can open its space: --as USER")
            session = session_of(vault, as_user, secrets)
            with about(path):
                made = holds.on_path(session, space_path(path), reason, confidential=confidential)
        elif node is not None:
            made = holds.on_node(NodeId(node), reason, confidential=confidential)
        else:
            asked = session_as(vault, as_user, secrets)
            if user is not None:
                held = vault.accounts.find(user)
                made = holds.on_user(held, reason, confidential=confidential, session=asked)
            else:
                made = holds.on_space(space or "", reason, confidential=confidential, session=asked)
    show_object({"hold": made.hex()}, as_json=json)


@app.command()
def release(
    hold: Annotated[str, typer.Argument(metavar="ID", help="The hold, or the beginning of its id.")],
    yes: Yes = False,
    config: ConfigFile = NOT_GIVEN,
) -> None:
    """Release a hold: what waited for it goes on with the next run, unless another hold covers it.

    Example: docstopd hold release 3f2a91
    """
    with opened(config) as vault:
        found = _find(vault, hold)
        agree(f"This releases the hold on {found.kind} {found.on}; what waited may be removed then. Go on?", yes=yes)
        vault.holds.release(found.id)
    say(f"The hold {found.id.hex()} is released.")


def _find(vault: Vault, beginning: str) -> ShownHold:
    found = [one for one in vault.holds.all() if beginning and one.id.hex().startswith(beginning.lower())]
    if len(found) != 1:
        raise Refused(f"{len(found) or 'no'} holds that stand begin with {beginning!r}; see `docstopd hold list`")
    return found[0]


@app.command("list")
def list_holds(
    everything: Annotated[bool, typer.Option("--all", help="Also those that are released.")] = False,
    config: ConfigFile = NOT_GIVEN,
    json: Json = False,
) -> None:
    """List the holds that stand.

    Example: docstopd hold list
    """
    with opened(config) as vault:
        found = vault.holds.all(released=everything)
    columns = ["id", "kind", "on", "nodes", "placed", "author", "confidential", "reason", "released"]
    show_table([_row(one) for one in found], columns, as_json=json)


def _row(one: ShownHold) -> dict[str, Value]:
    return {
        "id": one.id.hex(),
        "kind": one.kind,
        "on": one.on,
        "nodes": list(one.nodes),
        "placed": timestamp(one.placed),
        "author": one.author,
        "confidential": one.confidential,
        "reason": one.reason,
        "released": None if one.released is None else timestamp(one.released),
    }
