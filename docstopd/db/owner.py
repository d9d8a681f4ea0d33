"""Who owns what root makes: the owner of the folder that it lies in, as SQLite does with its logs.

A service runs as a user of its own, and commands run beside it as root: a file of root's would shut the service out of
its own data. For anybody but root these functions do nothing, and neither where a file system knows no owners.
"""

import contextlib
import os
from pathlib import Path


def adopt(descriptor: int, folder: Path | str) -> None:
    """Give an open file, just made in `folder`, to the owner of that folder."""
    if os.geteuid() == 0:
        with contextlib.suppress(OSError):
            _give(descriptor, os.stat(folder))  # noqa: PTH116 - a text: `Path` costs as much as the call


def adopt_path(path: Path) -> None:
    """The same for a folder, or for a database: SQLite's locks go when anybody closes its file."""
    if os.geteuid() == 0:
        with contextlib.suppress(OSError):
            like = path.parent.stat()
            if (like.st_uid, like.st_gid) != (0, 0):
                os.chown(path, like.st_uid, like.st_gid, follow_symlinks=False)


def inherit(descriptor: int, path: Path, *, adopted: bool) -> None:
    """Give an open file to the owner of the one at `path`, which it replaces; where there is none, `adopt` it if so."""
    if os.geteuid() != 0:
        return
    try:
        _give(descriptor, path.lstat())
    except FileNotFoundError:
        if adopted:
            adopt(descriptor, path.parent)
    except OSError:
        return


def _give(descriptor: int, like: os.stat_result) -> None:
    if (like.st_uid, like.st_gid) != (0, 0):
        os.fchown(descriptor, like.st_uid, like.st_gid)
