"""The catalog: the store of all metadata, as functions over one transaction (`db.Rows`), grouped by noun.

What always holds: names, properties, lock owners and journal payloads arrive here sealed; nothing in this package can
read them. Functions never open transactions: the vault joins several of them in one.
"""

from docstopd.catalog.schema import MIGRATIONS

__all__ = ["MIGRATIONS"]
