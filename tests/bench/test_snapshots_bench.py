"""The benchmark of snapshots: it runs, and measures both programs both ways. What it measures is not judged here."""

import json
import subprocess
import sys
from pathlib import Path

import daemon
import programs


def test_snapshots_and_restores_are_measured_beside_restic(tmp_path: Path) -> None:
    """One round of a few small files."""
    programs.need("restic")
    finished = subprocess.run(
        [
            *(sys.executable, Path(__file__).with_name("snapshots.py"), "--folder", tmp_path / "bench"),
            *("--files", "40", "--size", "1000", "--rounds", "1"),
        ],
        env=daemon.environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert finished.returncode == 0, finished.stderr
    result = json.loads(finished.stdout)
    assert result["snapshot_ratio"] > 0
    assert result["restore_ratio"] > 0
    assert all(len(times) == 1 for times in result["seconds"].values())
    assert not (tmp_path / "bench").exists()
