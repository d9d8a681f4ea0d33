"""An edited configuration and a renewed certificate take effect in a daemon that runs."""

import base64
import http.client
import json
import ssl
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from daemon import Running
from service import Service
from watched import wait_for
from webdav import Share

from docstopd.daemon.setup import make_certificate


def service_of(daemon: Running) -> Service:
    return Service(daemon.folder, daemon.config, daemon.data, "", daemon.folder)


def status(daemon: Running) -> Any:
    return json.loads((daemon.data / "run" / "status.json").read_text())


def entries(daemon: Running) -> list[Any]:
    """What the journal says of the configuration; asked with a file that is whole."""
    good = daemon.config.with_name("good.yaml")
    if not good.exists():
        good.write_text(daemon.config.read_text())
    service = Service(daemon.folder, good, daemon.data, "", daemon.folder)
    return list(service.json("audit", "show", "--action", "configuration"))


def test_an_edit_is_applied_and_a_broken_one_changes_nothing(fresh_daemon: Running) -> None:
    """Both are in the journal, and `docstopd status` says what is wrong and where."""
    share = Share(fresh_daemon.space_url, fresh_daemon.user, fresh_daemon.password)
    text = fresh_daemon.config.read_text()
    wait_for(lambda: status(fresh_daemon)["keeper"], fresh_daemon.log)
    fresh = fresh_daemon.config.with_name("fresh")
    fresh.write_text(text + "quota: {space: 1GiB}\n")
    fresh.rename(fresh_daemon.config)
    wait_for(lambda: any("quota.space" in entry["facts"].get("changed", "") for entry in entries(fresh_daemon)))
    assert status(fresh_daemon)["refused"] == ""
    workers = status(fresh_daemon)["workers"]
    wait_for(lambda: status(fresh_daemon)["keeper"], fresh_daemon.log)
    fresh_daemon.config.write_text(text + "quota: {space: 2GiB}\nnonsense: 1\n")
    wait_for(lambda: "nonsense" in status(fresh_daemon)["refused"], fresh_daemon.log)
    line = text.count("\n") + 2
    assert f"{fresh_daemon.config}:{line}:" in status(fresh_daemon)["refused"]
    assert f"{fresh_daemon.config}:{line}:" in service_of(fresh_daemon).run("status").stderr
    assert status(fresh_daemon)["workers"] == workers
    wait_for(lambda: any(entry["facts"].get("outcome") == "refused" for entry in entries(fresh_daemon)))
    share.put("file", b"content")
    fresh_daemon.config.write_text(text)
    wait_for(lambda: status(fresh_daemon)["refused"] == "", fresh_daemon.log)
    wait_for(lambda: len(entries(fresh_daemon)) >= 3, lambda: entries(fresh_daemon))
    assert share.get("file") == b"content"


def connect(daemon: Running) -> http.client.HTTPSConnection:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    where = urlsplit(daemon.url)
    assert where.hostname is not None
    connection = http.client.HTTPSConnection(where.hostname, where.port, timeout=60, context=context)
    connection.connect()
    return connection


def certificate(daemon: Running) -> bytes:
    """What a new connection is shown; nothing while none comes about."""
    try:
        connection = connect(daemon)
    except OSError:
        return b""
    try:
        return bytes(connection.sock.getpeercert(binary_form=True))
    finally:
        connection.close()


def renew(folder: Path) -> None:
    """New files under the same names, in the way of certbot: each replaced whole."""
    made = make_certificate(folder / f"made-{time.monotonic_ns()}", ["127.0.0.1"])
    made.key.rename(folder / "tls.key")
    made.certificate.rename(folder / "tls.crt")


def test_a_renewed_certificate_is_taken_and_no_request_is_dropped(fresh_daemon: Running, tmp_path: Path) -> None:
    """An upload that began before goes on under the old one."""
    renew(tmp_path)
    written = f"\ntls: {{certificate: {tmp_path / 'tls.crt'}, key: {tmp_path / 'tls.key'}}}\n"
    fresh_daemon.config.write_text(fresh_daemon.config.read_text() + written)
    first = wait_for(lambda: certificate(fresh_daemon), fresh_daemon.log)
    upload = connect(fresh_daemon)
    user = base64.b64encode(f"{fresh_daemon.user}:{fresh_daemon.password}".encode()).decode()
    upload.putrequest("PUT", f"/dav/{fresh_daemon.user}/slow.bin")
    upload.putheader("Authorization", f"Basic {user}")
    upload.putheader("Content-Length", "1000000")
    upload.endheaders()
    upload.send(bytes(100_000))
    done = threading.Event()
    sent = 100_000

    def trickle() -> None:
        nonlocal sent
        while not done.wait(0.2) and sent < 900_000:
            upload.send(bytes(5_000))
            sent += 5_000

    thread = threading.Thread(target=trickle)
    thread.start()
    try:
        wait_for(lambda: status(fresh_daemon)["keeper"], fresh_daemon.log)
        renew(tmp_path)
        wait_for(lambda: certificate(fresh_daemon) not in {b"", first}, fresh_daemon.log)
    finally:
        done.set()
        thread.join()
    upload.send(bytes(1_000_000 - sent))
    assert upload.getresponse().status == 201
    upload.close()
    wait_for(
        lambda: any("tls.certificate.sha256" in entry["facts"].get("changed", "") for entry in entries(fresh_daemon))
    )
