"""A YAML document as plain data with the place of every key and value, or every problem of its form.

Scalars are read by the core schema of YAML 1.2: `on` and `no` are words, `1:30` is no number, `0600` has no octal
meaning. Anchors, aliases and tags are refused: nothing here needs them, and ten lines of aliases make gigabytes.
"""

import re
from dataclasses import dataclass, field
from typing import Any, Protocol

import yaml

_MAPPED = "write it as `key: value`"
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}", re.ASCII)
_FLOAT = re.compile(r"[-+]?[0-9]{1,18}\.[0-9]{1,18}", re.ASCII)
_WORDS = {"": None, "~": None, "null": None, "true": True, "false": False}

Key = tuple[str | int, ...]


class _Mark(Protocol):
    """What is used of PyYAML's marks, of which there are two unrelated classes."""

    @property
    def line(self) -> int: ...
    @property
    def column(self) -> int: ...


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A line and a column, both from 1."""

    line: int
    column: int


START = Place(1, 1)


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with `key` at `place`, and what to do."""

    place: Place
    key: Key
    text: str


@dataclass(slots=True)
class Document:
    """The data; `keys` and `values` hold the places by path from the root; `problems` is what its form breaks."""

    data: dict[str, Any] = field(default_factory=dict)
    keys: dict[Key, Place] = field(default_factory=dict)
    values: dict[Key, Place] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def read_document(text: str) -> Document:
    """Read one YAML document; never raises: what is wrong with its form is in `problems`."""
    document = Document()
    try:
        _refuse_references(text, document)
        root = None if document.problems else yaml.compose(text, Loader=yaml.BaseLoader)
    except yaml.MarkedYAMLError as error:
        document.problems.append(_syntax_problem(error))
    except yaml.reader.ReaderError as error:
        place = _place_at(text, error.position)
        document.problems.append(Problem(place, (), "holds a character that YAML does not allow; remove it"))
    except RecursionError:
        document.problems.append(Problem(START, (), "is nested too deeply; the configuration has two levels"))
    else:
        _read_root(root, document)
    return document


def place_of_decode_error(error: UnicodeDecodeError) -> Place:
    """Where the first byte stands that is not UTF-8."""
    before = error.object[: error.start].decode("utf-8")
    return _place_at(before, len(before))


def _place_at(text: str, position: int) -> Place:
    before = text[:position]
    return Place(before.count("\n") + 1, position - before.rfind("\n"))


def _place(mark: _Mark | None) -> Place:
    return Place(mark.line + 1, mark.column + 1) if mark else START


def _syntax_problem(error: yaml.MarkedYAMLError) -> Problem:
    mark = error.problem_mark or error.context_mark
    what = " ".join(part for part in (error.context, error.problem) if part)
    return Problem(_place(mark), (), f"is not YAML ({what}); correct the line or the one above it")


def _refuse_references(text: str, document: Document) -> None:
    for event in yaml.parse(text, Loader=yaml.BaseLoader):
        tagged = getattr(event, "tag", None) is not None
        if tagged or getattr(event, "anchor", None) is not None:
            what = "a tag (!)" if tagged else "an anchor or an alias (& or *)"
            document.problems.append(Problem(_place(event.start_mark), (), f"has {what}; write the value itself"))


def _read_root(root: yaml.Node | None, document: Document) -> None:
    if isinstance(root, yaml.MappingNode):
        document.data = _mapping(root, (), document)
    elif root is not None:
        document.problems.append(Problem(_place(root.start_mark), (), f"is not a list of keys; {_MAPPED}"))


def _read(node: yaml.Node, key: Key, document: Document) -> Any:
    if isinstance(node, yaml.MappingNode):
        # A problem of a whole section stands at its name, not at the first key that happens to be in it.
        document.values[key] = document.keys.get(key, _place(node.start_mark))
        return _mapping(node, key, document)
    document.values[key] = _place(node.start_mark)
    if isinstance(node, yaml.SequenceNode):
        return [_read(member, (*key, position), document) for position, member in enumerate(node.value)]
    return _scalar(str(node.value), plain=getattr(node, "style", None) is None)


def _mapping(node: yaml.MappingNode, key: Key, document: Document) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for name, value in node.value:
        place = _place(name.start_mark)
        if not isinstance(name, yaml.ScalarNode):
            document.problems.append(Problem(place, key, f"has a key that is not a word; {_MAPPED}"))
            continue
        path = (*key, str(name.value))
        if name.value in data:
            line = document.keys[path].line
            document.problems.append(Problem(place, path, f"is written before, in line {line}; remove one"))
            continue
        document.keys[path] = place
        data[name.value] = _read(value, path, document)
    return data


def _scalar(written: str, *, plain: bool) -> str | int | float | bool | None:
    if not plain:
        return written
    if written.lower() in _WORDS:
        return _WORDS[written.lower()]
    if _INTEGER.fullmatch(written):
        return int(written)
    return float(written) if _FLOAT.fullmatch(written) else written
