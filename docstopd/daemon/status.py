"""What the running daemon says of itself to commands beside it: DATA/run/status.json."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Status:
    """`started` is in seconds since 1970; `url` ends with a slash; `workers` and `keeper` are process ids.

    `refused`: why the configuration as it lies there is not in force, empty if it is. `restart`: the keys of it that
    wait for a restart.
    """

    pid: int
    version: str
    url: str
    started: float
    workers: Sequence[int]
    keeper: int | None = None
    refused: str = ""
    restart: str = ""


def write_status(data: Path, status: Status) -> None:
    """Replace the file whole. It is about a running process, so it need not outlive a power cut."""
    path = _path(data)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(asdict(status)) + "\n", encoding="utf-8")
    fresh.replace(path)


def read_status(data: Path) -> Status | None:
    """The last one written, None without one. Whether its process still runs is the lock's to say."""
    try:
        return Status(**json.loads(_path(data).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def remove_status(data: Path) -> None:
    """The daemon stops."""
    _path(data).unlink(missing_ok=True)


def _path(data: Path) -> Path:
    return data / "run" / "status.json"
