"""Padding that hides a text's exact length: ISO/IEC 7816-4, one byte 0x80 and then zeros to a whole block."""

from docstopd import errors

BLOCK = 16


def pad(data: bytes) -> bytes:
    """`data`, 0x80 and as few zeros as fill the block; always at least one byte more."""
    return data + b"\x80" + bytes(-(len(data) + 1) % BLOCK)


def unpad(data: bytes) -> bytes:
    """What `pad` was given. Raises Damaged for what `pad` never makes."""
    bare = data.rstrip(b"\0")
    if not bare.endswith(b"\x80") or len(data) % BLOCK or len(data) - len(bare) >= BLOCK:
        raise errors.Damaged("padding is not as written")
    return bare[:-1]
