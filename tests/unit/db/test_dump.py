"""Tables as lines, and back."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from docstopd.db import dump
from docstopd.db.sqlite import SqliteDatabase
from docstopd.errors import Damaged, DocstopdError, Failed, Incompatible

FORM = "form/1"
OLD = ("CREATE TABLE things (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT, value BLOB) STRICT",)
NEW = (*OLD, "ALTER TABLE things ADD COLUMN more TEXT NOT NULL DEFAULT 'none'; CREATE TABLE others (id INTEGER) STRICT")
TABLES = ("things", "others")


def open_database(path: Path, schema: tuple[str, ...] = NEW) -> SqliteDatabase:
    return SqliteDatabase(path, schema)


def exported(database: SqliteDatabase, schema: int = 2) -> list[bytes]:
    with database.read() as rows:
        return list(dump.lines(rows, FORM, schema, (*TABLES, dump.SEQUENCES)))


def load(database: SqliteDatabase, texts: Iterator[bytes] | list[bytes]) -> int:
    return database.write(lambda rows: dump.load(rows, dump.read(texts, FORM, 2), TABLES))


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
VALUES = st.lists(st.tuples(st.none() | TEXTS, st.none() | st.binary()), max_size=8)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=VALUES)
def test_rows_come_back_as_they_were(tmp_path_factory: pytest.TempPathFactory, values: list[tuple[str, bytes]]) -> None:
    """Texts, bytes, nothing; and the last id that was given out, though its row is gone."""
    folder = tmp_path_factory.mktemp("dump")
    one, two = open_database(folder / "one.db"), open_database(folder / "two.db")
    one.write(lambda rows: rows.many("INSERT INTO things (name, value) VALUES (?, ?)", list(values)))
    one.write(lambda rows: rows.run("INSERT INTO things (id) VALUES (5000)"))
    one.write(lambda rows: rows.run("DELETE FROM things WHERE id = 5000"))
    load(two, exported(one))
    with one.read() as a, two.read() as b:
        assert a.all("SELECT * FROM things ORDER BY id") == b.all("SELECT * FROM things ORDER BY id")
    assert two.write(lambda rows: rows.insert("INSERT INTO things (name) VALUES ('x')")) == 5001
    one.close()
    two.close()


def test_an_older_schemas_rows_get_what_is_new(tmp_path: Path) -> None:
    """Columns are known by their names."""
    old, new = open_database(tmp_path / "old.db", OLD), open_database(tmp_path / "new.db")
    old.write(lambda rows: rows.run("INSERT INTO things (name) VALUES ('a')"))
    load(new, exported(old, 1))
    with new.read() as rows:
        assert rows.all("SELECT name, more FROM things") == [("a", "none")]
    old.close()
    new.close()


def test_a_newer_schema_and_another_form_are_refused(tmp_path: Path) -> None:
    """Nothing is written of them."""
    database = open_database(tmp_path / "one.db")
    texts = exported(database)
    for form, schema in (("form/2", 2), (FORM, 1)):
        with pytest.raises(Incompatible):
            list(dump.read(texts, form, schema))
    strange = [texts[0], b'{"table":"strangers","columns":[["id","INTEGER"]]}\n', b"[[1]]\n", b'{"end":1}\n']
    with pytest.raises(Incompatible):
        load(database, strange)
    database.close()


def test_every_line_that_is_missing_or_changed_shows(tmp_path: Path) -> None:
    """An end too many, or none; a row of another length; bytes that are none; what is no JSON."""
    database = open_database(tmp_path / "one.db")
    values: list[tuple[str, bytes]] = [("a", b"1"), ("b", b"2")]
    database.write(lambda rows: rows.many("INSERT INTO things (name, value) VALUES (?, ?)", list(values)))
    texts = exported(database)
    for number in [n for n, text in enumerate(texts) if not text.startswith(b'{"table"')]:
        for bad in (
            [],
            [b"[[1]]\n"],
            [b"[1]\n"],
            [b"{}\n"],
            [b"\xff\n"],
            [b'[[1,"a","\\u0001","x"]]\n'],
            [texts[number]] * 2,
        ):
            changed = texts[:number] + bad + texts[number + 1 :]
            if changed != texts:
                with pytest.raises((Damaged, Incompatible)):
                    list(dump.read(changed, FORM, 2))
    database.close()


def test_names_that_are_no_names_never_reach_a_statement(tmp_path: Path) -> None:
    """A dump is not trusted with SQL."""
    database = open_database(tmp_path / "one.db")
    head = exported(database)[0]
    for table, column in (
        ("things; DROP TABLE things", "id"),
        ("things", 'id") VALUES (1); --'),
        ("things", "nothing"),
    ):
        line = (
            f'{{"table":"{table}","columns":[["{column.replace(chr(34), chr(92) + chr(34))}","INTEGER"]]}}\n'.encode()
        )
        with pytest.raises((Damaged, Incompatible, Failed)) as caught:
            load(database, [head, line, b"[[1]]\n", b'{"end":1}\n'])
        assert isinstance(caught.value, DocstopdError)
    with database.read() as rows:
        assert rows.all("SELECT * FROM things") == []
    database.close()
