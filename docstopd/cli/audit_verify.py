"""`docstopd audit verify`: did anybody rewrite the journal?"""

import re
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from docstopd.cli.codes import DAMAGE
from docstopd.cli.opened import opened
from docstopd.cli.options import NOT_GIVEN, ConfigFile, Json
from docstopd.cli.output import Value, counted, say, show_json
from docstopd.errors import Damaged, Refused
from docstopd.vault.audit.verifying import Verification
from docstopd.vault.journal import SYSTEM


def verify(
    since: Annotated[
        str | None,
        typer.Option(
            metavar="N|checkpoint|last",
            help="Only what came since the newest checkpoint, the Nth newest, or the last verification.",
            show_default="everything",
        ),
    ] = None,
    checkpoints: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Compare with this copy of the checkpoints too.", show_default=False),
    ] = None,
    note: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="A checkpoint's note, as it was mailed; repeat it.", show_default=False),
    ] = None,
    config: ConfigFile = NOT_GIVEN,
    json: Json = False,
) -> None:
    """Check every entry of every stream against its chain and the checkpoints; exit code 3 names what is damaged.

    Example: docstopd audit verify --checkpoints /mnt/elsewhere/checkpoints
    """
    start = _since(since)
    for path in checkpoints or []:
        if not path.is_file():  # nothing to compare with must not read as nothing wrong
            raise Refused(f"{path} is no file: there are no checkpoints to compare with")
    with opened(config) as vault:
        try:
            found = vault.audit.verify(start, checkpoints or [], [_read_note(path) for path in note or []])
        except Damaged as error:
            _say_damaged(str(error))
        labels = {bytes(space.id): space.label for space in vault.spaces.all()} | {SYSTEM: "system"}
    if json:
        show_json(_as_object(found, labels))
    else:
        _tell(found, labels)
    if not found.whole:
        raise typer.Exit(DAMAGE)


def _read_note(path: Path) -> str:
    """The note in a file, whatever a mail program put around it."""
    try:
        text = path.read_text("utf-8").replace("\r\n", "\n")
    except (OSError, ValueError):
        raise Refused(f"{path} cannot be read as text") from None
    found = re.search(r"^docstopd/[0-9a-f]{16}\n.*?\n\n\N{EM DASH} [^\n]*", text, re.MULTILINE | re.DOTALL)
    if found is None:
        raise Refused(f"{path} holds no checkpoint: its first line begins with docstopd/, its last one with a dash")
    return found[0] + "\n"


def _since(text: str | None) -> int | None:
    if text is None or (text.isdecimal() and text.isascii() and int(text)):
        return None if text is None else int(text)
    named = {"checkpoint": 1, "last": 0}
    if text not in named:
        raise typer.BadParameter("say checkpoint, last, or a number from 1", param_hint="--since")
    return named[text]


def _as_object(found: Verification, labels: dict[bytes, str]) -> dict[str, Value]:
    return {
        "entries": found.entries,
        "unanchored": found.unanchored,
        "checkpoints": found.checkpoints,
        "damaged": [
            {"stream": labels.get(one.stream, one.stream.hex()), "seq": one.seq, "what": one.what}
            for one in found.damaged
        ],
        "damaged_checkpoints": [{"line": one.line, "what": one.what} for one in found.bad_lines],
        "streams": [
            {"stream": labels.get(stream, stream.hex()), "entries": seq, "anchored": found.anchored.get(stream, 0)}
            for stream, (seq, _hash) in found.heads.items()
        ],
    }


def _tell(found: Verification, labels: dict[bytes, str]) -> None:
    verdict = "the journal is whole" if found.whole else "THE JOURNAL IS DAMAGED"
    say(f"{found.entries} entries checked: {verdict}.")
    for one in found.damaged:
        say(f"stream {labels.get(one.stream, one.stream.hex())}, entry {one.seq}: {one.what}")
    for line in found.bad_lines:
        say(f"checkpoints, line {line.line}: {line.what}")
    if not found.checkpoints:
        say("No checkpoint was there to compare with: an end that was cut off would not show.")
    else:
        compared = counted(found.checkpoints, "checkpoint")
        say(f"{compared} compared; {found.unanchored} entries came after the last of them.")


def _say_damaged(what: str) -> NoReturn:
    say(f"THE JOURNAL IS DAMAGED: {what}")
    raise typer.Exit(DAMAGE)
