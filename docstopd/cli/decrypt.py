"""`docstopd decrypt`: the way out that needs no service, no network and no leave."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from docstopd.cli.asking import Secrets
from docstopd.cli.codes import DAMAGE, FAILED
from docstopd.cli.extract import Extraction
from docstopd.cli.options import PasswordFile, PasswordStdin, space_path
from docstopd.cli.output import printable, size
from docstopd.config import Config, KeysConfig, SecretFile, load
from docstopd.daemon import holder
from docstopd.daemon.compose import open_vault
from docstopd.errors import Busy, Damaged, Refused
from docstopd.model import SpacePath
from docstopd.vault import Session, Vault


def decrypt(
    context: typer.Context,
    user: Annotated[str, typer.Option(metavar="NAME", help="Whose files; asks for password or recovery code.")],
    output: Annotated[str, typer.Option(metavar="DIR|-", help="Where the files go; - writes one file to the screen.")],
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="PATH", help="/SPACE/FOLDER/FILE; without any, all spaces of the user."),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A stopped service's data folder, or a copy of one.")
    ] = None,
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="The same by its configuration.")] = None,
    server_key: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The server key, where it lies elsewhere.")
    ] = None,
    password_stdin: PasswordStdin = False,
    password_file: PasswordFile = None,
) -> None:
    """Read files out of a stopped data folder, or a copy of it; nothing that exists is overwritten.

    Example: docstopd decrypt --data /backup/records --user ada --output /tmp/rescued /ada/letters
    """
    settings = _settings(data, config or context.find_root().obj, server_key)
    if holder(settings.data) is not None:
        raise Busy(f"docstopd is running on {settings.data}; stop it first, or decrypt a copy")
    secrets = Secrets(stdin=password_stdin, file=password_file)
    with open_vault(settings, read_only=True) as vault:
        session = vault.accounts.open_offline(user, secrets.ask(f"password or recovery code of {user}"))
        wanted = [space_path(text) for text in paths or ()]
        if output == "-":
            _to_screen(vault, session, wanted)
        else:
            _to_folder(vault, session, wanted, Path(output))


def _settings(data: Path | None, config: Path | None, server_key: Path | None) -> Config:
    if data is not None:
        folder = data.absolute()
        if not folder.is_dir():
            raise Refused(f"{folder} is not there, or is no folder")
        settings = Config(data=folder, keys=KeysConfig(server=SecretFile(str(folder / "keys" / "server.key"))))
    elif config is not None:
        settings = load(config)
    else:
        raise typer.BadParameter("say which data: --data DIR or --config FILE")
    if server_key is not None:
        settings = settings.model_copy(update={"keys": KeysConfig(server=SecretFile(str(server_key.absolute())))})
    return settings


def _to_screen(vault: Vault, session: Session, wanted: list[SpacePath]) -> None:
    if len(wanted) != 1:
        raise typer.BadParameter("--output - is for one file; name it")
    try:
        with vault.files.open(session, wanted[0]) as content:
            for block in content.read(0, content.node.size):
                sys.stdout.buffer.write(block)
        sys.stdout.buffer.flush()
    except Damaged as error:
        sys.stderr.write(f"docstopd: the file is damaged, and ends where it is: {error}\n")
        raise typer.Exit(DAMAGE) from None


def _to_folder(vault: Vault, session: Session, wanted: list[SpacePath], folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise Refused(f"{folder} is a file; name a folder, or - for the screen")
    work = Extraction(vault, session, folder)
    for path in wanted or [(space.label,) for space in vault.spaces.mine(session)]:
        work.take(path)
        if len(path) == 1:
            work.take_arrivals(path[0])
    sys.stdout.write(f"{work.files} files, {size(work.bytes)}, are in {printable(str(folder))}\n")
    for line in [*work.renamed, *work.left_out, *work.damaged]:
        sys.stderr.write(f"docstopd: {printable(line)}\n")
    if work.damaged:
        raise typer.Exit(DAMAGE)
    if work.left_out:
        raise typer.Exit(FAILED)
