"""When a job runs, as the configuration writes it: five fields of cron, `every 6h`, or `off`."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from docstopd.config.duration import Duration

_EVERY = re.compile(r"every (\S+)", re.ASCII)
_DAY_OF_WEEK = 4
_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_NAMES = (
    (),
    (),
    (),
    ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"),
    ("sun", "mon", "tue", "wed", "thu", "fri", "sat"),
)
_ITEM = re.compile(r"(\*|[a-z0-9]+(?:-[a-z0-9]+)?)(?:/([0-9]{1,3}))?", re.ASCII)
_HOW = "is not a schedule; write five fields of cron (30 2 * * *), or every and a length of time (every 6h), or off"


@dataclass(frozen=True, slots=True)
class Schedule:
    """`cron` has five fields (minute, hour, day of month, month, day of week; 0 and 7 are Sunday); or `every` so long.

    Neither is `off`: the job runs by command only.
    """

    cron: str | None = None
    every: Duration | None = None

    def __str__(self) -> str:
        if self.cron is not None:
            return self.cron
        return "off" if self.every is None else f"every {self.every}"

    @property
    def fields(self) -> tuple[frozenset[int], ...]:
        """The numbers that each field of `cron` stands for; Sunday is 0. Empty without one."""
        written = [] if self.cron is None else self.cron.split()
        return tuple(frozenset(_values(field, index)) for index, field in enumerate(written))

    @classmethod
    def parse(cls, written: object) -> "Schedule":
        """Read a schedule; anything else is a `PydanticCustomError` that says how to write one."""
        if isinstance(written, cls):
            return written
        if not isinstance(written, str):
            raise PydanticCustomError("schedule", _HOW)
        text = " ".join(written.lower().split())
        if text == "off":
            return cls()
        if match := _EVERY.fullmatch(text):
            return cls(every=_interval(match[1]))
        fields = text.split()
        if len(fields) != len(_RANGES) or not all(map(_is_field, fields, range(len(_RANGES)))):
            raise PydanticCustomError("schedule", _HOW)
        return cls(cron=text)

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls.parse, serialization=core_schema.plain_serializer_function_ser_schema(str)
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, _schema: CoreSchema, _handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "string", "minLength": 3}


def _interval(written: str) -> Duration:
    every = Duration.parse(written)
    if every.seconds < 1:
        raise PydanticCustomError("schedule", "runs too often; once a second is the most")
    return every


def _is_field(field: str, index: int) -> bool:
    return all(_is_item(item, index) for item in field.split(","))


def _is_item(item: str, index: int) -> bool:
    match = _ITEM.fullmatch(item)
    if match is None or (match[2] is not None and int(match[2]) == 0):
        return False
    if match[1] == "*":
        return True
    ends = [_number(text, index) for text in match[1].split("-")]
    return None not in ends and ends == sorted(ends, key=lambda end: end or 0)


def _values(field: str, index: int) -> Iterator[int]:
    """The numbers of a field that `_is_field` has passed. `5/15` means every 15 from 5 on, as in most crons."""
    least, most = _RANGES[index]
    for item in field.split(","):
        base, _, step = item.partition("/")
        first, dash, last = ("", "", "") if base == "*" else base.partition("-")
        start = _number(first, index) if first else least
        end = _number(last, index) if dash else most if base == "*" or step else start
        for number in range(start or 0, (end or 0) + 1, int(step or 1)):
            yield number % 7 if index == _DAY_OF_WEEK else number


def _number(text: str, index: int) -> int | None:
    """What a field's word means; None for one that cannot stand there."""
    least, most = _RANGES[index]
    if text in _NAMES[index]:
        return _NAMES[index].index(text) + least
    return int(text) if text.isdecimal() and least <= int(text) <= most else None
