"""`docstopd space arrivals`: what came while a space was locked, and its way into the space."""

from typing import Annotated

import typer

from docstopd.cli.asking import Secrets
from docstopd.cli.opened import opened, session_as
from docstopd.cli.options import NOT_GIVEN, As, ConfigFile, Json, Label, PasswordFile, PasswordStdin
from docstopd.cli.output import Value, say, show_table, size, timestamp
from docstopd.errors import NotFound
from docstopd.vault import Vault
from docstopd.vault.arrivals import Filed, Waiting

_WHY = {
    "quota": "the quota is used up",
    "lock": "somebody has locked its folder",
    "name": "its path is none that a file can have",
    "damaged": "it is damaged",
}


def arrivals(
    label: Label,
    as_user: As = None,
    file: Annotated[
        bool, typer.Option("--file", help="File them now; otherwise the service does, once it can.")
    ] = False,
    config: ConfigFile = NOT_GIVEN,
    json: Json = False,
    password_stdin: PasswordStdin = False,
    password_file: PasswordFile = None,
) -> None:
    """List what arrived in a space and waits to be filed: how much, or with --as which files.

    Example: docstopd space arrivals Accounting --as ada --file
    """
    if file and as_user is None:
        raise typer.BadParameter("only a member can file them: add --as USER")
    secrets = Secrets(stdin=password_stdin, file=password_file)
    with opened(config) as vault:
        session = session_as(vault, as_user, secrets)
        if session is None:
            show_table([_summary(vault, label, as_json=json)], ["arrivals", "size", "oldest"], as_json=json)
            return
        filed = vault.arrivals.file(session, label) if file else None
        rows = [_row(one, as_json=json) for one in vault.arrivals.list(session, label)]
    if filed is not None and not json:
        say(_said(filed))
    if filed is None or json or rows:
        show_table(rows, ["path", "size", "dated", "received", "waits"], as_json=json)


def _summary(vault: Vault, label: str, *, as_json: bool) -> dict[str, Value]:
    if all(space.label != label for space in vault.spaces.all()):
        raise NotFound(f"there is no space {label!r}")
    one = vault.arrivals.waiting().get(label)
    count, total = (one.arrivals, one.bytes) if one else (0, 0)
    return {
        "arrivals": count,
        "size": total if as_json else size(total),
        "oldest": timestamp(one.oldest) if one else None,
    }


def _row(one: Waiting, *, as_json: bool) -> dict[str, Value]:
    return {
        "path": None if one.path is None else "/".join(one.path),
        "size": one.size if as_json else size(one.size),
        "dated": None if one.modified is None else timestamp(one.modified),
        "received": timestamp(one.received),
        "waits": one.waits if as_json else _WHY.get(one.waits or "", ""),
    }


def _said(filed: Filed) -> str:
    left = sum(filed.waits.values())
    return f"{filed.filed} files, {size(filed.bytes)}, are filed; {left} wait."
