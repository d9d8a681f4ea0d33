"""What a daemon stored, read from its data folder by a program that shares nothing with it but docs/format.md."""

import random
import sqlite3
import unicodedata
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest
import second_reader
from daemon import Running, stop
from webdav import Share

FOLDERS = [unicodedata.normalize("NFD", name) for name in ("Übersicht", "Año 2026")]
NESTED = "/".join([*FOLDERS, unicodedata.normalize("NFD", "Résumé naïve.txt")])
FILES = {
    "small.txt": b"a few words\n",
    "empty": b"",
    "million": random.Random(1).randbytes(1_000_000),
    "one segment": random.Random(2).randbytes(262_112),
    NESTED: "Grüße".encode(),
}


@pytest.fixture
def stored(fresh_daemon: Running) -> Running:
    """A docstopd that was given FILES over HTTP and has been stopped."""
    share = Share(fresh_daemon.space_url, fresh_daemon.user, fresh_daemon.password)
    inner = share
    for folder in FOLDERS:
        inner = inner.make(quote(folder))
    for path, content in FILES.items():
        share.put(quote(path), content)
    stop(fresh_daemon)
    return fresh_daemon


def test_every_file_is_read_byte_for_byte_with_the_password_alone(stored: Running) -> None:
    """Small, empty, of several segments, of exactly one, and under names that the client gave in NFD."""
    for path, content in FILES.items():
        assert _read(stored, path) == content, path


def test_the_names_of_all_files_are_found_in_nfc(stored: Running) -> None:
    """Whatever form the client used, and without a file too many."""
    found = second_reader.names(stored.data, stored.user, stored.password, _label(stored))
    assert found == {unicodedata.normalize("NFC", path) for path in FILES}


def test_a_wrong_password_opens_nothing(stored: Running) -> None:
    """One character more is enough to be refused."""
    with pytest.raises(ValueError, match="password"):
        second_reader.read(stored.data, stored.user, stored.password + "x", f"{_label(stored)}/small.txt")


def test_one_flipped_byte_of_a_blob_is_noticed(stored: Running) -> None:
    """In the header's parameters, IV and tag, and in the mark, nonce, ciphertext and tag of each kind of segment."""
    blob = _blob_of_a_million(stored.data)
    whole = blob.read_bytes()
    last = 74 + 3 * 262_144
    places = {0, 5, 9, 10, 42, 73, 74, 78, 90, 74 + 262_143, last, last + 3, last + 4, last + 16, len(whole) - 1}
    for place in sorted(places):
        blob.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(ValueError):
            _read(stored, "million")
    blob.write_bytes(whole)
    assert _read(stored, "million") == FILES["million"]


def test_a_blob_that_was_cut_or_rearranged_is_noticed(stored: Running) -> None:
    """Each of its segments is sound, but the file is not."""
    blob = _blob_of_a_million(stored.data)
    whole = blob.read_bytes()
    head, segments = whole[:74], [whole[start : start + 262_144] for start in range(74, len(whole), 262_144)]
    first, second, *others = segments
    for order in [[second, first, *others], segments[:-1], [first, *others], [*segments, segments[-1]]]:
        blob.write_bytes(head + b"".join(order))
        with pytest.raises(ValueError):
            _read(stored, "million")


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE nodes SET size = size - 1 WHERE size = 1000000",
        "UPDATE nodes SET blob = (SELECT blob FROM nodes WHERE size = 262112) WHERE size = 1000000",
        "UPDATE nodes SET parent = id + 1000 WHERE parent = 0",
        "UPDATE nodes SET proof = zeroblob(16) WHERE size = 1000000",
    ],
)
def test_a_catalog_row_that_was_changed_behind_the_daemon_is_noticed(stored: Running, change: str) -> None:
    """Without the space's key nobody can write a row that proves itself."""
    with closing(sqlite3.connect(stored.data / "catalog.db")) as catalog:
        assert catalog.execute(change).rowcount == 1
        catalog.commit()
    with pytest.raises(ValueError):
        _read(stored, "million")


def _label(stored: Running) -> str:
    """The first space's, as its address shows it."""
    return stored.space_url.rstrip("/").rpartition("/")[2]


def _read(stored: Running, path: str) -> bytes:
    return second_reader.read(stored.data, stored.user, stored.password, f"{_label(stored)}/{path}")


def _blob_of_a_million(data: Path) -> Path:
    (blob,) = (each for each in (data / "blobs").glob("??/*") if each.stat().st_size == 74 + 1_000_000 + 32 * 4)
    return blob
