"""`docstopd erasure`: destroy for ever what somebody has a right to have destroyed, and prove it."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from docstopd.catalog.erasures import Erasure
from docstopd.cli.asking import Secrets, agree
from docstopd.cli.codes import DAMAGE
from docstopd.cli.opened import about, opened, session_as, session_of
from docstopd.cli.options import NOT_GIVEN, As, ConfigFile, Json, PasswordFile, PasswordStdin, Yes, space_path
from docstopd.cli.output import Value, say, show_json, show_object, show_table, timestamp
from docstopd.crypto import statement
from docstopd.errors import Damaged, Incompatible, Refused, reason
from docstopd.vault import Session, Vault
from docstopd.vault.erasure.certificate import CERTIFICATE

app = typer.Typer(
    no_args_is_help=True, help="Erasure: request, list, certificate, cancel, verify.", rich_markup_mode=None
)

Id = Annotated[str, typer.Argument(metavar="ID", help="The erasure, or the beginning of its id.")]

_STATES = {
    "waiting": "It waits until its grace is over; `docstopd erasure cancel` calls it back.",
    "held": "It cannot be carried out now; it is kept, and goes on by itself as soon as it can.",
    "erasing": "It has begun and is gone from view; the next run of the job `expiry` goes on with it.",
    "provisional": "Its keys are destroyed. The certificate becomes final when the last copy of the keyring from before"
    " is gone.",
    "final": "Nothing of it is left anywhere that docstopd reaches.",
}


@app.command()
def request(
    path: Annotated[
        str | None, typer.Argument(metavar="/SPACE/PATH", help="A file or a folder; asks for the password of --as.")
    ] = None,
    space: Annotated[str | None, typer.Option(metavar="LABEL", help="A whole space.")] = None,
    account: Annotated[str | None, typer.Option(metavar="NAME", help="An account, after the configured grace.")] = None,
    as_user: As = None,
    yes: Yes = False,
    config: ConfigFile = NOT_GIVEN,
    password_stdin: PasswordStdin = False,
    password_file: PasswordFile = None,
    json: Json = False,
) -> None:
    """Have a file, a folder, a space or an account destroyed in every copy.

    Example: docstopd erasure request /ada/letters/to-grace.txt --as ada
    """
    if [path, space, account].count(None) != 2:
        raise typer.BadParameter("say one thing: /SPACE/PATH, --space LABEL or --account NAME")
    secrets = Secrets(stdin=password_stdin, file=password_file)
    with opened(config) as vault:
        if path is not None:
            if as_user is None:
                raise typer.BadParameter("a path is looked up by somebody who can open its space: --as USER")
            session = session_of(vault, as_user, secrets)
            agree(f"This destroys {path} and all of its versions, for ever. Go on?", yes=yes)
            with about(path):
                done = vault.erasure.request_path(session, space_path(path))
        else:
            done = _whole(vault, session_as(vault, as_user, secrets), space, account, yes=yes)
        why = vault.erasure.hindrance(done) if done.state == "held" else ""
    show_object(_row(done), as_json=json)
    if not json:
        say(_STATES.get(done.state, ""))
        if why:
            say(f"The reason: {why}.")


def _whole(vault: Vault, session: Session | None, space: str | None, account: str | None, *, yes: bool) -> Erasure:
    if space is not None:
        agree(f"This destroys the space {space} with all that is in it, for ever. Go on?", yes=yes)
        return vault.erasure.request_space(session, space)
    name = account or ""
    alone, _shared = vault.accounts.memberships(name)
    labels = ", ".join(one.label for one in alone)
    destroyed = f" and with it for ever: {labels}." if alone else "."
    agree(f"This shuts the account {name} now, and destroys it when its grace is over{destroyed} Go on?", yes=yes)
    return vault.erasure.request_account(session, name)


@app.command("list")
def list_erasures(config: ConfigFile = NOT_GIVEN, json: Json = False) -> None:
    """List all erasures and how far each is.

    Example: docstopd erasure list
    """
    with opened(config) as vault:
        found = vault.erasure.all()
    show_table([_row(one) for one in found], ["id", "kind", "requested", "due", "state"], as_json=json)


@app.command()
def certificate(
    erasure: Id,
    output: Annotated[Path | None, typer.Option(metavar="FILE", help="Write it there.", show_default=False)] = None,
    config: ConfigFile = NOT_GIVEN,
) -> None:
    """Print the signed certificate of an erasure, as it is now.

    Example: docstopd erasure certificate 3f2a91 --output certificate.json
    """
    with opened(config) as vault:
        found = vault.erasure.get(erasure)
    if found.certificate is None:
        later = "" if found.state == "cancelled" else " yet"
        raise Refused(f"erasure {found.id.hex()} is {found.state}: there is no certificate{later}")
    if output is None:
        sys.stdout.write(found.certificate)
        return
    try:
        with output.open("x", encoding="utf-8") as file:
            file.write(found.certificate)
    except OSError as error:
        raise Refused(f"{output} cannot be written ({error.strerror}); nothing was overwritten") from None
    say(f"The {found.state} certificate is in {output}.")


@app.command()
def cancel(erasure: Id, config: ConfigFile = NOT_GIVEN) -> None:
    """Call back an erasure that has not begun; an account that was shut for it is opened again.

    Example: docstopd erasure cancel 3f2a91
    """
    with opened(config) as vault:
        found = vault.erasure.cancel(erasure)
    say(f"Erasure {found.id.hex()} is called back; nothing was destroyed.")


@app.command()
def verify(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="CERT", help="The certificate.")],
    public_key: Annotated[
        str | None,
        typer.Option(metavar="KEY", help="Only the signature, by this key (`docstopd key public`); needs no service."),
    ] = None,
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="The configuration.")] = None,
    json: Json = False,
) -> None:
    """Check a certificate: its signature, and that what it names is nowhere; exit code 3 if not.

    Example: docstopd erasure verify certificate.json
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"{file} cannot be read: {reason(error)}") from None
    try:
        found = _signature(text, public_key) if public_key is not None else _all(context, config, text)
    except (Damaged, Incompatible) as error:
        found = [str(error)]
    if json:
        show_json({"good": not found, "findings": list(found)})
    elif not found:
        only = " The stores were not looked at." if public_key is not None else " Nothing of what it names is there."
        say(f"{file} is genuine.{only}")
    for one in found if not json else ():
        say(f"{file}: {one}")
    if found:
        raise typer.Exit(DAMAGE)


def _signature(text: str, public_key: str) -> list[str]:
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key))
    except ValueError:
        raise typer.BadParameter("the public key is 64 hexadecimal digits") from None
    statement.verify(CERTIFICATE, text, key)
    return []


def _all(context: typer.Context, config: Path | None, text: str) -> list[str]:
    config = config or context.find_root().obj
    if config is None:
        raise typer.BadParameter("say which service with --config FILE, or by which --public-key to check")
    with opened(config) as vault:
        return vault.erasure.verify(text)


def _row(erasure: Erasure) -> dict[str, Value]:
    return {
        "id": erasure.id.hex(),
        "kind": erasure.kind,
        "requested": timestamp(erasure.requested),
        "due": timestamp(erasure.due),
        "state": erasure.state,
        "final": None if erasure.final is None else timestamp(erasure.final),
    }
