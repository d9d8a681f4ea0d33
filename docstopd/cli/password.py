"""Passwords that docstopd makes itself."""

import secrets

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base32, in which no two letters look alike."""


def new_password() -> str:
    """A random password of 100 bits that can be read out: four groups of five letters."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(5)) for _ in range(4))
