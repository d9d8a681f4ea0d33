"""Dead properties: name and XML sealed together, looked up by a keyed digest of the name."""

import hashlib
import json
import struct
from collections.abc import Iterable, Mapping, Sequence

from docstopd.catalog import properties as store
from docstopd.catalog.properties import Property
from docstopd.crypto.spacekey import SpaceKey
from docstopd.crypto.wrap import unwrap, wrap
from docstopd.db import Rows
from docstopd.errors import Damaged, Incompatible, TooLarge
from docstopd.model import NodeId
from docstopd.vault.opening import OpenSpace
from docstopd.vault.stores import Policy

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


def apply(rows: Rows, opened: OpenSpace, node: NodeId, changes: PropertyChanges, policy: Policy) -> None:
    """Carry the changes out in order. Raises `TooLarge` when a value, or their number, is beyond the limits."""
    for name, xml in changes:
        digests = [_digest(key, node, name) for key in opened.keys.values()]
        if xml is None:
            for digest in digests:
                store.remove(rows, node, digest)
            continue
        if len(xml.encode()) > policy.property_size:
            raise TooLarge(f"a property may have at most {policy.property_size} bytes")
        store.put(rows, _sealed(opened.key, node, name, xml), digests)
    if len(store.of_node(rows, node)) > policy.properties:
        raise TooLarge(f"a file or folder may have at most {policy.properties} properties")


def copy(rows: Rows, source: OpenSpace, node: NodeId, target: OpenSpace, to: NodeId) -> None:
    """Give one node the properties of another, in place of its own."""
    store.remove_all(rows, to)
    for name, xml in read(source.keys, store.of_node(rows, node)).get(node, {}).items():
        store.put(rows, _sealed(target.key, to, name, xml))


def _sealed(key: SpaceKey, node: NodeId, name: str, xml: str) -> Property:
    digest = _digest(key, node, name)
    text = json.dumps([name, xml], ensure_ascii=False).encode()
    return Property(node, digest, key.epoch, wrap(key.properties, text, _place(node, digest)))


def _digest(key: SpaceKey, node: NodeId, name: str) -> bytes:
    text = struct.pack(">Q", node) + name.encode()
    return hashlib.blake2b(text, key=key.property_names, digest_size=16).digest()


def _place(node: NodeId, digest: bytes) -> bytes:
    return b"docstopd/property/v1" + struct.pack(">Q", node) + digest
