"""The options that many commands share."""

from pathlib import Path
from typing import Annotated

import typer

NOT_GIVEN = Path()
"""The default of `ConfigFile`, which its callback replaces."""


def _find(context: typer.Context, given: Path) -> Path:
    """The command's own `--config`, else the one before the command, else $DOCSTOPD_CONFIG."""
    found: Path | None = context.find_root().obj if given == NOT_GIVEN else given
    if found is None and not context.resilient_parsing:
        raise typer.BadParameter("say which configuration: --config FILE, or set $DOCSTOPD_CONFIG")
    return found or NOT_GIVEN


ConfigFile = Annotated[
    Path,
    typer.Option(
        "--config",
        metavar="FILE",
        callback=_find,
        show_default=False,
        help="The configuration; without it, what $DOCSTOPD_CONFIG names.",
    ),
]

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
