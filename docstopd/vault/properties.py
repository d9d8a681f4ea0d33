"""Dead properties: name and XML sealed together, looked up by a keyed digest of the name.

A folder's members may have gigabytes of them. So a listing reads them as it goes, some members at a time, and of a
property that nobody asked for it reads the digest alone.
"""

import hashlib
import json
import struct
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

from docstopd.catalog import properties as store
from docstopd.catalog.properties import Property
from docstopd.crypto.spacekey import SpaceKey
from docstopd.crypto.wrap import unwrap, wrap
from docstopd.db import Database, Rows
from docstopd.errors import Damaged, Incompatible, TooLarge
from docstopd.model import NodeId
from docstopd.vault.opening import OpenSpace
from docstopd.vault.stores import Policy

PROPERTY_TOTAL = 1 << 20
"""Bytes that the properties of one file or folder may take, as they are stored."""

TOGETHER = 100
"""Nodes whose properties are read in one transaction, unless `TOGETHER_BYTES` are fewer."""

TOGETHER_BYTES = 1 << 20
"""Stored bytes that are in memory at a time; those of one node always are, and `PROPERTY_TOTAL` bounds them."""

Keys = Callable[[Collection[int]], Mapping[int, SpaceKey]]
"""The keys of a space at hand, those of these epochs among them if the caller has them."""

PropertyChanges = Sequence[tuple[str, str | None]]
"""(name in Clark notation, XML or None to remove), in the order in which they take effect."""


def read(keys: Mapping[int, SpaceKey], found: Iterable[Property]) -> dict[NodeId, dict[str, str]]:
    """Properties in clear, by node. Raises `Damaged`."""
    result: dict[NodeId, dict[str, str]] = {}
    for entry in found:
        key = keys.get(entry.epoch)
        if key is None:
            raise Damaged(f"a property of node {entry.node} belongs to another space or epoch", entry.node)
        try:
            name, xml = json.loads(unwrap(key.properties, entry.value, _place(entry.node, entry.name)))
        except (Damaged, Incompatible) as error:
            raise Damaged(f"a property of node {entry.node}: {error}", entry.node) from error
        result.setdefault(entry.node, {})[name] = xml
    return result


def in_turn(
    catalog: Database, keys: Keys, nodes: Sequence[NodeId], names: Collection[str] | None
) -> Iterator[Mapping[str, str] | Damaged]:
    """The properties of each node in its turn, all of them or those of these `names`; read as they are asked for.

    What a node cannot have read is its own `Damaged`, and hides no other node's.
    """
    for start in range(0, len(nodes), TOGETHER):
        batch = nodes[start : start + TOGETHER]
        with catalog.read() as rows:
            held = store.held(rows, batch)
        known = keys({entry.epoch for entry in held})
        for group in _groups(batch, _wanted(known, held, names)):
            with catalog.read() as rows:
                found = {node: _stored(rows, node, wanted, names) for node, wanted in group}
            for node, wanted in group:
                stored = found.pop(node)
                if len(stored) != len(wanted):  # some were removed since, or their names are under a new key
                    stored = _again(catalog, keys, node, names)
                yield _opened(keys({entry.epoch for entry in stored}), node, stored)


def _again(catalog: Database, keys: Keys, node: NodeId, names: Collection[str] | None) -> list[Property]:
    """A node's properties as they are in one view."""
    with catalog.read() as rows:
        held = store.held(rows, [node])
        wanted = _wanted(keys({entry.epoch for entry in held}), held, names).get(node, [])
        return _stored(rows, node, wanted, names)


def _wanted(
    keys: Mapping[int, SpaceKey], held: Iterable[store.Held], names: Collection[str] | None
) -> dict[NodeId, list[store.Held]]:
    """What of the held ones is asked for, by node. Digests are made for what a node has, and under its epochs alone."""
    by_node: dict[NodeId, list[store.Held]] = {}
    for entry in held:
        by_node.setdefault(entry.node, []).append(entry)
    if names is None:
        return by_node
    wanted = {}
    for node, entries in by_node.items():
        epochs = {entry.epoch for entry in entries}
        asked = {_digest(keys[epoch], node, name) for epoch in epochs if epoch in keys for name in names}
        wanted[node] = [entry for entry in entries if entry.name in asked]
    return wanted


def _groups(
    nodes: Sequence[NodeId], wanted: Mapping[NodeId, list[store.Held]]
) -> Iterator[list[tuple[NodeId, list[store.Held]]]]:
    """Split nodes into runs whose properties fit into memory together."""
    group: list[tuple[NodeId, list[store.Held]]] = []
    size = 0
    for node in nodes:
        entries = wanted.get(node, [])
        own = sum(entry.size for entry in entries)
        if group and size + own > TOGETHER_BYTES:
            yield group
            group, size = [], 0
        group.append((node, entries))
        size += own
    yield group


def _stored(rows: Rows, node: NodeId, wanted: Sequence[store.Held], names: Collection[str] | None) -> list[Property]:
    if not wanted:
        return []
    return store.of_node(rows, node) if names is None else store.named(rows, node, [entry.name for entry in wanted])


def _opened(keys: Mapping[int, SpaceKey], node: NodeId, found: Sequence[Property]) -> Mapping[str, str] | Damaged:
    try:
        return read(keys, found).get(node, {})
    except Damaged as error:
        return error


def apply(rows: Rows, opened: OpenSpace, node: NodeId, changes: PropertyChanges, policy: Policy) -> None:
    """Carry the changes out in order. Raises `TooLarge` for a value, a number or a sum beyond the limits."""
    for name, xml in changes:
        digests = [_digest(key, node, name) for key in opened.keys.values()]
        if xml is None:
            for digest in digests:
                store.remove(rows, node, digest)
            continue
        if len(xml.encode()) > policy.property_size:
            raise TooLarge(f"a property may have at most {policy.property_size} bytes")
        store.put(rows, _sealed(opened.key, node, name, xml), digests)
    held = store.held(rows, [node])
    if len(held) > policy.properties:
        raise TooLarge(f"a file or folder may have at most {policy.properties} properties")
    if sum(entry.size for entry in held) > PROPERTY_TOTAL:
        raise TooLarge(f"the properties of a file or folder may have at most {PROPERTY_TOTAL} bytes together")


def copy(rows: Rows, source: OpenSpace, node: NodeId, target: OpenSpace, to: NodeId) -> None:
    """Give one node the properties of another, in place of its own."""
    store.remove_all(rows, to)
    for name, xml in read(source.keys, store.of_node(rows, node)).get(node, {}).items():
        store.put(rows, _sealed(target.key, to, name, xml))


def reseal(rows: Rows, keys: Mapping[int, SpaceKey], key: SpaceKey, entry: Property) -> bool:
    """Seal a property under another epoch's key; False for one that cannot be read, which stays as it is."""
    try:
        ((name, xml),) = read(keys, [entry])[entry.node].items()
    except Damaged:
        return False
    store.put(rows, _sealed(key, entry.node, name, xml), [entry.name])
    return True


def _sealed(key: SpaceKey, node: NodeId, name: str, xml: str) -> Property:
    digest = _digest(key, node, name)
    text = json.dumps([name, xml], ensure_ascii=False).encode()
    return Property(node, digest, key.epoch, wrap(key.properties, text, _place(node, digest)))


def _digest(key: SpaceKey, node: NodeId, name: str) -> bytes:
    text = struct.pack(">Q", node) + name.encode()
    return hashlib.blake2b(text, key=key.property_names, digest_size=16).digest()


def _place(node: NodeId, digest: bytes) -> bytes:
    return b"docstopd/property/v1" + struct.pack(">Q", node) + digest
