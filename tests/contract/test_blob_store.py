"""What every adapter of `BlobStore` promises."""

import hashlib
import os
import resource
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from docstopd.blobs import BlobStore
from docstopd.blobs.local import LocalBlobs
from docstopd.errors import AlreadyExists, Damaged, DocstopdError
from docstopd.model import BlobId

Open = Callable[[], BlobStore]


def local(folder: Path) -> Open:
    return lambda: LocalBlobs(folder / "blobs")


@pytest.fixture(params=[local])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Opens one and the same store, as often as a test asks: each opening is like one process."""
    yield request.param(tmp_path)
    assert not [t for t in threading.enumerate() if t.name == "blob-writer"], "a writer left its thread behind"


@pytest.fixture
def store(opened: Open) -> BlobStore:
    return opened()


def blob_id(number: int = 1) -> BlobId:
    return BlobId(number.to_bytes(16, "big"))


def put(store: BlobStore, blob: BlobId, content: bytes, step: int = 262_144) -> bytes:
    writer = store.create(blob)
    for at in range(0, len(content), step):
        writer.write(content[at : at + step])
    return writer.finish()


def get(store: BlobStore, blob: BlobId, *, fresh: bool = False) -> bytes:
    reader = store.open(blob, fresh=fresh)
    try:
        target = bytearray(reader.size)
        assert reader.read_into(0, memoryview(target)) == reader.size
        return bytes(target)
    finally:
        reader.close()


@pytest.mark.parametrize("size", [0, 1, 4096, 1 << 20, (1 << 20) + 1, 5_000_000])
def test_a_blob_is_read_as_it_was_written(opened: Open, size: int) -> None:
    """By this process and by others, with its digest."""
    content = os.urandom(size)
    assert put(opened(), blob_id(), content) == hashlib.sha256(content).digest()
    assert get(opened(), blob_id()) == content
    assert get(opened(), blob_id(), fresh=True) == content


def test_pieces_of_any_size_make_one_blob(store: BlobStore) -> None:
    """Around the point where a second thread takes over."""
    content = os.urandom(3_000_000)
    assert put(store, blob_id(), content, step=99_991) == hashlib.sha256(content).digest()
    assert get(store, blob_id()) == content


@pytest.mark.parametrize("size", [10, 3_000_000])
def test_a_piece_is_its_writers_again_at_once(store: BlobStore, size: int) -> None:
    """One buffer serves for all pieces."""
    writer, buffer, whole = store.create(blob_id()), bytearray(size), b""
    for number in range(5):
        buffer[:] = bytes([number]) * size
        whole += buffer
        writer.write(memoryview(buffer))
        buffer[:] = b"\xff" * size
    assert writer.finish() == hashlib.sha256(whole).digest()
    assert get(store, blob_id()) == whole


def test_nothing_is_visible_before_the_end(opened: Open) -> None:
    """Neither by its id nor in the list."""
    store = opened()
    writer = store.create(blob_id())
    writer.write(b"half")
    assert list(opened().ids()) == []
    with pytest.raises(Damaged):
        opened().open(blob_id())
    writer.finish()
    assert list(opened().ids()) == [blob_id()]


@pytest.mark.parametrize("size", [10, 3_000_000])
def test_an_aborted_blob_was_never_there(store: BlobStore, size: int, tmp_path: Path) -> None:
    """And leaves no file, however far it came."""
    writer = store.create(blob_id())
    writer.write(bytes(size))
    writer.abort()
    writer.abort()
    assert list(store.ids()) == []
    put(store, blob_id(), b"its id is free")
    assert get(store, blob_id()) == b"its id is free"


@pytest.mark.parametrize("size", [10, 3_000_000])
def test_a_blob_that_does_not_fit_leaves_nothing(store: BlobStore, size: int) -> None:
    """The disk is full at the end of it: a limit on the size of files stands in for that."""
    writer = store.create(blob_id())
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5, hard))
    try:
        with pytest.raises(DocstopdError):
            writer.write(bytes(size))
            writer.finish()
        writer.abort()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(store.ids()) == []
    put(store, blob_id(), b"its id is free")


def test_an_abort_after_the_end_undoes_nothing(store: BlobStore) -> None:
    """It is fine, and the blob stays."""
    writer = store.create(blob_id())
    writer.write(b"whole")
    writer.finish()
    writer.abort()
    assert get(store, blob_id()) == b"whole"


def test_a_blob_is_never_overwritten(store: BlobStore) -> None:
    """A taken id is refused at the end, and the first content stays."""
    put(store, blob_id(), b"first")
    writer = store.create(blob_id())
    writer.write(b"second")
    with pytest.raises(AlreadyExists):
        writer.finish()
    writer.abort()
    assert get(store, blob_id()) == b"first"


def test_a_blob_that_is_not_there_is_damage(store: BlobStore) -> None:
    """Only blobs that have a row are asked for."""
    with pytest.raises(Damaged):
        store.open(blob_id())


def test_deleting_is_fine_whether_it_is_there_or_not(store: BlobStore) -> None:
    """And the others stay."""
    put(store, blob_id(1), b"one")
    put(store, blob_id(2), b"two")
    for _ in range(2):
        store.delete(blob_id(1))
    assert list(store.ids()) == [blob_id(2)]


def test_an_open_blob_outlives_its_deletion(store: BlobStore) -> None:
    """A download goes on while the file is erased."""
    put(store, blob_id(), b"content")
    reader = store.open(blob_id())
    store.delete(blob_id())
    target = bytearray(7)
    assert reader.read_into(0, memoryview(target)) == 7
    assert bytes(target) == b"content"
    reader.close()
    reader.close()


def test_any_part_can_be_read(store: BlobStore) -> None:
    """Fewer bytes come at the end only."""
    put(store, blob_id(), b"0123456789")
    reader = store.open(blob_id())
    assert reader.size == 10
    for offset, length, wanted in ((0, 4, b"0123"), (8, 4, b"89"), (10, 4, b""), (50, 4, b""), (3, 0, b"")):
        target = bytearray(length)
        count = reader.read_into(offset, memoryview(target))
        assert bytes(target[:count]) == wanted
    reader.close()


def test_a_reader_serves_many_threads(store: BlobStore) -> None:
    """Offsets are not shared."""
    content = os.urandom(1_000_000)
    put(store, blob_id(), content)
    reader = store.open(blob_id())

    def part(at: int) -> bool:
        target = bytearray(1000)
        return reader.read_into(at, memoryview(target)) == 1000 and target == content[at : at + 1000]

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(part, range(0, 999_000, 997)))
    reader.close()


def test_many_blobs_come_in_at_once(opened: Open) -> None:
    """Through two openings, in many threads."""
    stores = [opened(), opened()]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: put(stores[n % 2], blob_id(n), bytes([n]) * n * 9000), range(1, 200)))
    assert set(stores[0].ids()) == {blob_id(n) for n in range(1, 200)}
    assert all(get(stores[1], blob_id(n)) == bytes([n]) * n * 9000 for n in range(1, 200))


@pytest.mark.parametrize("size", [10, 3_000_000])
def test_a_damaged_blob_is_replaced_whole(opened: Open, size: int) -> None:
    """Who has it open keeps what he opened; a blob that is gone comes back."""
    store = opened()
    put(store, blob_id(), b"damaged")
    reader = store.open(blob_id())
    content = os.urandom(size)
    for _ in range(2):
        writer = store.create(blob_id(), replace=True)
        writer.write(content)
        assert writer.finish() == hashlib.sha256(content).digest()
        assert get(opened(), blob_id()) == content
        store.delete(blob_id())
    target = bytearray(7)
    reader.read_into(0, memoryview(target))
    assert target == b"damaged"
    reader.close()


def test_a_blob_has_the_time_at_which_it_came(store: BlobStore) -> None:
    """One that is not there has none."""
    before = time.time_ns() // 1000 - 2_000_000
    put(store, blob_id(), b"content")
    received = store.received(blob_id())
    assert received is not None
    assert before < received < before + 60_000_000
    assert store.received(blob_id(2)) is None


def test_what_died_half_written_is_swept_by_its_age(opened: Open) -> None:
    """What is on its way stays, and so does what is whole."""
    store = opened()
    put(store, blob_id(), b"whole")
    writer = store.create(blob_id(2))
    writer.write(bytes(3_000_000))
    now = time.time_ns() // 1000
    assert opened().sweep(now - 60_000_000) == 0
    assert opened().sweep(now + 60_000_000) == 1
    assert opened().sweep(now + 60_000_000) == 0
    writer.abort()
    assert list(store.ids()) == [blob_id()]
