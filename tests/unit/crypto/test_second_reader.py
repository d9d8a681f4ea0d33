"""A second reader, written from docs/format.md and importing nothing of docstopd, on the frozen samples."""

import base64
import hashlib
import hmac
import json
import unicodedata
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

FILE = Path(__file__).parents[2] / "vectors" / "crypto" / "v1.json"
TEXT = json.loads(FILE.read_text())
USER, SLOT, SPACE, BLOB = b"u" * 16, b"s" * 16, b"S" * 16, b"b" * 16


def sample(name: str) -> bytes:
    return bytes.fromhex(TEXT[name])


def hkdf(key: bytes, label: bytes, size: int = 32, salt: bytes | None = None) -> bytes:
    return HKDF(SHA256(), size, salt, label).derive(key)


def unwrap(key: bytes, data: bytes, aad: bytes) -> bytes:
    assert data[0] == 1
    return AESGCM(key).decrypt(data[1:13], data[13:], aad)


def hpke(private: bytes, data: bytes, info: bytes) -> bytes:
    ident = b"HPKE" + bytes.fromhex("647a00010002")

    def lx(salt: bytes, label: bytes, ikm: bytes) -> bytes:
        return hmac.new(salt, b"HPKE-v1" + ident + label + ikm, hashlib.sha256).digest()

    def le(prk: bytes, label: bytes, ctx: bytes, n: int) -> bytes:
        return HKDFExpand(SHA256(), n, n.to_bytes(2, "big") + b"HPKE-v1" + ident + label + ctx).derive(prk)

    assert data[0] == 1
    mine, ephemeral = X25519PrivateKey.from_private_bytes(private[64:]), data[1089:1121]
    secrets = MLKEM768PrivateKey.from_seed_bytes(private[:64]).decapsulate(data[1:1089])
    secrets += mine.exchange(X25519PublicKey.from_public_bytes(ephemeral))
    pk = mine.public_key().public_bytes_raw()
    shared = hashlib.sha3_256(secrets + ephemeral + pk + bytes.fromhex("5c2e2f2f5e5c")).digest()
    context = b"\0" + lx(b"", b"psk_id_hash", b"") + lx(b"", b"info_hash", info)
    secret = lx(shared, b"secret", b"")
    return AESGCM(le(secret, b"key", context, 32)).decrypt(le(secret, b"base_nonce", context, 12), data[1121:], b"")


def floe(key: bytes, blob: bytes, aad: bytes) -> bytes:
    def kdf(key: bytes, purpose: bytes, n: int) -> bytes:
        return HKDFExpand(SHA384(), n, blob[:42] + purpose + aad).derive(key)

    size = int.from_bytes(blob[2:6], "big")
    assert blob[42:74] == kdf(key, b"HEADER_TAG:", 32)
    message_key, plain = kdf(key, b"MESSAGE_KEY:", 48), b""
    for p, start in enumerate(range(74, len(blob), size)):
        segment, last = blob[start : start + size], start + size >= len(blob)
        assert segment[:4] == (len(segment).to_bytes(4, "big") if last else b"\xff\xff\xff\xff")
        cipher = AESGCM(kdf(message_key, b"DEK:" + (p >> 20 << 20).to_bytes(8, "big"), 32))
        plain += cipher.decrypt(segment[4:16], segment[16:], p.to_bytes(8, "big") + bytes([last]))
    return plain


def key_line(kind: str, line: str) -> bytes:
    word, body = line.split()
    data = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
    assert word == kind
    assert data[-4:] == hashlib.sha256(f"{kind} ".encode() + data[:-4]).digest()[:4]
    return data[:-4]


def slot_key(kind: str, pepper: bytes) -> bytes:
    slot, text, ids = sample(f"{kind}_slot"), TEXT[f"{kind}_text"], USER + SLOT
    memory, iterations, lanes = (int.from_bytes(slot[at : at + 4], "big") for at in (18, 22, 26))
    if kind == "password":
        spaced = "".join(" " if unicodedata.category(c) == "Zs" else c for c in text)
        argon = Argon2id(
            salt=slot[2:18],
            length=64,
            iterations=iterations,
            lanes=lanes,
            memory_cost=memory,
            ad=ids,
            secret=pepper,
        )
        both = argon.derive(unicodedata.normalize("NFC", spaced).encode())
    else:
        digits = "abcdefghijklmnopqrstuvwxyz234567" if kind == "app_password" else "0123456789abcdefghjkmnpqrstvwxyz"
        number = 0
        for c in text.replace("-", "").lower():
            number = number << 5 | digits.index(c)
        label = f"docstopd/slot-{kind.replace('_', '-')}/v1".encode() + ids
        both = hkdf(pepper + number.to_bytes(20, "big"), label, 64, slot[2:18])
    assert both[32:] == slot[30:62]
    return unwrap(both[:32], slot[62:], b"docstopd/slot/v1" + slot[:30] + ids)


def test_the_page_suffices_to_get_from_a_password_to_a_file():
    """Each credential gives the user key, which gives identity, space key, name, data key and blob."""
    server = key_line("docstopd-server-key-1", TEXT["server_line"])
    pepper = hkdf(server, b"docstopd/pepper/v1")
    user_keys = {slot_key(kind, pepper) for kind in ("password", "app_password", "recovery_code")}
    assert len(user_keys) == 1
    (user_key,) = user_keys
    label = b"docstopd/identity/v1"
    bundle = unwrap(hkdf(user_key, label), sample("identity_wrapped"), label + USER)
    info = b"docstopd/space-key/v1" + SPACE + bytes.fromhex("00000003") + USER
    space_key = hpke(bundle[:96], sample("space_key_sealed"), info)
    siv = AESSIV(hkdf(space_key, b"docstopd/names/v1", 64))
    name = siv.decrypt(sample("name_sealed")[1:], [SPACE, (1_000_001).to_bytes(8, "big")])
    assert name.rstrip(b"\0")[:-1].decode() == "\u00dcbersicht 2026.ods"
    data_key = unwrap(hkdf(space_key, b"docstopd/data-key/v1" + BLOB), sample("data_key_wrapped"), SPACE + BLOB)
    for blob, plain in (("blob", bytes(range(100))), ("blob_empty", b""), ("segments", bytes(range(100)))):
        assert floe(data_key, sample(blob), b"docstopd/blob/v1" + BLOB) == plain


def test_the_page_suffices_for_what_the_server_and_the_organisation_hold():
    """Keystore wrap, the server's own key pair, the space's private key, organisation recovery."""
    server = key_line("docstopd-server-key-1", TEXT["server_line"])
    keystore = hkdf(server, b"docstopd/server-keystore/v1")
    aad = b"docstopd/keystore/v1" + b"data-keys\0row"
    assert unwrap(keystore, sample("keystore_closed"), aad) == b"a keyring value"
    private = hkdf(server, b"docstopd/server-mlkem/v1", 64) + hkdf(server, b"docstopd/server-x25519/v1")
    assert hpke(private, sample("hpke_sealed"), b"what it is for") == b"a message"
    offline = key_line("docstopd-organisation-key-1", TEXT["organisation_line"])
    user_key = hpke(offline, sample("organisation_sealed"), b"docstopd/organisation/v1" + USER)
    assert user_key == sample("user_key")
    wrapping = hkdf(sample("space_secret"), b"docstopd/space-private/v1")
    assert unwrap(wrapping, sample("space_private_wrapped"), SPACE) == offline
