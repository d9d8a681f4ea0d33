"""The catalog as it travels: into snapshots, and out of them into an empty catalog.

Locks, the throttle, the ledger of runs, mails that wait and the traces of what was overwritten stay: they are about
this machine, now.
"""

from collections.abc import Collection, Iterable, Iterator

from docstopd.catalog.schema import MIGRATIONS
from docstopd.db import Rows, Value, dump

FORM = "docstopd-catalog/1"

TABLES = (
    "users",
    "spaces",
    "members",
    "nodes",
    "versions",
    "properties",
    "journal",
    "heads",
    "snapshots",
    "copies",
    "holds",
    "held",
    "dispositions",
    "approvals",
    "erasures",
    "erased",
    "erased_nodes",
    "marks",
    "arrivals",
    "taken",
)
"""In an order in which no row comes before one that it refers to."""

STAYING = ("locks", "throttle", "runs", "traces", "outbox")


def lines(rows: Rows) -> Iterator[bytes]:
    """The whole catalog as a view shows it (`db.dump`)."""
    return dump.lines(rows, FORM, len(MIGRATIONS), (*TABLES, dump.SEQUENCES))


def load(rows: Rows, texts: Iterable[bytes], leave_out: Collection[str] = ()) -> int:
    """Fill an empty catalog; how many rows. Raises `Damaged`, `Incompatible` for a newer program's export."""
    found = (one for one in read(texts) if one[0].name not in leave_out)
    return dump.load(rows, found, TABLES)


def read(texts: Iterable[bytes]) -> Iterator[tuple[dump.Table, tuple[Value, ...]]]:
    """Every row of an export with its table."""
    return dump.read(texts, FORM, len(MIGRATIONS))
