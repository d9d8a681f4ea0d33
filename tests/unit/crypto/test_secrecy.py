"""No repr, no text of an exception and no message holds a key or a credential."""

import base64
import traceback

import pytest

from docstopd import errors
from docstopd.crypto import floe, hpke, keytext, organisation, slot, wrap
from docstopd.crypto.credential import credential_bytes
from docstopd.crypto.keystore import Keystore
from docstopd.crypto.names import NameCipher
from docstopd.crypto.serverkey import ServerKey
from docstopd.crypto.spacekey import SpaceKey
from docstopd.crypto.userkey import Identity, UserKey
from docstopd.model import SlotKind

SECRET = b"secretsecretsecretsecretsecretSE"
ID = b"i" * 16
PRIVATE = hpke.PrivateKey(SECRET * 2, SECRET)


def shows_secret(text: str) -> bool:
    forms = (SECRET.decode(), SECRET.hex(), base64.urlsafe_b64encode(SECRET).decode()[:40])
    return any(form[:12].lower() in text.lower() for form in forms)


@pytest.mark.parametrize(
    "thing",
    [
        ServerKey(SECRET),
        UserKey(SECRET),
        SpaceKey(SECRET, ID, 1),
        SpaceKey(SECRET, ID, 1).names,
        PRIVATE,
        PRIVATE.public,
        Identity(PRIVATE, SECRET),
        Keystore(SECRET),
        NameCipher(SECRET * 2),
        floe.Sealer(SECRET, b""),
    ],
    ids=lambda thing: type(thing).__name__,
)
def test_nothing_shows_its_key(thing):
    """In a log line, in an f-string, in a list."""
    for text in (repr(thing), str(thing), f"{thing}", repr([thing])):
        assert not shows_secret(text)


FAILING = {
    "unwrap": lambda: wrap.unwrap(SECRET, wrap.wrap(SECRET, SECRET, b"a"), b"b"),
    "keystore": lambda: Keystore(SECRET).open(b"b", Keystore(SECRET).close(b"a", SECRET)),
    "hpke": lambda: hpke.open(PRIVATE, hpke.seal(PRIVATE.public, SECRET, b"a"), b"b"),
    "private key": lambda: hpke.PrivateKey.decode(SECRET),
    "slot": lambda: slot.open(
        slot.make(SlotKind.APP_PASSWORD, SECRET, SECRET, user=ID, slot=ID, pepper=SECRET),
        b"other",
        user=ID,
        slot=ID,
        pepper=SECRET,
    ),
    "code": lambda: credential_bytes(SlotKind.APP_PASSWORD, SECRET.decode() + "!"),
    "password": lambda: credential_bytes(SlotKind.PASSWORD, SECRET.decode() + "\ud83d"),
    "name": lambda: NameCipher(SECRET * 2).seal(SECRET.decode() + "\ud83d", ID, 1),
    "sealed name": lambda: NameCipher(SECRET * 2).open(NameCipher(SECRET * 2).seal(SECRET.decode(), ID, 1), ID, 2),
    "key line": lambda: ServerKey.decode(keytext.encode("docstopd-server-key-1", SECRET)[:-1] + "!"),
    "other key line": lambda: ServerKey.decode(organisation.encode(PRIVATE)),
    "bare key": lambda: ServerKey.decode(SECRET.decode()),
    "blob": lambda: floe.open_bytes(SECRET, b"b", floe.seal_bytes(SECRET, b"a", SECRET)),
    "segment": lambda: floe.Sealer(SECRET, b"").seal(SECRET, False, bytearray(100)),
    "server key": lambda: ServerKey(SECRET[:-1]),
    "data key": lambda: SpaceKey(SECRET, ID, 1).unwrap_data_key(ID, SpaceKey(SECRET, ID, 1).wrap_data_key(ID, b"x")),
}


@pytest.mark.parametrize("name", FAILING)
def test_nothing_that_fails_tells_what_it_held(name):
    """Neither the message nor the traceback with its causes."""
    with pytest.raises((errors.DocstopdError, ValueError)) as caught:
        FAILING[name]()
    assert not shows_secret(str(caught.value))
    assert not shows_secret("".join(traceback.format_exception(caught.value)))
