"""`docstopd user app-password`: passwords for single programs, which can be taken back one by one."""

from typing import Annotated

import typer

from docstopd.cli.asking import Secrets
from docstopd.cli.opened import AGENT, opened
from docstopd.cli.options import NOT_GIVEN, ConfigFile, Json, PasswordFile, PasswordStdin, UserName, duration
from docstopd.cli.output import say, show_object, show_table, timestamp
from docstopd.errors import Refused
from docstopd.model import SECOND, SlotId
from docstopd.vault.stores import wall_clock

app = typer.Typer(no_args_is_help=True, help="Passwords for single programs or devices.", rich_markup_mode=None)


@app.command()
def add(
    name: UserName,
    label: Annotated[str, typer.Option(metavar="TEXT", help="What it is for.", show_default=False)] = "",
    expires: Annotated[
        str | None, typer.Option(metavar="DURATION", help="End after this time, such as 90d.", show_default="never")
    ] = None,
    config: ConfigFile = NOT_GIVEN,
    password_stdin: PasswordStdin = False,
    password_file: PasswordFile = None,
    json: Json = False,
) -> None:
    """Make an app password, shown once; asks for the account's password.

    Example: docstopd user app-password add ada --label phone --expires 90d
    """
    lifetime = None if expires is None else duration(expires).seconds
    secrets = Secrets(stdin=password_stdin, file=password_file)
    with opened(config) as vault:
        password = secrets.ask(f"password of {name}")
        session = vault.sessions.sign_in(name, password, agent=AGENT)
        until = None if lifetime is None else wall_clock() + int(lifetime * SECOND)
        secret = vault.accounts.add_app_password(session, password, label, until)
    show_object({"name": session.user.name, "label": label, "app_password": secret}, as_json=json)
    if not json:
        say("It is shown this once.")


@app.command("list")
def list_app_passwords(name: UserName, config: ConfigFile = NOT_GIVEN, json: Json = False) -> None:
    """List a user's app passwords by what they are for.

    Example: docstopd user app-password list ada
    """
    with opened(config) as vault:
        found = vault.accounts.app_passwords(name)
    rows = [
        {
            "id": slot.id.hex(),
            "label": slot.label,
            "created": timestamp(slot.created),
            "expires": None if slot.expires is None else timestamp(slot.expires),
        }
        for slot in found
    ]
    show_table(rows, ["id", "label", "created", "expires"], as_json=json)


@app.command()
def remove(
    name: UserName,
    identifier: Annotated[str, typer.Argument(metavar="ID", help="As `list` shows it.")],
    config: ConfigFile = NOT_GIVEN,
) -> None:
    """Take an app password back; what uses it is out at its next request.

    Example: docstopd user app-password remove ada 0c5e…
    """
    try:
        slot = SlotId(bytes.fromhex(identifier))
    except ValueError:
        raise Refused(f"{identifier!r} is no id; `docstopd user app-password list {name}` shows them") from None
    with opened(config) as vault:
        vault.accounts.remove_app_password(name, slot)
    say("The app password is gone.")
