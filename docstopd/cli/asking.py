"""Secrets and consent: from the terminal, or from where the command line says. Never from an argument."""

import getpass
import sys
from pathlib import Path
from typing import BinaryIO

import typer

from docstopd.errors import Refused

_LONGEST = 4096


class Secrets:
    """The secrets of one command, in the order in which it asks for them.

    With `--password-stdin` or `--password-file` each is a line of that input, UTF-8, without its end.
    """

    def __init__(self, *, stdin: bool, file: Path | None) -> None:
        if stdin and file is not None:
            raise typer.BadParameter("give --password-stdin or --password-file, not both")
        self._input: BinaryIO | None = sys.stdin.buffer if stdin else None
        self._file = file

    def ask(self, what: str) -> str:
        """A secret that exists already. Raises `Refused` when nothing answers."""
        if self._input is None and self._file is None:
            return _typed(what)
        return self._line(what)

    def ask_new(self, what: str) -> str:
        """A secret that begins to exist: typed twice. Raises `Refused` when the two differ."""
        secret = self.ask(what)
        if self._input is None and self._file is None and _typed(f"{what}, again") != secret:
            raise Refused("the two are not the same; nothing was changed")
        return secret

    def _line(self, what: str) -> str:
        try:
            if self._input is None:
                assert self._file is not None
                self._input = self._file.open("rb")
            line = self._input.readline(_LONGEST)
            text = line.decode("utf-8")
        except OSError as error:
            raise Refused(f"{self._file} cannot be read ({error.strerror})") from None
        except UnicodeDecodeError:
            raise Refused(f"the {what} is not UTF-8") from None
        if not line:
            raise Refused(f"the input ends before the {what}; give one line for each secret that is asked for")
        return text.removesuffix("\n").removesuffix("\r")


def agree(question: str, *, yes: bool) -> None:
    """Go on only with consent; raises `Refused` without. `yes` is the consent given on the command line."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise Refused(f"{question} There is no terminal to ask; say --yes if that is meant")
    if not typer.confirm(question, err=True):
        raise Refused("nothing was changed")


def _typed(what: str) -> str:
    try:
        with Path("/dev/tty").open("rb"):
            pass  # getpass would otherwise read standard input, and show what is typed
        return getpass.getpass(f"{what[:1].upper()}{what[1:]}: ")
    except (OSError, EOFError):
        raise Refused(f"there is no terminal to ask for the {what}; use --password-stdin or --password-file") from None
