"""Marks: single values that are to be remembered, by name."""

from typing import Any

from docstopd.db import Rows


def get(rows: Rows, name: str) -> str | None:
    """The value of a mark, None where there is none."""
    found: Any = rows.one("SELECT value FROM marks WHERE name = ?", name)
    return found[0] if found else None


def put(rows: Rows, name: str, value: str) -> None:
    """Set a mark."""
    rows.run(
        "INSERT INTO marks (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        name,
        value,
    )
