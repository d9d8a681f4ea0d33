"""Erasures: what was asked to be destroyed, how far that is, and what must never come back."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from docstopd.catalog.nodes import pass_beyond
from docstopd.db import Rows
from docstopd.model import BlobId, Micros, NodeId, SpaceId

_COLUMNS = "id, kind, subject, requested, author, due, state, done, final, report, certificate"

_TREE = """WITH RECURSIVE tree(id) AS (
    SELECT ?
    UNION SELECT n.id FROM nodes n JOIN tree t ON n.parent = t.id WHERE n.deleted IS NULL
    UNION SELECT n.id FROM nodes n JOIN tree t ON n.parent = t.id WHERE n.deleted IS NOT NULL)"""
"""A node and all that ever lay below it and is not purged: what went to the trash keeps its parent."""

_NODES = "SELECT node FROM erased_nodes WHERE erasure = ?"
_BATCH = 1000


@dataclass(frozen=True, slots=True)
class Erasure:
    """One request. `subject` and `report` are JSON; `due`, `done` and `final` are times, None while they are open."""

    id: bytes
    kind: str
    subject: str
    requested: Micros
    author: bytes
    due: Micros
    state: str
    done: Micros | None
    final: Micros | None
    report: str
    certificate: str | None


def _erasure(row: tuple[Any, ...]) -> Erasure:
    return Erasure(*row)


def add(rows: Rows, erasure: Erasure) -> None:
    """Raises `AlreadyExists` for an id that is taken."""
    rows.run(
        f"INSERT INTO erasures ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        erasure.id,
        erasure.kind,
        erasure.subject,
        erasure.requested,
        erasure.author,
        erasure.due,
        erasure.state,
        erasure.done,
        erasure.final,
        erasure.report,
        erasure.certificate,
    )


def save(rows: Rows, erasure: Erasure) -> None:
    """Write how far it is: everything but what was asked."""
    rows.run(
        "UPDATE erasures SET subject = ?, state = ?, done = ?, final = ?, report = ?, certificate = ? WHERE id = ?",
        erasure.subject,
        erasure.state,
        erasure.done,
        erasure.final,
        erasure.report,
        erasure.certificate,
        erasure.id,
    )


def get(rows: Rows, erasure: bytes) -> Erasure | None:
    """The erasure of that id."""
    row = rows.one(f"SELECT {_COLUMNS} FROM erasures WHERE id = ?", erasure)
    return _erasure(row) if row else None


def all_erasures(rows: Rows) -> list[Erasure]:
    """Every erasure, oldest first."""
    return [_erasure(row) for row in rows.all(f"SELECT {_COLUMNS} FROM erasures ORDER BY requested, id")]


def unfinished(rows: Rows) -> list[Erasure]:
    """Those at which there is something left to do, oldest first; some of them are not due yet."""
    found = rows.all(
        f"SELECT {_COLUMNS} FROM erasures WHERE state IN ('waiting', 'held', 'erasing', 'provisional')"
        " ORDER BY requested, id"
    )
    return [_erasure(row) for row in found]


# -- what must not come back ----------------------------------------------------------------------------------------


def mark_tree(rows: Rows, erasure: bytes, space: SpaceId, head: NodeId) -> None:
    """List a node with all below it, in the trash or not."""
    rows.run(
        f"{_TREE} INSERT INTO erased_nodes (node, space, erasure) SELECT id, ?, ? FROM tree WHERE true"
        " ON CONFLICT DO NOTHING",
        head,
        space,
        erasure,
    )


def mark_node(rows: Rows, erasure: bytes, space: SpaceId, node: NodeId) -> bool:
    """List one node; False when it is listed already."""
    return bool(
        rows.run(
            "INSERT INTO erased_nodes (node, space, erasure) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            node,
            space,
            erasure,
        )
    )


def mark_blobs(rows: Rows, erasure: bytes) -> None:
    """List the blobs of all versions, live and dead, of the nodes that are listed."""
    rows.run(
        "INSERT INTO erased (blob, erasure) SELECT blob, ? FROM versions"
        f" WHERE node IN ({_NODES}) ON CONFLICT DO NOTHING",
        erasure,
        erasure,
    )


def mark_blobs_of_space(rows: Rows, erasure: bytes, space: SpaceId) -> None:
    """List the blobs of all versions, live and dead, of a space, and of all that waits to be filed in it."""
    for table in ("versions", "arrivals"):
        rows.run(
            f"INSERT INTO erased (blob, erasure) SELECT blob, ? FROM {table} WHERE space = ? ON CONFLICT DO NOTHING",
            erasure,
            space,
        )


def nodes_of(rows: Rows, erasure: bytes) -> list[NodeId]:
    """The nodes of an erasure, in their order."""
    found: list[Any] = rows.all(f"{_NODES} ORDER BY node", erasure)
    return [NodeId(row[0]) for row in found]


def blobs_of(rows: Rows, erasure: bytes) -> list[BlobId]:
    """The blobs of an erasure, in their order."""
    found: list[Any] = rows.all("SELECT blob FROM erased WHERE erasure = ? ORDER BY blob", erasure)
    return [BlobId(row[0]) for row in found]


def take_over(
    rows: Rows, erasure: bytes, space: SpaceId | None, nodes: Sequence[NodeId], blobs: Sequence[BlobId]
) -> None:
    """List what was erased elsewhere: all blobs; of the nodes those files that have one, and folders left empty."""
    sql = "INSERT INTO erased (blob, erasure) VALUES (?, ?) ON CONFLICT DO NOTHING"
    rows.many(sql, [(blob, erasure) for blob in blobs])
    if space is None:
        return
    for node in nodes:
        if rows.one(
            "SELECT 1 FROM nodes n WHERE n.id = ? AND n.space = ? AND n.folder = 0"
            " AND EXISTS (SELECT 1 FROM versions v JOIN erased e ON e.blob = v.blob WHERE v.node = n.id)",
            node,
            space,
        ):
            mark_node(rows, erasure, space, node)
    _take_over_folders(rows, erasure, space, nodes)
    pass_beyond(rows, max(nodes, default=0))


def _take_over_folders(rows: Rows, erasure: bytes, space: SpaceId, nodes: Sequence[NodeId]) -> None:
    """From below: a folder goes once all that is in it goes."""
    more = True
    while more:
        more = False
        for node in nodes:
            if rows.one(
                "SELECT 1 FROM nodes n WHERE n.id = ? AND n.space = ? AND n.folder = 1 AND n.parent != 0"
                f" AND n.id NOT IN ({_NODES})"
                f" AND NOT EXISTS (SELECT 1 FROM nodes m WHERE m.parent = n.id AND m.id NOT IN ({_NODES}))",
                node,
                space,
                erasure,
                erasure,
            ):
                more = mark_node(rows, erasure, space, node) or more


def versions_of(rows: Rows, blobs: Sequence[BlobId]) -> int:
    """How many versions have one of these blobs; what waits to be filed counts as one."""
    wanted = set(blobs)
    every = "SELECT blob FROM versions UNION ALL SELECT blob FROM arrivals"
    return sum(row[0] in wanted for row in rows.each(every)) if wanted else 0


def moved_in(rows: Rows, erasure: bytes, space: SpaceId) -> list[str]:
    """The facts of the moves by which files came into the files that are listed."""
    found: list[Any] = rows.all(
        f"SELECT facts FROM journal WHERE stream = ? AND action = 'move' AND node IN ({_NODES})", space, erasure
    )
    return [row[0] for row in found]


# -- the rows that go -----------------------------------------------------------------------------------------------


def remove_nodes(rows: Rows, erasure: bytes) -> None:
    """Remove the nodes that are listed, their versions, properties and locks."""
    for table in ("properties", "locks", "versions"):
        rows.run(f"DELETE FROM {table} WHERE node IN ({_NODES})", erasure)
    rows.run(f"DELETE FROM nodes WHERE id IN ({_NODES})", erasure)


def erase_payloads(rows: Rows, erasure: bytes, space: SpaceId) -> int:
    """Destroy the sealed payloads of the entries of the nodes that are listed; how many. The chain still verifies."""
    return rows.run(
        "UPDATE journal SET salt = NULL, payload = NULL"
        f" WHERE stream = ? AND payload IS NOT NULL AND node IN ({_NODES})",
        space,
        erasure,
    )


def erase_payloads_of_actor(rows: Rows, stream: bytes, actor: bytes) -> int:
    """Destroy the sealed payloads of what a user did in a stream; how many. The chain still verifies."""
    return rows.run(
        "UPDATE journal SET salt = NULL, payload = NULL WHERE stream = ? AND payload IS NOT NULL AND actor = ?",
        stream,
        actor,
    )


# -- what to look for afterwards ------------------------------------------------------------------------------------


def sealed_parts(rows: Rows, erasure: bytes, space: SpaceId) -> set[bytes]:
    """What tells the listed nodes' sealed names, properties and payloads from all other bytes: 16 of each."""
    salts = f"SELECT salt FROM journal WHERE stream = ? AND salt IS NOT NULL AND node IN ({_NODES})"
    return (
        _column(rows, f"SELECT substr(name, 2, 16) FROM nodes WHERE parent != 0 AND id IN ({_NODES})", erasure)
        | _column(rows, f"SELECT substr(value, -16) FROM properties WHERE node IN ({_NODES})", erasure)
        | _column(rows, salts, space, erasure)
    )


def sealed_parts_of_space(rows: Rows, space: SpaceId) -> set[bytes]:
    """The same for all nodes and the whole journal of a space."""
    values = "SELECT substr(p.value, -16) FROM nodes n JOIN properties p ON p.node = n.id WHERE n.space = ?"
    return (
        _column(rows, "SELECT substr(name, 2, 16) FROM nodes WHERE parent != 0 AND space = ?", space)
        | _column(rows, values, space)
        | _column(rows, "SELECT salt FROM journal WHERE stream = ? AND salt IS NOT NULL", space)
    )


def profile_part(rows: Rows, user: bytes) -> set[bytes]:
    """The same for an account's sealed profile."""
    return _column(rows, "SELECT substr(profile, -16) FROM users WHERE id = ?", user)


def salts_of_actor(rows: Rows, stream: bytes, actor: bytes) -> set[bytes]:
    """The same for what a user did in a stream."""
    return _column(rows, "SELECT salt FROM journal WHERE stream = ? AND actor = ? AND salt IS NOT NULL", stream, actor)


def _names(rows: Rows, which: str, *values: bytes) -> set[bytes]:
    """A part of each name as it is sealed, and of the same in lower case where that is kept."""
    names = f"SELECT substr(name, 2, 16) FROM nodes WHERE parent != 0 AND {which}"
    folded = f"SELECT substr(folded, 2, 16) FROM nodes WHERE folded IS NOT NULL AND {which}"
    return _column(rows, names, *values) | _column(rows, folded, *values)


def _column(rows: Rows, sql: str, *values: bytes) -> set[bytes]:
    found: list[Any] = rows.all(sql, *values)
    return {row[0] for row in found}


def names_in_use(rows: Rows, parts: Iterable[bytes]) -> set[bytes]:
    """Those parts of sealed names that a node has: the same name was given again in the same folder, in any case."""
    wanted = set(parts)
    return _names(rows, "TRUE") & wanted if wanted else set()


def add_traces(rows: Rows, erasure: bytes, store: str, traces: Iterable[bytes]) -> None:
    """Remember what is to be looked for."""
    batch: list[tuple[bytes, str, bytes]] = [(erasure, store, _inverted(trace)) for trace in traces]
    sql = "INSERT INTO traces (erasure, store, trace) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
    for start in range(0, len(batch), _BATCH):
        rows.many(sql, list(batch[start : start + _BATCH]))


def traces(rows: Rows, erasure: bytes, store: str) -> set[bytes]:
    """What is to be looked for."""
    found: list[Any] = rows.all("SELECT trace FROM traces WHERE erasure = ? AND store = ?", erasure, store)
    return {_inverted(row[0]) for row in found}


def forget_traces(rows: Rows, erasure: bytes) -> None:
    """Nothing was found: there is nothing left to look for."""
    rows.run("DELETE FROM traces WHERE erasure = ?", erasure)


def _inverted(trace: bytes) -> bytes:
    return bytes(byte ^ 0xFF for byte in trace)
