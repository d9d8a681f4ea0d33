"""`docstopd key`: rotate keys, and keep the server key from being lost."""

from pathlib import Path
from typing import Annotated

import typer

from docstopd.cli.asking import Secrets
from docstopd.cli.bars import watched
from docstopd.cli.opened import about, opened, session_as
from docstopd.cli.options import NOT_GIVEN, As, ConfigFile, Json, Label, PasswordFile, PasswordStdin
from docstopd.cli.output import say, show_json, show_object
from docstopd.config import load
from docstopd.daemon import keyfile

app = typer.Typer(no_args_is_help=True, help="Keys: rotate, backup, recover, public.", rich_markup_mode=None)
rotate = typer.Typer(no_args_is_help=True, help="Replace a key by a new one.", rich_markup_mode=None)
app.add_typer(rotate, name="rotate")


@rotate.command("space")
def rotate_space(
    label: Label,
    as_user: As = None,
    finish: Annotated[
        bool, typer.Option("--finish", help="Begin no new epoch, only move what is left under earlier ones.")
    ] = False,
    config: ConfigFile = NOT_GIVEN,
    password_stdin: PasswordStdin = False,
    password_file: PasswordFile = None,
    json: Json = False,
) -> None:
    """Give a space a new key and bring all that it holds under it; a sealed one is opened by an owner: --as.

    Example: docstopd key rotate space Accounting --as ada
    """
    secrets = Secrets(stdin=password_stdin, file=password_file)
    with opened(config) as vault:
        session = session_as(vault, as_user, secrets)
        with watched() as progress, about(label):
            report = vault.rotation.space(session, label, progress, finish=finish)
    show_object({"space": label, **report}, as_json=json)


@rotate.command("server")
def rotate_server(
    retire: Annotated[
        bool, typer.Option("--retire", help="Take the earlier keys out of the key file, once nothing needs them.")
    ] = False,
    config: ConfigFile = NOT_GIVEN,
    json: Json = False,
) -> None:
    """Replace the server key, while docstopd is stopped; run again, it goes on where it was broken off.

    Example: docstopd key rotate server
    """
    settings = load(config)
    if retire:
        count = keyfile.retire(settings)
        show_object({"retired": count}, as_json=json)
        return
    with watched() as progress:
        report = keyfile.rotate(settings, progress)
    show_object(dict(report), as_json=json)
    if not json:
        say("Back the new key up now (docstopd key backup FILE), apart from the data.")
        say("The key file names the key before as well, which opens copies of the keyring from before. When these are")
        say("gone: docstopd key rotate server --retire")


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file, outside of the data folder.")],
    config: ConfigFile = NOT_GIVEN,
) -> None:
    """Write the server key to a file that only you can read.

    Example: docstopd key backup /media/stick/docstopd-server.key
    """
    keyfile.backup(load(config), file)
    say(f"The server key is in {file}. Whoever has it and the data can open managed spaces: keep the two apart.")


@app.command()
def recover(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `key backup` wrote.")],
    config: ConfigFile = NOT_GIVEN,
) -> None:
    """Put the server key back into a data folder that has lost it.

    Example: docstopd key recover /media/stick/docstopd-server.key
    """
    keyfile.recover(load(config), file)
    say("The server key is back in its place, and opens the keyring.")


@app.command()
def public(config: ConfigFile = NOT_GIVEN, json: Json = False) -> None:
    """Print the public keys by which certificates are verified without this service, the current one first.

    Example: docstopd key public
    """
    keys = keyfile.public_keys(load(config))
    if json:
        show_json(list(keys))
        return
    for key in keys:
        say(key)
