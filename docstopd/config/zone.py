"""Time zones by their name in the IANA database."""

from contextlib import suppress
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError


def parse_zone(written: object) -> ZoneInfo:
    """Read `UTC` or `Europe/Zurich`; anything else is a `PydanticCustomError`."""
    if isinstance(written, ZoneInfo):
        return written
    with suppress(OSError, ValueError, KeyError):  # ZoneInfoNotFoundError is a KeyError, a folder's name an OSError
        if isinstance(written, str) and written:
            return ZoneInfo(written)
    raise PydanticCustomError("zone", "is no time zone of the IANA database; write UTC, or such as Europe/Zurich")


Zone = Annotated[
    ZoneInfo, PlainValidator(parse_zone), PlainSerializer(str), WithJsonSchema({"type": "string", "minLength": 1})
]
