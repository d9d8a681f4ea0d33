"""Sizes as the configuration writes them: `16KiB`, `1MiB`, `10GiB`, or whole bytes. In the model they are bytes."""

import re
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError

_UNITS = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
_WRITTEN = re.compile(r"([0-9]{1,15})(B|KiB|MiB|GiB|TiB)", re.ASCII)
_PATTERN = "^[0-9]{1,15}(B|KiB|MiB|GiB|TiB)$"
_LARGEST = 2**63 - 1
"""The stores keep sizes as signed 64-bit integers."""


def parse_size(written: object) -> int:
    """Read `16KiB` or whole bytes; anything else is a `PydanticCustomError` that says how to write it."""
    match = _WRITTEN.fullmatch(written) if isinstance(written, str) else None
    size = int(match[1]) * _UNITS[match[2]] if match else written
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= _LARGEST:
        raise PydanticCustomError(
            "size", "is not a size; write a whole number with KiB, MiB, GiB or TiB, such as 16KiB, or bytes"
        )
    return size


def format_size(size: int) -> str:
    """Write bytes with the largest unit that divides them."""
    for unit in ("TiB", "GiB", "MiB", "KiB"):
        if size and size % _UNITS[unit] == 0:
            return f"{size // _UNITS[unit]}{unit}"
    return f"{size}B"


Size = Annotated[
    int,
    BeforeValidator(parse_size),
    PlainSerializer(format_size),
    WithJsonSchema({"type": ["string", "integer"], "pattern": _PATTERN, "minimum": 0}),
]
"""Bytes, as `int`."""
