"""`docstopd audit export`: the journal with its proof, as files that need no docstopd to be verified."""

import csv
import json
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from docstopd.cli.asking import Secrets
from docstopd.cli.opened import opened, session_as
from docstopd.cli.options import NOT_GIVEN, As, ConfigFile, PasswordFile, PasswordStdin
from docstopd.cli.output import say
from docstopd.db import durable
from docstopd.errors import Failed, Refused
from docstopd.vault import CHECKPOINTS, Vault
from docstopd.vault.audit.exporting import COLUMNS, Export, Record


class Form(StrEnum):
    """How the entries are written."""

    JSONL = "jsonl"
    CSV = "csv"


def export(
    output: Annotated[Path, typer.Option(metavar="DIR", help="A folder that does not exist yet.")],
    label: Annotated[str | None, typer.Argument(metavar="LABEL", help="A space; without, every stream.")] = None,
    form: Annotated[Form, typer.Option("--format", help="JSON Lines, or CSV.")] = Form.JSONL,
    as_user: As = None,
    config: ConfigFile = NOT_GIVEN,
    password_stdin: PasswordStdin = False,
    password_file: PasswordFile = None,
) -> None:
    """Write entries, heads, checkpoints and the public key into a folder, so that others can verify them.

    Example: docstopd audit export --output /tmp/audit-2026
    """
    secrets = Secrets(stdin=password_stdin, file=password_file)
    with opened(config) as vault:
        made = vault.audit.export(session_as(vault, as_user, secrets), label)
        if output.exists():
            raise Refused(f"{output} exists already; choose another place")
        durable.make_folder(output)
        try:
            count = _write(vault, made, output, form)
        except OSError as error:
            raise Failed(f"{output} cannot be written ({error.strerror})") from error
    say(f"{count} entries are in {output}, with their heads, the checkpoints and the public key.")


def _write(vault: Vault, made: Export, output: Path, form: Form) -> int:
    count = (_write_lines if form is Form.JSONL else _write_csv)(output / f"entries.{form.value}", made.entries())
    (output / "heads.json").write_text(json.dumps(made.ends(), indent=2, ensure_ascii=False) + "\n", "utf-8")
    (output / "key").write_text("".join(f"{key}\n" for key in vault.checkpoints.verifier_keys), "utf-8")
    with (output / CHECKPOINTS).open("wb") as file:
        file.writelines(vault.checkpoints.raw())
    return count


def _write_lines(path: Path, records: Iterable[Record]) -> int:
    count = 0
    with path.open("w", encoding="utf-8") as file:
        for count, record in enumerate(records, 1):  # noqa: B007 - the last number is the answer
            file.write(json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n")
    return count


def _write_csv(path: Path, records: Iterable[Record]) -> int:
    """RFC 4180. What people chose must not be taken for a formula by a spreadsheet: details are JSON, in braces."""
    count = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for count, record in enumerate(records, 1):  # noqa: B007 - as above
            details = json.dumps(record["details"], ensure_ascii=False, separators=(",", ":"))
            writer.writerow([record[name] for name in COLUMNS[:-1]] + [details])
    return count
