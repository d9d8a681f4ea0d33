"""A second reader of docstopd's data folder, written from docs/format.md with the standard library and cryptography.

It needs the data folder with its server key and a member's password, and no docstopd. Every proof, commitment and tag
on the way from the password to the file is checked; what does not verify raises ValueError.
"""

import base64
import contextlib
import hashlib
import sqlite3
import struct
import unicodedata
from collections.abc import Iterator
from hmac import compare_digest
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

HPKE = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)
SCHEMAS = {"catalog": 3, "keyring": 1}
FLOE = bytes.fromhex("00 00 00 04 00 00 00 00 00 20")


@contextlib.contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except (InvalidTag, KeyError, sqlite3.Error, struct.error) as error:
        raise ValueError(f"missing, or does not verify: {error!r}") from error


@_refusals()
def read(data: Path, user: str, password: str, path: str) -> bytes:
    """The content of the file at `path`, which begins with its space's label: "ada/folder/file.txt"."""
    label, *steps = _nfc(path).split("/")
    space = Space(data, user, password, label)
    node = space.root
    for name in steps:
        node = space.children(node)[name]
    return space.content(node)


@_refusals()
def names(data: Path, user: str, password: str, label: str) -> set[str]:
    """The paths of the space's files, without the label in front; those in the trash are left out."""
    space = Space(data, user, password, _nfc(label))
    return set(space.tree(space.root))


class Space:
    """A space, opened with a member's password."""

    def __init__(self, data: Path, user: str, password: str, label: str) -> None:
        self.data = data
        server = _server_key((data / "keys" / "server.key").read_text("ascii").strip())
        self.keystore = _hkdf(server, b"docstopd/server-keystore/v1")
        name = _nfc(_nfc(user).casefold())
        ((who,),) = self.rows("catalog", "SELECT id FROM users WHERE name = ?", name)
        (slot,) = self.rows("keyring", "SELECT * FROM slots WHERE user = ? AND kind = 'password'", who)
        times = struct.pack(">QQ", slot["created"], slot["expires"])
        value = self.kept(slot["value"], b"slot" + slot["id"] + who + times + b"password")
        user_key = _user_key(value, _hkdf(server, b"docstopd/pepper/v1"), password, who + slot["id"])
        ((bundle,),) = self.rows("keyring", "SELECT private FROM identities WHERE user = ?", who)
        bundle = self.kept(bundle, b"identity" + who + b"private" + name.encode())
        bundle = _unwrap(_hkdf(user_key, b"docstopd/identity/v1"), bundle, b"docstopd/identity/v1" + who)
        mlkem, x25519 = MLKEM768PrivateKey.from_seed_bytes(bundle[:64]), bundle[64:96]
        private = hpke.MLKEM768X25519PrivateKey(mlkem, X25519PrivateKey.from_private_bytes(x25519))
        ((self.id, root),) = self.rows("catalog", "SELECT id, root FROM spaces WHERE label = ?", label)
        self.keys: dict[int, bytes] = {}
        query = "SELECT epoch, value FROM space_keys WHERE space = ? AND member = ?"
        for epoch, value in self.rows("keyring", query, self.id, who):
            place = self.id + struct.pack(">I", epoch) + who
            sealed = _suite_1(self.kept(value, b"space-key" + place))
            self.keys[epoch] = HPKE.decrypt(sealed, private, b"docstopd/space-key/v1" + place)
        (self.root,) = self.rows("catalog", "SELECT * FROM nodes WHERE id = ? AND parent = 0", root)
        _demand(self.proven(self.root) and self.root["name"] == self.id, "the root is this space's")

    def children(self, folder: sqlite3.Row) -> dict[str, sqlite3.Row]:
        """What a folder holds, by name."""
        query = "SELECT * FROM nodes WHERE space = ? AND parent = ? AND deleted IS NULL"
        found = {}
        for node in self.rows("catalog", query, self.id, folder["id"]):
            _demand(self.proven(node), "each row was written by a holder of the space's key")
            siv = AESSIV(_hkdf(self.keys[node["epoch"]], b"docstopd/names/v1", 64))
            padded = siv.decrypt(_suite_1(node["name"]), [self.id, struct.pack(">Q", folder["id"])])
            name, mark, zeros = padded.rpartition(b"\x80")
            _demand(bool(mark) and not any(zeros) and len(zeros) < 16 and not len(padded) % 16, "names are padded")
            found[name.decode()] = node
        return found

    def tree(self, folder: sqlite3.Row) -> Iterator[str]:
        """The paths of all files below a folder."""
        for name, node in self.children(folder).items():
            yield from (f"{name}/{below}" for below in self.tree(node)) if node["folder"] else [name]

    def proven(self, node: sqlite3.Row) -> bool:
        """Whether a holder of the space's key wrote the row as it is."""
        numbers = [node[column] for column in ("id", "parent", "epoch", "folder")]
        fixed = struct.pack(">QQIBBQ", *numbers, len(node["blob"]), node["size"])
        message = fixed + self.id + node["blob"] + node["name"]
        key = _hkdf(self.keys[node["epoch"]], b"docstopd/proofs/v1")
        return compare_digest(hashlib.blake2b(message, key=key, digest_size=16).digest(), node["proof"])

    def content(self, node: sqlite3.Row) -> bytes:
        """The plaintext of a file's current version."""
        blob: bytes = node["blob"]
        ((epoch, value),) = self.rows("keyring", "SELECT epoch, value FROM data_keys WHERE blob = ?", blob)
        value = self.kept(value, b"data-key" + blob + self.id + struct.pack(">I", epoch))
        key = _unwrap(_hkdf(self.keys[epoch], b"docstopd/data-key/v1" + blob), value, self.id + blob)
        stored = (self.data / "blobs" / blob.hex()[:2] / blob.hex()).read_bytes()
        return b"".join(_floe(key, stored, b"docstopd/blob/v1" + blob, node["size"]))

    def kept(self, value: bytes, row: bytes) -> bytes:
        """A value of the keyring without its keystore wrap."""
        return _unwrap(self.keystore, value, b"docstopd/keystore/v1" + row)

    def rows(self, database: str, query: str, *values: object) -> list[sqlite3.Row]:
        """Ask the catalog or the keyring."""
        address = (self.data / f"{database}.db").resolve().as_uri()
        with contextlib.closing(sqlite3.connect(f"{address}?mode=ro", uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            found = connection.execute("PRAGMA user_version").fetchone()[0]
            _demand(found == SCHEMAS[database], "the schema is the one that the page states")
            return connection.execute(query, values).fetchall()


def _floe(key: bytes, stored: bytes, aad: bytes, size: int) -> Iterator[bytes]:
    def derive(base: bytes, purpose: bytes, length: int) -> bytes:
        return HKDFExpand(SHA384(), length, stored[:42] + purpose + aad).derive(base)

    _demand(compare_digest(derive(key, b"HEADER_TAG:", 32), stored[42:74]), "the header tag is the key's")
    last = max(0, size - 1) // 262_112
    _demand(stored[:10] == FLOE and len(stored) == 74 + size + 32 * (last + 1), "the blob's form follows from the size")
    message_key = derive(key, b"MESSAGE_KEY:", 48)
    for position in range(last + 1):
        segment = stored[74 + 262_144 * position :][:262_144]
        mark = struct.pack(">I", len(segment)) if position == last else b"\xff" * 4
        _demand(segment[:4] == mark, "only the last segment states its length")
        cipher = AESGCM(derive(message_key, b"DEK:" + struct.pack(">Q", position >> 20 << 20), 32))
        yield cipher.decrypt(segment[4:16], segment[16:], struct.pack(">Q?", position, position == last))


def _server_key(line: str) -> bytes:
    kind, _, body = line.partition(" ")
    decoded = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
    key, checksum = decoded[:-4], decoded[-4:]
    _demand(kind == "docstopd-server-key-1" and len(key) == 32, "it is a server key")
    _demand(base64.urlsafe_b64encode(decoded).decode().rstrip("=") == body, "the server key has one spelling")
    _demand(compare_digest(hashlib.sha256(f"{kind} ".encode() + key).digest()[:4], checksum), "its checksum is right")
    return key


def _user_key(slot: bytes, pepper: bytes, password: str, owner: bytes) -> bytes:
    _demand(len(slot) == 123 and slot[:2] == b"\x01\x01", "the slot is a password's")
    memory, rounds, lanes = struct.unpack(">III", slot[18:30])
    _demand(19_456 <= memory <= 1_048_576 and 1 <= rounds <= 64 and 1 <= lanes <= 16, "the slot's cost is in bounds")
    cost = {"memory_cost": memory, "iterations": rounds, "lanes": lanes}
    typed = _nfc("".join(" " if unicodedata.category(each) == "Zs" else each for each in password)).encode()
    derived = Argon2id(salt=slot[2:18], length=64, secret=pepper, ad=owner, **cost).derive(typed)
    _demand(compare_digest(derived[32:], slot[30:62]), "the password is right")
    return _unwrap(derived[:32], slot[62:], b"docstopd/slot/v1" + slot[:30] + owner)


def _unwrap(key: bytes, value: bytes, aad: bytes) -> bytes:
    body = _suite_1(value)
    return AESGCM(key).decrypt(body[:12], body[12:], aad)


def _suite_1(value: bytes) -> bytes:
    _demand(value[:1] == b"\x01", "the suite is the first")
    return value[1:]


def _hkdf(key: bytes, label: bytes, length: int = 32) -> bytes:
    return HKDF(SHA256(), length, None, label).derive(key)


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _demand(holds: bool, what: str) -> None:
    if not holds:
        raise ValueError(f"it does not hold that {what}")
