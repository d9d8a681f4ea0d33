"""The benchmark itself: it runs, measures every workload and checks the bytes. What it measures is not judged here."""

import json
import subprocess
import sys
from pathlib import Path

import daemon


def test_the_benchmark_measures_every_workload(tmp_path: Path) -> None:
    """One short round of docstopd beside plain WsgiDAV; a large file of 16 MiB."""
    finished = subprocess.run(
        [sys.executable, Path(__file__).with_name("run.py"), "--quick", "--json", "--servers", "docstopd,wsgidav"],
        cwd=tmp_path,
        env=daemon.environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert finished.returncode == 0, finished.stderr
    result = json.loads(finished.stdout)
    assert result["failures"] == []
    assert len(result["workloads"]) == 9
    for measured in result["workloads"].values():
        assert measured["median"].keys() == {"docstopd", "wsgidav"}
        assert measured["ratio"]["wsgidav"] > 0
    assert result["peak_memory"]["docstopd"]["largest"] > 0


def test_a_workload_of_an_unknown_name_is_refused(tmp_path: Path) -> None:
    """Wrong usage, with the names that there are."""
    finished = subprocess.run(
        [sys.executable, Path(__file__).with_name("run.py"), "--only", "get-5k"],
        cwd=tmp_path,
        env=daemon.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 2
    assert "get-4k" in finished.stderr


def test_the_plan_of_retention_is_measured(tmp_path: Path) -> None:
    """Over few files here; a tenth of them goes with the trash."""
    finished = subprocess.run(
        [sys.executable, Path(__file__).with_name("retention.py"), "500"],
        cwd=tmp_path,
        env=daemon.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.startswith("500 files: plan in ")
    assert "150 versions and 50 trees would go" in finished.stdout
