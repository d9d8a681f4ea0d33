"""Snapshots and erasure together: whichever snapshot is restored, what was erased is not in it, and all else is."""

from pathlib import Path

import pytest
from snapshots import bench_with_target, blobs_at, restore_into, with_targets
from vaults import PASSWORD, Bench, Clock

from docstopd.errors import NotFound
from docstopd.model import MemberRole, SpacePath
from docstopd.vault.stores import wall_clock

SECRET, KEPT = ("ada", "secret.txt"), ("ada", "kept.txt")
DAY = 86_400


def filled(folder: Path, clock: Clock) -> Bench:
    """Three snapshots of a secret that changed, a file that stayed, and a folder that came later."""
    bench = bench_with_target(folder, clock=clock)
    ada = bench.account("ada")
    bench.put(ada, KEPT, b"kept")
    for number in range(3):
        bench.put(ada, SECRET, b"secret %d" % number)
        bench.put(ada, ("ada", f"added-{number}"), b"added")
        bench.vault.snapshots.create()
        clock.advance(DAY)
    bench.vault.files.delete(ada, ("ada", "added-2"))
    return bench


def read(bench: Bench, path: SpacePath) -> bytes:
    return bench.get(bench.vault.sessions.sign_in("ada", PASSWORD), path)


@pytest.mark.parametrize("copied", [False, True], ids=["old-keyring", "live-keyring"])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_no_snapshot_brings_an_erased_file_back(tmp_path: Path, number: int, copied: bool) -> None:
    """Not with the keyring's copy from before the erasure, nor with the live one."""
    bench = filled(tmp_path, Clock())
    target = bench.stores.targets[0].objects
    before = blobs_at(target)
    ada = bench.vault.sessions.sign_in("ada", PASSWORD)
    erasure = bench.vault.erasure.request_path(ada, SECRET)
    assert erasure.state == "provisional"
    assert len(before) - len(blobs_at(target)) == 3, "all versions are gone there, those in snapshots alone as well"
    if copied:
        bench.vault.snapshots.create()
        assert bench.vault.erasure.expire() == {"erasures_final": 1}
    restored, _report = restore_into(bench, target, tmp_path / "restored", number)
    with pytest.raises(NotFound):
        read(restored, SECRET)
    assert read(restored, KEPT) == b"kept"
    assert all(read(restored, ("ada", f"added-{n}")) == b"added" for n in range(number))
    assert restored.vault.erasure.verify(erasure.certificate or "") == []
    known = {one.id: one.state for one in restored.vault.erasure.all()}
    assert known == {erasure.id: "erasing"}, "what lies at targets is not known yet, so nothing is certified"
    restored = with_targets(restored, *bench.stores.targets)
    bench.clock.now = wall_clock()  # by which the restore has gone
    restored.vault.snapshots.create()
    assert restored.vault.erasure.expire() == {"erasures_final": 1}
    for opened in (restored, bench):
        opened.assert_journal()
        opened.vault.close()


def test_snapshots_verify_after_an_erasure(tmp_path: Path) -> None:
    """What the lists name is missing rightly."""
    bench = filled(tmp_path, Clock())
    bench.vault.erasure.request_path(bench.vault.sessions.sign_in("ada", PASSWORD), SECRET)
    bench.vault.snapshots.create()
    bench.vault.snapshots.drill()
    for number in range(1, 5):
        assert [one.wrong for one in bench.vault.snapshots.verify(number, data=True)] == [[]]
    bench.vault.close()


def test_an_account_that_is_gone_stays_gone(tmp_path: Path) -> None:
    """With its space and everything in it; another one of that name is another."""
    bench = filled(tmp_path, Clock())
    bob = bench.account("bob")
    bench.put(bob, ("bob", "mine"), b"mine")
    bench.vault.snapshots.create()
    bench.vault.erasure.delete_account("bob")
    restored, _report = restore_into(bench, bench.stores.targets[0].objects, tmp_path / "restored")
    assert [user.name for user, _ in restored.vault.accounts.all()] == ["ada"]
    restored.account("bob")
    assert read(restored, SECRET) == b"secret 2"
    for opened in (restored, bench):
        opened.vault.close()


def test_an_account_that_is_gone_is_a_member_of_nothing_in_an_older_snapshot(tmp_path: Path) -> None:
    """It shared a space then; the others still have all of it."""
    bench = filled(tmp_path, Clock())
    ada, bob = bench.vault.sessions.sign_in("ada", PASSWORD), bench.account("bob")
    bench.vault.spaces.add("shared", ada.user)
    bench.vault.spaces.grant(ada, "shared", bob.user, MemberRole.EDITOR)
    bench.put(bob, ("shared", "bobs"), b"for all")
    bench.vault.snapshots.create()
    bench.vault.erasure.delete_account("bob")
    restored, _report = restore_into(bench, bench.stores.targets[0].objects, tmp_path / "restored")
    assert [member.name for member in restored.vault.spaces.members("shared")] == ["ada"]
    assert read(restored, ("shared", "bobs")) == b"for all"
    for opened in (restored, bench):
        opened.vault.close()


def test_a_snapshot_from_before_a_rotation_is_restored_by_the_keys_that_a_backup_has(tmp_path: Path) -> None:
    """The manifest and the catalog are under the earlier key, the keyring's copy under the new one."""
    bench = filled(tmp_path, Clock())
    both = bench.stores.server.rotated()
    (tmp_path / "data" / "server.key").write_text("".join(f"{key.encode()}\n" for key in both.every))
    bench.vault.close()
    rotated = bench_with_target(tmp_path, clock=bench.clock)
    rotated.vault.rotation.server()
    rotated.vault.snapshots.create()
    restored, _report = restore_into(rotated, rotated.stores.targets[0].objects, tmp_path / "restored", 1)
    (tmp_path / "restored" / "server.key").write_text("".join(f"{key.encode()}\n" for key in both.every))
    assert read(restored, SECRET) == b"secret 0"
    for opened in (restored, rotated):
        opened.vault.close()
