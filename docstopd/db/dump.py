"""Tables as lines of JSON, and back: how a database travels without being one.

The first line is an object that says what it is: `{"format": …, "schema": …}`. Each table begins with an object
`{"table": name, "columns": [[name, type], …]}`; then each line is an array of rows, and each row an array in that
order: bytes are base64 (RFC 4648), the rest is what JSON has for it. The last line is `{"end": rows}`: without it,
something is missing.
"""

import binascii
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from docstopd.db.database import Rows, Value
from docstopd.errors import Damaged, Incompatible

SEQUENCES = "sqlite_sequence"
"""The table of the last ids that were given out: it travels too, so that none is given out twice."""

_BATCH = 2000
_ROWS, _BYTES = 200, 1 << 18
"""Rows of one line at most, and bytes in them beyond which no further one is added."""

_NAME = re.compile(r"[a-z_]{1,64}", re.ASCII)
_ENCODE: Callable[[object], str] = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


def lines(rows: Rows, form: str, schema: int, tables: Sequence[str]) -> Iterator[bytes]:
    """The tables as a view shows them, a line at a time, each with its end of line."""
    yield _line({"format": form, "schema": schema})
    count = 0
    for table in tables:
        columns: list[Any] = rows.all("SELECT name, type FROM pragma_table_info(?) ORDER BY cid", table)
        if not columns:
            continue
        yield _line({"table": table, "columns": columns})
        for batch in _each(rows, table, columns, tables):
            yield _line(batch)
            count += len(batch)
    yield _line({"end": count})


def _each(rows: Rows, table: str, columns: list[Any], tables: Sequence[str]) -> Iterator[list[list[Any]]]:
    names = ", ".join(name for name, _type in columns)
    places = [place for place, (_name, kind) in enumerate(columns) if kind == "BLOB"]
    encode = binascii.b2a_base64
    batch: list[list[Any]] = []
    size = 0
    for row in rows.each(f"SELECT {names} FROM {table}"):  # noqa: S608 - the schema's own names
        if table == SEQUENCES and row[0] not in tables:
            continue
        values: list[Any] = list(row)
        for place in places:
            value = values[place]
            if value is not None:
                size += len(value)
                values[place] = str(encode(value, newline=False), "ascii")
        batch.append(values)
        if len(batch) >= _ROWS or size >= _BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _line(value: object) -> bytes:
    return (_ENCODE(value) + "\n").encode()


class Table:
    """One table of a dump, with its rows to come."""

    def __init__(self, name: str, columns: Sequence[tuple[str, str]]) -> None:
        self.name = name
        self.columns = tuple(name for name, _type in columns)
        self._blobs = [place for place, (_name, kind) in enumerate(columns) if kind == "BLOB"]

    def row(self, values: Any) -> tuple[Value, ...]:
        """A row of the dump with its bytes as bytes. Raises `Damaged`."""
        if not isinstance(values, list) or len(values) != len(self.columns):
            raise Damaged("a row of a dump has not the columns of its table")
        try:
            for place in self._blobs:
                if values[place] is not None:
                    values[place] = binascii.a2b_base64(values[place], strict_mode=True)
        except (binascii.Error, ValueError, TypeError):
            raise Damaged("a row of a dump has bytes that are none") from None
        return tuple(values)


def read(texts: Iterable[bytes], form: str, schema: int) -> Iterator[tuple[Table, tuple[Value, ...]]]:
    """Every row of a dump with its table. Raises `Damaged`, also for an end that is missing, and `Incompatible`."""
    source = map(_parsed, texts)
    head = next(source, None)
    if not isinstance(head, dict) or head.get("format") != form:
        raise Incompatible(f"this is no dump of the form {form}")
    if not isinstance(head.get("schema"), int) or head["schema"] > schema:
        raise Incompatible(f"a dump has schema {head.get('schema')}, this docstopd knows up to {schema}")
    table: Table | None = None
    count = 0
    for value in source:
        if isinstance(value, list) and table is not None:
            count += len(value)
            for row in value:
                yield table, table.row(row)
        elif isinstance(value, dict) and "table" in value:
            table = _table(value)
        elif value == {"end": count}:
            if next(source, None) is not None:
                raise Damaged("a dump goes on after its end")
            return
        else:
            raise Damaged("a dump has a line that none can have")
    raise Damaged("a dump ends before its end")


def _parsed(text: bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise Damaged("a dump has a line that is not JSON") from None


def _table(value: dict[str, Any]) -> Table:
    columns = value.get("columns")
    names = [value["table"]]
    if isinstance(columns, list) and all(isinstance(column, list) and len(column) == 2 for column in columns):
        names += [name for name, _type in columns]
        if all(isinstance(name, str) and _NAME.fullmatch(name) for name in names):
            return Table(names[0], [(name, kind) for name, kind in columns])
    raise Damaged("a dump has a table that none can be")


def load(rows: Rows, found: Iterable[tuple[Table, tuple[Value, ...]]], tables: Sequence[str]) -> int:
    """Write the rows of a dump into empty tables; how many.

    An older schema's columns are known by their names; those that it had not yet get their defaults. Raises
    `Incompatible` for a table that is not among `tables`.
    """
    rows.run("PRAGMA defer_foreign_keys = ON")
    batch: list[tuple[Value, ...]] = []
    last: Table | None = None
    count = 0
    for table, row in found:
        if table is not last or len(batch) >= _BATCH:
            _flush(rows, last, batch)
            batch = []
            if table is not last and table.name not in (*tables, SEQUENCES):
                raise Incompatible(f"a dump has the table {table.name}, which this docstopd does not read")
            last = table
        batch.append(row)
        count += 1
    _flush(rows, last, batch)
    return count


def _flush(rows: Rows, table: Table | None, batch: list[tuple[Value, ...]]) -> None:
    if table is None or not batch:
        return
    if table.name == SEQUENCES:
        rows.many("DELETE FROM sqlite_sequence WHERE name = ?", [(row[0],) for row in batch])
    marks = ", ".join("?" * len(table.columns))
    names = ", ".join(table.columns)
    rows.many(f"INSERT INTO {table.name} ({names}) VALUES ({marks})", list(batch))  # noqa: S608 - names were checked
