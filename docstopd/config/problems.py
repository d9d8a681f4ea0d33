"""What pydantic found, said in the words of the file: its place, the key, what is wrong, what to do."""

from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from docstopd.config.document import START, Document, Key, Place, Problem

_TEXTS = {
    "int_type": "must be a whole number, without quotes",
    "string_type": "must be text; put it in quotes",
    "tuple_type": "must be a list; write it as [a, b] or one `- a` a line",
    "model_type": "must be a section; write its keys below it, indented",
}


def found_by(error: ValidationError, model: type[BaseModel], document: Document) -> Iterator[Problem]:
    """Turn each of pydantic's findings into a problem with its place in `document`."""
    for detail in error.errors(include_url=False, include_input=False):
        key: Key = detail["loc"]
        if detail["type"] == "extra_forbidden":
            yield Problem(_place(document.keys, key), key, f"is not a known key; {_suggestion(model, key)}")
        else:
            yield Problem(_place(document.values, key), key, _text(detail))


def rendered(source: Path, problems: list[Problem]) -> list[str]:
    """One line for each problem, `FILE:LINE:COLUMN: key.path: text`, in the order of the file."""
    return [
        f"{source}:{problem.place.line}:{problem.place.column}: {_dotted(problem.key)} {problem.text}"
        for problem in sorted(problems, key=lambda problem: problem.place)
    ]


def _dotted(key: Key) -> str:
    """The key as people write it; a problem of no key is one of the file."""
    if not key:
        return "the file"
    written = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in key).removeprefix(".")
    # A key is whatever the file says: a line break in it must not forge a line of the report.
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in written) + ":"


def _place(places: dict[Key, Place], key: Key) -> Place:
    while key and key not in places:
        key = key[:-1]
    return places.get(key, START)


def _text(detail: ErrorDetails) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "missing":
        return "is missing and has no default; write it"
    if kind == "literal_error":
        return f"must be one of {context['expected']}"
    if kind in ("greater_than_equal", "less_than_equal"):
        bound, least = context.get("ge", context.get("le")), "ge" in context
        return f"must be at {'least' if least else 'most'} {bound}"
    if kind == "too_short":
        return f"must have at least {context['min_length']} of them"
    return _TEXTS.get(kind, detail["msg"])


def _suggestion(model: type[BaseModel], key: Key) -> str:
    """The nearest known key of the same section, else the same key of another section."""
    section = _sections(model).get(str(key[0]), model) if len(key) > 1 else model
    word = str(key[-1])
    near = get_close_matches(word, section.model_fields, n=1)
    if near:
        return f"did you mean {'.'.join([*map(str, key[:-1]), near[0]])}?"
    for name, other in _sections(model).items():
        if word in other.model_fields:
            return f"did you mean {name}.{word}?"
    return f"remove it (known here: {', '.join(section.model_fields)})"


def _sections(model: type[BaseModel]) -> dict[str, Any]:
    return {
        name: field.annotation
        for name, field in model.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
    }
