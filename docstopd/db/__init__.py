"""Connections to databases, and durable files: the bytes below the stores.

`Database` and `Rows` are what the catalog and the keyring are written against; `sqlite.SqliteDatabase` is the embedded
adapter. `durable` is the one place that renames and fsyncs files.
"""

from docstopd.db.database import Database, Rows, Value

__all__ = ["Database", "Rows", "Value"]
