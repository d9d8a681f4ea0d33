"""The journal's entries and the head of each stream. Hashes are computed above; here they are only kept in order."""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from docstopd.db import Rows, Value
from docstopd.model import Entry, Micros

_COLUMNS = "stream, seq, time, actor, action, node, facts, epoch, salt, payload, commitment, previous, hash"

_INSERT = f"INSERT INTO journal ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"

ORIGIN = bytes(32)
"""What the first entry of a stream names as the hash before it."""


def head(rows: Rows, stream: bytes) -> tuple[int, bytes]:
    """The number and hash of a stream's last entry, (0, ORIGIN) of an empty one."""
    row: Any = rows.one("SELECT seq, hash FROM heads WHERE stream = ?", stream)
    return (int(row[0]), row[1]) if row else (0, ORIGIN)


def append(rows: Rows, entry: Entry) -> None:
    """Append an entry and move the head. Raises `AlreadyExists` when the number is taken."""
    rows.run(_INSERT, *_values(entry))
    _move_head(rows, entry)


def append_all(rows: Rows, entries: Sequence[Entry]) -> None:
    """Append entries that follow one another in one stream, and move its head to the last."""
    if entries:
        rows.many(_INSERT, [_values(entry) for entry in entries])
        _move_head(rows, entries[-1])


def _values(entry: Entry) -> tuple[Value, ...]:
    return (
        entry.stream,
        entry.seq,
        entry.time,
        entry.actor,
        entry.action,
        entry.node,
        entry.facts,
        entry.epoch,
        entry.salt,
        entry.payload,
        entry.commitment,
        entry.previous,
        entry.hash,
    )


def _move_head(rows: Rows, entry: Entry) -> None:
    rows.run(
        "INSERT INTO heads (stream, seq, hash) VALUES (?, ?, ?)"
        " ON CONFLICT (stream) DO UPDATE SET seq = excluded.seq, hash = excluded.hash",
        entry.stream,
        entry.seq,
        entry.hash,
    )


def streams(rows: Rows) -> list[bytes]:
    """Every stream that has a head or an entry."""
    # One step for each stream: DISTINCT would read the whole journal.
    found: list[Any] = rows.all(
        "WITH RECURSIVE known(stream) AS (SELECT min(stream) FROM journal UNION ALL"
        " SELECT (SELECT min(stream) FROM journal WHERE stream > known.stream) FROM known WHERE stream IS NOT NULL)"
        " SELECT stream FROM heads UNION SELECT stream FROM known WHERE stream IS NOT NULL ORDER BY 1"
    )
    return [row[0] for row in found]


def last(rows: Rows, stream: bytes) -> int:
    """The highest number that an entry of a stream has, 0 without entries."""
    found: Any = rows.one("SELECT max(seq) FROM journal WHERE stream = ?", stream)
    return found[0] or 0


def hash_of(rows: Rows, stream: bytes, seq: int) -> bytes | None:
    """The hash that one entry has, None without the entry."""
    found: Any = rows.one("SELECT hash FROM journal WHERE stream = ? AND seq = ?", stream, seq)
    return found[0] if found else None


def chain(rows: Rows, stream: bytes, first: int | None, last: int, limit: int) -> list[tuple[Any, ...]]:
    """Entries from `first` (None: whatever comes first) to `last`, in order, as they are stored.

    The stream is among the columns: in a damaged database a row can lie where another stream's should.
    """
    return rows.all(
        f"SELECT {_COLUMNS} FROM journal WHERE stream = ? AND seq >= ? AND seq <= ? ORDER BY seq LIMIT ?",
        stream,
        -(1 << 63) if first is None else first,
        last,
        limit,
    )


def heads(rows: Rows) -> list[tuple[bytes, tuple[int, bytes]]]:
    """Where every stream ends: its id, and the number and hash of its last entry."""
    found: list[Any] = rows.all("SELECT stream, seq, hash FROM heads ORDER BY stream")
    return [(row[0], (row[1], row[2])) for row in found]


def entries(rows: Rows, stream: bytes, after: int, limit: int) -> list[Entry]:
    """The next entries of a stream after a number, in order."""
    found: list[Any] = rows.all(
        f"SELECT {_COLUMNS} FROM journal WHERE stream = ? AND seq > ? ORDER BY seq LIMIT ?",
        stream,
        after,
        limit,
    )
    return [Entry(*row) for row in found]


def entries_but(rows: Rows, stream: bytes, after: int, limit: int, left_out: Collection[str]) -> list[Entry]:
    """The next entries of a stream after a number whose action is none of those."""
    found: list[Any] = rows.all(
        f"SELECT {_COLUMNS} FROM journal WHERE stream = ? AND seq > ?"
        f" AND action NOT IN ({', '.join('?' * len(left_out))}) ORDER BY seq LIMIT ?",
        stream,
        after,
        *left_out,
        limit,
    )
    return [Entry(*row) for row in found]


def of_actions(rows: Rows, stream: bytes, after: int, limit: int, actions: Collection[str]) -> list[Entry]:
    """The next entries of a stream after a number whose action is one of those."""
    found: list[Any] = rows.all(
        f"SELECT {_COLUMNS} FROM journal WHERE stream = ? AND seq > ?"
        f" AND action IN ({', '.join('?' * len(actions))}) ORDER BY seq LIMIT ?",
        stream,
        after,
        *actions,
        limit,
    )
    return [Entry(*row) for row in found]


class Wanted(NamedTuple):
    """Which entries `search` finds; empty and None let all through. `user`: who did it, or whose id is in the facts."""

    user: bytes
    actions: tuple[str, ...]
    since: int | None
    until: int | None


def search(rows: Rows, stream: bytes, before: int, limit: int, wanted: Wanted) -> list[Entry]:
    """The last entries of a stream before a number that are wanted, newest first."""
    terms: list[str] = []
    values: list[Value] = []
    if wanted.user:
        terms.append(" AND (actor = ? OR instr(facts, ?) > 0)")
        values += [wanted.user, wanted.user.hex()]
    if wanted.actions:
        terms.append(f" AND action IN ({', '.join('?' * len(wanted.actions))})")
        values += wanted.actions
    if wanted.since is not None:
        terms.append(" AND time >= ?")
        values.append(wanted.since)
    if wanted.until is not None:
        terms.append(" AND time < ?")
        values.append(wanted.until)
    found: list[Any] = rows.all(
        f"SELECT {_COLUMNS} FROM journal WHERE stream = ? AND seq < ?{''.join(terms)} ORDER BY seq DESC LIMIT ?",
        stream,
        before,
        *values,
        limit,
    )
    return [Entry(*row) for row in found]


def last_about(rows: Rows, stream: bytes, node: int, until: int) -> Entry | None:
    """The last entry about a node, not later than entry `until`. Reads its way back from there."""
    row: Any = rows.one(
        f"SELECT {_COLUMNS} FROM journal WHERE stream = ? AND seq <= ? AND node = ? ORDER BY seq DESC LIMIT 1",
        stream,
        until,
        node,
    )
    return Entry(*row) if row else None


def last_at(rows: Rows, stream: bytes, time: Micros) -> int:
    """The number of the last entry that was there at a time; 0 when there was none.

    Looked for by halves: where the clock went back, it is one of those that the time could mean.
    """
    low, high = 0, head(rows, stream)[0]
    while low < high:
        middle = (low + high + 1) // 2
        row: Any = rows.one("SELECT time FROM journal WHERE stream = ? AND seq = ?", stream, middle)
        if row is None or row[0] > time:
            high = middle - 1
        else:
            low = middle
    return low


def newest_node(rows: Rows, stream: bytes, until: int) -> int:
    """The node that was made last, not later than entry `until`: ids grow, so all with a larger one came later."""
    row: Any = rows.one(
        "SELECT node FROM journal WHERE stream = ? AND seq <= ? AND action IN ('create', 'space-add')"
        " ORDER BY seq DESC LIMIT 1",
        stream,
        until,
    )
    return int(row[0]) if row else 0


def moved_since(rows: Rows, stream: bytes, seq: int, nodes: Sequence[int]) -> set[int]:
    """Those of these nodes that an entry after `seq` gave another place."""
    found: list[Any] = rows.all(
        "SELECT DISTINCT node FROM journal INDEXED BY journal_moves"
        f" WHERE stream = ? AND seq > ? AND action IN ('move', 'restore') AND node IN ({', '.join('?' * len(nodes))})",
        stream,
        seq,
        *nodes,
    )
    return {row[0] for row in found}


def moves(rows: Rows, stream: bytes, after: int, limit: int) -> list[Entry]:
    """The next entries after a number that gave a node another place, in order."""
    found: list[Any] = rows.all(
        # Named, because SQLite takes the primary key otherwise, and reads all that happened since.
        f"SELECT {_COLUMNS} FROM journal INDEXED BY journal_moves"
        " WHERE stream = ? AND seq > ? AND action IN ('move', 'restore') ORDER BY seq LIMIT ?",
        stream,
        after,
        limit,
    )
    return [Entry(*row) for row in found]


def erase_payloads(rows: Rows, stream: bytes) -> None:
    """Destroy the sealed payloads of a stream; its chain still verifies."""
    rows.run("UPDATE journal SET salt = NULL, payload = NULL WHERE stream = ?", stream)
