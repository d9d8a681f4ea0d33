"""A data folder made by `docstopd init`, and the commands that are run on it. Nothing serves."""

import atexit
import functools
import json
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daemon import command, environment

from docstopd.config import load
from docstopd.daemon.compose import open_vault

PASSWORD = "first-password"
USER = "ada"


@dataclass(frozen=True, slots=True)
class Service:
    """A stopped service: `folder` holds its configuration and, as `data`, its data folder."""

    folder: Path
    config: Path
    data: Path
    recovery_code: str
    organisation_key: Path

    def run(self, *arguments: str | Path, secrets: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
        """A command on this service; each secret is a line of its standard input."""
        return run(*arguments, secrets=secrets, config=self.config)

    def json(self, *arguments: str | Path, secrets: tuple[str, ...] = ()) -> Any:
        """What a command prints with `--json`; it must end well."""
        finished = self.run(*arguments, "--json", secrets=secrets)
        assert finished.returncode == 0, finished.stderr
        return json.loads(finished.stdout)

    def json_of(self, code: int, *arguments: str | Path) -> Any:
        """What a command prints with `--json` that ends with this exit code."""
        finished = self.run(*arguments, "--json")
        assert finished.returncode == code, finished.stdout + finished.stderr
        return json.loads(finished.stdout)

    def put(self, path: tuple[str, ...], content: bytes, *, modified: int | None = None) -> None:
        """Store a file, and the folders above it, as the first user."""
        with open_vault(load(self.config)) as vault:
            session = vault.sessions.sign_in(USER, PASSWORD)
            for depth in range(2, len(path)):
                if path[depth - 1] not in {node.name for node in vault.files.list(session, path[: depth - 1]).members}:
                    vault.files.make_folder(session, path[:depth])
            with vault.files.write(session, path, modified=modified) as upload:
                upload.write(content)
                upload.commit()


def run(
    *arguments: str | Path, secrets: tuple[str, ...] = (), config: Path | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """The real command, without a terminal. `secrets` go by `--password-stdin`, unless the arguments say otherwise."""
    variables = environment() | ({} if config is None else {"DOCSTOPD_CONFIG": str(config)})
    by_stdin = ["--password-stdin"] if secrets and "--password-file" not in arguments else []
    return subprocess.run(
        [*command(), *map(str, arguments), *by_stdin],
        env=variables,
        cwd=cwd,
        input="".join(f"{secret}\n" for secret in secrets),
        capture_output=True,
        text=True,
        errors="replace",
        timeout=60,
        check=False,
        start_new_session=True,
    )


def make_service(folder: Path) -> Service:
    """A service in `folder`, a copy of one that is made once."""
    master = _master()
    shutil.copytree(master.folder, folder, dirs_exist_ok=True)
    return _at(folder, master.recovery_code)


@functools.cache
def _master() -> Service:
    folder = Path(tempfile.mkdtemp(prefix="docstopd-service-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    service = _at(folder, "")
    made = run(
        *("init", "--config", service.config, "--data", service.data, "--user", USER, "--no-tls", "--port", "0"),
        *("--organisation-key", service.organisation_key, "--json"),
        secrets=(PASSWORD,),
    )
    assert made.returncode == 0, made.stderr
    service.config.write_text('data: "data"\nhttp: {"port": 0}\n')
    return _at(folder, json.loads(made.stdout)["recovery_code"])


def _at(folder: Path, code: str) -> Service:
    return Service(folder, folder / "docstopd.yaml", folder / "data", code, folder / "organisation.key")


def picture(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Every file and folder with its mode and content; what only says that a process was there is left out."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        scratch = path.name.endswith("-shm") or (path.name.endswith("-wal") and not path.stat().st_size)
        if scratch or path.name == "docstopd.lock" or path.parent.name == "run":
            continue
        found[name] = (path.stat().st_mode, path.read_bytes() if path.is_file() else b"")
    return found


def holds(folder: Path, *secrets: str) -> list[str]:
    """The files under `folder` in which one of the strings can be read."""
    wanted = [secret.encode() for secret in secrets]
    files = (Path(root, name) for root, _folders, names in os.walk(folder) for name in names)
    return [str(path) for path in files if any(secret in path.read_bytes() for secret in wanted)]
