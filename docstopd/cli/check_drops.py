"""What `check` says of drop folders."""

import os
from collections.abc import Iterator

from docstopd.cli.checks import Finding
from docstopd.config import Config, DropConfig
from docstopd.daemon.compose import open_vault
from docstopd.errors import DocstopdError

_NAME = "drop folders"


def drop_folders(config: Config) -> Iterator[Finding]:
    """They are there, files can be removed from them, and their spaces exist."""
    if not config.drop:
        return
    try:
        with open_vault(config, read_only=True) as vault:
            labels = {space.label for space in vault.spaces.all()}
    except DocstopdError:  # the checks of databases and keys have said why
        return
    for one in config.drop:
        yield _finding(one, labels)


def _finding(one: DropConfig, labels: set[str]) -> Finding:
    if one.space not in labels:
        found = f"{one.name}: there is no space {one.space!r}"
        return Finding(_NAME, "failed", found, f"correct drop.space, or: docstopd space add {one.space}")
    if not one.folder.is_dir():
        return Finding(_NAME, "failed", f"{one.name}: {one.folder} is no folder", "make it, or attach its disk")
    if not os.access(one.folder, os.R_OK | os.W_OK | os.X_OK, effective_ids=True):
        found = f"{one.name}: {one.folder} cannot be read and written by this user"
        return Finding(_NAME, "failed", found, "give the user of the service the right to read, write and enter it")
    return Finding(_NAME, "ok", f"{one.name}: {one.folder} goes to {one.space}")
