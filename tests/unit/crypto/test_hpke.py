"""HPKE: against a second reader written from the standards, and against misuse."""

import hashlib
import hmac

import pytest
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from docstopd import errors
from docstopd.crypto import hpke, organisation


@pytest.fixture(scope="module")
def private():
    """A key pair."""
    return hpke.PrivateKey.generate()


def open_by_hand(private: bytes, data: bytes, info: bytes) -> bytes:
    """RFC 9180 section 5.1 and 6.1 in base mode over X-Wing's combiner; RFC 5869 by hand."""
    identifier = b"HPKE" + bytes.fromhex("647a00010002")

    def extract(salt: bytes, label: bytes, key: bytes) -> bytes:
        return hmac.new(salt, b"HPKE-v1" + identifier + label + key, hashlib.sha256).digest()

    def expand(key: bytes, label: bytes, context: bytes, size: int) -> bytes:
        text = size.to_bytes(2, "big") + b"HPKE-v1" + identifier + label + context + b"\x01"
        return hmac.new(key, text, hashlib.sha256).digest()[:size]

    mlkem, x25519 = MLKEM768PrivateKey.from_seed_bytes(private[:64]), X25519PrivateKey.from_private_bytes(private[64:])
    mlkem_part, x25519_part, body = data[1:1089], data[1089:1121], data[1121:]
    secrets = mlkem.decapsulate(mlkem_part) + x25519.exchange(X25519PublicKey.from_public_bytes(x25519_part))
    shared = hashlib.sha3_256(secrets + x25519_part + x25519.public_key().public_bytes_raw() + b"\\.//^\\").digest()
    context = b"\0" + extract(b"", b"psk_id_hash", b"") + extract(b"", b"info_hash", info)
    secret = extract(shared, b"secret", b"")
    key, nonce = expand(secret, b"key", context, 32), expand(secret, b"base_nonce", context, 12)
    return AESGCM(key).decrypt(nonce, body, b"")


def test_a_reader_written_from_the_standards_opens_what_was_sealed(private):
    """The format is the standards', not a library's."""
    data = hpke.seal(private.public, b"message", b"info")
    assert data[0] == 1
    assert len(data) == 1 + 1120 + 7 + 16
    assert open_by_hand(private.encode(), data, b"info") == b"message" == hpke.open(private, data, b"info")


def test_a_sealed_value_belongs_to_its_key_and_info(private):
    """Neither can be exchanged."""
    data = hpke.seal(private.public, b"message", b"info")
    with pytest.raises(errors.Damaged):
        hpke.open(private, data, b"other")
    with pytest.raises(errors.Damaged):
        hpke.open(hpke.PrivateKey.generate(), data, b"info")


def test_both_halves_of_the_key_are_needed(private):
    """The exchange holds when either of the two is broken."""
    other = hpke.PrivateKey.generate().encode()
    data = hpke.seal(private.public, b"message", b"info")
    for mixed in (private.encode()[:64] + other[64:], other[:64] + private.encode()[64:]):
        with pytest.raises(errors.Damaged):
            hpke.open(hpke.PrivateKey.decode(mixed), data, b"info")


def test_every_changed_byte_of_a_sealed_value_is_damage(private):
    """The encapsulated keys included."""
    data = hpke.seal(private.public, b"message", b"info")
    for at in range(1, len(data)):
        changed = bytearray(data)
        changed[at] ^= 1
        # The top bit of an X25519 value is ignored by RFC 7748, but X-Wing hashes it: no second spelling.
        with pytest.raises(errors.Damaged):
            hpke.open(private, changed, b"info")
    for size in (0, 1, 2, 100, 1120, 1121, 1136, len(data) - 1):
        with pytest.raises(errors.Damaged):
            hpke.open(private, data[:size], b"info")
    with pytest.raises(errors.Incompatible):
        hpke.open(private, b"\2" + data[1:], b"info")


def test_an_exchange_with_a_point_of_low_order_is_damage(private):
    """All zeros would take the X25519 half out of the secret."""
    data = hpke.seal(private.public, b"message", b"info")
    with pytest.raises(errors.Damaged):
        hpke.open(private, data[:1089] + bytes(32) + data[1121:], b"info")


def test_keys_come_back_from_their_bytes(private):
    """96 bytes private, 1216 public."""
    assert hpke.PrivateKey.decode(private.encode()).public == private.public
    public = hpke.PublicKey.decode(private.public.encode())
    assert len({public, private.public}) == 1
    assert hpke.open(private, hpke.seal(public, b"message", b""), b"") == b"message"


def test_keys_of_a_wrong_form_are_damage(private):
    """Wrong lengths, and an ML-KEM key with coefficients above the modulus."""
    for data in (b"", private.encode()[:-1], private.encode() + b"x"):
        with pytest.raises(errors.Damaged):
            hpke.PrivateKey.decode(data)
    for data in (b"", private.public.encode()[:-1], b"\xff" * 1216):
        with pytest.raises(errors.Damaged):
            hpke.PublicKey.decode(data)
    with pytest.raises(ValueError, match="64"):
        hpke.PrivateKey(b"", bytes(32))


def test_a_user_key_sealed_to_the_organisation_belongs_to_its_user(private):
    """One user's key cannot be passed off as another's."""
    data = organisation.seal_user_key(private.public, b"u" * 16, b"k" * 32)
    assert organisation.open_user_key(private, b"u" * 16, data) == b"k" * 32
    with pytest.raises(errors.Damaged):
        organisation.open_user_key(private, b"v" * 16, data)
    with pytest.raises(errors.Damaged):
        organisation.open_user_key(private, b"u" * 16, organisation.seal_user_key(private.public, b"u" * 16, b"short"))


def test_the_organisations_key_comes_back_from_its_line(private):
    """As it is typed in from paper, with blanks around."""
    line = organisation.encode(private)
    assert line.startswith("docstopd-organisation-key-1 ")
    assert organisation.decode(f"  {line}\n").encode() == private.encode()
