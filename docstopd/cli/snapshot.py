"""`docstopd snapshot`: copies of everything, and the ways back."""

from pathlib import Path
from typing import Annotated

import typer

from docstopd.cli.asking import Secrets
from docstopd.cli.bars import stoppable, watched
from docstopd.cli.codes import DAMAGE
from docstopd.cli.opened import about, opened, session_of
from docstopd.cli.options import NOT_GIVEN, As, ConfigFile, Json, PasswordFile, PasswordStdin, moment, space_path
from docstopd.cli.output import Value, counted, printable, say, show_object, show_table, size, timestamp
from docstopd.cli.runs import find, require_done, run_job
from docstopd.config import load
from docstopd.daemon.compose import open_vault
from docstopd.daemon.jobs import jobs_of
from docstopd.daemon.restoring import CONFIG, Wanted
from docstopd.daemon.restoring import restore as restore_all
from docstopd.errors import NotFound, Refused
from docstopd.jobs import Ended
from docstopd.jobs.runner import Stopped
from docstopd.vault.snapshots import Picked, Verified, When

app = typer.Typer(no_args_is_help=True, help="Snapshots: create, list, verify, restore, drill.", rich_markup_mode=None)


@app.command()
def create(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be copied.")] = False,
    config: ConfigFile = NOT_GIVEN,
    json: Json = False,
) -> None:
    """Copy the catalog, the keyring and every blob that is missing to each target, and read all of that back.

    Example: docstopd snapshot create
    """
    report = dict(_run(config, "snapshot", dry=dry_run).report)
    if json:
        show_object(report, as_json=True)
    elif dry_run:
        say(", ".join(f"{key.replace('_', ' ')} {value}" for key, value in report.items()) + ".")
    else:
        targets, blobs = counted(int(report["targets"]), "target"), counted(int(report["blobs"]), "blob")
        say(
            f"Snapshot {report['number']} is on {targets}: {blobs}, {size(int(report['bytes']))};"
            f" copied were {report['copied']}, {size(int(report['copied_bytes']))}."
        )


@app.command()
def drill(config: ConfigFile = NOT_GIVEN, json: Json = False) -> None:
    """Restore the newest snapshot beside the data, read every byte and the journal, and remove it again.

    Example: docstopd snapshot drill
    """
    report = dict(_run(config, "drill", dry=False).report)
    if json:
        show_object(report, as_json=True)
    else:
        say("The newest snapshot restores, and all of it is what was written.")


def _run(config: Path, name: str, *, dry: bool) -> Ended:
    settings = load(config)
    if not settings.snapshots.targets:
        raise Refused(f"there is no target: name one in {config}, under snapshots.targets")
    with open_vault(settings) as vault:
        ended = run_job(settings, vault, find(jobs_of(settings, vault), name), dry=dry)
    require_done(name, ended)
    return ended


@app.command("list")
def list_snapshots(config: ConfigFile = NOT_GIVEN, json: Json = False) -> None:
    """List the snapshots at each target.

    Example: docstopd snapshot list
    """
    with opened(config) as vault:
        found = vault.snapshots.all()
    rows: list[dict[str, Value]] = [
        {
            "number": copy.number,
            "time": timestamp(copy.created),
            "target": copy.target,
            "blobs": copy.blobs,
            "size": copy.bytes if json else size(copy.bytes),
            "finished": None if copy.finished is None else timestamp(copy.finished),
            "verified": None if copy.verified is None else timestamp(copy.verified),
        }
        for copy in found
        if copy.finished is not None
    ]
    show_table(rows, ["number", "time", "target", "blobs", "size", "verified"], as_json=json)


@app.command()
def verify(
    number: Annotated[int | None, typer.Argument(metavar="N", help="Which; the newest without.", min=1)] = None,
    read_data: Annotated[bool, typer.Option("--read-data", help="Read every blob, too, for its digest.")] = False,
    config: ConfigFile = NOT_GIVEN,
    json: Json = False,
) -> None:
    """Read a snapshot where it lies: signature, catalog, and that every blob is there; exit code 3 for damage.

    Example: docstopd snapshot verify --read-data
    """
    with opened(config) as vault, watched() as shown, stoppable(shown, Stopped) as progress:
        found = vault.snapshots.verify(number, progress, data=read_data)
    rows = [_verified(one, as_json=json) for one in found]
    show_table(rows, ["number", "target", "blobs", "size", "state"], as_json=json)
    wrong = [f"snapshot {one.number} on {one.target}: {what}" for one in found for what in one.wrong]
    for line in wrong:
        typer.echo(f"docstopd: {printable(line)}", err=True)
    if wrong:
        raise typer.Exit(DAMAGE)


def _verified(found: Verified, *, as_json: bool) -> dict[str, Value]:
    return {
        "number": found.number,
        "target": found.target,
        "blobs": found.blobs,
        "size": found.bytes if as_json else size(found.bytes),
        "state": "damaged" if found.wrong else "whole",
        "wrong": list(found.wrong),
    }


@app.command()
def restore(
    context: typer.Context,
    path: Annotated[
        str | None, typer.Argument(metavar="/SPACE/PATH", help="A space, folder or file; without, everything.")
    ] = None,
    at: Annotated[
        str | None, typer.Option(metavar="N|TIME", help="A snapshot's number, or the newest up to a time.")
    ] = None,
    in_place: Annotated[bool, typer.Option("--in-place", help="Where it was; what is there is kept as a version.")] = (
        False
    ),
    beside: Annotated[bool, typer.Option("--beside", help="Under a new name beside what is there.")] = False,
    as_user: As = None,
    target: Annotated[Path | None, typer.Option(metavar="DIR", help="Everything: the target's folder.")] = None,
    server_key: Annotated[Path | None, typer.Option(metavar="FILE", help="Everything: the server key.")] = None,
    data: Annotated[Path | None, typer.Option(metavar="DIR", help="Everything: the new data folder to make.")] = None,
    keyring: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Everything: where the keyring's copy is, if not in the target.")
    ] = None,
    number: Annotated[int | None, typer.Option(metavar="N", min=1, help="Everything: the snapshot.")] = None,
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="A path: the configuration.")] = None,
    password_stdin: PasswordStdin = False,
    password_file: PasswordFile = None,
    json: Json = False,
) -> None:
    """Bring back everything into a new data folder, or one path into the running service.

    Example: docstopd snapshot restore --target /mnt/backup --server-key server.key --data /srv/records
    Or: docstopd snapshot restore /ada/letters --at 2026-11-01 --as ada --beside
    """
    if path is None:
        if target is None or server_key is None or data is None:
            raise typer.BadParameter("give --target, --server-key and --data for everything, or a path")
        _everything(Wanted(target, server_key, data.absolute(), keyring, number), json=json)
        return
    if as_user is None or in_place == beside:
        raise typer.BadParameter("a path needs --as USER, and either --in-place or --beside")
    file = config or context.find_root().obj
    if file is None:
        raise typer.BadParameter("say which configuration: --config FILE, or set $DOCSTOPD_CONFIG")
    secrets = Secrets(stdin=password_stdin, file=password_file)
    with opened(file) as vault:
        session = session_of(vault, as_user, secrets)
        with watched() as shown, stoppable(shown, Stopped) as progress, about(path):
            picked = vault.snapshots.restore(session, space_path(path), _when(at), progress, beside=beside)
    _say_picked(picked, json=json)


def _everything(wanted: Wanted, *, json: bool) -> None:
    with watched() as shown, stoppable(shown, Stopped) as progress:
        restored = restore_all(wanted, progress)
    manifest, damaged = restored.manifest, [blob.blob.hex() for blob, _why in restored.damaged]
    made: dict[str, Value] = {
        "snapshot": manifest.number,
        "time": timestamp(manifest.time),
        "blobs": restored.blobs,
        "bytes": restored.bytes,
        "erased_since": restored.erased,
        "damaged": list(damaged),
        "data": str(wanted.data),
        "config": str(wanted.data / CONFIG),
    }
    show_object(made if json else {**made, "damaged": len(damaged)}, as_json=json)
    if not json:
        say("")
        say(f"Look at {wanted.data / CONFIG}: address, certificate and all that you had set are yours to write again.")
        say(f"Then: docstopd check --config {wanted.data / CONFIG}, and docstopd serve with the same.")
        say("The old machine must not serve the same data any more, nor write to this target.")
    for blob, why in restored.damaged:
        typer.echo(f"docstopd: node {blob.node}, blob {blob.blob.hex()}: {printable(why)}", err=True)
    if damaged:
        raise typer.Exit(DAMAGE)


def _say_picked(picked: Picked, *, json: bool) -> None:
    where = "/" + "/".join(picked.target)
    found: dict[str, Value] = {
        "snapshot": picked.number,
        "time": timestamp(picked.time),
        "path": where,
        "files": picked.files,
        "folders": picked.folders,
        "bytes": picked.bytes,
        "unchanged": picked.unchanged,
        "damaged": ["/" + "/".join(path) for path, _why in picked.damaged],
    }
    if json:
        show_object(found, as_json=True)
    else:
        say(
            f"Restored: {counted(picked.files, 'file')}, {size(picked.bytes)}, in {where}, as snapshot"
            f" {picked.number} of {timestamp(picked.time)} has them; {picked.unchanged} were the same already."
        )
    for path, why in picked.damaged:
        typer.echo(f"docstopd: {printable('/' + '/'.join(path))} is left out: {printable(why)}", err=True)
    if picked.damaged:
        raise typer.Exit(DAMAGE)


def _when(text: str | None) -> When:
    if text is None:
        return When()
    if text.isdecimal() and text.isascii():
        return When(number=int(text))
    try:
        return When(time=moment(text, whole_day=True))
    except typer.BadParameter:
        raise NotFound(f"{text!r} is neither a snapshot's number nor a time; write 12, or 2026-11-24T10:00") from None
