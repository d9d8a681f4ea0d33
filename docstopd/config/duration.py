"""Lengths of time as the configuration writes them: `30s`, `15m`, `12h`, `7d`, or whole seconds."""

import re
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PATTERN = "^[0-9]{1,9}(ms|s|m|h|d)$"
_WRITTEN = re.compile(r"([0-9]{1,9})(ms|s|m|h|d)", re.ASCII)
_LONGEST = 10**12


@dataclass(frozen=True, slots=True, order=True, repr=False)
class Duration:
    """A length of time in seconds; its text, and its `repr`, is what the configuration would say."""

    seconds: float

    def __repr__(self) -> str:
        for unit in ("d", "h", "m", "s"):
            if self.seconds and self.seconds % _UNITS[unit] == 0:
                return f"{self.seconds / _UNITS[unit]:.0f}{unit}"
        return f"{self.seconds * 1000:.0f}ms" if self.seconds else "0s"

    @classmethod
    def parse(cls, written: object) -> "Duration":
        """Read `15m` or whole seconds; anything else is a `PydanticCustomError` that says how to write it."""
        if isinstance(written, cls):
            return written
        if isinstance(written, int) and not isinstance(written, bool) and 0 <= written <= _LONGEST:
            return cls(float(written))
        match = _WRITTEN.fullmatch(written) if isinstance(written, str) else None
        if match is None:
            raise PydanticCustomError(
                "duration", "is not a length of time; write a whole number with ms, s, m, h or d, such as 15m"
            )
        return cls(int(match[1]) * _UNITS[match[2]])

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls.parse, serialization=core_schema.plain_serializer_function_ser_schema(str)
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, _schema: CoreSchema, _handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": ["string", "integer"], "pattern": _PATTERN, "minimum": 0}
