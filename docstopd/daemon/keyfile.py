"""The file of the server key: rotated, retired, copied away and put back.

The file with the new and the old key is durable before the first row is closed anew, and it names the old one until
nothing needs that any more. So at each moment the file opens every row.
"""

import os
from contextlib import ExitStack
from pathlib import Path

from docstopd.config import Config
from docstopd.crypto.serverkey import ServerKey
from docstopd.daemon.compose import open_stores, open_vault, read_server_key
from docstopd.daemon.lock import data_lock
from docstopd.db import durable
from docstopd.errors import AlreadyExists, ConfigurationError, Damaged, Refused, reason
from docstopd.vault.progress import SILENT, Progress, Report


def rotate(config: Config, progress: Progress = SILENT) -> Report:
    """A new server key, and the whole keyring under it; a rotation that was broken off is brought to its end.

    Raises `Busy` while a daemon runs: its workers know one key only. Raises `Refused` for a key that is a credential,
    or while the last rotation is not retired.
    """
    path = _own_file(config)
    with data_lock(config.data):
        server = read_server_key(config)
        if server.previous:
            with open_vault(config) as vault:
                if not vault.rotation.left():
                    raise Refused(
                        f"{path} still names the key before: when the copies of the keyring from before are gone, or"
                        " that key is backed up, say docstopd key rotate server --retire"
                    )
        else:
            _write(path, server.rotated().every)
        with open_vault(config) as vault:
            return vault.rotation.server(progress)


def retire(config: Config) -> int:
    """Take the earlier keys out of the file; how many there were. Raises `Busy`, and `Refused` while one is needed."""
    path = _own_file(config)
    with data_lock(config.data):
        server = read_server_key(config)
        with open_vault(config) as vault:
            left = vault.rotation.left()
        if left:
            raise Refused(f"{left} values still need the key before: docstopd key rotate server brings them under this")
        _write(path, (server,))
        return len(server.previous)


def backup(config: Config, target: Path) -> None:
    """Write the server key, and all before it, to a new file of mode 0600 outside of the data folder.

    So it opens snapshots from before a rotation too. Raises `Refused`.
    """
    target = target.absolute()
    if target.exists() or target.is_symlink():
        raise AlreadyExists(f"{target} exists already; choose another name")
    if not target.parent.is_dir():
        raise Refused(f"{target.parent} is no folder; make it first")
    if target.parent.resolve().is_relative_to(config.data.resolve()):
        raise Refused(f"{target} lies in the data folder, and would be lost with it; choose another place")
    with ExitStack() as stack:
        server = open_stores(config, read_server_key(config), stack, read_only=True).server
    _write(target, server.every)


def recover(config: Config, source: Path) -> None:
    """Put the server key back where it is missing, if it is the one of this data folder. Raises `Refused`."""
    path = _own_file(config)
    if path.exists():
        raise AlreadyExists(f"{path} is there; nothing was changed")
    try:
        server = ServerKey.decode(source.read_text(encoding="ascii"))
    except (OSError, UnicodeDecodeError, ConfigurationError, Damaged) as error:
        raise Refused(f"{source}: the server key cannot be read: {reason(error)}") from None
    if not (config.data / "keyring.db").exists():
        raise Refused(f"{config.data / 'keyring.db'} is missing: put the data folder back first")
    with ExitStack() as stack:
        open_stores(config, server, stack, read_only=True)  # reads the canary
    durable.make_folder(path.parent)
    _write(path, server.every, adopted=True)


def public_keys(config: Config) -> list[str]:
    """The public keys by which this service's statements are verified, the current one first, in hexadecimal."""
    with open_vault(config) as vault:
        return [key.public_bytes_raw().hex() for key in vault.erasure.signer().known]


def _own_file(config: Config) -> Path:
    if config.keys.server.credential is not None:
        raise Refused(
            f"the server key is {config.keys.server}, which its own system keeps: docstopd cannot write it; for this"
            " command let keys.server name a file"
        )
    return config.keys.server.locate(os.environ)


def _write(path: Path, keys: tuple[ServerKey, ...], *, adopted: bool = False) -> None:
    durable.write_file(path, "".join(f"{key.encode()}\n" for key in keys).encode(), adopted=adopted)
