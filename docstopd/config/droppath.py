"""The path that a file out of a drop folder gets: names, some of them made of the file's own and of the day it came."""

import datetime
import re

from pydantic_core import PydanticCustomError

_FIELD = re.compile(r"\{([a-z]*)\}")
_FIELDS = frozenset({"year", "month", "day", "name"})
FOLDER = "{folder}"
"""Stands for the folders of the drop folder in which the file lay, none or several."""

_HOW = (
    "is no pattern; write names with / between them, of text and {year}, {month}, {day}, with {folder} as a name of its"
    " own where wanted; the last ends with {name}"
)


def check_drop_path(text: str) -> str:
    """The pattern, if it is one. Raises PydanticCustomError."""
    *folders, last = text.split("/")
    if not all(_is_name(one) for one in folders) or not _is_last(last):
        raise PydanticCustomError("drop_path", "{how}", {"how": _HOW})
    return text


def fill_drop_path(pattern: str, name: str, folder: tuple[str, ...], day: datetime.datetime) -> tuple[str, ...]:
    """The names of a path by a checked pattern, for a file `name` that lay in `folder` and came at that time."""
    values = {"year": f"{day:%Y}", "month": f"{day:%m}", "day": f"{day:%d}", "name": name}
    found: list[str] = []
    for one in pattern.split("/"):
        # In one pass: braces in the file's own name mean nothing.
        found += folder if one == FOLDER else [_FIELD.sub(lambda match: values[match[1]], one)]
    return tuple(found)


def _is_name(text: str) -> bool:
    return text == FOLDER or ("{name}" not in text and _is_sound(text))


def _is_last(text: str) -> bool:
    return text.endswith("{name}") and text.count("{name}") == 1 and _is_sound(text)


def _is_sound(text: str) -> bool:
    bare = _FIELD.sub("", text)
    known = set(_FIELD.findall(text)) <= _FIELDS and "{" not in bare and "}" not in bare
    return known and text.isprintable() and text not in {"", ".", ".."}
