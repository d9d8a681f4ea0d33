"""`docstopd quickstart`: from nothing to a share that serves, by one command."""

import getpass
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from docstopd.cli.options import Json
from docstopd.cli.password import new_password
from docstopd.cli.welcome import Welcome, say, say_json
from docstopd.config import Config, Minimal, load, parse, render_minimal
from docstopd.daemon import serve
from docstopd.daemon.listener import open_listener
from docstopd.daemon.setup import certificate_names, is_made, make_certificate, make_service
from docstopd.daemon.unfinished import Unfinished, check_free, is_finished, settle, unfinished
from docstopd.db import durable
from docstopd.errors import Refused
from docstopd.vault.sessions import check_name

_ADDRESS = "127.0.0.1"
_CONFIG = "docstopd.yaml"
_SNAPSHOTS = "snapshots"
_SOMEBODY = "admin"


def quickstart(
    data: Annotated[Path, typer.Option(metavar="DIR", help="Where everything goes.")] = Path("docstopd-data"),
    port: Annotated[int, typer.Option(min=0, max=65535, metavar="N", help="The port to serve on; 0 is a free one.")] = (
        8443
    ),
    user: Annotated[
        str | None, typer.Option(metavar="NAME", help="The first user.", show_default="your login name")
    ] = None,
    no_tls: Annotated[bool, typer.Option("--no-tls", help="Plain HTTP, for this machine alone.")] = False,
    json: Json = False,
) -> None:
    """Make everything (keys, certificate, first user, shown once) and serve; run again, serve what is there.

    Example: docstopd quickstart --data /srv/records
    """
    data = data.resolve()
    welcome = Welcome("", None, None, None, str(data / _CONFIG), str(data))
    if is_finished(data):
        _serve_what_is_there(welcome, json=json)
    else:
        check_free(data)
        name = _login_name() if user is None else check_name(user)
        _make_and_serve(data, _minimal(port, tls=not no_tls), name, welcome, json=json)


def _serve_what_is_there(welcome: Welcome, *, json: bool) -> None:
    file = Path(welcome.config)
    if not file.exists():
        raise Refused(
            f"{welcome.data} holds docstopd's data but no {_CONFIG}: start it by `docstopd serve --config FILE`"
        )
    config = load(file)
    if not is_made(config.data):
        raise Refused(f"{file} names the data folder {config.data}, which is none; correct `data` there")
    settle(config.data)
    welcome = replace(welcome, data=str(config.data))
    serve(file, announce=partial(_announce, welcome, config, json=json))


def _make_and_serve(data: Path, minimal: Minimal, user: str, welcome: Welcome, *, json: bool) -> None:
    file = Path(welcome.config)
    text = render_minimal(minimal)
    config = parse(text, file)
    with open_listener(config.http):
        pass  # a port that cannot be had is found before anything is made
    with unfinished(data) as making:
        if config.tls.certificate is not None:
            make_certificate(data / "tls", certificate_names(_ADDRESS))
        password = new_password()
        account = make_service(config, None, user, password)
        durable.write_file(file, text.encode())
        welcome = replace(welcome, user=account.user.name, password=password, recovery_code=account.recovery_code)
        serve(file, announce=partial(_announce, welcome, config, making=making, json=json))
        if not making.finished:
            raise Refused("stopped before it was ready; nothing was kept")


def _announce(welcome: Welcome, config: Config, url: str, *, making: Unfinished | None = None, json: bool) -> None:
    welcome = replace(welcome, url=url)
    if json:
        say_json(welcome)
    else:
        certificate = config.tls.certificate
        say(welcome, None if certificate is None else Path(str(certificate)))
    if making is not None:
        making.finish()


def _minimal(port: int, *, tls: bool) -> Minimal:
    """Relative paths: the whole folder can be moved or copied."""
    if not tls:
        return Minimal(Path(), _ADDRESS, port, target=Path(_SNAPSHOTS))
    return Minimal(Path(), _ADDRESS, port, Path("tls/tls.crt"), Path("tls/tls.key"), Path(_SNAPSHOTS))


def _login_name() -> str:
    """The system's name for whoever runs this, without what a sign-in name cannot have."""
    try:
        login = getpass.getuser()
    except (OSError, KeyError):  # an account without a name, as containers have
        login = _SOMEBODY
    kept = "".join(letter for letter in login if letter.isalnum() or letter in "._-@").lstrip("._-@")
    return check_name(kept[:64] or _SOMEBODY)
