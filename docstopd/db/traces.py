"""Looking for what must not be there any more, in every byte of a file."""

import sys
from collections.abc import Collection, Iterator
from pathlib import Path

from docstopd.db import durable

_CHUNK = 16 << 20
_WORD = 8
_FEW = 500
"""Traces up to which one search for each is faster than one for all."""


def search(paths: Collection[Path], traces: Collection[bytes]) -> set[bytes]:
    """Those of the traces that lie anywhere in the files; a file that is not there holds none.

    A trace has at least 8 bytes, random ones: two that begin alike are rare.
    """
    beginnings: dict[int, list[bytes]] = {}
    for trace in traces:
        beginnings.setdefault(int.from_bytes(trace[:_WORD], sys.byteorder), []).append(trace)
    found: set[bytes] = set()
    for path in paths:
        for window in _windows(path, max(map(len, traces), default=1) - 1):
            suspects = traces if len(traces) <= _FEW else _suspects(window, beginnings)
            found.update(trace for trace in suspects if trace in window)
    return found


def _suspects(window: bytes, beginnings: dict[int, list[bytes]]) -> list[bytes]:
    """The traces whose first eight bytes are somewhere in the window: read as words, at each of eight offsets."""
    known, hits = set(beginnings), set[int]()
    for offset in range(min(_WORD, len(window))):
        with memoryview(window) as view, view[offset : offset + (len(window) - offset) // _WORD * _WORD] as piece:
            hits.update(known.intersection(piece.cast("Q")))
    return [trace for hit in hits for trace in beginnings[hit]]


def _windows(path: Path, overlap: int) -> Iterator[bytes]:
    """The file in pieces that overlap, so that what lies across a border is whole in one of them."""
    with durable.translated():
        if not path.exists():
            return
        with path.open("rb") as file:
            held = b""
            while piece := file.read(_CHUNK):
                held = held[len(held) - overlap :] + piece if overlap and held else piece
                yield held
