"""A year of an office of two hundred people, day by day, with the jobs of each night."""

import random
from datetime import UTC, datetime
from pathlib import Path

import pytest
from office import (
    CONTRACTS,
    DAY,
    INVOICES,
    KEPT_DAYS,
    SECOND,
    SNAPSHOTS_DAILY,
    SNAPSHOTS_LAST,
    SNAPSHOTS_MONTHLY,
    TRASH_DAYS,
    VERSIONS_DAILY,
    VERSIONS_LAST,
    VERSIONS_WITHIN_DAYS,
    Office,
)
from snapshots import bench_with_target, blobs_at, restore_into
from vaults import PASSWORD, Clock

from docstopd.targets.local import LocalTarget
from docstopd.vault import Policy
from docstopd.vault.retention.keep import Keep
from docstopd.vault.retention.policy import RetentionPolicy
from docstopd.vault.retention.schedule import Protect, RetentionClass, Schedule, Then
from docstopd.vault.stores import SnapshotPolicy

DAYS = 366
THINGS_A_DAY = 25
FIRST = int(datetime(2024, 2, 1, tzinfo=UTC).timestamp()) * SECOND

POLICY = Policy(
    reads=False,
    retention=RetentionPolicy(
        versions=Keep(last=VERSIONS_LAST, daily=VERSIONS_DAILY, within=VERSIONS_WITHIN_DAYS * 86_400),
        trash=TRASH_DAYS * 86_400,
        schedule=Schedule(
            (
                RetentionClass(
                    CONTRACTS,
                    (f"{CONTRACTS}/**",),
                    KEPT_DAYS[CONTRACTS] * 86_400,
                    protect=Protect.DELETE,
                    then=Then.DELETE,
                ),
                RetentionClass(INVOICES, (f"{INVOICES}/**",), KEPT_DAYS[INVOICES] * 86_400, then=Then.DELETE),
            )
        ),
    ),
    snapshots=SnapshotPolicy(
        keep=Keep(last=SNAPSHOTS_LAST, daily=SNAPSHOTS_DAILY, monthly=SNAPSHOTS_MONTHLY), keyring_days=7
    ),
)


@pytest.mark.long
@pytest.mark.timeout(2400)
def test_after_a_year_the_stores_hold_what_the_policies_say(tmp_path: Path) -> None:
    """Each file, version, key, blob and snapshot, by inventory; every certificate verifies; nothing else is there."""
    bench = bench_with_target(tmp_path, POLICY, Clock(FIRST - DAY))
    office = Office(bench, people=200, shared=6, seed=20240201)
    for day in range(DAYS):
        midnight = FIRST + day * DAY
        office.night(midnight)
        weekend = datetime.fromtimestamp(midnight // SECOND, UTC).weekday() >= 5
        office.work(midnight, 3 if weekend else THINGS_A_DAY)
    while office.holds:
        office.release()
    for day in range(DAYS, DAYS + 9):  # the last graces end, and the last copies of keyrings
        office.night(FIRST + day * DAY)
    _it_was_a_real_year(office)
    _the_catalog_is_as_the_books_say(office)
    _the_stores_are_as_the_books_say(office, LocalTarget(tmp_path / "target"))
    _every_certificate_verifies(office)
    _what_stands_is_readable(office)
    _snapshots_bring_back_what_they_hold(office, tmp_path)
    bench.assert_journal()


def _it_was_a_real_year(office: Office) -> None:
    """The rules had something to do, each of them."""
    books = office.books
    assert office.refused["protected"] > 20
    assert office.refused["held"] > 0
    assert len(books.erased) > 50
    assert len(books.lost()) > 50
    assert sum(record.gone for record in books.files.values()) > 500
    assert sum(record.deleted is not None for record in books.standing()) > 5
    assert len({label for label in office.spaces if label.startswith("user")}) < 200


def _the_catalog_is_as_the_books_say(office: Office) -> None:
    rows = office.bench.rows("SELECT node, blob, dead FROM versions")
    standing = {(record.node, version.blob) for record in office.books.standing() for version in record.versions}
    lost = {(record.node, version.blob) for record in office.books.files.values() for version in record.lost}
    assert {(node, blob) for node, blob, dead in rows if dead is None} == standing
    assert {(node, blob) for node, blob, dead in rows if dead is not None} == lost
    files = {
        node: deleted is not None
        for node, deleted in office.bench.rows("SELECT id, deleted FROM nodes WHERE NOT folder")
    }
    assert files == {record.node: record.deleted is not None for record in office.books.standing()}


def _the_stores_are_as_the_books_say(office: Office, target: LocalTarget) -> None:
    books, bench = office.books, office.bench
    assert bench.key_ids() == books.live() | books.lost()
    assert books.live() <= bench.blob_ids() <= books.live() | books.lost()
    assert blobs_at(target) == books.in_snapshots()
    assert {number for (number,) in bench.rows("SELECT number FROM copies")} == set(books.snapshots)
    assert not books.erased & (bench.key_ids() | bench.blob_ids() | blobs_at(target))


def _every_certificate_verifies(office: Office) -> None:
    asked = [one for one in office.vault.erasure.all() if one.state != "cancelled"]
    assert len(asked) > 50
    assert {one.state for one in asked} == {"final"}
    for one in asked:
        assert one.certificate is not None
        assert office.vault.erasure.verify(one.certificate) == []


def _what_stands_is_readable(office: Office) -> None:
    for record in office.books.standing():
        reader = next((name for name in office.spaces[record.space] if name in office.sessions), None)
        if record.deleted is None and reader is not None:
            assert office.bench.get(office.sessions[reader], record.path) == record.versions[-1].content


def _snapshots_bring_back_what_they_hold(office: Office, folder: Path) -> None:
    """The oldest and the newest, each into a place of its own: all that was current then and is not erased."""
    contents = {
        version.blob: version.content
        for record in office.books.files.values()
        for version in record.versions + record.lost
    }
    for number in (min(office.books.snapshots), max(office.books.snapshots)):
        restored, _told = restore_into(
            office.bench, LocalTarget(folder / "target"), folder / f"restored-{number}", number
        )
        found = 0
        for label in random.Random(number).sample(sorted(office.spaces), 30):
            member = next((name for name in office.spaces[label] if name in office.sessions), None)
            if member is None:
                continue
            session = restored.vault.sessions.sign_in(member, PASSWORD)
            for area in (CONTRACTS, INVOICES, "work"):
                for node in restored.vault.files.list(session, (label, area)).members:
                    blob = bytes.fromhex(node.etag)
                    assert blob in office.books.snapshots[number][1] - office.books.erased
                    assert restored.get(session, (label, area, node.name)) == contents[blob]
                    found += 1
        assert found > 5
