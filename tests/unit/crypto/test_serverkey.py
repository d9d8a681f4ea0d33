"""The server key and its line of text."""

import pytest

from docstopd import errors
from docstopd.crypto import hpke
from docstopd.crypto.serverkey import ServerKey


def test_the_key_comes_back_from_its_line():
    """With the line's end, and blanks around it."""
    key = ServerKey.generate()
    line = key.encode()
    assert line.startswith("docstopd-server-key-1 ")
    assert "\n" not in line
    assert ServerKey.decode(f" {line}\r\n").pepper == key.pepper


def test_no_character_of_the_line_can_be_changed():
    """The checksum, or the alphabet, or the one spelling of the last character tells."""
    line = ServerKey(bytes(range(32))).encode()
    start = line.index(" ") + 1
    for at in range(start, len(line)):
        for other in "Az09-_=+/ ":
            if other != line[at]:
                with pytest.raises((errors.Damaged, errors.ConfigurationError)):
                    ServerKey.decode(line[:at] + other + line[at + 1 :])
    for size in range(start, len(line)):
        with pytest.raises((errors.Damaged, errors.ConfigurationError)):
            ServerKey.decode(line[:size])


@pytest.mark.parametrize(
    "text", ["", "hello", "docstopd-server-key-2 AAAA", "docstopd-organisation-key-1 AAAA", "a b c"]
)
def test_another_file_is_a_wrong_setting_and_no_damage(text):
    """The message says what was expected."""
    with pytest.raises(errors.ConfigurationError, match="docstopd-server-key-1"):
        ServerKey.decode(text)


def test_every_purpose_has_its_own_key():
    """None can stand in for another."""
    key = ServerKey(bytes(32))
    derived = [key.pepper, key.keystore, key.journal, key.profile, key.throttle, key.signer.private_bytes_raw()]
    derived += [key.hpke.encode()[:32], key.hpke.encode()[32:64], key.hpke.encode()[64:]]
    assert len(set(derived)) == len(derived)


def test_everything_follows_from_the_secret_alone():
    """Two processes with one file agree."""
    first, second = ServerKey(b"s" * 32), ServerKey(b"s" * 32)
    assert first.hpke.public == second.hpke.public
    assert hpke.open(first.hpke, hpke.seal(second.hpke.public, b"text", b""), b"") == b"text"
    first.signer.public_key().verify(second.signer.sign(b"text"), b"text")


def test_a_server_key_has_32_bytes():
    """Not fewer."""
    with pytest.raises(ValueError, match="32"):
        ServerKey(b"short")
