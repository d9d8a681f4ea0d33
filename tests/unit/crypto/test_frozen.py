"""The frozen samples of format 1: what was written once can be read for ever, and is still written the same."""

import json
import runpy
from pathlib import Path

import pytest

from docstopd.crypto import floe, hpke, organisation, slot, wrap
from docstopd.crypto.keystore import Keystore
from docstopd.crypto.serverkey import ServerKey
from docstopd.crypto.spacekey import SpaceKey
from docstopd.crypto.userkey import Identity, UserKey
from docstopd.model import SlotKind

FOLDER = Path(__file__).parents[2] / "vectors" / "crypto"
USER, SLOT, SPACE, BLOB = b"u" * 16, b"s" * 16, b"S" * 16, b"b" * 16
PLAIN = bytes(range(100))


@pytest.fixture(scope="module")
def text():
    """The samples as they are in the file."""
    return json.loads((FOLDER / "v1.json").read_text())


@pytest.fixture(scope="module")
def data(text):
    """The samples that are bytes."""
    return {name: bytes.fromhex(value) for name, value in text.items() if not name.endswith(("_line", "_text"))}


@pytest.fixture(scope="module")
def server(text):
    """The server key of the samples."""
    return ServerKey.decode(text["server_line"])


@pytest.fixture(scope="module")
def space(data):
    """The space key of the samples."""
    return SpaceKey(data["space_secret"], SPACE, 3)


def test_the_same_randomness_makes_the_same_bytes(text):
    """Any change of a format shows here, but for what HPKE seals."""
    maker = runpy.run_path(str(FOLDER / "make.py"))
    made = maker["samples"]()
    assert made.keys() == text.keys()
    for name in text.keys() - set(maker["SEALED"]):
        assert made[name] == text[name], name


def test_the_server_key_gives_its_keys(server, data):
    """All from one line of text."""
    assert ServerKey(data["server_secret"]).encode() == server.encode()
    assert server.pepper == data["server_pepper"]
    assert server.keystore == data["server_keystore"]
    assert server.journal == data["server_journal"]
    assert server.profile == data["server_profile"]
    assert server.throttle == data["server_throttle"]
    assert server.signer.public_key().public_bytes_raw() == data["server_signer_public"]
    assert server.hpke.encode() == data["server_hpke_private"]
    assert server.hpke.public.encode() == data["server_hpke_public"]


@pytest.mark.parametrize("kind", [SlotKind.PASSWORD, SlotKind.APP_PASSWORD, SlotKind.RECOVERY_CODE])
def test_a_slot_opens_with_its_credential(kind, text, data, server):
    """From what a person types to the user key."""
    name = kind.value.replace("-", "_")
    credential = slot.credential_bytes(kind, text[f"{name}_text"])
    user_key = slot.open(data[f"{name}_slot"], credential, user=USER, slot=SLOT, pepper=server.pepper)
    assert user_key == data["user_key"]


def test_the_way_from_a_user_key_to_a_files_bytes_is_open(data):
    """User key, identity, space key, data key, blob."""
    identity = Identity.unwrap(UserKey(data["user_key"]), USER, data["identity_wrapped"])
    assert identity.public == data["identity_public"]
    space = SpaceKey.open_sealed(identity.hpke, data["space_key_sealed"], SPACE, 3, USER)
    data_key = space.unwrap_data_key(BLOB, data["data_key_wrapped"])
    assert data_key == data["data_key"]
    assert floe.open_bytes(data_key, floe.blob_aad(BLOB), data["blob"]) == PLAIN
    assert floe.open_bytes(data_key, floe.blob_aad(BLOB), data["blob_empty"]) == b""
    assert floe.open_bytes(data_key, floe.blob_aad(BLOB), data["segments"], segment=64) == PLAIN


def test_what_a_space_key_seals_opens(space, data):
    """Names, sub-keys, the space's own private key."""
    assert space.names.open(data["name_sealed"], SPACE, 1_000_001) == "\u00dcbersicht 2026.ods"
    assert space.journal == data["space_journal"]
    assert space.properties == data["space_properties"]
    assert space.unwrap_private(data["space_private_wrapped"]).encode() == data["organisation_private"]
    assert wrap.unwrap(space.properties, data["wrapped"], b"where it belongs") == b"a property"


def test_what_the_server_and_the_organisation_hold_opens(server, text, data):
    """Keystore values, messages to the server, user keys for recovery."""
    assert Keystore(server.keystore).open(b"data-keys\0row", data["keystore_closed"]) == b"a keyring value"
    assert hpke.open(server.hpke, data["hpke_sealed"], b"what it is for") == b"a message"
    offline = organisation.decode(text["organisation_line"])
    assert offline.encode() == data["organisation_private"]
    assert organisation.open_user_key(offline, USER, data["organisation_sealed"]) == data["user_key"]
