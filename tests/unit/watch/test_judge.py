"""What a file is, by its state alone."""

import dataclasses
import stat
from typing import Any

import pytest

from docstopd.catalog.copies import Stored
from docstopd.catalog.stored import Known
from docstopd.model import BlobId, NodeId, SpaceId
from docstopd.vault.storage import What
from docstopd.watch.judge import GRACE, Finding, Seen, blob_of, judge, on_its_way

OWNER, RECEIVED, SIZE = 1000, 5_000_000, 99
BLOB = BlobId(bytes(range(16)))
SOUND = Seen(SIZE, stat.S_IFREG | 0o400, OWNER, RECEIVED - 10)
ROW = Known(Stored(NodeId(1), BLOB, SpaceId(bytes(16)), SIZE, bytes(32), 1), RECEIVED, None)
DEAD = dataclasses.replace(ROW, dead=3)


def verdict(seen: Seen | None, known: Known | None, **more: Any) -> Finding | What:
    return judge(seen, known, owner=OWNER, **{"key": known is not None, **more})


def changed(**fields: Any) -> Seen:
    return dataclasses.replace(SOUND, **fields)


@pytest.mark.parametrize(
    ("seen", "known", "expected"),
    [
        (SOUND, ROW, Finding.FINE),
        (SOUND, DEAD, Finding.FINE),
        (None, ROW, What.DELETED),
        (None, DEAD, Finding.FINE),
        (None, None, Finding.FINE),
        (changed(size=SIZE + 1), ROW, What.CHANGED),
        (changed(mode=stat.S_IFLNK | 0o777), ROW, What.CHANGED),
        (changed(mode=stat.S_IFDIR | 0o400), ROW, What.CHANGED),
        (changed(mode=stat.S_IFREG | 0o600), ROW, What.ACCESSIBLE),
        (changed(mode=stat.S_IFREG | 0o440), ROW, What.ACCESSIBLE),
        (changed(mode=stat.S_IFREG | stat.S_ISUID | 0o400), ROW, What.ACCESSIBLE),
        (changed(owner=0), ROW, What.ACCESSIBLE),
        (changed(changed=RECEIVED + 1), ROW, Finding.READ),
        (changed(changed=RECEIVED + 1), DEAD, Finding.READ),
    ],
)
def test_a_file_is_what_its_row_says_or_somebody_has_been_at_it(
    seen: Seen | None, known: Known | None, expected: Finding | What
) -> None:
    """Presence, kind, size, mode, owner; and only a changed inode costs a look at the content."""
    assert verdict(seen, known) is expected


def test_what_was_judged_before_is_not_read_again() -> None:
    """A blob that was healed, or came with a restore, has an inode that is younger than its row."""
    assert verdict(changed(changed=RECEIVED + 5), ROW, since=RECEIVED + 5) is Finding.FINE
    assert verdict(changed(changed=RECEIVED + 6), ROW, since=RECEIVED + 5) is Finding.READ


def test_a_file_without_a_row_waits_for_its_key() -> None:
    """A write makes the blob first. What never gets a key is nobody's."""
    assert verdict(SOUND, None) is Finding.WAIT
    assert verdict(SOUND, None, waited=GRACE) is What.ADDED
    assert verdict(SOUND, None, key=True, waited=GRACE) is Finding.FINE
    assert verdict(SOUND, None, since=SOUND.changed, waited=GRACE) is Finding.FINE


def test_a_file_that_no_writer_makes_like_that_does_not_wait() -> None:
    """The service makes blobs with the mode that they keep."""
    assert verdict(changed(mode=stat.S_IFREG | 0o644), None) is What.ADDED
    assert verdict(changed(mode=stat.S_IFREG | 0o644), None, key=True) is What.ACCESSIBLE
    assert verdict(changed(owner=0), None) is What.ADDED


def test_names_are_told_apart() -> None:
    """Blobs, what is on its way to be one, and the rest."""
    name = BLOB.hex()
    assert blob_of("00", name) == BLOB
    assert blob_of("01", name) is None
    assert blob_of("00", name.upper()) is None
    assert blob_of("00", name + "\n") is None
    assert blob_of("00", name[:-1]) is None
    assert on_its_way("00", f"{name}.part") and on_its_way("00", f"{name}.0badcafe.part")
    assert not on_its_way("00", name) and not on_its_way("01", f"{name}.part") and not on_its_way("00", "x.part")
