"""From the arguments to an exit code; nothing else maps errors to codes."""

import logging
import os
import sys
from typing import NoReturn

from docstopd.cli.app import app
from docstopd.cli.codes import DONE, FAILED, STATE_UNKNOWN
from docstopd.cli.output import printable
from docstopd.errors import ConfigurationError, Failed, Refused, StateUnknown


def main() -> NoReturn:
    """Run the command that the process's arguments name. An error that nobody expected keeps its traceback."""
    os.umask(0o077)  # what any command writes, databases and their logs among it, is its user's alone
    # A command says itself what went wrong; only `serve` sends the log somewhere.
    logging.getLogger("docstopd").addHandler(logging.NullHandler())
    try:
        app(prog_name="docstopd")
    except ConfigurationError as error:
        _fail("\n".join(error.problems), FAILED)
    except (Refused, Failed) as error:
        _fail(str(error), FAILED)
    except StateUnknown as error:
        _fail(f"{error}; nothing more was done: look at the disk, then run `docstopd check`", STATE_UNKNOWN)
    sys.exit(DONE)


def _fail(message: str, code: int) -> NoReturn:
    shown = "\n".join(printable(line) for line in message.splitlines())
    sys.stderr.write(f"docstopd: {shown}\n")
    sys.exit(code)
