"""Tables and objects, for people or as JSON."""

import json
import sys
from collections.abc import Mapping, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from docstopd.model import Micros
from docstopd.vault.moment import shown

_WIDE = 1000
"""Columns of a table where nobody looks: a pipe gets each row on one line."""

Value = str | int | float | bool | None | Sequence["Value"] | Mapping[str, "Value"]


def console(width: int = _WIDE) -> Console:
    """Standard output as it is now; `width` is for output that goes elsewhere than to a terminal."""
    return Console(file=sys.stdout, width=None if sys.stdout.isatty() else width)


def say(text: str) -> None:
    """One line for a person."""
    sys.stdout.write(printable(text) + "\n")


def show_json(value: Value) -> None:
    """One value for a program."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def show_table(rows: Sequence[Mapping[str, Value]], columns: Sequence[str], *, as_json: bool) -> None:
    """Rows as a table of `columns`, or all they hold as a JSON array."""
    if as_json:
        show_json(rows)
        return
    table = Table(*columns, box=SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*(Text(_shown(row[column]), overflow="fold") for column in columns))
    console().print(table)


def show_object(value: Mapping[str, Value], *, as_json: bool) -> None:
    """One object: a line for each of its fields."""
    if as_json:
        show_json(value)
        return
    width = max(len(key) for key in value)
    for key, held in value.items():
        say(f"{key.replace('_', ' '):<{width}}  {_shown(held)}")


def printable(text: str) -> str:
    """The text without what a terminal would obey; users choose names, clients choose agents."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def timestamp(time: Micros) -> str:
    """RFC 3339, in UTC, to the second."""
    return shown(time)


def counted(number: int, thing: str) -> str:
    """A number of things for a person: `1 file`, `2 files`."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def size(count: int | None) -> str:
    """Bytes for a person."""
    if count is None:
        return "none"
    amount = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} TiB"


def _shown(value: Value) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case str():
            return printable(value)
        case Mapping():
            return " ".join(f"{key}={_shown(held)}" for key, held in value.items())
        case Sequence():
            return " ".join(_shown(held) for held in value) or "-"
        case _:
            return str(value)
