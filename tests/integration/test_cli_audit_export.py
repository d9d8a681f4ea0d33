"""`docstopd audit export`, and that somebody without docstopd can verify what it wrote."""

import base64
import json
import shutil
import subprocess
import sys
from pathlib import Path

import audit_verifier
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from service import PASSWORD, Service, make_service

from docstopd.config import load
from docstopd.daemon.compose import open_vault


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Service:
    """A stopped service with some entries under a checkpoint, and some after it."""
    made = make_service(tmp_path_factory.mktemp("service"))
    made.put(("ada", "letters", 'first,"quoted".txt'), b"one")
    with open_vault(load(made.config)) as vault:
        vault.checkpoints.sign()
    made.put(("ada", "=1+1.txt"), b"two")
    return made


@pytest.fixture(scope="module", params=["jsonl", "csv"])
def exported(service: Service, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All streams, with ada's paths in clear."""
    folder = tmp_path_factory.mktemp("export") / "audit"
    finished = service.run(
        "audit", "export", "--output", folder, "--format", request.param, "--as", "ada", secrets=(PASSWORD,)
    )
    assert finished.returncode == 0, finished.stderr
    return folder


def key(folder: Path) -> str:
    return (folder / "key").read_text()


def test_an_export_verifies_without_docstopd(exported: Path) -> None:
    """By a program that imports nothing of it."""
    source = Path(audit_verifier.__file__)
    assert "import docstopd" not in source.read_text() and "from docstopd" not in source.read_text()
    finished = subprocess.run(
        [sys.executable, "-I", source, exported, key(exported)], capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    problems, entries, covered = audit_verifier.verify(exported, key(exported))
    assert problems == []
    assert 0 < covered < entries


def test_paths_are_in_clear_for_who_can_open_the_space_alone(service: Service, exported: Path, tmp_path: Path) -> None:
    """The sealed payload is there in any case."""
    entries = exported / ("entries.jsonl" if (exported / "entries.jsonl").exists() else "entries.csv")
    assert "=1+1.txt" in entries.read_text()
    closed = tmp_path / "closed"
    assert service.run("audit", "export", "ada", "--output", closed).returncode == 0
    records = [json.loads(line) for line in (closed / "entries.jsonl").read_text().splitlines()]
    assert {record["stream"] for record in records} == {records[0]["stream"]}
    assert all(record["details"] == {} for record in records)
    assert any(record["payload"] for record in records)
    assert audit_verifier.verify(closed, key(closed))[0] == []


def test_an_export_does_not_write_over_anything(service: Service, exported: Path) -> None:
    """It needs a folder of its own."""
    finished = service.run("audit", "export", "--output", exported)
    assert finished.returncode == 1
    assert "exists already" in finished.stderr


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("entries.jsonl", '"action":"create"', '"action":"delete"'),
        ("entries.jsonl", '"seq":3', '"seq":4'),
        ("heads.json", '"seq": ', '"seq": 1'),
        ("checkpoints", '"heads":{"', '"heads":{"00'),
        ("checkpoints", "entries ", "entries 1"),
    ],
)
def test_a_changed_export_is_found(exported: Path, tmp_path: Path, name: str, old: str, new: str) -> None:
    """Each of its files."""
    if not (exported / "entries.jsonl").exists():
        pytest.skip("once is enough")
    folder = tmp_path / "changed"
    shutil.copytree(exported, folder)
    content = (folder / name).read_text()
    assert old in content
    (folder / name).write_text(content.replace(old, new, 1))
    try:
        problems = audit_verifier.verify(folder, key(folder))[0]
    except ValueError:
        return
    assert problems


def test_a_cut_export_is_found(exported: Path, tmp_path: Path) -> None:
    """Also when its heads are cut alike: the checkpoint signs what is missing."""
    if not (exported / "entries.jsonl").exists():
        pytest.skip("once is enough")
    folder = tmp_path / "cut"
    shutil.copytree(exported, folder)
    records = [json.loads(line) for line in (folder / "entries.jsonl").read_text().splitlines()]
    kept = [record for record in records if record["seq"] <= 1]
    (folder / "entries.jsonl").write_text("".join(json.dumps(record) + "\n" for record in kept))
    heads = [{"stream": r["stream"], "name": "", "seq": r["seq"], "hash": r["hash"]} for r in kept]
    (folder / "heads.json").write_text(json.dumps(heads))
    assert "ends before" in "".join(audit_verifier.verify(folder, key(folder))[0])


def test_another_key_proves_nothing(exported: Path) -> None:
    """The key has to come from elsewhere than the export."""
    name = key(exported).split("+")[0]
    stranger = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    other = f"{name}+00000000+{base64.b64encode(bytes([1]) + stranger).decode()}"
    assert audit_verifier.verify(exported, other)[0]
