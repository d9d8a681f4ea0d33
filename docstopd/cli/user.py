"""`docstopd user`: accounts and their passwords."""

from pathlib import Path
from typing import Annotated

import typer

from docstopd.cli.app_password import app as app_password
from docstopd.cli.asking import Secrets, agree
from docstopd.cli.opened import AGENT, opened
from docstopd.cli.options import NOT_GIVEN, ConfigFile, Json, PasswordFile, PasswordStdin, UserName, Yes
from docstopd.cli.output import say, show_object, show_table, timestamp
from docstopd.crypto import hpke, organisation
from docstopd.errors import Damaged, Refused, reason
from docstopd.model import Role
from docstopd.vault import Vault

app = typer.Typer(no_args_is_help=True, help="Accounts: add, list, recover, disable, delete.", rich_markup_mode=None)
app.add_typer(app_password, name="app-password")

_ONCE = "The recovery code is shown this once; it sets a new password when the old one is lost."


@app.command()
def add(
    name: UserName,
    role: Annotated[Role, typer.Option(help="What the account may do to the service.")] = Role.USER,
    email: Annotated[str, typer.Option(metavar="ADDRESS", help="Kept sealed.", show_default=False)] = "",
    config: ConfigFile = NOT_GIVEN,
    password_stdin: PasswordStdin = False,
    password_file: PasswordFile = None,
    json: Json = False,
) -> None:
    """Make an account with a personal space; asks for its password, shows its recovery code.

    Example: docstopd user add ada --email ada@example.org
    """
    secrets = Secrets(stdin=password_stdin, file=password_file)
    with opened(config) as vault:
        made = vault.accounts.add(name, secrets.ask_new(f"password of {name}"), role=role, email=email)
    user = made.user
    shown = {"name": user.name, "role": user.role.value, "recovery_code": made.recovery_code}
    show_object(shown, as_json=json)
    if not json:
        say(_ONCE)


@app.command("list")
def list_users(config: ConfigFile = NOT_GIVEN, json: Json = False) -> None:
    """List all accounts.

    Example: docstopd user list --json
    """
    with opened(config) as vault:
        found = vault.accounts.all()
    rows = [
        {
            "name": user.name,
            "role": user.role.value,
            "enabled": user.enabled,
            "email": profile.email,
            "created": timestamp(user.created),
        }
        for user, profile in found
    ]
    show_table(rows, ["name", "role", "enabled", "email", "created"], as_json=json)


@app.command()
def passwd(
    name: UserName,
    config: ConfigFile = NOT_GIVEN,
    password_stdin: PasswordStdin = False,
    password_file: PasswordFile = None,
) -> None:
    """Change a password: asks for the old one, then for the new one.

    Example: docstopd user passwd ada
    """
    secrets = Secrets(stdin=password_stdin, file=password_file)
    with opened(config) as vault:
        old = secrets.ask(f"password of {name}")
        session = vault.sessions.sign_in(name, old, agent=AGENT)
        vault.accounts.change_password(session, old, secrets.ask_new(f"new password of {name}"))
    say(f"The password of {name} is changed; open connections end at their next request.")


@app.command()
def reset(
    name: UserName,
    organisation_key: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The organisation's private key, for users without a recovery code."),
    ] = None,
    config: ConfigFile = NOT_GIVEN,
    password_stdin: PasswordStdin = False,
    password_file: PasswordFile = None,
    json: Json = False,
) -> None:
    """Set a new password where the old one is lost: asks for the recovery code, then for the new password.

    Example: docstopd user reset ada
    """
    secrets = Secrets(stdin=password_stdin, file=password_file)
    with opened(config) as vault:
        if organisation_key is None:
            code = secrets.ask(f"recovery code of {name}")
            fresh = vault.accounts.reset_with_code(name, code, secrets.ask_new(f"new password of {name}"))
        else:
            fresh = _reset_by_organisation(vault, name, _private_key(organisation_key), secrets)
    show_object({"name": name, "recovery_code": fresh}, as_json=json)
    if not json:
        say("The old recovery code is used up. " + _ONCE)


def _reset_by_organisation(vault: Vault, name: str, private: hpke.PrivateKey, secrets: Secrets) -> str:
    new = secrets.ask_new(f"new password of {name}")
    try:
        return vault.accounts.reset_with_organisation(name, private, new)
    except Damaged:
        raise Refused(f"this organisation key does not open what {name} has sealed to it; use the right one") from None


def _private_key(file: Path) -> hpke.PrivateKey:
    try:
        return organisation.decode(file.read_text(encoding="ascii"))
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"{file}: the organisation's key cannot be read: {reason(error)}") from None


@app.command()
def disable(name: UserName, config: ConfigFile = NOT_GIVEN) -> None:
    """Let a user sign in no more, from the next request on; nothing of the user's is lost.

    Example: docstopd user disable ada
    """
    with opened(config) as vault:
        vault.accounts.set_enabled(name, enabled=False)
    say(f"{name} is disabled.")


@app.command()
def enable(name: UserName, config: ConfigFile = NOT_GIVEN) -> None:
    """Let a disabled user sign in again.

    Example: docstopd user enable ada
    """
    with opened(config) as vault:
        vault.accounts.set_enabled(name, enabled=True)
    say(f"{name} is enabled.")


@app.command()
def delete(name: UserName, yes: Yes = False, config: ConfigFile = NOT_GIVEN) -> None:
    """Destroy an account, its keys, and the spaces that nobody else is a member of.

    Example: docstopd user delete ada
    """
    with opened(config) as vault:
        user = vault.accounts.find(name)
        alone, _shared = vault.accounts.memberships(name)
        labels = ", ".join(space.label for space in alone)
        destroyed = f" and with it for ever: {labels}." if alone else "."
        agree(f"This deletes the account {user.name}{destroyed} Go on?", yes=yes)
        erasure = vault.erasure.delete_account(name, alone)
    say(f"{name} is deleted, and {len(alone)} of the spaces with all that was in them.")
    say(f"The certificate: docstopd erasure certificate {erasure.id.hex()[:12]}")
