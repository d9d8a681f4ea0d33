"""All commands in one list."""

from pathlib import Path
from typing import Annotated

import typer

from docstopd import __version__
from docstopd.cli.audit import app as audit
from docstopd.cli.check import check
from docstopd.cli.config import app as config_commands
from docstopd.cli.decrypt import decrypt
from docstopd.cli.erasure import app as erasure
from docstopd.cli.hold import app as hold
from docstopd.cli.init import init
from docstopd.cli.job import app as job
from docstopd.cli.key import app as key
from docstopd.cli.quickstart import quickstart
from docstopd.cli.retention import app as retention
from docstopd.cli.serve import serve
from docstopd.cli.snapshot import app as snapshot
from docstopd.cli.space import app as space
from docstopd.cli.status import status
from docstopd.cli.trash import app as trash
from docstopd.cli.user import app as user

app = typer.Typer(
    name="docstopd",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    pretty_exceptions_show_locals=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"docstopd {__version__}")
        raise typer.Exit


@app.callback()
def docstopd(
    context: typer.Context,
    config: Annotated[
        Path | None, typer.Option("--config", envvar="DOCSTOPD_CONFIG", metavar="FILE", help="The configuration.")
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Say the version and end.")
    ] = False,
) -> None:
    """An encrypted records share over WebDAV."""
    context.obj = config


for command in (quickstart, init, serve, check, status, decrypt):
    app.command()(command)
for name, group in (
    ("user", user),
    ("space", space),
    ("retention", retention),
    ("hold", hold),
    ("erasure", erasure),
    ("snapshot", snapshot),
    ("key", key),
    ("trash", trash),
    ("audit", audit),
    ("job", job),
    ("config", config_commands),
):
    app.add_typer(group, name=name)
