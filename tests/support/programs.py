"""The real clients: found by name, run to their end, skipped or demanded where they are missing."""

import contextlib
import os
import shutil
import subprocess
import sysconfig
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

REQUIRED = "DOCSTOPD_REQUIRE_CLIENTS"


def missing(reason: str) -> None:
    """Skip the test with its reason; fail it when DOCSTOPD_REQUIRE_CLIENTS=1 says that every client must be here."""
    if os.environ.get(REQUIRED) == "1":
        pytest.fail(f"{reason}, and {REQUIRED}=1", pytrace=False)
    pytest.skip(reason)


def find(name: str) -> str | None:
    """Where a program is: beside this interpreter (a package may bring it), on the path, or among the system's own."""
    places = os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
    return shutil.which(name, path=places)


def need(name: str) -> str:
    """The program's path; without it the test is skipped or fails (`missing`)."""
    found = find(name)
    if found is None:
        missing(f"{name} is not installed")
    assert found is not None
    return found


def run(
    arguments: Sequence[str | Path],
    *,
    cwd: Path,
    environment: dict[str, str] | None = None,
    stdin: str | bytes = b"",
    timeout: float = 120.0,
) -> subprocess.CompletedProcess[bytes]:
    """Run a client to its end in `cwd`, which is its HOME too, so that it reads no settings of this machine's user."""
    return subprocess.run(
        arguments,
        cwd=cwd,
        env=_variables(cwd, environment),
        input=stdin.encode() if isinstance(stdin, str) else stdin,
        capture_output=True,
        timeout=timeout,
        check=False,
    )


def said(finished: subprocess.CompletedProcess[bytes]) -> str:
    """All that a client printed, for an assertion's message."""
    return (finished.stdout + finished.stderr).decode(errors="replace")


@contextlib.contextmanager
def conversation(arguments: Sequence[str | Path], *, cwd: Path) -> Iterator[Callable[[str], None]]:
    """Start a client that reads commands, and give the function that says one. It ends with its standard input."""
    with subprocess.Popen(
        arguments, cwd=cwd, env=_variables(cwd), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdin is not None
        stdin = process.stdin

        def say(line: str) -> None:
            stdin.write(line + "\n")
            stdin.flush()

        try:
            yield say
            stdin.close()
            process.wait(30)
        finally:
            process.kill()


def _variables(home: Path, more: dict[str, str] | None = None) -> dict[str, str]:
    return {**os.environ, "HOME": str(home), "LC_ALL": "C.UTF-8", **(more or {})}
