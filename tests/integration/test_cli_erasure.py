"""`docstopd erasure`: asked for, carried out, certified, verified; by the real program."""

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from service import PASSWORD, Service, make_service

from docstopd.config import load
from docstopd.daemon.compose import open_vault

FILE = ("ada", "letters", "to-grace.txt")
SECOND = "second-password"


@pytest.fixture
def service(tmp_path: Path) -> Service:
    """A stopped service with a letter of ada's."""
    made = make_service(tmp_path)
    made.put(FILE, b"dear grace")
    return made


def erased(service: Service) -> Path:
    """The certificate of the letter's erasure."""
    asked = service.json("erasure", "request", "/".join(("", *FILE)), "--as", "ada", "--yes", secrets=(PASSWORD,))
    assert (asked["kind"], asked["state"]) == ("file", "final")
    path = service.folder / "certificate.json"
    done = service.run("erasure", "certificate", asked["id"][:8], "--output", path)
    assert done.returncode == 0, done.stderr
    return path


def thirty_lines(text: str, public: str) -> None:
    """A second verifier, written from docs/erasure.md; raises for a certificate that is not genuine."""
    fields = json.loads(text)
    signature = bytes.fromhex(fields.pop("signature"))
    assert fields["format"] == "docstopd-erasure-certificate-1"
    assert fields["signer"] == public
    form = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public))
    key.verify(signature, b"docstopd/statement/v1" + form)
    pending = [copy for copy in fields["copies"] if copy["fate"] == "pending"]
    assert (fields["state"] == "final") == (not pending)


def test_a_file_is_erased_and_its_certificate_verifies(service: Service) -> None:
    """By the service, by its public key alone, by a program that shares no line with it, and printed prettily."""
    path = erased(service)
    text = path.read_text()
    assert service.json("erasure", "verify", path) == {"good": True, "findings": []}
    public = json.loads(text)["signer"]
    alone = service.run("erasure", "verify", path, "--public-key", public)
    assert (alone.returncode, alone.stderr) == (0, "") and "not looked at" in alone.stdout
    thirty_lines(text, public)
    path.write_text(json.dumps(json.loads(text), indent=4))
    assert service.run("erasure", "verify", path).returncode == 0


def test_the_certificate_names_ids_and_no_names(service: Service) -> None:
    """Neither the path nor the user's name nor the label of the space."""
    text = erased(service).read_text()
    assert not any(word in text for word in ("grace", "letters", "ada"))
    fields = json.loads(text)
    assert len(fields["what"]["blobs"]) == 1 and len(fields["what"]["nodes"]) == 1
    assert [copy["fate"] for copy in fields["copies"]] == ["removed", "destroyed", "searched, nothing found", "deleted"]


@pytest.mark.parametrize(
    "change",
    [("final", "provisional"), ('"blobs":["', '"blobs":["00'), ('"user":null', '"user":"00"'), ("true", "false")],
)
def test_a_changed_certificate_is_found_out(service: Service, change: tuple[str, str]) -> None:
    """Exit code 3 for any change, by the service as by the key."""
    path = erased(service)
    text = path.read_text()
    changed = text.replace(*change) if change[0] in text else text.replace("file", "folder", 1)
    assert changed != text
    path.write_text(changed)
    assert service.run("erasure", "verify", path).returncode == 3
    assert service.run("erasure", "verify", path, "--public-key", json.loads(text)["signer"]).returncode == 3
    with pytest.raises(Exception):  # noqa: B017 - whichever it is
        thirty_lines(changed, json.loads(text)["signer"])


def test_another_services_certificate_is_refused(service: Service, tmp_path: Path) -> None:
    """Its signature can be checked by its own key."""
    path = erased(service)
    other = make_service(tmp_path / "other")
    (other.data / "keys" / "server.key").unlink()
    assert other.run("erasure", "verify", path).returncode == 1
    assert other.run("erasure", "verify", path, "--public-key", json.loads(path.read_text())["signer"]).returncode == 0
    assert service.run("erasure", "verify", path, "--public-key", "00" * 32).returncode == 3
    assert service.run("erasure", "verify", path, "--public-key", "short").returncode == 2


def test_a_certificate_is_not_believed_when_the_data_is_back(service: Service) -> None:
    """A copy of the keyring and the blob that somebody put back are found."""
    keyring = service.data / "keyring.db"
    with open_vault(load(service.config)):
        pass
    before = keyring.read_bytes()
    blobs = {path: path.read_bytes() for path in service.data.glob("blobs/??/*")}
    path = erased(service)
    for name in ("keyring.db-wal", "keyring.db-shm"):
        (service.data / name).unlink(missing_ok=True)
    keyring.write_bytes(before)
    for blob, content in blobs.items():
        blob.write_bytes(content)
    findings = service.json_of(3, "erasure", "verify", path)["findings"]
    assert len(findings) == 2 and "keyring" in findings[0] and "data folder" in findings[1]


def test_an_account_waits_for_its_grace(service: Service) -> None:
    """It is shut at once, listed as waiting, and opened again when it is called back."""
    assert service.run("user", "add", "bob", secrets=(SECOND,)).returncode == 0
    asked = service.json("erasure", "request", "--account", "bob", "--as", "bob", "--yes", secrets=(SECOND,))
    assert asked["state"] == "waiting"
    assert service.run("user", "passwd", "bob", secrets=(SECOND, "another-password")).returncode == 1
    assert [(row["kind"], row["state"]) for row in service.json("erasure", "list")] == [("account", "waiting")]
    assert service.run("erasure", "certificate", asked["id"]).returncode == 1
    assert service.run("erasure", "cancel", asked["id"]).returncode == 0
    assert service.run("user", "passwd", "bob", secrets=(SECOND, "another-password")).returncode == 0


def test_user_delete_is_an_erasure_without_a_grace(service: Service) -> None:
    """At once, with a certificate."""
    assert service.run("user", "add", "bob", secrets=(SECOND,)).returncode == 0
    done = service.run("user", "delete", "bob", "--yes")
    assert done.returncode == 0 and "certificate" in done.stdout, done.stderr
    assert [(row["kind"], row["state"]) for row in service.json("erasure", "list")] == [("account", "final")]


def test_nothing_goes_without_consent_or_a_single_subject(service: Service) -> None:
    """No --yes and no terminal; nothing named, or two things."""
    path = "/".join(("", *FILE))
    assert service.run("erasure", "request", path, "--as", "ada", secrets=(PASSWORD,)).returncode == 1
    assert service.run("erasure", "request", "--yes").returncode == 2
    assert service.run("erasure", "request", path, "--space", "ada", "--yes").returncode == 2
    assert service.run("erasure", "request", path, "--yes").returncode == 2
    assert service.json("erasure", "list") == []
