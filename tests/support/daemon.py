"""A real docstopd as a subprocess: started by `quickstart`, stopped as systemd would, never left behind."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import docstopd

READY_WITHIN = 60.0
STOPPED_WITHIN = 45.0
"""Seconds; the daemon gives requests in flight 30 s of grace."""


@dataclass(frozen=True, slots=True)
class Running:
    """A docstopd that serves. `url` and `space_url` end with a slash; `folder` holds its output, `data` its stores."""

    url: str
    space_url: str
    user: str
    password: str
    recovery_code: str
    data: Path
    config: Path
    folder: Path
    process: subprocess.Popen[bytes]

    def log(self) -> str:
        """What it wrote to standard error so far."""
        return _read(self.folder / "stderr.log")


def command() -> list[str]:
    """The program: the installed script beside this interpreter, else the package that the tests import."""
    script = Path(sysconfig.get_path("scripts"), "docstopd")
    return [str(script)] if script.exists() else [sys.executable, "-c", "from docstopd.cli import main; main()"]


def environment() -> dict[str, str]:
    """This process's variables, by which a subprocess finds the docstopd that is tested, and no configuration."""
    variables = {name: value for name, value in os.environ.items() if name != "DOCSTOPD_CONFIG"}
    found_in = str(Path(docstopd.__file__).parents[1])
    if found_in != sysconfig.get_path("purelib"):
        variables["PYTHONPATH"] = os.pathsep.join(filter(None, [found_in, variables.get("PYTHONPATH")]))
    return variables


def start(folder: Path, *options: str) -> Running:
    """Run `quickstart` on `folder/data`, plain HTTP on a free port of the loopback address, until it is ready.

    It gets a process group of its own. Raises AssertionError with its log when it ends early or takes too long.
    """
    arguments = ["quickstart", "--data", str(folder / "data"), "--port", "0", "--no-tls", "--json", *options]
    with (folder / "stdout.jsonl").open("wb") as stdout, (folder / "stderr.log").open("ab") as stderr:
        process = subprocess.Popen(
            [*command(), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            env=environment(),
            cwd=folder,
            start_new_session=True,
        )
    try:
        return _running(_announcement(folder, process), folder, process)
    except BaseException:
        kill(process)
        raise


def stop(running: Running) -> None:
    """SIGTERM, then insist: exit code 0, and no process of its group left. The group is killed in the end."""
    try:
        running.process.send_signal(signal.SIGTERM)
        code = running.process.wait(STOPPED_WITHIN)
        left = _alive(running.process)
    finally:
        kill(running.process)
    assert code == 0, f"docstopd exited with {code}:\n{running.log()}"
    assert not left, f"processes outlived docstopd:\n{running.log()}"


def kill(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL to the whole group, as a power cut would; returns when its leader is gone."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextlib.contextmanager
def running(folder: Path, *options: str) -> Iterator[Running]:
    """`start`, then `stop` when the block is left; killed when the block fails or has ended the process itself."""
    started = start(folder, *options)
    try:
        yield started
    except BaseException:
        kill(started.process)
        raise
    if started.process.poll() is None:
        stop(started)
    else:
        kill(started.process)


def _announcement(folder: Path, process: subprocess.Popen[bytes]) -> dict[str, str]:
    deadline = time.monotonic() + READY_WITHIN
    while time.monotonic() < deadline:
        line, newline, _ = _read(folder / "stdout.jsonl").partition("\n")
        if newline:
            announced: dict[str, str] = json.loads(line)
            return announced
        assert process.poll() is None, f"docstopd exited with {process.returncode}:\n{_read(folder / 'stderr.log')}"
        time.sleep(0.02)
    raise AssertionError(f"docstopd was not ready within {READY_WITHIN:.0f} s:\n{_read(folder / 'stderr.log')}")


def _running(announced: dict[str, str], folder: Path, process: subprocess.Popen[bytes]) -> Running:
    return Running(
        url=announced["url"],
        space_url=f"{announced['url']}dav/{announced['user']}/" if announced["user"] else f"{announced['url']}dav/",
        # A second quickstart on the same folder serves what is there and knows nobody's name or password.
        user=announced["user"] or "",
        password=announced.get("password") or "",
        recovery_code=announced.get("recovery_code") or "",
        data=Path(announced["data"]),
        config=Path(announced["config"]),
        folder=folder,
        process=process,
    )


def _alive(process: subprocess.Popen[bytes]) -> bool:
    """Whether its group still has a running member one second after its leader is gone."""
    deadline = time.monotonic() + 1.0
    while _members(process.pid):
        if time.monotonic() > deadline:
            return True
        time.sleep(0.02)
    return False


def _members(group: int) -> list[int]:
    """The group's processes. One that has ended and waits for init to notice, as init may never do, does not count."""
    members = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # The name in parentheses may hold spaces; state, parent and group follow it.
            state, _, its_group = stat.read_text().rpartition(")")[2].split()[:3]
            if int(its_group) == group and state not in {"Z", "X"}:
                members.append(int(stat.parent.name))
    return members


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")
