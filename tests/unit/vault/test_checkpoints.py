"""Checkpoints: what the file beside the database says, and what of it can be believed."""

import json
from pathlib import Path

import pytest
from vaults import Bench, open_bench

from docstopd.vault import Session
from docstopd.vault.audit.checkpoints import WHOLE_EVERY, BadLine, Checkpoint


def lines(bench: Bench) -> list[Checkpoint | BadLine]:
    return list(bench.vault.checkpoints.all())


def file(bench: Bench) -> Path:
    return bench.folder / "checkpoints"


def grow(bench: Bench, ada: Session, count: int) -> None:
    """So many checkpoints, an entry before each."""
    for number in range(count):
        bench.vault.files.make_folder(ada, ("ada", f"f{number}"))
        assert bench.vault.checkpoints.sign()["signed"]
        bench.clock.advance(3600)


def test_a_checkpoint_says_where_every_stream_ends(bench: Bench, ada: Session) -> None:
    """And so does each later one, though it only has what moved."""
    bench.vault.checkpoints.sign()
    bench.vault.files.make_folder(ada, ("ada", "f"))
    bench.vault.checkpoints.sign()
    heads = {row[0]: (row[1], row[2]) for row in bench.rows("SELECT stream, seq, hash FROM heads")}
    first, second = lines(bench)
    assert isinstance(first, Checkpoint) and isinstance(second, Checkpoint)
    assert second.heads == heads
    assert set(first.moved) == set(heads) and len(second.moved) == 1
    assert second.entries == sum(seq for seq, _ in heads.values())


def test_nothing_is_signed_twice(bench: Bench, ada: Session) -> None:
    """Without a new entry, or on a dry run, no line is added."""
    assert bench.vault.checkpoints.sign(dry=True)["signed"] is False
    assert lines(bench) == []
    assert bench.vault.checkpoints.sign()["signed"] is True
    assert bench.vault.checkpoints.sign()["signed"] is False
    assert len(lines(bench)) == 1


def test_what_a_crash_left_half_written_is_gone_over(bench: Bench, ada: Session) -> None:
    """At each length of it."""
    grow(bench, ada, 2)
    whole = file(bench).read_bytes()
    for length in (0, 1, len(whole) // 2, len(whole) - 1):
        file(bench).write_bytes(whole[:length])
        kept = len(lines(bench))
        assert all(isinstance(line, Checkpoint) for line in lines(bench))
        bench.vault.checkpoints.sign()
        assert [type(line) for line in lines(bench)] == [Checkpoint] * (kept + 1)


@pytest.mark.parametrize("change", ["heads", "note", "garbage", "gone"])
def test_a_changed_line_is_named_and_ends_with_the_next_whole_one(bench: Bench, ada: Session, change: str) -> None:
    """What lies between cannot be checked, and says so."""
    grow(bench, ada, WHOLE_EVERY + 2)
    content = file(bench).read_text().splitlines()
    changed = json.loads(content[3])
    stream = next(iter(changed["heads"]))
    match change:
        case "heads":
            changed["heads"][stream][0] += 1
        case "note":
            changed["note"] = json.loads(content[2])["note"]
        case "garbage":
            changed = ["x"]
    content[3] = json.dumps(changed)
    if change == "gone":
        del content[3]
    file(bench).write_text("\n".join(content) + "\n")
    kinds = [type(line) for line in lines(bench)]
    gone = 1 if change == "gone" else 0
    if change == "gone":
        # The stream that moved in it moved on in the next one, whose note signs that.
        assert kinds == [Checkpoint] * (WHOLE_EVERY + 1)
        return
    assert kinds == [Checkpoint] * 3 + [BadLine] * (WHOLE_EVERY - 3 - gone) + [Checkpoint] * 2


def test_another_services_checkpoints_prove_nothing(bench: Bench, ada: Session, tmp_path: Path) -> None:
    """The signature is by the server key."""
    grow(bench, ada, 1)
    other = tmp_path / "other"
    other.mkdir()
    stranger = open_bench(other)
    found = list(stranger.vault.checkpoints.read(file(bench)))
    assert [type(line) for line in found] == [BadLine]
    stranger.vault.close()
