"""Verifies what `docstopd audit export` wrote. Written from docs/audit.md and docs/format.md, without docstopd.

    python audit_verifier.py DIR PUBLIC-KEY-LINE

Prints what is wrong and ends with 1, or says how many entries are proven and ends with 0.
"""

import base64
import csv
import hashlib
import json
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

Heads = dict[str, tuple[int, str]]


def verify(folder: Path, key_line: str) -> tuple[list[str], int, int]:
    """(what is wrong, entries, entries that a checkpoint covers)."""
    problems: list[str] = []
    points = list(_checkpoints(folder / "checkpoints", key_line.strip(), problems))
    claims: dict[tuple[str, int], set[str]] = {}
    anchored: dict[str, int] = {}
    for heads in points:
        for stream, (seq, digest) in heads.items():
            claims.setdefault((stream, seq), set()).add(digest)
            anchored[stream] = max(seq, anchored.get(stream, 0))
    ends: Heads = {}
    for entry in _entries(folder):
        stream, seq = entry["stream"], entry["seq"]
        last, previous = ends.get(stream, (0, "00" * 32))
        where = f"stream {stream}, entry {seq}"
        if seq != last + 1:
            problems.append(f"{where}: entry {last + 1} was expected")
        if entry["previous"] != previous:
            problems.append(f"{where}: does not follow the one before")
        if _hash(entry) != entry["hash"]:
            problems.append(f"{where}: has another hash")
        if entry["payload"] is not None:
            sealed = base64.b64decode(entry["salt"]) + base64.b64decode(entry["payload"])
            if hashlib.sha256(sealed).hexdigest() != entry["commitment"]:
                problems.append(f"{where}: has another payload")
        if claims.get((stream, seq), {entry["hash"]}) != {entry["hash"]}:
            problems.append(f"{where}: is not the entry that a checkpoint signs")
        ends[stream] = (seq, entry["hash"])
    stated = {end["stream"]: (end["seq"], end["hash"]) for end in json.loads((folder / "heads.json").read_text())}
    if stated != ends:
        problems.append("the streams do not end where heads.json says")
    for stream, seq in anchored.items():
        if stream in ends and ends[stream][0] < seq:
            problems.append(f"stream {stream}: ends before entry {seq}, which a checkpoint signs")
    covered = sum(min(seq, anchored.get(stream, 0)) for stream, (seq, _) in ends.items())
    return problems, sum(seq for seq, _ in ends.values()), covered


def _entries(folder: Path) -> Iterator[dict[str, Any]]:
    if (folder / "entries.jsonl").exists():
        with (folder / "entries.jsonl").open(encoding="utf-8") as lines:
            yield from map(json.loads, lines)
        return
    with (folder / "entries.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            entry: dict[str, Any] = {**row, **{name: int(row[name]) for name in ("seq", "time", "node", "epoch")}}
            yield {**entry, "salt": row["salt"] or None, "payload": row["payload"] or None}


def _hash(entry: dict[str, Any]) -> str:
    stream, actor = bytes.fromhex(entry["stream"]), bytes.fromhex(entry["actor"])
    action, facts = entry["action"].encode(), entry["facts"].encode()
    numbers = struct.pack(
        ">HQQHHQII", len(stream), entry["seq"], entry["time"], len(actor), len(action), entry["node"], len(facts),
        entry["epoch"],
    )  # fmt: skip
    rest = bytes.fromhex(entry["commitment"]) + bytes.fromhex(entry["previous"])
    return hashlib.sha256(b"docstopd/entry/v1" + numbers + stream + actor + action + facts + rest).hexdigest()


def _checkpoints(path: Path, key_line: str, problems: list[str]) -> Iterator[Heads]:
    """The heads of each checkpoint whose signature and root are right."""
    keys = {}
    for known in key_line.splitlines():
        name, _identity, encoded = known.split("+", 2)
        keys[name] = Ed25519PublicKey.from_public_bytes(base64.b64decode(encoded)[1:])
    heads: Heads = {}
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        content = json.loads(line)
        text, _, signature = content["note"].rpartition("\n\n")
        text += "\n"
        moved = {stream: (seq, digest) for stream, (seq, digest) in content["heads"].items()}
        heads = moved if content["whole"] else {**heads, **moved}
        try:
            signer, signed = signature.removeprefix("— ").split()
            keys[signer].verify(base64.b64decode(signed)[4:], text.encode())
        except (InvalidSignature, ValueError, KeyError):
            problems.append(f"checkpoints, line {number}: the signature is wrong")
            continue
        origin, size, root = text.splitlines()[:3]
        leaves = [
            struct.pack(">H", len(stream) // 2) + bytes.fromhex(stream) + struct.pack(">Q", seq) + bytes.fromhex(digest)
            for stream, (seq, digest) in sorted(heads.items())
        ]
        if origin != signer or int(size) != len(leaves) or base64.b64decode(root) != _root(leaves):
            problems.append(f"checkpoints, line {number}: signs other heads")
            continue
        yield dict(heads)


def _root(leaves: list[bytes]) -> bytes:
    """RFC 6962, section 2.1."""
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    return hashlib.sha256(b"\1" + _root(leaves[:split]) + _root(leaves[split:])).digest()


if __name__ == "__main__":
    found, entries, covered = verify(Path(sys.argv[1]), sys.argv[2])
    print(*found, sep="\n") if found else print(f"{entries} entries, {covered} of them under a checkpoint")
    sys.exit(1 if found else 0)
