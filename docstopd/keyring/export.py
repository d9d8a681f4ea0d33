"""The keyring as it travels. Values stay wrapped: nothing is opened on the way."""

from collections.abc import Iterable, Iterator

from docstopd.db import Rows, dump
from docstopd.keyring.schema import MIGRATIONS

FORM = "docstopd-keyring/1"
TABLES = ("slots", "identities", "space_keys", "space_pairs", "data_keys", "facts")


def lines(rows: Rows) -> Iterator[bytes]:
    """The whole keyring as a view shows it (`db.dump`)."""
    return dump.lines(rows, FORM, len(MIGRATIONS), TABLES)


def load(rows: Rows, texts: Iterable[bytes]) -> int:
    """Fill an empty keyring; how many rows. Raises `Damaged`, `Incompatible`."""
    return dump.load(rows, dump.read(texts, FORM, len(MIGRATIONS)), TABLES)
