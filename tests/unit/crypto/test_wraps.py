"""Wraps under a key: the plain wrap, the keystore, and what a space key and a user key wrap."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docstopd import errors
from docstopd.crypto import hpke, kdf, suite, wrap
from docstopd.crypto.keystore import Keystore
from docstopd.crypto.spacekey import SpaceKey
from docstopd.crypto.userkey import Identity, UserKey, public_hpke

KEY, SPACE, BLOB, USER = b"k" * 32, b"S" * 16, b"b" * 16, b"u" * 16


def flips(data: bytes):
    """Every version of `data` with one bit changed, and every shorter one, but for the suite byte."""
    for bit in range(8, len(data) * 8):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        yield bytes(changed)
    for size in range(len(data)):
        yield data[:size]
    yield data + b"\0"


@given(st.binary(max_size=100), st.binary(max_size=40))
def test_a_wrapped_value_comes_back(plain, aad):
    """And costs 29 bytes."""
    data = wrap.wrap(KEY, plain, aad)
    assert len(data) == len(plain) + wrap.OVERHEAD
    assert wrap.unwrap(KEY, data, aad) == plain


def test_a_changed_wrapped_value_is_damage():
    """Any bit, any length."""
    for changed in flips(wrap.wrap(KEY, b"plain", b"aad")):
        with pytest.raises(errors.Damaged):
            wrap.unwrap(KEY, changed, b"aad")


def test_a_wrapped_value_belongs_to_its_key_and_context():
    """Nothing opens elsewhere."""
    data = wrap.wrap(KEY, b"plain", b"aad")
    for key, aad in ((b"K" * 32, b"aad"), (KEY, b"add"), (KEY, b"")):
        with pytest.raises(errors.Damaged):
            wrap.unwrap(key, data, aad)


def test_two_wraps_of_one_value_differ():
    """The nonce is random."""
    assert wrap.wrap(KEY, b"plain", b"") != wrap.wrap(KEY, b"plain", b"")


@pytest.mark.parametrize("number", [0, 2, 255])
def test_another_suite_is_refused(number):
    """A file cannot ask for other algorithms."""
    with pytest.raises(errors.Incompatible, match=str(number)):
        suite.check(bytes([number]) + b"rest")
    with pytest.raises(errors.Incompatible):
        wrap.unwrap(KEY, bytes([number]) + wrap.wrap(KEY, b"plain", b"")[1:], b"")


def test_keys_are_derived_as_rfc_5869_says():
    """Computed here by hand, with and without a salt."""
    for salt in (b"", b"salt"):
        prk = hmac.new(salt, b"key", hashlib.sha256).digest()
        first = hmac.new(prk, b"label\x01", hashlib.sha256).digest()
        second = hmac.new(prk, first + b"label\x02", hashlib.sha256).digest()
        assert kdf.derive(b"key", b"label", 64, salt=salt) == first + second


def test_a_keyring_value_belongs_to_its_row():
    """Swapping two rows of the database is noticed."""
    store = Keystore(KEY)
    value = store.close(b"row 1", b"value")
    assert store.open(b"row 1", value) == b"value"
    with pytest.raises(errors.Damaged):
        store.open(b"row 2", value)
    with pytest.raises(errors.Damaged):
        Keystore(b"K" * 32).open(b"row 1", value)


def test_a_data_key_belongs_to_its_blob_its_space_and_its_key():
    """Each of them alone keeps it shut."""
    space = SpaceKey(KEY, SPACE, 1)
    data = space.wrap_data_key(BLOB, b"d" * 32)
    assert space.unwrap_data_key(BLOB, data) == b"d" * 32
    for other, blob in (
        (space, b"B" * 16),
        (SpaceKey(KEY, b"T" * 16, 1), BLOB),
        (SpaceKey(b"K" * 32, SPACE, 1), BLOB),
    ):
        with pytest.raises(errors.Damaged):
            other.unwrap_data_key(blob, data)
    for changed in flips(data):
        with pytest.raises(errors.Damaged):
            space.unwrap_data_key(BLOB, changed)


def test_a_data_key_of_another_length_is_damage():
    """It would fail later, and less clearly."""
    space = SpaceKey(KEY, SPACE, 1)
    with pytest.raises(errors.Damaged):
        space.unwrap_data_key(BLOB, space.wrap_data_key(BLOB, b"short"))


def test_a_sealed_space_key_belongs_to_its_space_epoch_member_and_person():
    """None of them can be exchanged."""
    person, stranger = hpke.PrivateKey.generate(), hpke.PrivateKey.generate()
    data = SpaceKey(KEY, SPACE, 4).seal_to(person.public, USER)
    space = SpaceKey.open_sealed(person, data, SPACE, 4, USER)
    assert (space.space, space.epoch, space.journal) == (SPACE, 4, SpaceKey(KEY, SPACE, 4).journal)
    for private, where, epoch, member in (
        (stranger, SPACE, 4, USER),
        (person, b"T" * 16, 4, USER),
        (person, SPACE, 5, USER),
        (person, SPACE, 4, b"v" * 16),
    ):
        with pytest.raises(errors.Damaged):
            SpaceKey.open_sealed(private, data, where, epoch, member)


def test_something_else_sealed_as_a_space_key_is_damage():
    """The length is checked before it is used."""
    person = hpke.PrivateKey.generate()
    info = b"docstopd/space-key/v1" + SPACE + b"\0\0\0\4" + USER
    with pytest.raises(errors.Damaged):
        SpaceKey.open_sealed(person, hpke.seal(person.public, b"short", info), SPACE, 4, USER)


def test_a_spaces_private_key_belongs_to_it():
    """Arrivals are sealed to its public half."""
    space, private = SpaceKey.generate(SPACE, 1), hpke.PrivateKey.generate()
    data = space.wrap_private(private)
    assert space.unwrap_private(data).public == private.public
    for other in (SpaceKey.generate(SPACE, 1), SpaceKey(KEY, SPACE, 1)):
        with pytest.raises(errors.Damaged):
            other.unwrap_private(data)


def test_a_spaces_sub_keys_differ():
    """Each purpose has its own label."""
    space = SpaceKey(KEY, SPACE, 1)
    assert space.property_names == kdf.derive(KEY, b"docstopd/property-names/v1")
    assert space.proofs == kdf.derive(KEY, b"docstopd/proofs/v1")
    assert len({KEY, space.journal, space.properties, space.property_names, space.proofs}) == 5
    assert space.names is space.names


def test_an_identity_belongs_to_its_user_and_user_key():
    """The private bundle opens nowhere else."""
    user_key, identity = UserKey.generate(), Identity.generate()
    data = identity.wrap(user_key, USER)
    again = Identity.unwrap(user_key, USER, data)
    assert again.public == identity.public
    assert again.hpke.encode() == identity.hpke.encode()
    identity.signer.public_key().verify(again.signer.sign(b"text"), b"text")
    short = wrap.wrap(kdf.derive(user_key.secret, b"docstopd/identity/v1"), b"short", b"docstopd/identity/v1" + USER)
    with pytest.raises(errors.Damaged):
        Identity.unwrap(user_key, USER, short)
    for key, user in ((UserKey.generate(), USER), (user_key, b"v" * 16)):
        with pytest.raises(errors.Damaged):
            Identity.unwrap(key, user, data)


def test_the_public_identity_gives_the_key_to_seal_to():
    """What the catalog holds of a person suffices to give them a space."""
    identity = Identity.generate()
    assert public_hpke(identity.public) == identity.hpke.public
    with pytest.raises(errors.Damaged):
        public_hpke(identity.public[:-1])


def test_keys_of_another_length_are_never_accepted():
    """AES-128 would work, and nobody would notice."""
    for make in (UserKey, Keystore, lambda key: SpaceKey(key, SPACE, 1), lambda key: wrap.wrap(key, b"", b"")):
        with pytest.raises(ValueError, match="32 bytes"):
            make(bytes(16))
