"""Erasure beside a running daemon: not one byte of what was erased is left below the data folder."""

from pathlib import Path
from typing import Any

import apsw
from daemon import Running
from service import Service
from webdav import Share


def query(database: Path, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    """What a database holds, its log included."""
    connection = apsw.Connection(str(database))
    try:
        return connection.execute(sql, values).fetchall()
    finally:
        connection.close()


def marks(data: Path) -> list[bytes]:
    """What tells all that is stored about the newest file's contents, name and journal from all other bytes."""
    catalog, keyring = data / "catalog.db", data / "keyring.db"
    ((node,),) = query(catalog, "SELECT max(id) FROM nodes")
    names = query(catalog, "SELECT substr(name, 2, 16), proof FROM nodes WHERE id = ?", node)
    told = "SELECT salt, substr(payload, -16) FROM journal WHERE node = ? AND salt NOT NULL"
    sealed = query(catalog, told, node)
    blobs = query(catalog, "SELECT blob, digest FROM versions WHERE node = ?", node)
    wrapped = "SELECT substr(value, 2, 12), substr(value, -16) FROM data_keys WHERE blob = ?"
    keys = [parts for blob, _ in blobs for parts in query(keyring, wrapped, blob)]
    assert len(blobs) == 2 and len(keys) == 2 and len(sealed) >= 2
    contents = [path.read_bytes()[40:72] for blob, _ in blobs for path in data.rglob(blob.hex())]
    return [*contents, *(part for row in (*names, *sealed, *keys) for part in row), *(digest for _, digest in blobs)]


def found(data: Path, wanted: list[bytes]) -> list[str]:
    """The files that hold one of these, and the blobs that bear an erased id."""
    files = {path: path.read_bytes() for path in data.rglob("*") if path.is_file()}
    return [str(path.relative_to(data)) for path, content in files.items() if any(mark in content for mark in wanted)]


def test_nothing_is_left_anywhere_below_the_data_folder(fresh_daemon: Running) -> None:
    """Two versions, in the stores and in a snapshot inside the data folder; workers have the databases open."""
    user, password, data = fresh_daemon.user, fresh_daemon.password, fresh_daemon.data
    share = Share(fresh_daemon.space_url, user, password)
    service = Service(fresh_daemon.folder, fresh_daemon.config, data, "", fresh_daemon.folder)
    share.put("kept.txt", b"kept")
    share.put("secret.txt", b"first " * 1000)
    share.put("secret.txt", b"second " * 1000)
    assert service.run("snapshot", "create").returncode == 0
    wanted = marks(data)
    assert len(found(data, wanted)) > 4
    asked = service.json("erasure", "request", f"/{user}/secret.txt", "--as", user, "--yes", secrets=(password,))
    assert asked["state"] == "provisional"
    assert share.ask("GET", "secret.txt").status == 404
    assert share.ask("GET", "kept.txt").body == b"kept"
    assert "secret.txt" not in share.ask("PROPFIND", headers={"Depth": "1"}).body.decode()
    assert found(data, wanted) == []
    assert service.run("snapshot", "create").returncode == 0
    assert service.run("job", "run", "expiry").returncode == 0
    (row,) = service.json("erasure", "list")
    assert row["state"] == "final"
    certificate = fresh_daemon.folder / "certificate.json"
    assert service.run("erasure", "certificate", row["id"], "--output", certificate).returncode == 0
    assert service.run("erasure", "verify", certificate).returncode == 0
    assert found(data, wanted) == []
    assert service.run("audit", "verify").returncode == 0
