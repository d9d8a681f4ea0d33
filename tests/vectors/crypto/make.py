"""Makes `v1.json`, the frozen samples of every value in docs/format.md; run once per format, never over an old file.

    python tests/vectors/crypto/make.py

The randomness is a fixed stream, so that everything can be made again and compared; values sealed by HPKE are the
exception (`SEALED`), as the key exchange takes its own randomness: those can only be opened.
"""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

from docstopd.crypto import floe, hpke, organisation, slot, wrap
from docstopd.crypto.keystore import Keystore
from docstopd.crypto.serverkey import ServerKey
from docstopd.crypto.spacekey import SpaceKey
from docstopd.crypto.userkey import Identity, UserKey
from docstopd.model import BlobId, NodeId, SlotId, SlotKind, SpaceId, UserId

FILE = Path(__file__).parent / "v1.json"
SEALED = ("space_key_sealed", "organisation_sealed", "hpke_sealed")

USER, SLOT, SPACE, BLOB = (UserId(b"u" * 16), SlotId(b"s" * 16), SpaceId(b"S" * 16), BlobId(b"b" * 16))
EPOCH, PARENT, ROW = 3, NodeId(1_000_001), b"data-keys\0row"
PASSWORD, NAME = "Gr\u00fc\u00dfe aus K\u00f6ln", "U\u0308bersicht 2026.ods"
PLAIN = bytes(range(100))


def stream() -> Callable[[int], bytes]:
    """A source of bytes that is the same in every run: SHAKE-256 of a counter."""
    count = 0

    def read(size: int) -> bytes:
        nonlocal count
        count += 1
        return hashlib.shake_256(b"docstopd samples 1" + count.to_bytes(4, "big")).digest(size)

    return read


def samples() -> dict[str, str]:
    """Every sample by its name; bytes as hex."""
    random = stream()
    server_secret, user_secret, space_secret, data_key = random(32), random(32), random(32), random(32)
    identity_private, organisation_private = random(128), random(96)
    server, user_key = ServerKey(server_secret), UserKey(user_secret)
    space = SpaceKey(space_secret, SPACE, EPOCH)
    identity = Identity(hpke.PrivateKey.decode(identity_private[:96]), identity_private[96:])
    offline = hpke.PrivateKey.decode(organisation_private)
    app_password, recovery_code = slot.new_app_password(random), slot.new_recovery_code(random)
    slots = {
        SlotKind.PASSWORD: PASSWORD,
        SlotKind.APP_PASSWORD: app_password,
        SlotKind.RECOVERY_CODE: recovery_code,
    }
    values: dict[str, bytes | str] = {
        "server_secret": server_secret,
        "server_line": server.encode(),
        "server_pepper": server.pepper,
        "server_keystore": server.keystore,
        "server_journal": server.journal,
        "server_profile": server.profile,
        "server_throttle": server.throttle,
        "server_signer_public": server.signer.public_key().public_bytes_raw(),
        "server_hpke_private": server.hpke.encode(),
        "server_hpke_public": server.hpke.public.encode(),
        "user_key": user_secret,
        "identity_private": identity_private,
        "identity_public": identity.public,
        "identity_wrapped": identity.wrap(user_key, USER, random),
        "organisation_private": organisation_private,
        "organisation_line": organisation.encode(offline),
        "organisation_sealed": organisation.seal_user_key(offline.public, USER, user_secret),
        "space_secret": space_secret,
        "space_journal": space.journal,
        "space_properties": space.properties,
        "space_key_sealed": space.seal_to(identity.hpke.public, USER),
        "space_private_wrapped": space.wrap_private(offline, random),
        "data_key": data_key,
        "data_key_wrapped": space.wrap_data_key(BLOB, data_key, random),
        "name_sealed": space.names.seal(NAME, SPACE, PARENT),
        "keystore_closed": Keystore(server.keystore).close(ROW, b"a keyring value", random),
        "wrapped": wrap.wrap(space.properties, b"a property", b"where it belongs", random),
        "hpke_sealed": hpke.seal(server.hpke.public, b"a message", b"what it is for"),
        "blob": floe.seal_bytes(data_key, floe.blob_aad(BLOB), PLAIN, random=random),
        "blob_empty": floe.seal_bytes(data_key, floe.blob_aad(BLOB), b"", random=random),
        "segments": floe.seal_bytes(data_key, floe.blob_aad(BLOB), PLAIN, segment=64, random=random),
    }
    for kind, text in slots.items():
        name = kind.value.replace("-", "_")
        values[f"{name}_text"] = text
        values[f"{name}_slot"] = slot.make(
            kind,
            slot.credential_bytes(kind, text),
            user_secret,
            user=USER,
            slot=SLOT,
            pepper=server.pepper,
            cost=slot.Cost(19 * 1024, 2, 1),
            random=random,
        )
    return {name: value if isinstance(value, str) else value.hex() for name, value in values.items()}


if __name__ == "__main__":
    with FILE.open("x") as file:
        json.dump(samples(), file, indent=1, ensure_ascii=True)
        file.write("\n")
