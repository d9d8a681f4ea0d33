"""Making a new data folder: keys, stores, certificate, first user. Nothing that exists is ever overwritten."""

import datetime
import ipaddress
import os
import socket
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from docstopd.config import Config
from docstopd.crypto import hpke, organisation
from docstopd.crypto.serverkey import ServerKey
from docstopd.daemon.compose import CANARY, open_stores, open_vault
from docstopd.db import durable
from docstopd.errors import AlreadyExists
from docstopd.model import Role
from docstopd.vault.accounts import NewAccount

CERTIFICATE_DAYS = 825
"""The longest that macOS and iOS accept."""


def is_made(data: Path) -> bool:
    """Whether something of docstopd lies in the folder already."""
    return any((data / name).exists() for name in ("catalog.db", "keyring.db", "blobs", "keys"))


def make_data(config: Config, organisation_key: hpke.PublicKey | None) -> None:
    """Make the data folder: server key first, then stores that only it opens. Raises `AlreadyExists`."""
    if is_made(config.data):
        raise AlreadyExists(f"{config.data} is a data folder already; nothing was changed")
    durable.make_folder(config.data)
    config.data.chmod(0o700)
    server = ServerKey.generate()
    key_file = config.keys.server.locate(os.environ)
    durable.make_folder(key_file.parent)
    if key_file.exists():
        raise AlreadyExists(f"{key_file} exists already; nothing was changed")
    durable.write_file(key_file, server.encode().encode() + b"\n", adopted=True)
    durable.make_folder(config.data / "run")
    with ExitStack() as stack:
        stores = open_stores(config, server, stack)
        stores.keyring.put_fact("canary", CANARY)
        if organisation_key is not None:
            stores.keyring.put_fact("organisation", organisation_key.encode())


def make_service(config: Config, organisation_key: hpke.PublicKey | None, user: str, password: str) -> NewAccount:
    """`make_data`, and the first account, an admin. Raises `AlreadyExists`, `Refused` for the name or password."""
    make_data(config, organisation_key)
    with open_vault(config) as vault:
        return vault.accounts.add(user, password, role=Role.ADMIN)


def new_organisation_key(path: Path) -> hpke.PublicKey:
    """A new organisation key: the private half goes into `path`, which must not exist, and is kept nowhere else."""
    if path.exists():
        raise AlreadyExists(f"{path} exists already; choose another place for the organisation's recovery key")
    private = hpke.PrivateKey.generate()
    durable.write_file(path, organisation.encode(private).encode() + b"\n")
    return private.public


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """A self-signed certificate and its key. `fingerprint` is SHA-256 in hex, for comparing it by eye."""

    certificate: Path
    key: Path
    fingerprint: str


def make_certificate(folder: Path, names: list[str]) -> CertificateFiles:
    """A self-signed certificate for these host names and addresses, ECDSA P-256. The key file has mode 0600."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"docstopd on {socket.gethostname()}"[:64])])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=CERTIFICATE_DAYS))
        .add_extension(x509.SubjectAlternativeName([_general_name(text) for text in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    files = CertificateFiles(folder / "tls.crt", folder / "tls.key", certificate.fingerprint(hashes.SHA256()).hex())
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    durable.make_folder(folder)
    durable.write_file(files.key, private, adopted=True)
    durable.write_file(files.certificate, certificate.public_bytes(serialization.Encoding.PEM), 0o644, adopted=True)
    return files


def certificate_names(address: str = "127.0.0.1") -> list[str]:
    """The names under which this machine, listening on `address`, may be reached."""
    names = ["localhost", "127.0.0.1", "::1"]
    host = socket.gethostname()
    if host.isascii() and host:
        names.append(host)
    if address not in {"0.0.0.0", "::", "localhost"}:  # noqa: S104 - compared
        names.append(address)
    return list(dict.fromkeys(names))


def _general_name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)
