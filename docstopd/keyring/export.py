"""The keyring as it travels. Values stay wrapped: nothing is opened on the way."""

from collections.abc import Iterable, Iterator
from typing import Any

from docstopd.db import Rows, dump
from docstopd.keyring.schema import MIGRATIONS
from docstopd.model import SpaceId

FORM = "docstopd-keyring/1"
TABLES = ("facts", "slots", "identities", "space_keys", "space_pairs", "data_keys")
"""Facts first: the earlier server keys are among them, and are needed before all of it is read."""


def lines(rows: Rows) -> Iterator[bytes]:
    """The whole keyring as a view shows it (`db.dump`)."""
    return dump.lines(rows, FORM, len(MIGRATIONS), TABLES)


def load(rows: Rows, texts: Iterable[bytes]) -> int:
    """Fill an empty keyring; how many rows. Raises `Damaged`, `Incompatible`."""
    return dump.load(rows, dump.read(texts, FORM, len(MIGRATIONS)), TABLES)


def fact(texts: Iterable[bytes], name: str) -> bytes | None:
    """A fact of an export, wrapped as it is; no more of the export is read than is needed."""
    for table, row in dump.read(texts, FORM, len(MIGRATIONS)):
        if table.name != "facts":
            return None
        values = dict(zip(table.columns, row, strict=True))
        if values["name"] == name and isinstance(values["value"], bytes):
            return values["value"]
    return None


def newest_epochs(rows: Rows) -> dict[SpaceId, int]:
    """The newest epoch of each space."""
    found: list[Any] = rows.all("SELECT space, max(epoch) FROM space_pairs GROUP BY space")
    return {SpaceId(row[0]): int(row[1]) for row in found}
