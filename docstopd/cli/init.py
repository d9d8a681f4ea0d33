"""`docstopd init`: everything that a service needs, made once; `serve` starts it."""

import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from docstopd.cli.asking import Secrets
from docstopd.cli.options import NOT_GIVEN, ConfigFile, Json, PasswordFile, PasswordStdin
from docstopd.cli.output import Value, say, show_object
from docstopd.config import Config, Minimal, parse, render_minimal
from docstopd.crypto import hpke
from docstopd.daemon.loaded import open_tls
from docstopd.daemon.setup import certificate_names, make_certificate, make_service, new_organisation_key
from docstopd.daemon.unfinished import check_free, unfinished
from docstopd.db import durable
from docstopd.errors import AlreadyExists, Refused
from docstopd.vault.accounts import NewAccount, check_password
from docstopd.vault.sessions import check_name


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is made, checked as far as it can be before anything is."""

    file: Path
    text: str
    config: Config
    self_signed: bool
    organisation: Path | None
    user: str


def init(
    data: Annotated[Path, typer.Option(metavar="DIR", help="The data folder to make.")],
    user: Annotated[str, typer.Option(metavar="NAME", help="The first user, an admin.")],
    organisation_key: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where the private half of the organisation's recovery key goes."),
    ] = None,
    no_organisation_key: Annotated[
        bool, typer.Option("--no-organisation-key", help="Nobody but the users opens what they store.")
    ] = False,
    certificate: Annotated[Path | None, typer.Option(metavar="FILE", help="A PEM certificate and its chain.")] = None,
    key: Annotated[Path | None, typer.Option(metavar="FILE", help="Its private key.")] = None,
    self_signed: Annotated[bool, typer.Option("--self-signed", help="Make a certificate; the default.")] = False,
    no_tls: Annotated[bool, typer.Option("--no-tls", help="Plain HTTP, for this machine or behind a proxy.")] = False,
    address: Annotated[str, typer.Option(metavar="IP", help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, metavar="N", help="The port to listen on.")] = 8443,
    config: ConfigFile = NOT_GIVEN,
    password_stdin: PasswordStdin = False,
    password_file: PasswordFile = None,
    json: Json = False,
) -> None:
    """Make the data folder, keys, first user and configuration; asks for the user's password, serves nothing.

    Example: docstopd init --config docstopd.yaml --data /srv/records --user ada --no-organisation-key
    """
    _one_of("--organisation-key or --no-organisation-key", organisation_key is not None, no_organisation_key)
    given = certificate is not None or key is not None
    if given + self_signed + no_tls > 1:
        raise typer.BadParameter("give one of --certificate with --key, --self-signed, --no-tls")
    if (certificate is None) != (key is None):
        raise typer.BadParameter("--certificate and --key belong together")
    config, data = config.absolute(), data.resolve()
    self_signed = not given and not no_tls
    tls = (data / "tls" / "tls.crt", data / "tls" / "tls.key") if self_signed else (certificate, key)
    places = [file and file.absolute() for file in tls]
    text = render_minimal(Minimal(data, address, port, places[0], places[1], target=data / "snapshots"))
    plan = _Plan(config, text, parse(text, config), self_signed, organisation_key, check_name(user))
    _check(plan)
    password = Secrets(stdin=password_stdin, file=password_file).ask_new(f"password of {plan.user}")
    check_password(password)
    _make(plan, password, as_json=json)


def _one_of(what: str, *given: bool) -> None:
    if sum(given) != 1:
        raise typer.BadParameter(f"give {what}")


def _check(plan: _Plan) -> None:
    """Raises `Refused` for what would fail half way."""
    check_free(plan.config.data)
    if plan.file.exists():
        raise AlreadyExists(f"{plan.file} exists already; nothing was changed")
    if not plan.file.parent.is_dir() and plan.file.parent != plan.config.data:
        raise Refused(f"{plan.file.parent} is no folder; make it first")
    if not plan.self_signed:
        open_tls(plan.config)
    if plan.organisation is not None:
        if plan.organisation.resolve().is_relative_to(plan.config.data):
            raise Refused(
                f"{plan.organisation} lies in the data folder; the organisation's key opens what is there, so it goes"
                " elsewhere, best onto a medium that leaves this machine"
            )
        if not plan.organisation.absolute().parent.is_dir():
            raise Refused(f"{plan.organisation.absolute().parent} is no folder; make it first")


def _make(plan: _Plan, password: str, *, as_json: bool) -> None:
    data = plan.config.data
    with unfinished(data) as making, ExitStack() as undo:
        fingerprint = None
        if plan.self_signed:
            names = certificate_names(plan.config.http.address)
            fingerprint = make_certificate(data / "tls", names).fingerprint
        public = _organisation(plan.organisation, undo)
        account = make_service(plan.config, public, plan.user, password)
        durable.write_file(plan.file, plan.text.encode(), 0o644)  # no secret in it; the service's user reads it
        undo.callback(plan.file.unlink, missing_ok=True)
        _show(plan, account, fingerprint, as_json=as_json)
        sys.stdout.flush()  # what nobody could read is undone
        making.finish()
        undo.pop_all()


def _organisation(file: Path | None, undo: ExitStack) -> hpke.PublicKey | None:
    if file is None:
        return None
    public = new_organisation_key(file)
    undo.callback(file.unlink, missing_ok=True)
    return public


def _show(plan: _Plan, account: NewAccount, fingerprint: str | None, *, as_json: bool) -> None:
    organisation = None if plan.organisation is None else str(plan.organisation.absolute())
    made: dict[str, Value] = {
        "user": account.user.name,
        "recovery_code": account.recovery_code,
        "config": str(plan.file),
        "data": str(plan.config.data),
        "organisation_key": organisation,
        "certificate": None if plan.config.tls.certificate is None else str(plan.config.tls.certificate),
        "fingerprint": fingerprint,
    }
    show_object(made, as_json=as_json)
    if as_json:
        return
    say("")
    say(
        "The recovery code is shown this once: it opens the account when the password is lost. Keep it apart from both."
    )
    if organisation is not None:
        say(f"Whoever has {organisation} can open everything that users store: take it off this machine now.")
    say(f"Keep a copy of {plan.config.keys.server} elsewhere: without it nothing opens.")
    say(f"Start the service: docstopd serve --config {plan.file}")
