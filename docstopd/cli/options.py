"""The options that many commands share."""

import datetime
from pathlib import Path
from typing import Annotated

import typer
from pydantic_core import PydanticCustomError

from docstopd.config import Duration
from docstopd.config.size import parse_size
from docstopd.model import Micros, SpacePath

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
Yes = Annotated[bool, typer.Option("--yes", help="Don't ask before what cannot be undone.")]
PasswordStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read what would be asked for from standard input, a line for each.")
]
PasswordFile = Annotated[
    Path | None, typer.Option("--password-file", metavar="FILE", help="The same from a file.", show_default=False)
]
As = Annotated[
    str | None,
    typer.Option(
        "--as", metavar="USER", help="Open the space as this member; asks for the password.", show_default=False
    ),
]
UserName = Annotated[str, typer.Argument(metavar="NAME", help="The user.")]
Label = Annotated[str, typer.Argument(metavar="LABEL", help="The space.")]


def space_path(text: str) -> SpacePath:
    """/SPACE/FOLDER/FILE as the vault takes it. Raises the parser's usage error."""
    names = tuple(name for name in text.split("/") if name)
    if not names:
        raise typer.BadParameter(f"{text!r} names nothing; write /SPACE/FOLDER/FILE")
    return names


def duration(text: str) -> Duration:
    """A length of time as the configuration writes it. Raises the parser's usage error."""
    try:
        return Duration.parse(text)
    except PydanticCustomError as error:
        raise typer.BadParameter(f"{text!r} {error.message()}") from None


def moment(text: str, *, whole_day: bool = False) -> Micros:
    """A date, or a date and a time (RFC 3339), in UTC unless it says otherwise. Raises the parser's usage error.

    A date is its first moment, with `whole_day` its last.
    """
    try:
        found = datetime.datetime.fromisoformat(text)
        if whole_day and "T" not in text and ":" not in text:
            found += datetime.timedelta(days=1, microseconds=-1)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no time; write 2026-11-24 or 2026-11-24T10:00:00Z") from None
    if found.tzinfo is None:
        found = found.replace(tzinfo=datetime.UTC)
    return (found - datetime.datetime.fromtimestamp(0, datetime.UTC)) // datetime.timedelta(microseconds=1)


def size_or_none(text: str) -> int | None:
    """A size as the configuration writes it, or `none`. Raises the parser's usage error."""
    if text == "none":
        return None
    try:
        return parse_size(int(text) if text.isdecimal() and text.isascii() else text)
    except PydanticCustomError as error:
        raise typer.BadParameter(f"{text!r} {error.message()}, or none") from None
