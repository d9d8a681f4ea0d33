"""Nothing readable is on the disk: marked strings go in by every way, and no byte of them is found."""

import subprocess
from pathlib import Path

from daemon import Running, command, environment, stop
from webdav import Share

MARK = "cAnArY-7f3a91"
PASSWORD = f"{MARK}-password-of-grace"
EMAIL = f"{MARK}-grace@example.org"
LOCK = (
    '<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype>'
    f"<D:owner>{MARK}-owner</D:owner></D:lockinfo>"
)
PATCH = (
    f'<D:propertyupdate xmlns:D="DAV:" xmlns:x="urn:{MARK}-namespace"><D:set><D:prop>'
    f"<x:{MARK}-name>{MARK}-value</x:{MARK}-name></D:prop></D:set></D:propertyupdate>"
)


def run(running: Running, *arguments: str, secret: str = "") -> str:
    """A command beside the daemon; its output."""
    done = subprocess.run(
        [*command(), *arguments, "--config", str(running.config)],
        input=secret,
        capture_output=True,
        text=True,
        env=environment(),
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def fill(share: Share) -> None:
    """Marked names, contents, properties and a lock; some overwritten, moved, copied, deleted."""
    folder = f"{MARK}-folder"
    assert share.ask("MKCOL", folder).status == 201
    share.put(f"{folder}/{MARK}-small.txt", f"{MARK} in a small file".encode())
    share.put(f"{folder}/{MARK}-large.bin", f"{MARK} in a large file ".encode() * 100_000)
    share.put(f"{folder}/{MARK}-small.txt", f"{MARK} in a second version".encode())
    assert share.ask("PROPPATCH", f"{folder}/{MARK}-small.txt", PATCH.encode()).status == 207
    assert share.ask("LOCK", f"{folder}/{MARK}-small.txt", LOCK.encode(), {"Timeout": "Second-600"}).status == 200
    copied = {"Destination": f"{share.url}{MARK}-copy.txt"}
    assert share.ask("COPY", f"{folder}/{MARK}-small.txt", headers=copied).status == 201
    assert share.ask("DELETE", f"{MARK}-copy.txt").status == 204
    assert share.ask("GET", f"{folder}/{MARK}-missing.txt").status == 404
    assert share.ask("PUT", f"no-{MARK}-parent/x", MARK.encode()).status == 409


def findings(folder: Path, secrets: list[str]) -> list[str]:
    """Files below `folder` that hold one of the secrets in a form that somebody could read."""
    forms = {s: [s.encode(), s.encode("utf-16-le"), s.encode().hex().encode(), s.lower().encode()] for s in secrets}
    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            found += [f"{path.name}: {s}" for s, known in forms.items() if any(form in content for form in known)]
        found += [f"the name {path}" for s in secrets if s in path.name]
    return found


def test_no_byte_of_names_contents_properties_or_credentials_reaches_the_disk(fresh_daemon: Running) -> None:
    """Databases, their logs, blobs, lock files and the daemon's output are searched while it runs and afterwards."""
    running = fresh_daemon
    run(running, "user", "add", "grace", "--email", EMAIL, "--password-stdin", secret=f"{PASSWORD}\n")
    added = run(
        running, "user", "app-password", "add", "grace", "--label", MARK, "--password-stdin", secret=f"{PASSWORD}\n"
    )
    app_password = next(word for word in added.split() if word.count("-") == 3 and len(word) == 35)
    fill(Share(f"{running.url}dav/grace/", "grace", PASSWORD))
    assert (
        Share(f"{running.url}dav/grace/", "grace", app_password).ask("PROPFIND", headers={"Depth": "0"}).status == 207
    )
    assert Share(f"{running.url}dav/grace/", "grace", f"{MARK}-wrong").ask("GET").status == 401
    secrets = [MARK, PASSWORD, EMAIL, running.password, running.recovery_code, app_password]
    secrets += [code.replace("-", "") for code in (running.recovery_code, app_password)]
    assert findings(running.folder / "data", secrets) == []
    stop(running)
    assert findings(running.folder / "data", secrets) == []
    assert [secret for secret in secrets if secret in running.log()] == []


def test_the_search_would_find_what_it_looks_for(tmp_path: Path) -> None:
    """The check above can fail: a marked string in a file, or in a file's name, is found."""
    (tmp_path / "a").write_bytes(b"\0" + MARK.encode("utf-16-le"))
    (tmp_path / f"{MARK}.txt").write_bytes(b"")
    assert len(findings(tmp_path, [MARK])) == 2
