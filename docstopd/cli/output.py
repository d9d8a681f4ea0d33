"""Tables and objects, for people or as JSON."""

import sys

from rich.console import Console

_WIDE = 1000
"""Columns of a table where nobody looks: a pipe gets each row on one line."""


def console(width: int = _WIDE) -> Console:
    """Standard output as it is now; `width` is for output that goes elsewhere than to a terminal."""
    return Console(file=sys.stdout, width=None if sys.stdout.isatty() else width)
