"""A second reader of what lies at a target, written from docs/snapshots.md alone, without docstopd's own code."""

import base64
import hashlib
import json
import os
import zlib
from pathlib import Path
from typing import Any

import second_reader as reader
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from snapshots import bench_with_target

from docstopd.catalog import MIGRATIONS, export
from docstopd.keyring import MIGRATIONS as KEYRING
from docstopd.keyring import export as keyring_export


def canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def opened(path: Path, server_key: bytes) -> tuple[dict[str, Any], list[Any]]:
    """The first line of a sealed object, and the lines that it seals."""
    first, _, rest = path.read_bytes().partition(b"\n")
    head = json.loads(first)
    assert canonical(head) == first
    wrapped = bytes.fromhex(head.pop("key"))
    bound = b"docstopd/sealed/v1" + canonical(head)
    key = reader._unwrap(reader._hkdf(server_key, b"docstopd/server-snapshots/v1"), wrapped, bound)
    body = len(rest) - 74
    size = body - 32 * -(-body // 262_144)
    plain = zlib.decompress(b"".join(reader._floe(key, rest, bound, size)))
    assert plain.endswith(b"\n")
    return head, [json.loads(line) for line in plain.splitlines()]


def tables(lines: list[Any]) -> dict[str, list[dict[str, Any]]]:
    """Every table's rows by column, bytes as bytes."""
    found: dict[str, list[dict[str, Any]]] = {}
    rows: list[dict[str, Any]] = []
    columns: list[tuple[str, str]] = []
    count = 0
    for line in lines[1:-1]:
        if isinstance(line, dict):
            columns = line["columns"]
            rows = found.setdefault(line["table"], [])
            continue
        for row in line:
            pairs = zip(columns, row, strict=True)
            rows.append({n: base64.b64decode(v) if k == "BLOB" and v is not None else v for (n, k), v in pairs})
            count += 1
    assert lines[-1] == {"end": count}
    return found


def test_a_second_reader_finds_everything(tmp_path: Path) -> None:
    """Owner, manifest with its signature, catalog, keyring, and the blobs with their digests."""
    bench = bench_with_target(tmp_path)
    ada = bench.account("ada")
    contents = [os.urandom(size) for size in (0, 5, 400_000)]
    for number, content in enumerate(contents):
        bench.put(ada, ("ada", f"file-{number}"), content)
    bench.vault.snapshots.create()
    root, key = tmp_path / "target", reader._server_key(bench.stores.server.encode())
    owner = json.loads((root / "service.json").read_text())
    assert owner["format"] == "docstopd-target/1"
    text = (root / "snapshots" / "00000001.json").read_bytes()
    manifest = json.loads(text)
    assert canonical(manifest) + b"\n" == text
    signature = bytes.fromhex(manifest.pop("signature"))
    signer = Ed25519PublicKey.from_public_bytes(bytes.fromhex(manifest["signer"]))
    signer.verify(signature, b"docstopd/statement/v1" + canonical(manifest))
    assert (manifest["format"], manifest["number"]) == ("docstopd-snapshot/1", 1)
    sealed = (root / "snapshots" / "00000001.catalog").read_bytes()
    assert manifest["catalog"] == {"size": len(sealed), "sha256": hashlib.sha256(sealed).hexdigest()}
    head, lines = opened(root / "snapshots" / "00000001.catalog", key)
    assert head == {
        "format": "docstopd-sealed/1",
        "kind": "catalog",
        "number": 1,
        "service": owner["service"],
        "time": manifest["time"],
    }
    assert lines[0] == {"format": "docstopd-catalog/1", "schema": len(MIGRATIONS)}
    catalog = tables(lines)
    versions = [version for version in catalog["versions"] if version["dead"] is None]
    assert sorted(version["size"] for version in versions) == [0, 5, 400_000]
    assert (manifest["blobs"], manifest["bytes"]) == (3, sum(version["stored"] for version in versions))
    for version in versions:
        blob = (root / "blobs" / version["blob"].hex()[:2] / version["blob"].hex()).read_bytes()
        assert (len(blob), hashlib.sha256(blob).digest()) == (version["stored"], version["digest"])
    (copy,) = (root / "keyring").iterdir()
    head, lines = opened(copy, key)
    assert (head["kind"], head["number"], f"{head['time']:017}.keyring") == ("keyring", 0, copy.name)
    assert lines[0] == {"format": "docstopd-keyring/1", "schema": len(KEYRING)}
    assert {row["blob"] for row in tables(lines)["data_keys"]} == {version["blob"] for version in versions}


def test_every_table_travels_or_is_said_to_stay(tmp_path: Path) -> None:
    """A new table must be put on one of the two lists."""
    bench = bench_with_target(tmp_path)
    for store, lists in (
        ("catalog", (export.TABLES, export.STAYING)),
        ("keyring", (keyring_export.TABLES, ())),
    ):
        sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
        there = {row[0] for row in bench.rows(sql, store=store)}
        assert there == set(lists[0]) | set(lists[1])
        assert not set(lists[0]) & set(lists[1])
