"""The command line: parses, asks, calls what is below, prints. One file for each group of commands.

What always holds: no secret is taken as an argument or printed twice; what a program may read is JSON by `--json`;
what cannot be undone is asked first; and `main` alone turns errors into exit codes.
"""

from docstopd.cli.program import main

__all__ = ["main"]
